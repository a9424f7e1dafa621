//! A connection with its prepared statements, and rows as the ledger reads them.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::stream::{Stream, StreamExt as _};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use tokio_postgres::types::{FromSqlOwned, ToSql};
use tokio_postgres::{Client, Statement};

use crate::ledger::{LedgerError, Result};

/// Parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A session of PostgreSQL's. What it is asked for is sent in the order of the calls, also by several at once.
pub(super) struct Connection {
    client: Client,
    location: Arc<str>,
    statements: Mutex<HashMap<String, Statement>>,
}

impl Connection {
    pub(super) fn new(client: Client, location: Arc<str>) -> Self {
        let statements = Mutex::default();
        Self {
            client,
            location,
            statements,
        }
    }

    /// The client itself, for COPY.
    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    pub(super) const fn location(&self) -> &Arc<str> {
        &self.location
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The error of a call of [`Self::client`].
    pub(super) fn failed(&self, error: &tokio_postgres::Error) -> LedgerError {
        LedgerError::postgres(&self.location, error)
    }

    /// A statement that is prepared once a session.
    pub(super) async fn prepared(&self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.lock().get(sql) {
            return Ok(statement.clone());
        }
        let prepared = self.client.prepare(sql).await;
        let statement = prepared.map_err(|error| self.failed(&error))?;
        self.statements
            .lock()
            .insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) async fn query(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>> {
        let statement = self.prepared(sql).await?;
        let rows = self.client.query(&statement, params).await;
        let rows = rows.map_err(|error| self.failed(&error))?;
        Ok(rows.into_iter().map(|row| self.row(row)).collect())
    }

    /// Rows as they come: no more of them are in memory than the network brings at once.
    pub(super) async fn stream(
        &self,
        sql: &str,
    ) -> Result<impl Stream<Item = Result<Row>> + use<'_>> {
        let statement = self.prepared(sql).await?;
        let none = std::iter::empty::<&(dyn ToSql + Sync)>();
        let rows = self.client.query_raw(&statement, none).await;
        let rows = rows.map_err(|error| self.failed(&error))?;
        Ok(rows.map(|row| match row {
            Ok(row) => Ok(self.row(row)),
            Err(error) => Err(self.failed(&error)),
        }))
    }

    pub(super) async fn query_opt(&self, sql: &str, params: Params<'_>) -> Result<Option<Row>> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    pub(super) async fn query_one(&self, sql: &str, params: Params<'_>) -> Result<Row> {
        let row = self.query_opt(sql, params).await?;
        row.ok_or_else(|| LedgerError::unreadable(&self.location, "a row is missing"))
    }

    pub(super) async fn execute(&self, sql: &str, params: Params<'_>) -> Result<u64> {
        let statement = self.prepared(sql).await?;
        let done = self.client.execute(&statement, params).await;
        done.map_err(|error| self.failed(&error))
    }

    /// Statements without parameters, such as `BEGIN`.
    pub(super) async fn batch(&self, sql: &str) -> Result<()> {
        let done = self.client.batch_execute(sql).await;
        done.map_err(|error| self.failed(&error))
    }

    fn row(&self, row: tokio_postgres::Row) -> Row {
        Row {
            row,
            location: Arc::clone(&self.location),
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Connection").field(&self.location).finish()
    }
}

/// A row. A value that is not what this version writes is [`LedgerError::Corrupt`].
pub(super) struct Row {
    row: tokio_postgres::Row,
    location: Arc<str>,
}

impl Row {
    pub(super) fn get<T: FromSqlOwned>(&self, column: usize) -> Result<T> {
        let value = self.row.try_get(column);
        value.map_err(|error| self.unreadable(&error))
    }

    pub(super) fn text(&self, column: usize) -> Result<&str> {
        let value = self.row.try_get(column);
        value.map_err(|error| self.unreadable(&error))
    }

    /// A number that is none below zero.
    pub(super) fn count(&self, column: usize) -> Result<u64> {
        let n: i64 = self.get(column)?;
        u64::try_from(n).map_err(|_| self.unreadable(&format!("{n} in place of a count")))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, column: usize) -> Result<T> {
        self.parsed(serde_json::from_str(self.text(column)?))
    }

    pub(super) fn optional_json<T: DeserializeOwned>(&self, column: usize) -> Result<Option<T>> {
        let text: Option<&str> = self
            .row
            .try_get(column)
            .map_err(|error| self.unreadable(&error))?;
        let value = text.map(serde_json::from_str).transpose();
        self.parsed(value)
    }

    /// So many bytes; another number is of another version.
    pub(super) fn bytes<const N: usize>(&self, column: usize) -> Result<Option<[u8; N]>> {
        let bytes: Option<Vec<u8>> = self.get(column)?;
        let fixed = bytes.map(<[u8; N]>::try_from).transpose();
        fixed.map_err(|bytes| self.unreadable(&format!("{} bytes, not {N}", bytes.len())))
    }

    pub(super) fn parsed<T>(&self, parsed: serde_json::Result<T>) -> Result<T> {
        parsed.map_err(|error| self.unreadable(&error))
    }

    pub(super) fn unreadable(&self, cause: &impl ToString) -> LedgerError {
        LedgerError::unreadable(&self.location, &cause.to_string())
    }
}

/// A value as JSON.
pub(super) fn to_json<T: serde::Serialize + ?Sized>(location: &str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| LedgerError::unreadable(location, &error))
}

/// A column of rows that are sent together.
pub(super) fn column<'a, T: 'a, V>(rows: &'a [T], value: impl Fn(&'a T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}
