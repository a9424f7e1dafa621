//! A hundred thousand entries in a thousand orgs, rehearsed.

use crate::support::child::Program;
use crate::support::manifest::{Rollout, WITH_ORGS};
use crate::support::table::Table;

const ENTRIES: usize = 100_000;
const ORGS: usize = 1_000;

/// Nobody is called there.
const PORT: u16 = 9;

/// The rows.
pub fn rows() -> anyhow::Result<Table> {
    let rollout = Rollout::write(ENTRIES, ORGS, PORT)?;
    let arguments = [&["rehearse", "rollout.csv"], &WITH_ORGS[..]].concat();
    let (took, peak_mb) = Program::start(rollout.folder(), &arguments)?.ends()?;
    let mut table = Table::default();
    let what = "rehearse, 100,000 entries in 1,000 orgs";
    table.row(what, took.as_secs_f64(), ..=20.0, "s");
    let what = format!("{what}: peak memory");
    table.row(what, peak_mb, ..=300.0, "MB");
    Ok(table)
}
