//! A million entries in ten thousand orgs: check, import, a while of the run, kill, restart.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::support::child::Program;
use crate::support::manifest::{Rollout, WITH_ORGS};
use crate::support::python;
use crate::support::stub::Stub;
use crate::support::table::{Table, say};

const ENTRIES: usize = 1_000_000;
const ORGS: usize = 10_000;

/// How long the run may work before it is killed.
const AT_WORK: Duration = Duration::from_secs(10);

const READ_CSV: &str = "import csv\nfor row in csv.DictReader(open('rollout.csv')): pass";

/// A row of text for each entry, in one transaction.
const LOAD_SQLITE: &str = "\
import csv, json, sqlite3
to = sqlite3.connect('python.db')
to.execute('CREATE TABLE entry (no INTEGER PRIMARY KEY, org TEXT, entry TEXT, state INTEGER)')
rows = csv.DictReader(open('rollout.csv'))
to.executemany('INSERT INTO entry (org, entry, state) VALUES (?, ?, 0)', ((row['org'], json.dumps(row)) for row in rows))
to.commit()";

/// The rows and their baselines.
pub fn rows() -> anyhow::Result<Table> {
    let runtime = Runtime::new()?;
    let stub = Arc::new(Stub::default());
    let port = runtime.block_on(stub.serve())?;
    let rollout = Rollout::write(ENTRIES, ORGS, port)?;
    let mut table = Table::default();
    check(rollout.folder(), &mut table)?;
    run(rollout.folder(), &stub, &mut table)?;
    restart(rollout.folder(), &stub, port, &mut table)?;
    Ok(table)
}

fn check(folder: &Path, table: &mut Table) -> anyhow::Result<()> {
    let arguments = [&["check", "rollout.csv"], &WITH_ORGS[..]].concat();
    let (took, peak_mb) = Program::start(folder, &arguments)?.ends()?;
    say(&format!("check: {:.1} s", took.as_secs_f64()));
    table.row("check", per_second(took), 300_000.0.., "rows/s");
    table.row("check: peak memory", peak_mb, ..=300.0, "MB");
    let begun = Instant::now();
    let mut reader = csv::Reader::from_path(folder.join("rollout.csv"))?;
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record)? {}
    let bare = per_second(begun.elapsed());
    table.baseline(
        "CSV reader that looks at nothing",
        format!("{bare:.0} rows/s"),
    );
    let python = per_second(python::took(folder, READ_CSV)?);
    table.baseline("Python's csv.DictReader", format!("{python:.0} rows/s"));
    Ok(())
}

// From the start of the program to the word that all is imported: the manifest is checked in the same pass.
fn run(folder: &Path, stub: &Stub, table: &mut Table) -> anyhow::Result<()> {
    let program = start(folder)?;
    let took = program.says(&format!(": {ENTRIES} entries"))?;
    let imported_mb = program.peak_mb()?;
    say(&format!("check and import: {:.1} s", took.as_secs_f64()));
    table.row(
        "check and import",
        per_second(took),
        100_000.0..,
        "entries/s",
    );
    table.row("check and import: peak memory", imported_mb, ..=300.0, "MB");
    let first = stub.first_call()?.duration_since(program.begun() + took);
    std::thread::sleep(AT_WORK);
    table.row("run: peak memory", program.peak_mb()?, ..=300.0, "MB");
    let calls = stub.calls();
    drop(program);
    table.baseline(
        "the run, until it was killed",
        format!(
            "{calls} calls; the first {:.2} s after the import",
            first.as_secs_f64()
        ),
    );
    let python = per_second(python::took(folder, LOAD_SQLITE)?);
    table.baseline(
        "Python's csv, json and sqlite3",
        format!("{python:.0} entries/s"),
    );
    Ok(())
}

fn restart(folder: &Path, stub: &Stub, port: u16, table: &mut Table) -> anyhow::Result<()> {
    stub.forget();
    let program = start(folder)?;
    let took = stub.first_call()? - program.begun();
    table.row("restart to first request", took.as_secs_f64(), ..=2.0, "s");
    std::thread::sleep(AT_WORK);
    table.row("restart: peak memory", program.peak_mb()?, ..=300.0, "MB");
    drop(program);
    let small = Rollout::write(1, 1, port)?;
    stub.forget();
    let program = start(small.folder())?;
    let took = stub.first_call()? - program.begun();
    table.baseline(
        "start to first request, with one entry",
        format!("{:.2} s", took.as_secs_f64()),
    );
    Ok(())
}

fn start(folder: &Path) -> anyhow::Result<Program> {
    let arguments = [&["run", "rollout.csv"], &WITH_ORGS[..]].concat();
    Program::start(folder, &arguments)
}

#[expect(clippy::cast_precision_loss, reason = "a million")]
fn per_second(took: Duration) -> f64 {
    ENTRIES as f64 / took.as_secs_f64()
}
