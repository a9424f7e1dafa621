//! `init`: a manifest, an orgs file and a job to begin with, which run against the sandbox as they are.

use std::path::Path;

use super::args;
use super::file::{NewFile, Readers, must_be_free, with_room, write_new};
use super::output::Output;
use crate::failure::{Ending, Failure};

/// What is written: name, text, and who may read it.
const FILES: [(&str, &str, Readers); 5] = [
    ("job.toml", include_str!("init/job.toml"), Readers::Anybody),
    (
        "rollout.csv",
        include_str!("init/rollout.csv"),
        Readers::Anybody,
    ),
    ("orgs.csv", include_str!("init/orgs.csv"), Readers::Anybody),
    (
        "secrets/zscaler-token.txt",
        "not-a-real-token\n",
        Readers::Owner,
    ),
    // Secrets that are put beside it later stay out of a repository.
    ("secrets/.gitignore", "*\n", Readers::Anybody),
];

/// `init`.
pub(super) fn init(args: &args::Init, output: Output) -> Result<Ending, Failure> {
    let folder = args.folder.as_deref().unwrap_or(Path::new(""));
    let files = FILES.map(|(name, text, readers)| NewFile {
        path: folder.join(name),
        text: text.to_owned(),
        readers,
    });
    let give = "okta-rollout init FOLDER";
    must_be_free(files.iter().map(|file| file.path.as_path()), give)?;
    write_new(&files).map_err(|error| {
        let hint = with_room(format!("give another folder: {give}"), &error);
        Failure::usage(error.context("nothing was written")).hint(hint)
    })?;
    for file in &files {
        output.note(format_args!("{} is written", file.path.display()));
    }
    let job = folder.join("job.toml");
    let job = job.to_string_lossy();
    // A name that no shell can take (it holds a NUL byte) could not have been written to.
    let job = shlex::try_quote(&job).unwrap_or_default();
    output.note("next, against an org that okta-rollout serves itself:");
    for command in ["check", "run"] {
        output.note(format_args!("  okta-rollout {command} {job}"));
    }
    Ok(Ending::Success)
}
