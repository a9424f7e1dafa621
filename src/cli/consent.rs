//! `consent list|complete|refresh`: what waits for a person.

mod told;

use std::io::Read as _;

use anyhow::Context as _;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::access::{SECRETS_AT_ONCE, Shut, access, can_call, is_sandbox};
use super::args::{self, DataFormat};
use super::context::{RunContext, options};
use super::open::{readable, writable};
use super::output::Output;
use super::signals::Signals;
use crate::consent::{Desk, Refreshed};
use crate::event::Events;
use crate::failure::{Ending, Failure, Kind};
use crate::ledger::{Ledger, Pending};
use crate::report::rfc3339;
use crate::run::{Interrupt, OrgAccess};
use crate::settings::Settings;
use told::Tally;

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
    can_call(&policy.http)?;
    let options = options(&policy, false);
    let interrupt = Interrupt::new();
    let signals = Signals::listen(interrupt.clone(), output)?;
    let orgs = Orgs::new(&ledger, args.allow_exec);
    let open = async |pending: &Pending| orgs.open(pending).await;
    let (events, receiver) = Events::channel();
    let waits = tokio::spawn(told::waits(receiver, output));
    let mut desk = Desk::new(&ledger, &options, open, interrupt, events)
        .await
        .map_err(Failure::usage)?;
    let mut tally = Tally::default();
    let completed = desk
        .complete(&text, |no, answer| {
            tally.count(&answer);
            told::answer(no, &answer, output);
        })
        .await;
    // What is said of waits ends with the last sender of events.
    drop(desk);
    drop(waits.await);
    tally.sum_up(output);
    completed.map_err(Failure::usage)?;
    if tally.all() == 0 {
        return Err(Failure::usage(anyhow::anyhow!("no answer was given"))
            .hint("paste the JSON that Okta's page shows, or the URL in it"));
    }
    Ok(match signals.received() {
        Some(kind) => Ending::Short(kind),
        None => tally.ending(),
    })
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
    can_call(&policy.http)?;
    let options = options(&policy, false);
    let interrupt = Interrupt::new();
    let signals = Signals::listen(interrupt.clone(), output)?;
    // As `consent list`: of all runs, unless one is named.
    let only = args.run.as_ref().map(|_| &run.id);
    let mut pending = ledger.pending_consents(only).await?;
    pending.retain(|pending| wanted(args, pending));
    let orgs = Orgs::new(&ledger, args.allow_exec);
    let open = async |pending: &Pending| orgs.open(pending).await;
    let (events, receiver) = Events::channel();
    let waits = tokio::spawn(told::waits(receiver, output));
    let mut desk = Desk::new(&ledger, &options, open, interrupt.clone(), events)
        .await
        .map_err(Failure::usage)?;
    let names: Vec<String> = pending.iter().map(name).collect();
    let mut worst = Ending::Success;
    let mut unwritten = None;
    let refreshed = desk
        .refresh(pending, |no, refreshed| {
            match (&refreshed, worst) {
                (Refreshed::NoLink(_), _) => worst = Ending::Short(Kind::Failed),
                (Refreshed::Broken(_), Ending::Success) => worst = Ending::Short(Kind::Usage),
                _ => {}
            }
            if let Err(failure) = told::link(&names[no], &refreshed, output) {
                // Links that nobody can be shown are of no use: no further one is fetched.
                interrupt.request();
                unwritten.get_or_insert(failure);
            }
        })
        .await;
    drop(desk);
    drop(waits.await);
    refreshed.map_err(Failure::usage)?;
    if let Some(failure) = unwritten {
        return Err(failure);
    }
    Ok(match signals.received() {
        Some(kind) => Ending::Short(kind),
        None => worst,
    })
}

fn wanted(args: &args::ConsentRefresh, pending: &Pending) -> bool {
    let app = pending.entry.entry.app.name();
    (args.org.is_empty() || args.org.contains(&pending.org.name))
        && (args.app.is_empty() || args.app.iter().any(|wanted| wanted == app))
}

/// Opens orgs at the desk's request.
struct Orgs<'a> {
    ledger: &'a Ledger,
    allow_exec: bool,
    // Programs of `exec:` secrets that run at once.
    places: Semaphore,
}

impl<'a> Orgs<'a> {
    const fn new(ledger: &'a Ledger, allow_exec: bool) -> Self {
        Self {
            ledger,
            allow_exec,
            places: Semaphore::const_new(SECRETS_AT_ONCE),
        }
    }

    async fn open(&self, pending: &Pending) -> anyhow::Result<OrgAccess> {
        let place = self.places.acquire().await?;
        let run = self.ledger.run(&pending.run).await?;
        let context = RunContext::of(&run).map_err(|failure| failure.error)?;
        if is_sandbox(&pending.org) {
            anyhow::bail!(
                "org {} is simulated by okta-rollout itself, and only while a run lives: resume run {}",
                pending.org.name,
                run.id.0
            );
        }
        let opened = access(pending.org.clone(), &context, self.allow_exec, None).await;
        drop(place);
        let shut = |shut: Box<Shut>| anyhow::anyhow!("org {}: {}", shut.row.name, shut.why);
        opened.map_err(|failure| failure.error)?.map_err(shut)
    }
}

fn name(pending: &Pending) -> String {
    let row = &pending.entry;
    format!("{}/{} (row {})", pending.org.name, row.entry.app, row.row)
}
