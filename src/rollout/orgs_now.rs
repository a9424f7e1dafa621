//! The orgs of a run that continues: where their credentials go.

use std::path::Path;

use super::context::unreadable;
use crate::failure::Failure;
use crate::manifest::{self, Orgs};
use crate::settings::Policy;

/// The orgs as their files say them now: credentials may have been replaced since. An orgs file is enough where the
/// manifest is gone.
///
/// # Errors
/// When the files are gone, too: only the ledger would say then where credentials go.
pub(crate) fn orgs_now(policy: &Policy) -> Result<Orgs, Failure> {
    let source = policy.source();
    let orgs = match &source.orgs_file {
        Some(orgs) if !orgs.exists() => return Err(no_orgs(orgs)),
        Some(orgs) if !source.file.exists() => Orgs::read(orgs),
        None if !source.file.exists() => return Err(no_orgs(&source.file)),
        Some(_) | None => manifest::read_orgs(&source),
    };
    orgs.map_err(unreadable)
}

/// As [`orgs_now`], for a worker: where the files are not here, orgs are used as the ledger has them (`None`). Whoever can
/// write to a fleet's ledger is trusted; a worker that is given a file with the orgs trusts that alone.
pub(crate) fn orgs_of_fleet(policy: &Policy) -> Result<Option<Orgs>, Failure> {
    let source = policy.source();
    let file = source.orgs_file.as_ref().unwrap_or(&source.file);
    if file.exists() {
        orgs_now(policy).map(Some)
    } else {
        Ok(None)
    }
}

fn no_orgs(gone: &Path) -> Failure {
    Failure::usage(anyhow::anyhow!(
        "{} is gone, and credentials do not go where only the ledger says; nothing was sent",
        gone.display()
    ))
    .hint("put it back, or give the same command a file with the orgs: --orgs FILE")
}
