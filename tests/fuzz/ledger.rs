//! A ledger that something else wrote into: what is in its rows is read or refused, and never trusted.

use std::path::Path;
use std::process::Command;

use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{Ledger, LedgerError, OpenMode};
use okta_rollout::model::{EntryState, OrgNo};
use rusqlite::types::Value;

use crate::harness::{Random, fuzz};

const MANIFEST: &str = r#"{"orgs":{"acme":{"url":"sandbox"}},"apps":[
    {"org":"acme","app":"zscalerbyz","label":"Z","connection":{"baseUrl":"https://scim.zscalerbeta.net/1/2/scim",
        "profile":{"authScheme":"TOKEN","token":"file:token"}}},
    {"org":"acme","app":"slack","label":"S","connection":{"profile":{"authScheme":"OAUTH2"}}},
    {"org":"acme","app":"google","label":"G","connection":{"profile":{"authScheme":"OAUTH2"}}}]}"#;
const JOB: &str =
    "manifest = 'm.json'\n[sandbox]\nconsent = 'manual'\nlimit = 0\n[retry]\nmaxAttempts = 1\n";

/// A ledger with entries that are done and that wait.
fn ledger(folder: &Path) -> std::path::PathBuf {
    std::fs::write(folder.join("m.json"), MANIFEST).unwrap();
    std::fs::write(folder.join("token"), "t0ken-of-the-app").unwrap();
    std::fs::write(folder.join("job.toml"), JOB).unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_okta-rollout"))
        .args(["run", "job.toml", "--ledger", "ledger.db"])
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let ledger = folder.join("ledger.db");
    assert!(ledger.exists(), "{ran:?}");
    ledger
}

/// The cells of the tables, keys left out: table, column and row.
fn cells(sql: &rusqlite::Connection) -> Vec<(String, String, i64)> {
    let names = |query: &str| -> Vec<String> {
        let mut statement = sql.prepare(query).unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap();
        names.map(Result::unwrap).collect()
    };
    let mut cells = Vec::new();
    for table in [
        "run", "org", "entry", "spec", "call", "app", "org_url", "settled",
    ] {
        let rows = sql.prepare(&format!("SELECT rowid FROM {table}"));
        // Tables without rowid are few, and so are their columns.
        let Ok(mut rows) = rows else { continue };
        let rows: Vec<i64> = rows
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for column in names(&format!(
            "SELECT name FROM pragma_table_info('{table}') WHERE pk = 0"
        )) {
            cells.extend(
                rows.iter()
                    .map(|row| (table.to_owned(), column.clone(), *row)),
            );
        }
    }
    assert!(cells.len() > 40, "{cells:?}");
    cells
}

/// What goes into a cell: the input as a text, as bytes, or as a number.
fn value(input: &[u8], random: &mut Random) -> Value {
    match random.below(6) {
        0 => Value::Blob(input.to_vec()),
        1 => Value::Integer(i64::try_from(random.below(usize::MAX)).unwrap_or(i64::MIN)),
        2 => Value::Integer([-1, 0, 7, i64::MAX, i64::MIN][random.below(5)]),
        _ => Value::Text(String::from_utf8_lossy(input).into_owned()),
    }
}

async fn read(url: &LedgerUrl) -> Result<(), LedgerError> {
    let ledger = Ledger::open(url, OpenMode::ReadOnly).await?;
    drop(ledger.pending_consents(None).await);
    for run in ledger.runs().await? {
        drop(
            ledger
                .for_each_entry_with_calls(&run.id, |row, calls| drop((row, calls)))
                .await,
        );
        drop(ledger.for_each_standing(&run.id, drop).await);
        drop(ledger.counts_by_org(&run.id).await);
        for org in ledger.orgs(&run.id).await? {
            let no: OrgNo = org.no;
            for state in [
                EntryState::Pending,
                EntryState::Waiting,
                EntryState::Failed,
                EntryState::Done,
            ] {
                drop(ledger.load(&run.id, no, state, None, 10).await);
            }
            drop(ledger.app_memory(&org.url, "0oa1").await);
        }
    }
    Ok(())
}

#[test]
fn rows() {
    let folder = tempfile::tempdir().unwrap();
    let file = ledger(folder.path());
    let sql = rusqlite::Connection::open(&file).unwrap();
    let cells = cells(&sql);
    let url = LedgerUrl::file(&file);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    fuzz("ledger", Vec::new(), |input, random| {
        let (table, column, row) = &cells[random.below(cells.len())];
        let before: Value = sql
            .query_row(
                &format!("SELECT {column} FROM {table} WHERE rowid = ?1"),
                [row],
                |row| row.get(0),
            )
            .unwrap();
        let set = format!("UPDATE {table} SET {column} = ?2 WHERE rowid = ?1");
        // Strict tables, keys and constraints refuse some of it.
        if sql
            .execute(&set, rusqlite::params![row, value(input, random)])
            .is_err()
        {
            return;
        }
        // Whether it can be read or not: it says so.
        drop(runtime.block_on(read(&url)));
        sql.execute(&set, rusqlite::params![row, before]).unwrap();
    });
}
