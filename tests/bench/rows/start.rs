//! Start-up: `--help`, against a process that does nothing and Python doing nothing.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::python;
use crate::support::table::Table;

const ROUNDS: usize = 20;

/// The row and its baselines.
pub fn rows() -> anyhow::Result<Table> {
    let program = env!("CARGO_BIN_EXE_okta-rollout");
    let help = median_ms(|| started(program, &["--help"]))?;
    let nothing = median_ms(|| started("true", &[]))?;
    let python = median_ms(|| python::took(Path::new("."), "pass"))?;
    let mut table = Table::default();
    table.row("--help", help, ..=20.0, "ms");
    table.baseline("a process that does nothing", format!("{nothing:.1} ms"));
    table.baseline("python3 -c pass", format!("{python:.1} ms"));
    Ok(table)
}

fn started(program: &str, arguments: &[&str]) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let mut command = Command::new(program);
    let status = command.args(arguments).stdout(Stdio::null()).status()?;
    anyhow::ensure!(status.success(), "{program}: {status}");
    Ok(begun.elapsed())
}

fn median_ms(mut measure: impl FnMut() -> anyhow::Result<Duration>) -> anyhow::Result<f64> {
    let rounds: anyhow::Result<Vec<_>> = (0..ROUNDS).map(|_| measure()).collect();
    let mut rounds = rounds?;
    rounds.sort();
    Ok(rounds[ROUNDS / 2].as_secs_f64() * 1e3)
}
