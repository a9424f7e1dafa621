//! The org's apps for its entries: one lists, the others wait for it.

use tokio::sync::MutexGuard;

use super::context::Context;
use super::error::StepError;
use super::listing::{Extent, Pages};
use super::outside::Live;

/// The org's listing, made now if it was not.
pub(super) async fn listed<'a>(
    context: &mut Context<'a>,
) -> Result<MutexGuard<'a, Pages>, StepError> {
    let Live {
        owner,
        ledger,
        access,
        ..
    } = context.live()?;
    // One entry lists, the others of the org wait for it.
    let mut pages = access.listing.lock().await;
    if !pages.complete {
        let wanted = ledger.labels(owner.run(), context.row.org).await?;
        let only = match wanted.as_slice() {
            [app] => Some(*app),
            _ => None,
        };
        let priority = context.priority();
        let extent = Extent::all(only);
        let mut caller = context.reading();
        pages
            .read(extent, &access.reader, priority, &mut caller)
            .await?;
    }
    Ok(pages)
}
