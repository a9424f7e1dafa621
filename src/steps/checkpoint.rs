//! Makes an entry durable as it stands.

use std::borrow::Cow;

use crate::ledger::{
    AppClient, AppName, Checkpoint, EntryRow, Fingerprint, LastAppliedUpdate, Ledger, LedgerError,
    Owner,
};
use crate::pacing::CallLog;

/// What a checkpoint stores beside the entry and its calls.
#[derive(Debug, Default)]
pub struct Also {
    /// The fingerprint of what a connection was just set with.
    pub fingerprint: Option<Fingerprint>,
    /// What the app is to be remembered for.
    pub applied: Option<LastAppliedUpdate>,
    /// What the app was seen to be.
    pub name: Option<AppName>,
    /// The service app that the connection signs in as.
    pub client: Option<AppClient>,
    /// A consent's `state`, and whether Okta accepted it.
    pub settled_consent: Option<(String, bool)>,
}

/// Stores the entry with the calls since its last checkpoint, and counts its version up.
pub fn checkpoint<'a>(
    ledger: &'a Ledger,
    owner: Owner<'_>,
    row: &'a mut EntryRow,
    log: &mut CallLog,
    also: Also,
) -> impl Future<Output = Result<(), LedgerError>> + use<'a> {
    let logged = log.take();
    let stored = ledger.commit(
        owner,
        Checkpoint {
            no: row.no,
            version: row.version,
            stored: row.stored,
            queue: row.queue,
            state: row.state,
            progress: Cow::Borrowed(&row.progress),
            due_at: row.due_at,
            error: row.error.clone(),
            attempts: logged.attempts,
            looked_at: logged.looked_at,
            stats: logged.stats,
            fingerprint: also.fingerprint,
            applied: also.applied,
            name: also.name,
            client: also.client,
            settled_consent: also.settled_consent,
        },
    );
    async {
        row.stored = Some(stored.await?);
        row.version += 1;
        Ok(())
    }
}
