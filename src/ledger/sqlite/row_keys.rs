//! Keys of rows that never change, so that checkpoints need not look them up again and again.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _};

use super::rows::{self, Result};
use crate::model::RunId;

/// What a writer knows. Forgotten when a transaction fails: it may hold what was never stored.
#[derive(Default)]
pub(super) struct RowKeys {
    runs: HashMap<RunId, i64>,
    orgs: HashMap<String, i64>,
}

impl RowKeys {
    /// `run.seq`.
    pub(super) fn run(&mut self, connection: &Connection, run: &RunId) -> Result<i64> {
        if let Some(seq) = self.runs.get(run) {
            return Ok(*seq);
        }
        let seq = rows::seq(connection, run)?;
        self.runs.insert(run.clone(), seq);
        Ok(seq)
    }

    /// `org_url.no`, which it gets if it has none.
    pub(super) fn org(&mut self, connection: &Connection, url: &str) -> rusqlite::Result<i64> {
        if let Some(no) = self.orgs.get(url) {
            return Ok(*no);
        }
        let no = if let Some(no) = org_no(connection, url)? {
            no
        } else {
            connection
                .prepare_cached("INSERT INTO org_url (url) VALUES (?1)")?
                .execute([url])?;
            connection.last_insert_rowid()
        };
        self.orgs.insert(url.to_owned(), no);
        Ok(no)
    }
}

/// `org_url.no`, if anything is remembered of an app there.
pub(super) fn org_no(connection: &Connection, url: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT no FROM org_url WHERE url = ?1")?
        .query_row([url], |row| row.get(0))
        .optional()
}
