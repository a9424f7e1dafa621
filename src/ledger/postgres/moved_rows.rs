//! Rows of a ledger that moves, as this backend keeps them: they come out one after the other and go in by COPY.

use bytes::{BufMut as _, BytesMut};
use futures_util::TryStreamExt as _;
use serde::Deserialize;

use super::import::copy;
use super::session::{Connection, Row};
use crate::ledger::tables::{Column, Kind, Table, Value};
use crate::ledger::transit::{Chunk, Outbound};
use crate::ledger::{LedgerError, Result};
use crate::manifest::Status;

/// Hands all rows of a table on.
pub(super) async fn send(
    connection: &Connection,
    table: &'static Table,
    out: &Outbound,
) -> Result<()> {
    let columns: Vec<&str> = table
        .columns
        .iter()
        .map(|column| read_as(table, column))
        .collect();
    let sql = format!(
        "SELECT {} FROM {} t ORDER BY {}",
        columns.join(", "),
        table.name,
        table.order
    );
    let mut rows = Box::pin(connection.stream(&sql).await?);
    let mut chunk = Chunk::of(table);
    while let Some(row) = rows.try_next().await? {
        let values = table.columns.iter().enumerate();
        let values = values.map(|(at, column)| value(&row, at, column.kind));
        if chunk.push(values.collect::<Result<_>>()?) {
            out.send(chunk.take()).await?;
        }
    }
    out.send(chunk).await
}

/// Adds rows to a table.
pub(super) async fn insert(connection: &Connection, chunk: &Chunk) -> Result<()> {
    if chunk.rows.is_empty() {
        return Ok(());
    }
    let table = chunk.table;
    let mut names: Vec<&str> = stored(table).map(|(_, column)| column.name).collect();
    names.extend(added(table));
    let sql = format!("COPY {} ({}) FROM STDIN", table.name, names.join(", "));
    let mut text = BytesMut::new();
    for row in &chunk.rows {
        let values = stored(table).filter_map(|(at, _)| row.get(at));
        for (n, value) in values.enumerate() {
            if n > 0 {
                text.put_u8(b'\t');
            }
            put(&mut text, value);
        }
        if table.name == "spec" {
            put_added(&mut text, row).map_err(|error| {
                let cause = format!("what is wanted of an entry cannot be read: {error}");
                LedgerError::unreadable(connection.location(), &cause)
            })?;
        }
        text.put_u8(b'\n');
    }
    copy(connection, &sql, text.freeze()).await
}

/// Has new rows numbered after those that were added with their numbers.
pub(super) async fn number_on(connection: &Connection) -> Result<()> {
    for (table, column) in [
        ("run", "seq"),
        ("call", "id"),
        ("org_url", "no"),
        ("notice", "no"),
    ] {
        let sql = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', '{column}'),
                 greatest(max({column}), 1), max({column}) IS NOT NULL) FROM {table}"
        );
        connection.query_one(&sql, &[]).await?;
    }
    Ok(())
}

// Calls of an entry are found by it here, in the other backend by the call after them.
fn read_as(table: &Table, column: &Column) -> &'static str {
    match (table.name, column.name) {
        ("entry", "last_call") => "(SELECT max(c.id) FROM call c WHERE c.entry = t.key)",
        ("call", "previous") => {
            "(SELECT max(c.id) FROM call c WHERE c.entry = t.entry AND c.id < t.id)"
        }
        (_, name) => name,
    }
}

fn stored(table: &Table) -> impl Iterator<Item = (usize, &'static Column)> {
    let columns = table.columns.iter().enumerate();
    columns.filter(|(_, column)| !matches!(column.name, "last_call" | "previous"))
}

/// Columns that are made of others.
fn added(table: &Table) -> &'static [&'static str] {
    match table.name {
        "spec" => &["app", "off"],
        _ => &[],
    }
}

fn put_added(text: &mut BytesMut, row: &[Value]) -> serde_json::Result<()> {
    #[derive(Deserialize)]
    struct Wanted {
        app: String,
        #[serde(default)]
        status: Option<Status>,
    }
    if let Some(Value::Text(json)) = row.get(1) {
        let wanted: Wanted = serde_json::from_str(json)?;
        text.put_u8(b'\t');
        put_text(text, &wanted.app);
        text.put_u8(b'\t');
        put_flag(text, wanted.status == Some(Status::Disabled));
    }
    Ok(())
}

