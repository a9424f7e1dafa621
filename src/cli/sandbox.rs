//! `sandbox`: simulated orgs for anything that speaks to Okta.

use anyhow::Context as _;

use super::args;
use super::output::Output;
use super::signals::Signals;
use crate::failure::{Ending, Failure};
use crate::run::Interrupt;
use crate::sandbox::{Sandbox, SandboxSettings};

/// The flags as the `[sandbox]` section of a job, so that both mean the same.
fn settings(args: &args::Sandbox) -> Result<SandboxSettings, Failure> {
    let flags = [
        ("orgs", Some(args.orgs.into())),
        ("apps", Some(args.apps.into())),
        ("limit", args.limit.map(toml::Value::from)),
        ("window", args.window.clone().map(toml::Value::from)),
        ("latency", args.latency.clone().map(toml::Value::from)),
        ("seed", args.seed.map(toml::Value::from)),
    ];
    let table: toml::Table = flags
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect();
    let settings = table.try_into().context("the sandbox's flags");
    settings.map_err(Failure::usage)
}

/// `sandbox`: serves until it is interrupted.
pub(super) async fn sandbox(args: &args::Sandbox, output: Output) -> Result<Ending, Failure> {
    if !args.listen.ip().is_loopback() {
        return Err(Failure::usage(anyhow::anyhow!(
            "{}: the sandbox listens on loopback addresses only",
            args.listen
        ))
        .hint("use --listen 127.0.0.1:8080"));
    }
    let sandbox = Sandbox::start(settings(args)?, args.state.clone(), args.listen)
        .await
        .context("the simulated orgs cannot be served")
        .map_err(Failure::usage)?;
    for no in 1..=args.orgs {
        // The names that the sandbox gives the orgs it makes at start.
        let org = format!("org-{no:04}");
        let (url, token) = (sandbox.url(&org), sandbox.api_token(&org));
        output.text(format_args!("{url}  SSWS {token}\n"))?;
    }
    let interrupt = Interrupt::new();
    let signals = Signals::listen(interrupt.clone(), output)?;
    output.note("serving until interrupted (Ctrl-C)");
    interrupt.requested().await;
    sandbox.stop().await;
    Ok(signals.received().map_or(Ending::Success, Ending::Short))
}
