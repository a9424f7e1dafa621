//! `rehearse`: how long a run will take, and where it will wait. Nothing is sent.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::args::{self, DataFormat};
use super::output::Output;
use super::target;
use crate::engine::OrgRehearsed;
use crate::failure::{Ending, Failure};
use crate::report::{counted, short};
use crate::rollout::rehearse::{Advice, Assumptions, Rehearsal, rehearse as play};
use crate::settings::Settings;
use crate::text::{Page, Syntax};

/// Orgs that are shown by name; the others are alike, or faster.
const SHOWN: usize = 5;

/// What `rehearse --format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sheet<'a> {
    entries: u64,
    calls: u64,
    consents: u64,
    wall_ms: u64,
    orgs: Vec<OrgSheet<'a>>,
    waves: Vec<WaveSheet<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrgSheet<'a> {
    org: &'a str,
    calls: u64,
    wall_ms: u64,
    waited_ms: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WaveSheet<'a> {
    name: &'a str,
    entries: u64,
    wall_ms: u64,
}

/// `rehearse`.
pub(super) async fn rehearse(
    args: &args::Rehearse,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let target = target::read(&args.file, settings, output)?;
    let assumptions = Assumptions {
        limit: args.limit,
        window: args.window,
        latency: args.latency,
        faults: args.faults.unwrap_or_default(),
        consent_after: args.consent_after.and_then(|after| after.0),
    };
    let rehearsal = play(&target, assumptions).await;
    let rehearsal = rehearsal.map_err(|why| target::refused(&args.file, why, output))?;
    match args.format {
        DataFormat::Human => output.page(|page| write(page, args, &rehearsal))?,
        DataFormat::Json => output.data(Syntax::Json, |out| {
            serde_json::to_writer_pretty(&mut *out, &Sheet::of(&rehearsal))?;
            Ok(writeln!(out)?)
        })?,
    }
    Ok(Ending::Success)
}

impl<'a> Sheet<'a> {
    fn of(rehearsal: &'a Rehearsal) -> Self {
        let total = rehearsal.total();
        let org = |(name, org): &'a (String, OrgRehearsed)| OrgSheet {
            org: name,
            calls: org.calls,
            wall_ms: millis(org.wall),
            waited_ms: millis(org.waited),
        };
        let waves = rehearsal.waves.iter().map(|wave| WaveSheet {
            name: &wave.name,
            entries: wave.entries,
            wall_ms: millis(wave.wall),
        });
        Self {
            entries: total.entries,
            calls: total.calls,
            consents: total.consents,
            wall_ms: millis(rehearsal.wall),
            orgs: rehearsal.orgs.iter().map(org).collect(),
            waves: waves.collect(),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn write(
    out: &mut Page<impl Write>,
    args: &args::Rehearse,
    rehearsal: &Rehearsal,
) -> io::Result<()> {
    let total = rehearsal.total();
    out.line(format_args!(
        "{} in {}: {}, {}",
        counted(total.entries, "entry", "entries"),
        counted(rehearsal.orgs.len() as u64, "org", "orgs"),
        counted(total.calls, "call", "calls"),
        short(rehearsal.wall)
    ))?;
    if total.consents > 0 {
        let needed = counted(total.consents, "entry needs", "entries need");
        let given = match args.consent_after.and_then(|after| after.0) {
            Some(after) => format!("given {} after it was asked for", short(after)),
            None => "after that they wait for it".to_owned(),
        };
        out.line(format_args!("{needed} a person's consent; {given}"))?;
    }
    if total.failed > 0 {
        let failed = counted(total.failed, "entry fails", "entries fail");
        out.line(format_args!("{failed} in spite of all retries"))?;
    }
    for wave in &rehearsal.waves {
        out.line(format_args!(
            "wave {}: {}, {}",
            wave.name,
            counted(wave.entries, "entry", "entries"),
            short(wave.wall)
        ))?;
    }
    write_slowest(out, rehearsal)?;
    for advice in &rehearsal.advice {
        out.line(format_args!("shorter: {}", advice_line(advice)))?;
    }
    out.line(format_args!("nothing was sent"))
}

fn write_slowest(out: &mut Page<impl Write>, rehearsal: &Rehearsal) -> io::Result<()> {
    let mut orgs: Vec<_> = rehearsal.orgs.iter().collect();
    // Equally slow ones in order of first use.
    orgs.sort_by_key(|(_, org)| std::cmp::Reverse(org.wall));
    for (name, org) in orgs.iter().take(SHOWN) {
        let waits = match org.waited {
            Duration::ZERO => "never waits for its limits".to_owned(),
            waited => format!("{} of that waiting for its limits", short(waited)),
        };
        out.line(format_args!(
            "  {name}: {}, {}, {waits}",
            counted(org.calls, "call", "calls"),
            short(org.wall)
        ))?;
    }
    match orgs.get(SHOWN) {
        Some((_, next)) => out.line(format_args!(
            "  {}: {} at most",
            counted((orgs.len() - SHOWN) as u64, "more org", "more orgs"),
            short(next.wall)
        )),
        None => Ok(()),
    }
}

fn advice_line(advice: &Advice) -> String {
    match advice {
        Advice::MoreShare { org, wall } => format!(
            "{org} would take {} with `share` 1 in its limits, if nobody else calls it meanwhile",
            short(*wall)
        ),
        Advice::NoCap { org, limit, wall } => {
            format!("{org} would take {} without its `{limit}`", short(*wall))
        }
        Advice::FewerReads { calls } => format!(
            "{} only because features are given in part: give every field of them",
            counted(*calls, "call is made", "calls are made")
        ),
        Advice::OtherOrder { org, later } => format!(
            "the next wave waits {} for {org} alone: put it into the last wave",
            short(*later)
        ),
    }
}
