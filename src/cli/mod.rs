//! The command line: one file per command, thin; what they do lives in the library's other parts.
//!
//! [`main`] is the plot: parse, settle the settings, dispatch, show a failure, give the exit code.
//! Nothing is started before the arguments are parsed: `--help` needs no runtime and no TLS.

mod apply;
pub mod args;
mod as_worker;
mod bug;
mod carried;
mod check;
mod completions;
mod consent;
mod context;
mod continuation;
mod deactivations;
mod desk;
mod detach;
mod doctor;
mod elsewhere;
mod env_file;
mod execute;
mod export;
mod failed_start;
mod file;
mod given;
mod init;
mod latest;
mod ledger;
mod listed;
mod listeners;
mod log;
mod manual;
mod mistakes;
mod notices;
mod only;
mod open;
mod output;
mod outputs;
mod plan;
mod process;
mod progress;
mod prune;
mod question;
mod reach;
mod rehearse;
mod report;
mod resume;
mod rotate_key;
mod rotate_keys;
mod run;
mod sandbox;
mod schedule;
mod serve;
mod signals;
mod start;
mod start_notes;
mod status;
mod target;
mod watch;
mod work;
mod workers;

use std::io;

use clap::Parser as _;

use crate::failure::{Ending, Failure, Kind};
use crate::limits::{self, Lack};
use crate::manifest::end_programs;
use crate::settings::{Environment, Flags, Settings, Terminals};
use crate::text;
use args::{Args, Command, Consent, LedgerCommand};
use output::Output;

/// Runs the program on the process's arguments; gives its exit code.
pub fn main() -> u8 {
    let code = bug::guard(|| match Args::try_parse() {
        Ok(args) => carry_out(&args),
        Err(error) => not_parsed(error),
    });
    end_programs();
    code
}

fn carry_out(args: &Args) -> u8 {
    let environment = match Environment::read() {
        Ok(environment) => environment,
        Err(failure) => return failed(Output::plain(), failure),
    };
    let settings = Settings {
        inputs: outputs::inputs(args),
        labels: args.command.labels().to_vec(),
        ..Settings::new(&(&args.global).into(), environment, Terminals::detect())
    };
    let output = Output::new(&settings);
    process::forbid_core_dumps(output);
    process::forbid_tracing(output);
    given::carry_flags(args);
    let fits = args.global.fits();
    let given = fits.and_then(|()| env_file::give(args, output));
    let code = match given.and_then(|()| dispatch(&args.command, &settings, output)) {
        Ok(ending) => ending.exit_code(),
        Err(failure) => failed(output, failure),
    };
    given::explain(output);
    code
}

fn failed(output: Output, failure: Failure) -> u8 {
    let failure = explained(failure);
    output.failure(&failure);
    failure.kind.exit_code()
}

/// A limit of this machine is what helps to know, whatever else is advised.
fn explained(failure: Failure) -> Failure {
    let Some(lack) = Lack::among(&failure.error) else {
        return failure;
    };
    let more = lack.hint();
    let hint = match &failure.hint {
        Some(hint) if hint.contains(more) => hint.clone(),
        // What continues after it is still to be said.
        Some(hint) if failure.kind != Kind::Usage => format!("{more}; {hint}"),
        _ => more.to_owned(),
    };
    failure.hint(hint)
}

/// Help and version go to standard output and are no failure; everything else is wrong usage.
fn not_parsed(error: clap::Error) -> u8 {
    let environment = Environment::read().unwrap_or_default();
    let settings = Settings::new(&Flags::default(), environment, Terminals::detect());
    let output = Output::new(&settings);
    let text = error.render();
    if error.use_stderr() && holds_answer(&text.to_string()) {
        let error = anyhow::anyhow!(
            "an argument is wrong; it is not repeated here, because it holds the answer to a consent"
        );
        let hint = "paste it where this asks for it: okta-rollout consent complete";
        return failed(output, Failure::usage(error).hint(hint));
    }
    if error.use_stderr() {
        output.details(&seen(error).render().ansi().to_string());
        return Kind::Usage.exit_code();
    }
    match output.text(&text.ansi().to_string()) {
        Ok(()) => Ending::Success.exit_code(),
        Err(failure) => failed(output, failure),
    }
}

