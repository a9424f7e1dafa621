//! Once-only calls of earlier runs that may still arrive: a new run looks at Okta first, and must not look too
//! early.

use std::collections::HashSet;
use std::time::Duration;

use crate::ledger::{Ledger, LedgerError};
use crate::model::RunId;
use crate::pacing::unix_millis;

/// A call that may still be under way.
pub(crate) struct InFlight {
    /// The run that sent it.
    pub run: RunId,
    /// For how long at most.
    pub left: Duration,
}

impl InFlight {
    /// The call of an earlier run to one of these orgs, by URL, that may arrive last. Whatever file that run was of:
    /// the org is the same.
    pub async fn last(
        ledger: &Ledger,
        org_urls: &HashSet<String>,
        timeout: Duration,
    ) -> Result<Option<Self>, LedgerError> {
        let calls = ledger.under_way().await?;
        let to_these = calls
            .into_iter()
            .filter(|call| org_urls.contains(&call.org_url));
        Ok(to_these.max_by_key(|call| call.sent_at).and_then(|last| {
            // A clock that was set back must not make it longer than a call can take.
            let arrives = last.sent_at.after(timeout);
            let left = arrives.ahead_of(unix_millis()).min(timeout);
            (!left.is_zero()).then_some(Self {
                run: last.run,
                left,
            })
        }))
    }

    /// Waits until it has arrived or never will.
    pub async fn wait(self) {
        tokio::time::sleep(self.left).await;
    }
}
