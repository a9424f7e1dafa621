//! A step in the hub, for tests only, as long as there is no other: makes an app there for one of the entry's roles, once.

use serde_json::json;

use super::supposition::Supposition;
use super::{Context, Outcome, StepError};
use crate::apps::App;
use crate::okta::apps;
use crate::pacing::Idempotency;

pub(super) async fn run(context: &mut Context<'_>, index: u16) -> Result<Outcome, StepError> {
    let hub = context.row.entry.hub.as_ref();
    let label = hub.map_or_else(String::new, |hub| {
        format!("{} {}", hub.client_name, hub.roles[usize::from(index)])
    });
    if context.may_have_been_sent() {
        let access = context.live()?.access;
        let (priority, wanted) = (context.priority(), (App::OktaOrg2Org, Some(&*label)));
        let mut caller = context.reading();
        let looked = access
            .relisting
            .matching(wanted, &access.reader, priority, &mut caller);
        if !looked.await?.is_empty() {
            return Ok(Outcome::Done { changed: true });
        }
    }
    let mut settings = serde_json::Map::new();
    settings.insert(
        "app".to_owned(),
        json!({ "baseUrl": "https://hub.example" }),
    );
    let call = apps::create(App::OktaOrg2Org, &label, None, &settings);
    let obeyed = Supposition::hub_trial;
    let sent = context.write(&call, Idempotency::OnceOnly, |_| (), obeyed);
    sent.await?;
    Ok(Outcome::Done { changed: true })
}
