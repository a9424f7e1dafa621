//! Python with packages, for baselines that need some.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A Python that has a package, at the version that the tests with Okta's SDK pin.
pub fn with(package: &str) -> anyhow::Result<PathBuf> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let python = home.join("bin/python");
    let pins = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/sdk/python/requirements.txt"
    );
    let status = Command::new("python3")
        .arg("-m")
        .arg("venv")
        .arg(&home)
        .status()?;
    anyhow::ensure!(status.success(), "python3 -m venv: {status}");
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--constraint",
        pins,
        package,
    ];
    let status = Command::new(&python).args(install).status()?;
    anyhow::ensure!(status.success(), "pip install {package}: {status}");
    Ok(python)
}
