//! `consent list|complete|refresh`: what waits for a person.

use std::io::Read as _;

use anyhow::Context as _;
use serde::Serialize;

use super::access::{access, is_sandbox};
use super::args::{self, DataFormat};
use super::context::{RunContext, options};
use super::open::{readable, writable};
use super::output::Output;
use super::signals::Signals;
use crate::consent::{Answered, Desk};
use crate::failure::{Ending, Failure, Kind};
use crate::ledger::{Ledger, Pending};
use crate::report::rfc3339;
use crate::run::{Interrupt, OrgAccess};
use crate::settings::Settings;

/// Answers are a few hundred bytes each; a text larger than this (bytes) is some other file.
const MAX_ANSWERS: u64 = 16 * 1024 * 1024;

/// One consent of `consent list --format json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    org: &'a str,
    app: &'static str,
    app_id: Option<&'a str>,
    label: Option<&'a str>,
    authorize_url: &'a str,
    since: String,
}

/// `consent list`.
pub(super) async fn list(
    args: &args::ConsentList,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let ledger = readable(settings).await?;
    let pending = pending(&ledger, args.run.as_deref()).await?;
    let listed: Vec<Listed<'_>> = pending.iter().filter_map(listed).collect();
    match args.format {
        DataFormat::Json => output.data(|out| {
            serde_json::to_writer_pretty(&mut *out, &listed)?;
            Ok(writeln!(out)?)
        })?,
        DataFormat::Human if listed.is_empty() => output.note("nothing waits for consent"),
        DataFormat::Human => {
            output.data(|out| {
                for (pending, listed) in pending.iter().zip(&listed) {
                    let name = name(pending);
                    writeln!(out, "{name}, since {}", listed.since)?;
                    writeln!(out, "  {}", listed.authorize_url)?;
                }
                Ok(())
            })?;
            output.note(
                "open each link, then hand in what Okta's page shows: okta-rollout consent complete",
            );
        }
    }
    Ok(Ending::Success)
}

fn listed(pending: &Pending) -> Option<Listed<'_>> {
    let row = &pending.entry;
    let consent = row.progress.consent.as_ref()?;
    Some(Listed {
        org: &pending.org.name,
        app: row.entry.app.name(),
        app_id: row
            .progress
            .app_id
            .as_deref()
            .or(row.entry.app_id.as_deref()),
        label: row.entry.label.as_deref(),
        authorize_url: &consent.authorize_url,
        since: rfc3339(consent.since),
    })
}

/// What waits, and has a link.
async fn pending(ledger: &Ledger, run: Option<&str>) -> Result<Vec<Pending>, Failure> {
    let run = match run {
        None => None,
        Some(prefix) => Some(ledger.find_run(Some(prefix)).await?.id),
    };
    let mut pending = ledger.pending_consents(run.as_ref()).await?;
    pending.retain(|pending| pending.entry.progress.consent.is_some());
    Ok(pending)
}

/// `consent complete`.
pub(super) async fn complete(
    args: &args::ConsentComplete,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let text = answers(args, settings)?;
    let ledger = writable(settings).await?;
    let newest = ledger.find_run(None).await?;
    let policy = RunContext::of(&newest)?.policy(settings, output)?;
    let options = options(&policy, false);
    let interrupt = Interrupt::new();
    let signals = Signals::listen(interrupt.clone(), output)?;
    let opened = async |pending: &Pending| org_of(&ledger, pending, args.allow_exec).await;
    let mut desk = Desk::new(&ledger, &options, opened, interrupt)
        .await
        .map_err(Failure::usage)?;
    let answered = desk.complete(&text).await.map_err(Failure::usage)?;
    if answered.is_empty() {
        return Err(Failure::usage(anyhow::anyhow!("no answer was given"))
            .hint("paste the JSON that Okta's page shows, or the URL in it"));
    }
    for answer in &answered {
        tell(answer, output);
    }
    Ok(match signals.received() {
        Some(kind) => Ending::Short(kind),
        None => outcome(&answered),
    })
}

/// What Okta refused outranks what was not sent: the latter's code says that nothing was sent.
fn outcome(answered: &[Answered]) -> Ending {
    let any = |test: fn(&Answered) -> bool| answered.iter().any(test);
    if any(|answer| matches!(answer, Answered::Refused { .. } | Answered::HeldBack { .. })) {
        Ending::Short(Kind::Failed)
    } else if any(|answer| matches!(answer, Answered::Unsent(_) | Answered::Broken(_))) {
        Ending::Short(Kind::Usage)
    } else {
        Ending::Success
    }
}

