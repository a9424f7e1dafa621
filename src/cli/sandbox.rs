//! `sandbox`: simulated orgs for anything that speaks to Okta.

use std::path::PathBuf;

use anyhow::Context as _;

use super::args;
use super::output::Output;
use super::signals::Signals;
use crate::failure::{Ending, Failure};
use crate::run::Interrupt;
use crate::sandbox::{Sandbox, SandboxSettings};

/// The settings file and the flags as the `[sandbox]` section of a job, so that all mean the same.
fn settings(args: &args::Sandbox) -> Result<SandboxSettings, Failure> {
    let mut table = match &args.settings {
        Some(file) => std::fs::read_to_string(file)
            .map_err(anyhow::Error::from)
            .and_then(|text| Ok(text.parse::<toml::Table>()?))
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
pub(super) async fn sandbox(args: &args::Sandbox, output: Output) -> Result<Ending, Failure> {
    let sandbox = Sandbox::start(settings(args)?, args.state.clone(), args.listen)
        .await
        .map_err(|error| {
            Failure::usage(error).hint("use --listen 127.0.0.1:8080, or another port")
        })?;
    for org in sandbox.orgs() {
        let (url, token) = (sandbox.url(&org), sandbox.api_token(&org));
        output.page(|page| page.line(format_args!("{url}  SSWS {token}")))?;
    }
    let interrupt = Interrupt::new();
    let signals = Signals::listen(interrupt.clone(), output)?;
    output.note("serving until interrupted (Ctrl-C)");
    interrupt.requested().await;
    sandbox.stop().await;
    Ok(signals.received().map_or(Ending::Success, Ending::Short))
}
