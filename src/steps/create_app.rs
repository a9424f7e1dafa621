//! `create_app`: makes the app when none has the label. Once only: when an answer is lost, the org's
//! apps are listed again before anything is sent again. One that is to sign people in through an identity provider of its
//! hub names that from the start; of one that is there it is seen that it does.

use super::federation::see_app;
use super::find_app::choose;
use super::identity::remember;
use super::listing::Pages;
use super::supposition::Supposition;
use super::{Basis, Context, Outcome, StepError};
use crate::model::{Changed, Why};
use crate::okta::{apps, federated_app};
use crate::pacing::Idempotency;
use crate::plan::found_app;

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    if let Some(app_id) = context.app_there() {
        see_app(context, &app_id).await?;
        return Ok(Outcome::Done { changed: false });
    }
    if let Some(org) = context.rehearsed().filter(|_| context.may_have_been_sent()) {
        // It was not created.
        let app = context.row.entry.app;
        Box::pin(org.list_again(app, context.by_entry())).await?;
    } else if context.may_have_been_sent() {
        let (access, priority) = (context.live()?.access, context.priority());
        let (app, label) = (context.row.entry.app, context.row.entry.label.clone());
        let (relisting, by) = (&access.relisting, (&access.reader, priority));
        let mut caller = context.reading();
        let matching = |pages: &Pages| pages.matching(app, label.as_deref());
        let listing = relisting.find(Some(app), by, &mut caller, matching);
        let found = listing.await?;
        if let Some(id) = found_app(&context.row.entry, &found, [])? {
            choose(context, Some(id.to_owned())).await?;
            return Ok(created(context));
        }
    }
    let entry = &context.row.entry;
    let (Some(create), Some(label)) = (&entry.create, &entry.label) else {
        return Err(StepError::failed(
            "the entry does not say how to create the app",
            "give `create` and `label`",
        ));
    };
    let mut settings = serde_json::Map::new();
    settings.insert(
        "app".to_owned(),
        serde_json::Value::Object(create.settings.app.clone()),
    );
    let (app, sign_on) = (entry.app, create.sign_on_mode.as_deref());
    let (idp, once) = (context.row.progress.idp.as_deref(), Idempotency::OnceOnly);
    let id = if let Some(idp) = idp {
        let call = federated_app::create(app, label, sign_on, &settings, &idp.id);
        let obeyed = Supposition::create_federated_app;
        let made = context.write(&call, once, |made| made, obeyed).await?;
        if let Some(idp) = &mut context.row.progress.idp {
            idp.client_id = made.client_id;
        }
        made.id
    } else {
        let call = apps::create(app, label, sign_on, &settings);
        let obeyed = Supposition::create_app;
        context.write(&call, once, |made| made.id, obeyed).await?
    };
    context.row.progress.app_id = Some(id.clone());
    let name = context.row.entry.app.name();
    remember(context, &id, name).await?;
    Ok(created(context))
}

// The app that is there now is the change.
fn created(context: &mut Context<'_>) -> Outcome {
    let id = context.row.progress.app_id.clone().unwrap_or_default();
    let change = Changed {
        field: "appId".to_owned(),
        why: Why::New,
        values: Some((None, id.into())),
    };
    context.changing(vec![change], Basis::Ledger);
    Outcome::Done { changed: true }
}
