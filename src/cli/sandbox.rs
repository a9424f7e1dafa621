//! `sandbox`: simulated orgs for anything that speaks to Okta.

use std::path::PathBuf;

use anyhow::Context as _;

use super::args;
use super::file::{Guarded, cannot_be_read};
use super::log;
use super::output::Output;
use super::signals::Signals;
use crate::failure::{Ending, Failure};
use crate::input;
use crate::pacing::CancellationToken;
use crate::sandbox::{Sandbox, SandboxSettings};
use crate::settings::Settings;

/// The largest settings file that is read, in bytes.
const MAX_SETTINGS: u64 = 1024 * 1024;

/// The settings file and the flags as the `[sandbox]` section of a job, so that all mean the same.
fn orgs(args: &args::Sandbox) -> Result<SandboxSettings, Failure> {
    let mut table = match &args.settings {
        Some(file) => input::read_text(file, MAX_SETTINGS)
            .map_err(|error| cannot_be_read(file, error))?
            .parse::<toml::Table>()
            .with_context(|| format!("{} cannot be read", file.display()))
            .map_err(Failure::usage)?,
        None => toml::Table::new(),
    };
    for (key, default) in [("orgs", 1), ("apps", 6)] {
        table.entry(key).or_insert(toml::Value::Integer(default));
    }
    let number = |path: &PathBuf| -> anyhow::Result<u32> {
        let number = path.to_str().and_then(|text| text.parse().ok());
        number.with_context(|| format!("--orgs: `{}` is not a number", path.display()))
    };
    let orgs = args.orgs.as_ref().map(number).transpose();
    let flags = [
        ("orgs", orgs.map_err(Failure::usage)?.map(toml::Value::from)),
        ("apps", args.apps.map(toml::Value::from)),
        ("limit", args.limit.map(toml::Value::from)),
        ("window", args.window.clone().map(toml::Value::from)),
        ("latency", args.latency.clone().map(toml::Value::from)),
        ("seed", args.seed.map(toml::Value::from)),
    ];
    let given = flags
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    table.extend(given);
    let settings = table.try_into().context("the sandbox's settings");
    settings.map_err(Failure::usage)
}

/// `sandbox`: serves until it is interrupted.
pub(super) async fn sandbox(
    args: &args::Sandbox,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let file = args.settings.iter().map(|file| ("the settings", file));
    let others = settings.inputs.iter().map(|(what, file)| (*what, file));
    let guarded = file.chain(others);
    let guarded = guarded.map(|(what, file)| Guarded::input(what, file));
    log::refuse(settings, |_| Ok(guarded.collect()))?;
    let orgs = orgs(args)?;
    log::open(settings, output).await;
    let sandbox = Sandbox::start(orgs, args.state.clone(), args.listen)
        .await
        .map_err(|error| {
            Failure::usage(error).hint("use --listen 127.0.0.1:8080, or another port")
        })?;
    for org in sandbox.orgs() {
        let (url, token) = (sandbox.url(&org), sandbox.api_token(&org));
        output.page(|page| page.line(format_args!("{url}  SSWS {token}")))?;
    }
    let interrupt = CancellationToken::new();
    let signals = Signals::listen(interrupt.clone(), output)?;
    output.note("serving until interrupted (Ctrl-C)");
    interrupt.cancelled().await;
    sandbox.stop().await;
    Ok(signals.received().map_or(Ending::Success, Ending::Short))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Args, Command};

    #[test]
    fn a_settings_file_that_keeps_silent_is_given_up() {
        use clap::Parser as _;
        let folder = tempfile::tempdir().unwrap();
        let pipe = crate::input::tests::pipe(folder.path(), "pipe");
        let arguments = ["okta-rollout", "sandbox", "--settings"].map(std::ffi::OsStr::new);
        let args = Args::try_parse_from(arguments.into_iter().chain([pipe.as_os_str()])).unwrap();
        let Command::Sandbox(args) = args.command else {
            panic!("another command");
        };
        let failure = orgs(&args).unwrap_err();
        assert!(format!("{:#}", failure.error).contains("nothing came from it within"));
        assert!(failure.hint.is_some());
    }
}
