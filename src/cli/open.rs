//! Opens the ledger that the settings name.

use std::path::PathBuf;

use super::carried::carry;
use super::file::{Guarded, refuse_stdout};
use super::output::Output;
use crate::failure::Failure;
use crate::job::LedgerUrl;
use crate::ledger::{Ledger, LedgerError, OpenMode, OpenOptions};
use crate::settings::Settings;

/// For commands that change it; made when it is not there.
pub(super) async fn writable(settings: &Settings) -> Result<Ledger, Failure> {
    for_writing(&url(settings)?, settings).await
}

/// Says that a ledger was made: whoever has one elsewhere must know.
pub(super) fn tell_new(
    ledger: &Ledger,
    settings: &Settings,
    output: Output,
) -> Result<(), Failure> {
    if ledger.is_new() {
        let url = url(settings)?;
        output.total(format_args!(
            "new ledger {url}: nothing is known of earlier runs"
        ));
    }
    Ok(())
}

/// For commands that change one that is there.
pub(super) async fn existing(settings: &Settings) -> Result<Ledger, Failure> {
    let url = url(settings)?;
    if is_missing_at(&url) {
        let path = url.path().to_owned();
        return Err(LedgerError::Missing { path }.into());
    }
    for_writing(&url, settings).await
}

// What cannot be looked at is told by opening it. An empty file is a ledger that was never begun.
fn is_missing_at(url: &LedgerUrl) -> bool {
    match std::fs::metadata(url.path()) {
        Ok(metadata) => metadata.is_file() && metadata.len() == 0,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

async fn for_writing(url: &LedgerUrl, settings: &Settings) -> Result<Ledger, Failure> {
    let options = OpenOptions {
        mode: OpenMode::ReadWrite,
        abort_after: settings.abort_after,
        ..OpenOptions::default()
    };
    Ok(Ledger::open_with(url, options).await?)
}

/// For commands that only look; it must be there.
pub(super) async fn readable(settings: &Settings) -> Result<Ledger, Failure> {
    Ok(Ledger::open(&url(settings)?, OpenMode::ReadOnly).await?)
}

/// For commands that only look and can do without; the inner error says why there is none to read: nobody made it
/// yet, or it has to be upgraded first, which only commands that write may do.
pub(super) async fn readable_if_there(
    settings: &Settings,
) -> Result<Result<Ledger, LedgerError>, Failure> {
    match Ledger::open(&url(settings)?, OpenMode::ReadOnly).await {
        Ok(ledger) => Ok(Ok(ledger)),
        Err(none @ (LedgerError::Missing { .. } | LedgerError::OlderFormat { .. })) => {
            Ok(Err(none))
        }
        Err(error) => Err(error.into()),
    }
}

/// Where the ledger is, whether it exists or not.
pub(super) fn path(settings: &Settings) -> Result<PathBuf, Failure> {
    Ok(url(settings)?.path().to_owned())
}

/// From here on, printed commands find it as well.
fn url(settings: &Settings) -> Result<LedgerUrl, Failure> {
    let url = settings.ledger.url().map_err(|error| {
        let hint = error.hint();
        Failure::usage(error).hint(hint)
    })?;
    carry(settings, &url);
    refuse_stdout(|| Ok(vec![Guarded::ledger(url.path())]))?;
    Ok(url)
}
