//! `find_app`: the app instance's id by label. The org's apps are listed once a run, not once an entry.

use super::{Context, Outcome, Pages, StepError};
use crate::apps::App;
use crate::okta::apps::{self, AppInstance};

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let access = context.access;
    // One entry lists, the others of the org wait for it.
    let mut pages = access.listing.lock().await;
    if !pages.complete {
        let wanted = context.ledger.labels(context.run, context.row.org).await?;
        let only = match wanted.as_slice() {
            [app] => Some(*app),
            _ => None,
        };
        read_all(context, only, &mut pages).await?;
    }
    let found = matching(&pages.apps, context);
    drop(pages);
    choose(context, &found).await
}

/// Reads the rest of the org's apps, or of those with this name.
pub(super) async fn read_all(
    context: &mut Context<'_>,
    only: Option<App>,
    pages: &mut Pages,
) -> Result<(), StepError> {
    let mut restarted = false;
    while !pages.complete {
        let page = pages
            .next
            .as_deref()
            .map_or_else(|| apps::list(only), apps::next);
        match context.read_page(&page).await {
            Ok((mut listed, next)) => {
                // A server that goes round in circles must not keep us busy for ever.
                pages.complete = next.is_none() || next == pages.next || listed.is_empty();
                pages.apps.append(&mut listed);
                pages.next = next;
            }
            Err(error) if error.is_refused() && pages.next.is_some() && !restarted => {
                // The cursor is stale (E0000029): once more from the start.
                restarted = true;
                *pages = Pages::default();
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
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
