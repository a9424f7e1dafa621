//! Opens the ledger that the settings name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::carried::carry;
use super::file::{Guarded, refuse_stdout};
use super::output::Output;
use crate::failure::Failure;
use crate::job::LedgerUrl;
use crate::ledger::{Ledger, LedgerError, OpenMode, OpenOptions};
use crate::settings::Settings;

/// How long a note on the way out waits for another process that writes: a person waits for the prompt.
const SHORT_BUSY_TIMEOUT: Duration = Duration::from_millis(500);

/// For commands that change it; made when it is not there.
pub(super) async fn writable(settings: &Settings) -> Result<Ledger, Failure> {
    for_writing(OpenMode::ReadWrite, settings).await
}

/// The same, for commands that make calls: with the key that those who work on it have.
pub(super) async fn workable(settings: &Settings) -> Result<Ledger, Failure> {
    with_key(writable(settings).await?).await
}

/// As [`workable`], of one that is there.
pub(super) async fn existing_workable(settings: &Settings) -> Result<Ledger, Failure> {
    with_key(existing(settings).await?).await
}

async fn with_key(ledger: Ledger) -> Result<Ledger, Failure> {
    ledger.check_key().await?;
    Ok(ledger)
}

/// Says that a ledger was made: whoever has one elsewhere must know.
pub(super) fn note_new(
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
    for_writing(OpenMode::Existing, settings).await
}

/// For a note on the way out: of what is there as it is, and nobody is waited for.
pub(super) async fn in_passing(settings: &Settings) -> Result<Ledger, Failure> {
    let options = OpenOptions {
        mode: OpenMode::Current,
        busy_timeout: SHORT_BUSY_TIMEOUT,
        ..OpenOptions::default()
    };
    Ok(Ledger::open_with(&url(settings)?, options).await?)
}

async fn for_writing(mode: OpenMode, settings: &Settings) -> Result<Ledger, Failure> {
    let options = OpenOptions {
        mode,
        abort_after: settings.abort_after,
        ..OpenOptions::default()
    };
    Ok(Ledger::open_with(&url(settings)?, options).await?)
}

/// For commands that only look; it must be there.
pub(super) async fn readable(settings: &Settings, output: Output) -> Result<Ledger, Failure> {
    let ledger = Ledger::open(&url(settings)?, OpenMode::ReadOnly).await?;
    if let Some(gone) = ledger.gone().await? {
        output.warning(format_args!(
            "{} was moved to {gone}: what is shown is how it was then",
            ledger.url()
        ));
    }
    Ok(ledger)
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

/// Refuses a ledger that nobody else can have.
pub(super) fn refuse_unshared(settings: &Settings) -> Result<(), Failure> {
    let url = url(settings)?;
    if url.is_shared() {
        return Ok(());
    }
    let error = anyhow::anyhow!(
        "{url} is a file, and workers share a ledger on PostgreSQL; nothing was sent"
    );
    Err(Failure::usage(error).hint(
        "give --ledger postgres://USER@HOST/DB; runs in a file go on by themselves: okta-rollout resume, or okta-rollout serve",
    ))
}

/// The file of the ledger, if it is in one, whether it exists or not.
pub(super) fn file(settings: &Settings) -> Result<Option<PathBuf>, Failure> {
    Ok(Ledger::file_of(&url(settings)?).map(Path::to_owned))
}

/// Its address. From here on, printed commands find it as well.
pub(super) fn url(settings: &Settings) -> Result<LedgerUrl, Failure> {
    let url = settings.ledger.url().map_err(|error| {
        let hint = error.hint();
        Failure::usage(error).hint(hint)
    })?;
    carry(settings, &url);
    refuse_stdout(|| {
        Ok(Ledger::file_of(&url)
            .map(Guarded::ledger)
            .into_iter()
            .collect())
    })?;
    Ok(url)
}