/// The same mistake, in arguments that have no line breaks or anything else that nobody sees.
fn seen(error: clap::Error) -> clap::Error {
    let seen = std::env::args_os().map(|arg| text::value(&arg.to_string_lossy()).into_owned());
    match Args::try_parse_from(seen) {
        Err(seen) if seen.kind() == error.kind() => seen,
        Ok(_) | Err(_) => error,
    }
}

/// Whether a message repeats what somebody pasted behind `consent complete`: it holds a one-time code.
fn holds_answer(message: &str) -> bool {
    ["code=", "code%3D", "continue_oauth_flow_url"]
        .iter()
        .any(|part| message.contains(part))
}

fn dispatch(command: &Command, settings: &Settings, output: Output) -> Result<Ending, Failure> {
    match command {
        Command::Init(args) => init::init(args, output),
        Command::Check(args) => check::check(args, settings, output),
        Command::Plan(args) => wait_for(output, plan::plan(args, settings, output)),
        Command::Doctor(args) => wait_for(output, doctor::doctor(args, settings, output)),
        Command::Rehearse(args) => wait_for(output, rehearse::rehearse(args, settings, output)),
        Command::Run(args) => wait_for(output, run::run(args, settings, output)),
        Command::Resume(args) => wait_for(output, resume::resume(args, settings, output)),
        Command::Status(args) => wait_for(output, status::status(args, settings, output)),
        Command::Runs(args) => wait_for(output, status::runs(args, settings, output)),
        Command::Consent(Consent::List(args)) => {
            wait_for(output, consent::list(args, settings, output))
        }
        Command::Consent(Consent::Complete(args)) => {
            wait_for(output, consent::complete(args, settings, output))
        }
        Command::Consent(Consent::Refresh(args)) => {
            wait_for(output, consent::refresh(args, settings, output))
        }
        Command::Consent(Consent::Share(args)) => {
            wait_for(output, consent::share(args, settings, output))
        }
        Command::Report(args) => wait_for(output, report::report(args, settings, output)),
        Command::RotateKeys(args) => {
            wait_for(output, rotate_keys::rotate_keys(args, settings, output))
        }
        Command::RotateKey(args) => {
            wait_for(output, rotate_key::rotate_key(args, settings, output))
        }
        Command::Ledger(LedgerCommand::Grants(args)) => ledger::grants(args, output),
        Command::Ledger(LedgerCommand::Move(args)) => {
            wait_for(output, ledger::move_it(args, settings, output))
        }
        Command::Export(args) => wait_for(output, export::export(args, settings, output)),
        Command::Sandbox(args) => wait_for(output, sandbox::sandbox(args, settings, output)),
        Command::Serve(args) => wait_for(output, serve::serve(args, settings, output)),
        Command::Workers(args) => wait_for(output, workers::workers(args, settings, output)),
        Command::Work(args) => wait_for(output, work::work(args, settings, output)),
        Command::Schema(args) => manual::schema(args, output),
        Command::Completions(args) => completions::completions(args, output),
        Command::Complete(args) => completions::complete(args, output),
        Command::Man(args) => wait_for(output, manual::man(args, output)),
    }
}

/// Said of a command for which this machine has no room.
fn cannot_begin(what: &'static str, lack: Option<Lack>, error: io::Error) -> Failure {
    let error = anyhow::Error::from(error).context(format!("{what}; nothing was sent"));
    Failure::usage(error).hint(lack.unwrap_or(Lack::Threads).hint())
}

/// Carries out a command that waits for other things than files.
fn wait_for(
    output: Output,
    command: impl Future<Output = Result<Ending, Failure>>,
) -> Result<Ending, Failure> {
    limits::has_files()
        .map_err(|error| cannot_begin("not enough files can be opened", Lack::of(&error), error))?;
    let no_threads = |error: io::Error| {
        cannot_begin(
            "not enough threads can be started",
            Lack::of_start(&error),
            error,
        )
    };
    process::has_threads().map_err(no_threads)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(no_threads)?;
    let ended = runtime.block_on(async {
        process::survive_file_size_limit(output);
        signals::end_at_once(output)?;
        command.await
    });
    // What is left are look-ups of names that nobody waits for, and that may take long.
    runtime.shutdown_background();
    ended
}
