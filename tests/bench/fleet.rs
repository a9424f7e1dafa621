//! Ledgers on PostgreSQL and workers that share one (README, "How fast it is"): a million entries, one worker against the
//! same on a ledger in a file, and three workers in orgs with limits. PostgreSQL is started for it, with settings of its own,
//! so that every checkpoint is durable.
//!
//! `cargo bench --bench fleet`; takes some twelve minutes and 2 GB of disk, freed in the end. `-- unlimited windows` measures
//! these rows only, of `unlimited windows million`; `-- quick` takes a tenth of the entries and fewer rounds.

mod rows {
    pub mod on_postgres;
    pub mod worker;
    pub mod workers;
}
#[expect(dead_code, reason = "other benches need more of it")]
mod support {
    pub mod child;
    pub mod engine;
    pub mod fleet;
    pub mod job;
    pub mod journal;
    pub mod manifest;
    pub mod stub;
    pub mod table;
}
#[path = "../support/postgres.rs"]
#[expect(dead_code, reason = "tests need more of it")]
#[expect(clippy::unwrap_used, reason = "a test's helpers are tests, too")]
mod postgres_server;

use tokio::runtime::Runtime;

use postgres_server::Server;
use rows::{on_postgres, worker, workers};
use support::table::{Table, say};

fn main() -> anyhow::Result<()> {
    // The program's connections are as many again on this side.
    rlimit::increase_nofile_limit(u64::MAX)?;
    // Those of `cargo bench` itself begin with a dash.
    let mut wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let quick = wanted.iter().any(|wanted| wanted == "quick");
    wanted.retain(|wanted| wanted != "quick");
    let known = ["unlimited", "windows", "million"];
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
        anyhow::bail!("no rows are called {unknown}: {}", known.join(", "));
    }
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let postgres = Server::durable();
    let runtime = Runtime::new()?;
    let mut tables = Vec::new();
    if wants("unlimited") {
        say("one worker on PostgreSQL and on a file, by turns: two minutes");
        tables.push(worker::rows(&runtime, &postgres, quick)?);
    }
    if wants("windows") {
        say("workers in orgs with limits: seven minutes");
        tables.push(workers::rows(&runtime, &postgres, quick)?);
    }
    if wants("million") {
        say("a million entries: a minute");
        tables.push(on_postgres::rows(&runtime, &postgres, quick)?);
    }
    Table::print(&tables);
    Ok(())
}
