//! `create_app`: makes the app when none has the label. Once only: when an answer is lost, the org's
//! apps are listed again before anything is sent again.

use super::find_app::choose;
use super::identity::remember;
use super::listing::Pages;
use super::supposition::Supposition;
use super::{Basis, Context, Outcome, StepError};
use crate::model::{Changed, Why};
use crate::okta::apps;
use crate::pacing::Idempotency;
use crate::plan::found_app;

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    if context.row.progress.app_id.is_some() {
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
    let call = apps::create(entry.app, label, create.sign_on_mode.as_deref(), &settings);
    let obeyed = Supposition::create_app;
    let sent = context.write(&call, Idempotency::OnceOnly, |made| made.id, obeyed);
    let id = sent.await?;
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
