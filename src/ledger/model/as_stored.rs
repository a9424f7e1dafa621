//! What a checkpoint builds on.

/// Those of an entry's columns that a checkpoint is compared with, as they were stored last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsStored {
    pub(in crate::ledger) org: i64,
    pub(in crate::ledger) state: i64,
    pub(in crate::ledger) app_hash: Option<i32>,
    pub(in crate::ledger) consent: Option<[u8; 32]>,
    pub(in crate::ledger) drifted: bool,
    pub(in crate::ledger) last_call: Option<i64>,
}
