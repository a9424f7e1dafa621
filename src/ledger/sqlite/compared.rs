//! What a checkpoint builds on.

use rusqlite::Row;

use crate::model::OrgNo;

/// Those of an entry's columns that a checkpoint is compared with, as they were stored last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    pub(super) org: OrgNo,
    pub(super) queue: Option<OrgNo>,
    pub(super) state: i64,
    pub(super) app_hash: Option<i32>,
    pub(super) consent: Option<[u8; 32]>,
    pub(super) drifted: bool,
    pub(super) last_call: Option<i64>,
}

impl Compared {
    /// The columns of `entry` that [`Self::read`] reads, with this name for the table.
    pub(super) const COLUMNS: &str =
        "e.org, e.state, e.app_hash, e.consent, e.drifted, e.last_call, e.queue";

    /// From the columns that begin at `at`.
    pub(super) fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            org: row.get(at)?,
            state: row.get(at + 1)?,
            app_hash: row.get(at + 2)?,
            consent: row.get(at + 3)?,
            drifted: row.get(at + 4)?,
            last_call: row.get(at + 5)?,
            queue: row.get(at + 6)?,
        })
    }
}
