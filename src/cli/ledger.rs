//! `ledger`: who may work with one, and where it is.

use std::path::Path;

use super::args;
use super::output::Output;
use crate::failure::{Ending, Failure};
use crate::job::LedgerUrl;
use crate::ledger::{self, LedgerError, MoveOptions, MovedLedger};
use crate::pacing::unix_millis;
use crate::report::counted;
use crate::rollout::shell::quoted;
use crate::rollout::simulated::carry_state;
use crate::settings::Settings;
use crate::text::{self, Syntax};

/// `ledger grants`.
pub(super) fn grants(args: &args::Grants, output: Output) -> Result<Ending, Failure> {
    let refused = |error: anyhow::Error| {
        Failure::usage(error).hint("name a role of PostgreSQL's: okta-rollout ledger grants ROLE")
    };
    // It would be another one's, as it is printed.
    if text::value(&args.role) != args.role {
        let error = anyhow::anyhow!("the role's name has characters that nobody sees");
        return Err(refused(error));
    }
    let sql = ledger::grants(&args.role).map_err(|error| refused(error.into()))?;
    output.data(Syntax::Lines, |out| Ok(out.write_all(sql.as_bytes())?))?;
    Ok(Ending::Success)
}

/// `ledger move`.
pub(super) async fn move_it(
    args: &args::Move,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let (from, to) = (address(&args.from)?, address(&args.to)?);
    let beside = |from: &Path, to: &Path| {
        carry_state(from, to).map_err(|error| LedgerError::Io {
            location: to.display().to_string(),
            cause: error.to_string(),
        })
    };
    let options = MoveOptions {
        now: unix_millis(),
        beside,
        abort_after: settings.abort_after,
    };
    let moved = ledger::move_ledger(&from, &to, options).await?;
    report(&from, &moved, output);
    Ok(Ending::Success)
}

fn address(text: &str) -> Result<LedgerUrl, Failure> {
    text.parse().map_err(|error: crate::job::LedgerUrlError| {
        let hint = error.hint();
        Failure::usage(error).hint(hint)
    })
}

fn report(from: &LedgerUrl, moved: &MovedLedger, output: Output) {
    let all = format!(
        "{} with {}",
        counted(moved.runs, "run", "runs"),
        counted(moved.entries, "entry", "entries")
    );
    if moved.only_closed {
        output.total(format_args!(
            "{all} had been moved to {} by a command that was cut off",
            moved.to
        ));
    } else {
        output.total(format_args!("{all} moved to {}", moved.to));
    }
    output.total(format_args!(
        "{from} stays, closed to work: it can be read, or deleted with what is beside it"
    ));
    if moved.links_end {
        output.warning(
            "links for one org open nothing any more, if any were shared: share them again",
        );
    }
    output.total(format_args!(
        "go on there: okta-rollout status --ledger {}",
        quoted(Path::new(&moved.to))
    ));
}