fn value(row: &Row, at: usize, kind: Kind) -> Result<Value> {
    let found = match kind {
        Kind::Whole => row.get::<Option<i64>>(at)?.map(Value::Whole),
        Kind::Small => row.get::<Option<i32>>(at)?.map(|n| Value::Whole(n.into())),
        Kind::Flag => row.get::<Option<bool>>(at)?.map(Value::Flag),
        Kind::Real => row.get::<Option<f64>>(at)?.map(Value::Real),
        Kind::Text => row.get::<Option<String>>(at)?.map(Value::Text),
        Kind::Bytes => row.get::<Option<Vec<u8>>>(at)?.map(Value::Bytes),
    };
    Ok(found.unwrap_or(Value::Null))
}

/// In COPY's text format.
fn put(text: &mut BytesMut, value: &Value) {
    match value {
        Value::Null => text.put_slice(br"\N"),
        Value::Whole(n) => text.put_slice(n.to_string().as_bytes()),
        Value::Flag(flag) => put_flag(text, *flag),
        Value::Real(real) => text.put_slice(real.to_string().as_bytes()),
        Value::Text(said) => put_text(text, said),
        Value::Bytes(bytes) => {
            text.put_slice(br"\\x");
            text.put_slice(hex::encode(bytes).as_bytes());
        }
    }
}

fn put_flag(text: &mut BytesMut, flag: bool) {
    text.put_u8(if flag { b't' } else { b'f' });
}

fn put_text(text: &mut BytesMut, said: &str) {
    let mut rest = said;
    while let Some(at) = rest.find(['\\', '\t', '\n', '\r']) {
        text.put_slice(&rest.as_bytes()[..at]);
        text.put_u8(b'\\');
        text.put_u8(match rest.as_bytes()[at] {
            b'\t' => b't',
            b'\n' => b'n',
            b'\r' => b'r',
            other => other,
        });
        rest = &rest[at + 1..];
    }
    text.put_slice(rest.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is of the database or of processes, not of the ledger.
    const STAYS: [&str; 3] = ["ledger", "holder", "change"];

    /// As migrations write them: a table in lines, a column in each.
    fn columns_of_migrations() -> Vec<String> {
        let mut columns = Vec::new();
        let mut table = None;
        for line in super::super::schema::MIGRATIONS
            .iter()
            .flat_map(|sql| sql.lines())
        {
            let words: Vec<&str> = line.split_whitespace().collect();
            match *words.as_slice() {
                ["CREATE", "TABLE", name, "("] | ["ALTER", "TABLE", name] => table = Some(name),
                [] | [")" | ");", ..] => table = None,
                ["PRIMARY" | "--", ..] => {}
                ["ADD", "COLUMN", column, ..] | [column, ..] => {
                    columns.extend(table.map(|table| format!("{table}.{column}")));
                }
            }
        }
        let stays = |column: &String| {
            STAYS
                .iter()
                .any(|table| column.starts_with(&format!("{table}.")))
        };
        columns.retain(|column| !stays(column));
        columns.sort_unstable();
        columns
    }

    #[test]
    fn every_column_of_a_ledger_moves() {
        let names = |table: &'static Table| {
            let columns = stored(table).map(|(_, column)| column.name);
            let columns = columns.chain(added(table).iter().copied());
            columns.map(|column| format!("{}.{column}", table.name))
        };
        let mut moved: Vec<String> = crate::ledger::tables::TABLES
            .iter()
            .flat_map(names)
            .collect();
        moved.sort_unstable();
        assert_eq!(moved, columns_of_migrations());
    }

    #[test]
    fn whatever_is_in_a_value_it_stays_one_value() {
        let copied = |value: &Value| {
            let mut text = BytesMut::new();
            put(&mut text, value);
            String::from_utf8(text.to_vec()).expect("text")
        };
        let said = |text: &str| copied(&Value::Text(text.to_owned()));
        assert_eq!(said(r"a\b"), r"a\\b");
        assert_eq!(said("\ta\nü\r\\"), r"\ta\nü\r\\");
        assert_eq!(said(r"\N"), r"\\N");
        assert_eq!(said(r"\."), r"\\.");
        assert_eq!(said(""), "");
        assert_eq!(copied(&Value::Null), r"\N");
        assert_eq!(copied(&Value::Bytes(vec![0, 255])), r"\\x00ff");
        assert_eq!(copied(&Value::Bytes(Vec::new())), r"\\x");
        assert_eq!(copied(&Value::Real(0.1)), "0.1");
        assert_eq!(copied(&Value::Flag(true)), "t");
    }
}
