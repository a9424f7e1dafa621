//! Once-only calls of earlier runs that may still land: a new run looks at Okta first, and must not look too
//! early.

use std::collections::HashSet;
use std::time::Duration;

use super::output::Output;
use crate::failure::Failure;
use crate::ledger::Ledger;
use crate::model::Millis;
use crate::pacing::unix_millis;

/// Waits until no call of an earlier run to one of these orgs, by URL, can land any more. Whatever file that run
/// was of: the org is the same.
pub(super) async fn let_calls_land(
    ledger: &Ledger,
    org_urls: &HashSet<String>,
    timeout: Duration,
    output: Output,
) -> Result<(), Failure> {
    let timeout_ms = Millis::try_from(timeout.as_millis()).unwrap_or(Millis::MAX);
    let calls = ledger.under_way().await?;
    let last = calls
        .into_iter()
        .filter(|call| org_urls.contains(&call.org_url))
        .max_by_key(|call| call.sent_at);
    let Some(last) = last else { return Ok(()) };
    // A clock that was set back must not make it longer than a call can take.
    let lands_ms = last.sent_at.saturating_add(timeout_ms);
    let wait_ms = (lands_ms - unix_millis()).clamp(0, timeout_ms);
    if wait_ms > 0 {
        output.note(format_args!(
            "waits {} s: a call of run {} may still be under way",
            wait_ms.div_euclid(1_000) + 1,
            last.run.0
        ));
        let wait = u64::try_from(wait_ms).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    Ok(())
}
