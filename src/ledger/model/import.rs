//! What an import is given.

use crate::manifest::Entry;
use crate::model::{OrgNo, UnixMillis};

/// A new run to import.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// See [`RunRow::file`](super::RunRow::file).
    pub file: String,
    /// See [`RunRow::file_key`](super::RunRow::file_key).
    pub file_key: String,
    /// See [`RunRow::digest`](super::RunRow::digest).
    pub digest: String,
    /// See [`RunRow::context`](super::RunRow::context).
    pub context: serde_json::Value,
    /// When it begins.
    pub started_at: UnixMillis,
}

/// An entry to import.
#[derive(Clone, Copy, Debug)]
pub struct ImportEntry<'a> {
    /// `row` of messages and reports.
    pub row: u64,
    /// Its org, as [`Import::push_org`](super::super::Import::push_org) numbered it.
    pub org: OrgNo,
    /// What is wanted.
    pub entry: &'a Entry,
}
