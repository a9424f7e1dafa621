//! Checkpoints in domain words: what a run must remember to survive its process.
//!
//! A ledger holds runs, their orgs and entries, the calls made, the consents settled and the
//! fingerprints of secrets last set. A row per entry carries how far it came; every transition is
//! durable before the next call is sent. Only [`sqlite`] knows SQL and files.
//!
//! ```text
//! commit, set_*, import ─▶ writer (one thread, group commit) ─▶ ledger.db + -wal
//! runs, load, consent…  ◀─ readers (a few connections)       ◀─┘
//! lock_run              ── ledger.db.locks/RUN.lock             hmac_keys, rotate_key ── ledger.db.key, .key.old
//! ```
//!
//! Several processes may have a ledger open. A run belongs to the one that holds its lock; others may
//! still move single entries on (`consent complete`), which the version in every [`Checkpoint`] makes
//! safe: whoever comes second gets [`LedgerError::Moved`] and looks again.

mod error;
mod model;
mod sqlite;

pub use error::LedgerError;
pub use model::*;
pub use sqlite::{
    ConsentKey, ConsentState, Counts, Forgetting, HmacKey, HmacKeys, Import, ImportEntry, Kept,
    Ledger, Noted, Old, OpenMode, OpenOptions, Pending, Pruned, Removed, Rotation, RunLock,
    Standing,
};
