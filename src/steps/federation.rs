//! What the steps of an entry's identity provider share: which app and which provider belong together. An app names its
//! provider from its creation on; one that is there and names another is refused before anything is written.

use super::context::Context;
use super::error::StepError;
use super::listing::{Pages, Since};
use super::outside::Outside;
use super::supposition::Supposition;
use crate::ledger::Federation;
use crate::manifest::Hub;
use crate::okta::federated_app;
use crate::okta::idps::IdentityProvider;
use crate::plan::named_idp;

impl Context<'_> {
    /// The app instance's id, if it is there.
    pub(super) fn app_there(&self) -> Option<String> {
        self.app_id().ok()
    }

    /// Where the entry's own org is reached.
    pub(super) fn own_origin(&self) -> String {
        match &self.outside {
            Outside::Live(live) => live.own_origin.to_owned(),
            Outside::Supposed(supposed) => supposed.seen.hub.own_origin.clone(),
        }
    }

    /// This is the identity provider. `client_id`: what the app signs people in as, if it was seen that the two belong
    /// together.
    pub(super) fn choose_idp(&mut self, id: String, client_id: Option<String>) {
        self.row.progress.idp = Some(Box::new(Federation { id, client_id }));
    }
}

/// Makes sure that an app which is there and the entry's identity provider belong together, unless that is known.
pub(super) async fn see_app(context: &mut Context<'_>, app_id: &str) -> Result<(), StepError> {
    let entry = &context.row.entry;
    let Some(hub) = entry.hub.clone().filter(|hub| hub.idp.is_some()) else {
        return Ok(());
    };
    let found = context.row.progress.idp.as_deref().cloned();
    let is_known = found
        .as_ref()
        .is_some_and(|found| found.client_id.is_some());
    if is_known {
        return Ok(());
    }
    let (id, client_id) = named(context, &hub, app_id, found.as_ref()).await?;
    context.choose_idp(id, Some(client_id));
    Ok(())
}

async fn named(
    context: &mut Context<'_>,
    hub: &Hub,
    app_id: &str,
    found: Option<&Federation>,
) -> Result<(String, String), StepError> {
    let supposed = |supposed: &mut Supposition<'_>| supposed.read_federated_app(app_id);
    let call = federated_app::get(app_id);
    let app = context.read(&call, |app| app, supposed).await?;
    Ok(named_idp(hub, found.map(|found| found.id.as_str()), &app)?)
}

/// The hub's providers of which this is true. One entry lists, the others with theirs there wait for it.
pub(super) async fn listed_idps(
    context: &mut Context<'_>,
    since: Since,
    is_one: impl Fn(&IdentityProvider) -> bool,
) -> Result<Vec<IdentityProvider>, StepError> {
    if let Outside::Supposed(supposed) = &context.outside {
        let seen = supposed.seen.hub.idp.iter().flat_map(|seen| &seen.listed);
        let listed = seen.filter(|idp| is_one(idp)).cloned().collect();
        if let Some(org) = context.rehearsed() {
            // Boxed, so that entries of a run, which never come here, take no memory for it.
            Box::pin(org.list_idps(since, context.by_entry())).await?;
        }
        return Ok(listed);
    }
    let (access, priority) = (context.live()?.access, context.priority());
    let mut caller = context.reading();
    let of_pages = |pages: &Pages<IdentityProvider>| pages.that_are(is_one);
    let by = (&access.reader, priority);
    access.idps.find(since, by, &mut caller, of_pages).await
}
