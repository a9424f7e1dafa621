//! `find_app`: the app instance's id by label. The org's apps are listed once a run, not once an entry.

use super::{Context, Outcome, StepError};

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
        let rank = context.rank();
        pages
            .read_all(only, &access.reader, rank, context.log)
            .await?;
    }
    let entry = &context.row.entry;
    let found = pages.matching(entry.app, entry.label.as_deref());
    drop(pages);
    choose(context, &found).await
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
