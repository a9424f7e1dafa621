//! `find_app`: the app instance's id by label. The org's apps are listed once a run, not once an entry.

use super::{Context, Outcome, StepError};
use crate::apps::App;
use crate::okta::apps::{self, AppInstance};

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let access = context.access;
    let listed = access.listing.get_or_try_init(|| list(context)).await?;
    let found = matching(listed, context);
    choose(context, &found).await
}

/// Lists every page of the org's apps; of one app only, when no entry looks for another.
pub(super) async fn list(context: &mut Context<'_>) -> Result<Vec<AppInstance>, StepError> {
    let wanted = context.ledger.labels(context.run, context.row.org).await?;
    let only = match wanted.as_slice() {
        [app] => Some(*app),
        _ => None,
    };
    read_all(context, only).await
}

/// Lists every page of the org's apps with this name.
pub(super) async fn read_all(
    context: &mut Context<'_>,
    only: Option<App>,
) -> Result<Vec<AppInstance>, StepError> {
    let mut instances = Vec::new();
    let mut page = apps::list(only);
    loop {
        let (mut listed, next) = context.read_page(&page).await?;
        instances.append(&mut listed);
        match next {
            Some(next) => page = apps::next(&next),
            None => return Ok(instances),
        }
    }
}

/// The ids of the instances with the entry's app name and label.
pub(super) fn matching(listed: &[AppInstance], context: &Context<'_>) -> Vec<String> {
    let entry = &context.row.entry;
    listed
        .iter()
        .filter(|instance| {
            instance.name == entry.app.name() && Some(&instance.label) == entry.label.as_ref()
        })
        .map(|instance| instance.id.clone())
        .collect()
}

/// Takes the one instance found; none is right only for an entry that creates it.
pub(super) async fn choose(
    context: &mut Context<'_>,
    found: &[String],
) -> Result<Outcome, StepError> {
    let entry = &context.row.entry;
    let label = entry.label.as_deref().unwrap_or_default();
    match found {
        [] if entry.create.is_some() => Ok(Outcome::Done { changed: false }),
        [] => Err(StepError::failed(
            format!("no {} app is labelled {label:?}", entry.app),
            "correct the label, or give the app's id as appId",
        )),
        [id] => {
            let taken = context
                .ledger
                .app_id_taken(context.run, context.row.org, id, context.row.no)
                .await?;
            if let Some(row) = taken {
                return Err(StepError::failed(
                    format!(
                        "{label:?} is app {id}, which row {row} of the manifest sets up already"
                    ),
                    "remove one of the two rows",
                ));
            }
            context.row.progress.app_id = Some(id.clone());
            Ok(Outcome::Done { changed: false })
        }
        ids => Err(StepError::failed(
            format!(
                "{} {} apps are labelled {label:?}: {}",
                ids.len(),
                entry.app,
                ids.join(", ")
            ),
            "give one of these ids as appId instead of the label",
        )),
    }
}
