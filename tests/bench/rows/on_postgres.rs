//! A million entries in ten thousand orgs in a ledger on PostgreSQL: stored for workers, looked at, and begun by one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::postgres_server::Server;
use crate::support::child::Program;
use crate::support::fleet::number;
use crate::support::manifest::{Rollout, WITH_ORGS};
use crate::support::stub::Stub;
use crate::support::table::{Table, say};

const ENTRIES: usize = 1_000_000;
const ORGS: usize = 10_000;

/// Looks at the run, and starts of a worker.
const LOOKS: usize = 7;
const STARTS: usize = 3;

/// How long the first worker may work before it is killed.
const AT_WORK: Duration = Duration::from_secs(10);

/// The rows.
pub fn rows(runtime: &Runtime, postgres: &Server, quick: bool) -> anyhow::Result<Table> {
    let (entries, orgs) = if quick {
        (ENTRIES / 10, ORGS / 10)
    } else {
        (ENTRIES, ORGS)
    };
    let stub = Arc::new(Stub::default());
    let port = runtime.block_on(stub.serve())?;
    let rollout = Rollout::write(entries, orgs, port)?;
    let of = Ledger {
        folder: rollout.folder(),
        url: postgres.keyed(rollout.folder()),
    };
    let mut table = Table::default();
    let stored = [&["run", "rollout.csv", "--detach"], &WITH_ORGS[..]].concat();
    let (took, peak_mb) = of.start(&stored)?.ends()?;
    say(&format!("check and import: {:.1} s", took.as_secs_f64()));
    let rate = number(entries as u64) / took.as_secs_f64();
    table.row(
        format!("PostgreSQL: check and import, {entries} entries"),
        rate,
        100_000.0..,
        "entries/s",
    );
    table.row("PostgreSQL: import: peak memory", peak_mb, ..=300.0, "MB");
    of.look("stored", &mut table)?;
    for no in 1..=STARTS {
        stub.forget();
        let worker = of.start(&["work"])?;
        let took = stub.first_call()? - worker.begun();
        let what = format!("PostgreSQL: worker start to first request, time {no}");
        table.row(what, took.as_secs_f64(), ..=2.0, "s");
        if no == 1 {
            std::thread::sleep(AT_WORK);
            let what = "PostgreSQL: worker: peak memory";
            table.row(what, worker.peak_mb()?, ..=300.0, "MB");
            let calls = format!("{} calls", stub.calls());
            table.baseline("the worker, until it was killed", calls);
        }
    }
    of.look("begun", &mut table)?;
    Ok(table)
}

struct Ledger<'r> {
    folder: &'r Path,
    url: String,
}

impl Ledger<'_> {
    fn start(&self, command: &[&str]) -> anyhow::Result<Program> {
        Program::start(self.folder, &[command, &["--ledger", &self.url]].concat())
    }

    /// How long it takes to say where the run stands.
    fn look(&self, when: &str, table: &mut Table) -> anyhow::Result<()> {
        let look = || Ok(self.start(&["status", "--format", "json"])?.ends()?.0);
        let looks = (0..LOOKS).map(|_| look());
        let mut looks = looks.collect::<anyhow::Result<Vec<_>>>()?;
        looks.sort();
        let median = looks[LOOKS / 2].as_secs_f64() * 1e3;
        let what = format!("PostgreSQL: status of a run that is {when}");
        table.row(what, median, ..=200.0, "ms");
        Ok(())
    }
}
