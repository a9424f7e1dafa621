//! `export --env-file`: the variables that a person has to fill in, as a file that `--env-file` of other commands reads.

use std::fmt::Write as _;
use std::path::Path;

use super::super::args;
use super::super::file::{self, NewFile, Readers, write_new};
use crate::export::Exported;
use crate::failure::Failure;

/// What gives another one.
pub(super) const GIVE: &str = "--env-file FILE";

/// Refuses a name that is taken, before the orgs are read.
///
/// # Errors
/// When something is there.
pub(super) fn must_be_free(file: &Path) -> Result<(), Failure> {
    file::must_be_free([file], GIVE)
}

/// Writes it, if it was asked for and there is something to fill in; gives its name then.
///
/// # Errors
/// When it cannot be written, or something is there by now.
pub(super) fn write<'a>(
    args: &'a args::Export,
    exported: &[Exported],
) -> Result<Option<&'a Path>, Failure> {
    let Some(file) = args.env_file.as_deref() else {
        return Ok(None);
    };
    let Some(text) = skeleton(exported) else {
        return Ok(None);
    };
    let new = NewFile {
        path: file.to_owned(),
        text,
        readers: Readers::Owner,
    };
    write_new(&[new]).map_err(|error| {
        let hint = file::with_room(format!("give another one: {GIVE}"), &error);
        Failure::usage(error).hint(hint)
    })?;
    Ok(Some(file))
}

fn skeleton(exported: &[Exported]) -> Option<String> {
    let mut text = String::from(
        "# Secrets that Okta never shows: fill in what stands after each =.\n\
         # A value with blanks or quotes goes into single quotes. Keep this file to yourself.\n",
    );
    let mut any = false;
    for one in exported {
        let mut references = one.placeholders().peekable();
        if references.peek().is_none() {
            continue;
        }
        any = true;
        // A label may hold anything; a comment ends with its line.
        let name: String = one
            .name
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        text.write_fmt(format_args!("\n# {name}\n")).ok()?;
        for reference in references {
            let variable = reference.strip_prefix("env:").unwrap_or(reference);
            text.write_fmt(format_args!("{variable}=\n")).ok()?;
        }
    }
    any.then_some(text)
}
