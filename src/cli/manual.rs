//! `schema` and `man`: made from the definitions of the manifest and the command line.

use std::path::Path;

use clap::CommandFactory as _;

use super::args;
use super::file::{cannot_be_written, write_whole};
use super::output::Output;
use crate::failure::{Ending, Failure};
use crate::text::Syntax;

/// `schema`.
pub(super) fn schema(args: &args::Schema, output: Output) -> Result<Ending, Failure> {
    let schema = if args.report {
        crate::report::json_schema()
    } else if args.job {
        crate::rollout::explain::job_schema()
    } else {
        crate::manifest::json_schema()
    };
    output.data(Syntax::Json, |out| {
        serde_json::to_writer_pretty(&mut *out, &schema)?;
        Ok(writeln!(out)?)
    })?;
    Ok(Ending::Success)
}

/// `man`.
pub(super) async fn man(args: &args::Man, output: Output) -> Result<Ending, Failure> {
    let command = args::Args::command();
    match &args.output {
        None => output.data(Syntax::Own, |out| {
            Ok(clap_mangen::Man::new(command).render(out)?)
        })?,
        Some(folder) => write_pages(command, folder).await?,
    }
    Ok(Ending::Success)
}

/// A page for the program and one for each of its commands.
async fn write_pages(command: clap::Command, folder: &Path) -> Result<(), Failure> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut left = vec![command];
    while let Some(command) = left.pop() {
        left.extend(command.get_subcommands().cloned());
        let page = clap_mangen::Man::new(command);
        let file = folder.join(page.get_filename());
        write_whole(&file, async |out| Ok(page.render(out)?))
            .await
            .map_err(|error| cannot_be_written(&file, "okta-rollout man -o FOLDER", error))?;
    }
    Ok(())
}
