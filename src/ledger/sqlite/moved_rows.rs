//! Rows of a ledger that moves, as this backend keeps them.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::rows::Result;
use crate::ledger::LedgerError;
use crate::ledger::tables::{Column, Kind, Table, Value};
use crate::ledger::transit::{Chunk, Outbound};

/// Hands all rows of a table on.
pub(super) fn send(connection: &Connection, table: &'static Table, out: &Outbound) -> Result<()> {
    let columns: Vec<&str> = table.columns.iter().map(read_as).collect();
    let sql = format!(
        "SELECT {} FROM {} ORDER BY {}",
        columns.join(", "),
        table.name,
        table.order
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut chunk = Chunk::of(table);
    while let Some(row) = rows.next()? {
        let values = table.columns.iter().enumerate();
        let values = values.map(|(at, column)| value(row.get_ref(at)?, column, at));
        if chunk.push(values.collect::<rusqlite::Result<_>>()?) {
            out.send_blocking(chunk.take())?;
        }
    }
    Ok(out.send_blocking(chunk)?)
}

/// Adds rows to a table.
pub(super) fn insert(connection: &Connection, chunk: &Chunk) -> Result<()> {
    let columns = chunk.table.columns;
    let (names, values): (Vec<&str>, Vec<String>) = (1..).zip(columns).map(write_as).unzip();
    let sql = format!(
        "INSERT INTO {} ({}) VALUES ({})",
        chunk.table.name,
        names.join(", "),
        values.join(", ")
    );
    let mut statement = connection.prepare_cached(&sql)?;
    for row in &chunk.rows {
        statement.execute(params_from_iter(row))?;
    }
    Ok(())
}

/// Refuses a ledger that has anything in its tables.
pub(super) fn refuse_used(connection: &Connection, table: &Table, location: &str) -> Result<()> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {})", table.name);
    let is_used: bool = connection.query_row(&sql, [], |row| row.get(0))?;
    if !is_used {
        return Ok(());
    }
    let what = "it has runs, or remembers some".to_owned();
    let location = location.to_owned();
    Err(LedgerError::NotEmpty { location, what }.into())
}

// 1 = visible, 2 = dropped; one that is being imported does not move.
fn read_as(column: &Column) -> &'static str {
    match column.name {
        "dropped" => "imported = 2",
        name => name,
    }
}

fn write_as((n, column): (usize, &Column)) -> (&'static str, String) {
    match column.name {
        "dropped" => ("imported", format!("?{n} + 1")),
        name => (name, format!("?{n}")),
    }
}

fn value(found: ValueRef<'_>, column: &Column, at: usize) -> rusqlite::Result<Value> {
    Ok(match (column.kind, found) {
        (_, ValueRef::Null) => Value::Null,
        (Kind::Flag, ValueRef::Integer(n)) => Value::Flag(n != 0),
        (Kind::Whole | Kind::Small, ValueRef::Integer(n)) => Value::Whole(n),
        (Kind::Real, ValueRef::Real(real)) => Value::Real(real),
        (Kind::Text, text @ ValueRef::Text(_)) => Value::Text(text.as_str()?.to_owned()),
        (Kind::Bytes, ValueRef::Blob(bytes)) => Value::Bytes(bytes.to_owned()),
        (_, other) => {
            let name = column.name.to_owned();
            return Err(rusqlite::Error::InvalidColumnType(
                at,
                name,
                other.data_type(),
            ));
        }
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Whole(n) => ValueRef::Integer(*n),
            Self::Flag(flag) => ValueRef::Integer((*flag).into()),
            Self::Real(real) => ValueRef::Real(*real),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::LedgerUrl;
    use crate::ledger::tables::TABLES;
    use crate::ledger::{Ledger, OpenMode};

    /// What is of a file or a process, not of the ledger.
    const STAYS: [&str; 2] = ["run.holder", "run.mark"];

    #[tokio::test]
    async fn every_column_of_a_ledger_moves() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let ledger = Ledger::open(&LedgerUrl::file(&path), OpenMode::ReadWrite).await;
        drop(ledger.expect("opened"));
        let sql = Connection::open(&path).expect("opened");
        let mut statement = sql
            .prepare(
                "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c
                 WHERE m.type = 'table' AND m.name <> 'ledger' ORDER BY 1",
            )
            .expect("prepared");
        let columns = statement.query_map([], |row| row.get(0)).expect("asked");
        let mut columns: Vec<String> = columns.collect::<Result<_, _>>().expect("read");
        columns.retain(|column| !STAYS.contains(&&**column));
        let tables = TABLES.iter().filter(|table| table.name != "share");
        let mut moved: Vec<String> = tables
            .flat_map(|table| {
                (1..).zip(table.columns).map(|column| {
                    let (name, _) = write_as(column);
                    format!("{}.{name}", table.name)
                })
            })
            .collect();
        moved.sort_unstable();
        assert_eq!(moved, columns);
    }
}