fn tell(answer: &Answered, output: Output) {
    match answer {
        Answered::Accepted { entry, run } => output.note(format_args!(
            "{}/{} (row {}): accepted; the rest of the entry: okta-rollout resume {}",
            entry.org, entry.app, entry.row, run.0
        )),
        Answered::AcceptedBefore => output.note("this answer was accepted before"),
        Answered::Broken(error) => output.error(format_args!("{error:#}")),
        Answered::Unsent(refusal) => output.error(format_args!("not sent: {refusal}")),
        Answered::HeldBack { entry, message } => {
            output.error(format_args!(
                "{}/{} (row {}): Okta did not take the answer: {message}",
                entry.org, entry.app, entry.row
            ));
            output.hint("mend the cause, then hand the same answer in again");
        }
        Answered::Refused {
            entry,
            message,
            fresh_link,
        } => {
            output.error(format_args!(
                "{}/{} (row {}): Okta refused the answer: {message}",
                entry.org, entry.app, entry.row
            ));
            match fresh_link {
                Some(link) => output.hint(format_args!("open the fresh link: {link}")),
                None => output.hint("get a fresh link: okta-rollout consent refresh"),
            }
        }
    }
}

fn answers(args: &args::ConsentComplete, settings: &Settings) -> Result<String, Failure> {
    if let Some(file) = &args.file {
        let shown = file.display();
        let cannot = || format!("{shown} cannot be read");
        let opened = std::fs::File::open(file).with_context(cannot);
        return opened
            .and_then(|file| read_all(file).with_context(cannot))
            .map_err(Failure::usage);
    }
    let stdin = match args.answers.as_slice() {
        [] if settings.stdin_is_terminal => {
            return Err(Failure::usage(anyhow::anyhow!("no answer was given")).hint(
                "pipe it in: okta-rollout consent complete < answer.json; or use --file FILE",
            ));
        }
        [] => true,
        [only] => only == "-",
        _ => false,
    };
    if stdin {
        return read_all(std::io::stdin().lock())
            .context("standard input cannot be read")
            .map_err(Failure::usage);
    }
    Ok(args.answers.join("\n"))
}

fn read_all(from: impl std::io::Read) -> anyhow::Result<String> {
    let mut text = String::new();
    from.take(MAX_ANSWERS + 1).read_to_string(&mut text)?;
    anyhow::ensure!(
        text.len() as u64 <= MAX_ANSWERS,
        "it is larger than {} MiB",
        MAX_ANSWERS >> 20
    );
    Ok(text)
}

/// `consent refresh`.
pub(super) async fn refresh(
    args: &args::ConsentRefresh,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let ledger = writable(settings).await?;
    let run = ledger.find_run(args.run.as_deref()).await?;
    let policy = RunContext::of(&run)?.policy(settings, output)?;
    let options = options(&policy, false);
    let interrupt = Interrupt::new();
    let signals = Signals::listen(interrupt.clone(), output)?;
    // As `consent list`: of all runs, unless one is named.
    let only = args.run.as_ref().map(|_| &run.id);
    let mut pending = ledger.pending_consents(only).await?;
    pending.retain(|pending| wanted(args, pending));
    let opened = async |pending: &Pending| org_of(&ledger, pending, args.allow_exec).await;
    let mut desk = Desk::new(&ledger, &options, opened, interrupt.clone())
        .await
        .map_err(Failure::usage)?;
    let mut failed = false;
    for pending in pending {
        if interrupt.is_requested() {
            break;
        }
        let name = name(&pending);
        match desk.refresh(pending).await.map_err(Failure::usage)? {
            Ok(Some(link)) => output.text(format_args!("{name}\n  {link}\n"))?,
            Ok(None) => output.note(format_args!("{name}: needs no consent any more")),
            Err(message) => {
                failed = true;
                output.error(format_args!("{name}: no fresh link: {message}"));
            }
        }
    }
    Ok(match signals.received() {
        Some(kind) => Ending::Short(kind),
        None if failed => Ending::Short(Kind::Failed),
        None => Ending::Success,
    })
}

fn wanted(args: &args::ConsentRefresh, pending: &Pending) -> bool {
    let app = pending.entry.entry.app.name();
    (args.org.is_empty() || args.org.contains(&pending.org.name))
        && (args.app.is_empty() || args.app.iter().any(|wanted| wanted == app))
}

async fn org_of(ledger: &Ledger, pending: &Pending, allow_exec: bool) -> anyhow::Result<OrgAccess> {
    let run = ledger.run(&pending.run).await?;
    let context = RunContext::of(&run).map_err(|failure| failure.error)?;
    if is_sandbox(&pending.org) {
        anyhow::bail!(
            "org {} is simulated by okta-rollout itself, and only while a run lives: resume run {}",
            pending.org.name,
            run.id.0
        );
    }
    access(pending.org.clone(), &context, allow_exec, None)
        .await
        .map_err(|failure| failure.error)
}

fn name(pending: &Pending) -> String {
    let row = &pending.entry;
    format!("{}/{} (row {})", pending.org.name, row.entry.app, row.row)
}
