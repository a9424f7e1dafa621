//! `run --ask`: a person sees what would be done before anything is.

use super::look;
use super::text;
use crate::cli::args;
use crate::cli::only::say_nothing_matches;
use crate::cli::output::Output;
use crate::cli::question::{Declined, can_ask, line};
use crate::engine::Engine;
use crate::failure::{Ending, Failure, Kind};
use crate::plan::Totals;
use crate::rollout::refresh::{PlanRequest, Planned};
use crate::rollout::shell::{flags, quoted};
use crate::rollout::target::Target;
use crate::settings::{Settings, Verbosity};
use crate::text::Page;

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Answer {
    /// Do it.
    Yes,
    /// There is nothing to do, or nothing that can be done.
    NothingToDo(Ending),
}

/// What a person typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Typed {
    Yes,
    No,
    Details,
    SomethingElse,
}

impl Typed {
    fn of(line: &str) -> Self {
        match line.trim().to_lowercase().as_str() {
            "y" | "yes" => Self::Yes,
            // The end of input says nothing, which is no yes.
            "" | "n" | "no" => Self::No,
            "d" | "details" => Self::Details,
            _ => Self::SomethingElse,
        }
    }
}

/// Shows the plan of a file and asks whether to do it.
///
/// # Errors
/// Without a terminal, and when the person does not want it: nothing was changed then.
pub(in crate::cli) async fn ask(
    target: &Target,
    args: &args::Run,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Answer, Failure> {
    let file = quoted(&target.file);
    if !can_ask(settings) {
        let error = anyhow::anyhow!("--ask: there is no terminal to ask at; nothing was changed");
        let (more, new) = (args.of_plan(), flags([("--new", args.new)]));
        return Err(Failure::usage(error).hint(format!(
            "see what would be done: okta-rollout plan {file}{more}; do it: okta-rollout run {file}{new}{more}"
        )));
    }
    let request = PlanRequest {
        force: args.force,
        reconnect: args.reconnect,
        allow_exec: args.allow_exec,
        selection: args.only.selection(),
        rows: None,
    };
    // Nothing is begun yet: a signal may simply end the process.
    let planned = look::plan(target, &request, engine, settings, output).await?;
    let planned = planned.ok_or_else(|| Failure::bug(anyhow::anyhow!("interrupted")))?;
    if planned.orgs.is_empty() {
        say_nothing_matches(&request.selection, output);
        return Ok(Answer::NothingToDo(Ending::Success));
    }
    show(&planned, output.verbosity(), output)?;
    let totals = Totals::of(&planned.orgs);
    if totals.changes() == 0 {
        output.detail("there is nothing to change: no run was started");
        let is_unclear = totals.errors > 0 || planned.orgs.iter().any(|org| org.error.is_some());
        return Ok(Answer::NothingToDo(if is_unclear {
            Ending::Short(Kind::Failed)
        } else {
            Ending::Success
        }));
    }
    loop {
        output.detail("make these changes? (yes, no, details)");
        match Typed::of(&line().await?) {
            Typed::Yes => return Ok(Answer::Yes),
            Typed::No => {
                let error = Declined("not confirmed; nothing was changed".to_owned());
                return Err(Failure::usage(error));
            }
            Typed::Details => show(&planned, Verbosity::Attempts, output)?,
            Typed::SomethingElse => output.detail("please type yes, no or details"),
        }
    }
}

fn show(planned: &Planned, verbosity: Verbosity, output: Output) -> Result<(), Failure> {
    if let Some(run) = &planned.continues {
        output.detail(format_args!(
            "run {run} was interrupted and is continued: what it did already is left alone"
        ));
    }
    let mut text = Vec::new();
    text::write(&mut Page::new(&mut text), planned, verbosity).map_err(Failure::bug)?;
    output.details(&String::from_utf8_lossy(&text));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        for (line, typed) in [
            ("yes\n", Typed::Yes),
            (" Y \r\n", Typed::Yes),
            ("no\n", Typed::No),
            ("\n", Typed::No),
            ("", Typed::No),
            ("d\n", Typed::Details),
            ("Details\n", Typed::Details),
            ("yess\n", Typed::SomethingElse),
            ("yes please\n", Typed::SomethingElse),
        ] {
            assert_eq!(Typed::of(line), typed, "{line:?}");
        }
    }
}
