//! Python as a baseline: what a script of a few lines takes.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Runs a script in a folder; how long it took, interpreter included.
pub fn took(folder: &Path, script: &str) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let mut command = Command::new("python3");
    let status = command.args(["-c", script]).current_dir(folder).status()?;
    anyhow::ensure!(status.success(), "python3: {status}");
    Ok(begun.elapsed())
}
