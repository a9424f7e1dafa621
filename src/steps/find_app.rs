//! `find_app`: the app instance's id by label. The org's apps are listed once a run, not once an entry. Where the id is given
//! and something is made for the app in a hub, that it is the right one.

use super::identity::remember;
use super::listed::listed;
use super::outside::{Live, Outside};
use super::{Context, Outcome, StepError};
use crate::plan::{app_taken, found_app};

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    if context.row.entry.app_id.is_some() {
        // Its service app is made before anything is written to it.
        context.is_right_app().await?;
        return Ok(Outcome::Done { changed: false });
    }
    if let Outside::Supposed(supposed) = &context.outside {
        // Nothing of it could be seen without its id.
        let app_id = supposed.app_id();
        if let Some(org) = context.rehearsed() {
            // Boxed, so that entries of a run, which never come here, take no memory for it.
            Box::pin(org.list(context.by_entry())).await?;
        }
        context.row.progress.app_id = app_id;
        return Ok(Outcome::Done { changed: false });
    }
    let pages = listed(context).await?;
    let entry = &context.row.entry;
    let found = pages.matching(entry.app, entry.label.as_deref());
    let id = found_app(entry, &found, pages.labels(entry.app))?.map(str::to_owned);
    drop(pages);
    choose(context, id).await
}

/// Takes the one instance found, unless it is another row's; none is right only for an entry that creates it.
pub(super) async fn choose(
    context: &mut Context<'_>,
    id: Option<String>,
) -> Result<Outcome, StepError> {
    if let Some(id) = id {
        let entry = &context.row.entry;
        let Live { owner, ledger, .. } = context.live()?;
        let taken = ledger
            .app_id_taken(owner.run(), context.row.org, &id, context.row.no)
            .await?;
        if let Some(row) = taken {
            return Err(app_taken(entry, &id, row).into());
        }
        let name = entry.app.name();
        context.row.progress.app_id = Some(id.clone());
        remember(context, &id, name).await?;
    }
    Ok(Outcome::Done { changed: false })
}
