//! `run --plan`: a run of what a saved plan says, after a second look has found everything as it was.

use std::path::Path;

use super::saved::{Saved, approve};
use crate::cli::args;
use crate::cli::output::Output;
use crate::cli::run::start;
use crate::cli::target::Target;
use crate::failure::{Ending, Failure};
use crate::settings::Settings;

/// Does what a saved plan says, if nothing moved since.
pub(in crate::cli) async fn apply(
    plan: &Path,
    args: &args::Run,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let saved = Saved::read(plan)?;
    let settings = Settings {
        orgs: settings.orgs.clone().or(saved.orgs_file.clone()),
        ..settings.clone()
    };
    let file = args.file.as_ref().unwrap_or(&saved.file);
    let target = Target::read(file, &settings, output)?;
    let approved = approve(&saved, &target, args.allow_exec, &settings, output).await?;
    if approved.rows.is_empty() {
        output.note("the plan has nothing to do");
        return Ok(Ending::Success);
    }
    let args = args::Run {
        new: true,
        force: saved.force,
        ..args.clone()
    };
    start(target, Some(approved), &args, &settings, output).await
}
