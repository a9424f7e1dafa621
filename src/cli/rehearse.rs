//! `rehearse`: how long a run will take, and where it will wait. Nothing is sent.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::args::{self, DataFormat};
use super::output::Output;
use super::target;
use crate::engine::{OrgRehearsed, RunRehearsed, WaveRehearsed};
use crate::failure::{Ending, Failure};
use crate::model::whole_millis;
use crate::report::{counted, short, wave_called};
use crate::rollout::rehearse::{Advice, Alone, Assumptions, Rehearsal, rehearse as play};
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
    /// The wave at which the run is halted, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    halted: Option<&'a str>,
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
        let (run, total) = (&rehearsal.run, rehearsal.run.total());
        let org = |(name, org): (&'a String, &OrgRehearsed)| OrgSheet {
            org: name,
            calls: org.calls,
            wall_ms: whole_millis(org.wall),
            waited_ms: whole_millis(org.waited),
        };
        let waves = run.waves.iter().map(|wave| WaveSheet {
            name: &wave.wave.name,
            entries: wave.entries,
            wall_ms: whole_millis(wave.wall),
        });
        Self {
            entries: total.entries,
            calls: total.calls,
            consents: total.consents,
            wall_ms: whole_millis(run.wall),
            orgs: rehearsal.orgs.iter().zip(&run.orgs).map(org).collect(),
            waves: waves.collect(),
            halted: halted(run).map(|wave| wave.wave.name.as_str()),
        }
    }
}

/// The wave at which a run is halted.
fn halted(run: &RunRehearsed) -> Option<&WaveRehearsed> {
    run.halted.and_then(|no| run.waves.get(no))
}

fn write(
    out: &mut Page<impl Write>,
    args: &args::Rehearse,
    rehearsal: &Rehearsal,
) -> io::Result<()> {
    let (run, total) = (&rehearsal.run, rehearsal.run.total());
    out.line(format_args!(
        "{} in {}: {}, {}",
        counted(total.entries, "entry", "entries"),
        counted(rehearsal.orgs.len() as u64, "org", "orgs"),
        counted(total.calls, "call", "calls"),
        short(run.wall)
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
    for wave in &run.waves {
        let took = match (wave.began, wave.wave.approve) {
            (false, _) => "does not begin".to_owned(),
            (true, false) => short(wave.wall),
            (true, true) => format!("{}, approved at once, as is assumed", short(wave.wall)),
        };
        out.line(format_args!(
            "{}: {}, {took}",
            wave_called(&wave.wave.name),
            counted(wave.entries, "entry", "entries"),
        ))?;
    }
    if let Some(wave) = halted(run) {
        let halts = wave.wave.halt_when_failed;
        out.line(format_args!(
            "{} halts the run: {} of {} {}, and {} may; {} not begin",
            wave_called(&wave.wave.name),
            wave.failed,
            counted(wave.entries, "entry", "entries"),
            if wave.failed == 1 { "fails" } else { "fail" },
            halts.map_or_else(String::new, |halts| halts.to_string()),
            counted(total.not_begun, "entry does", "entries do"),
        ))?;
    }
    let waits_for = match args.faults {
        Some(faults) if faults > 0.0 => "its limits or next tries",
        _ => "its limits",
    };
    write_slowest(out, rehearsal, waits_for)?;
    for advice in &rehearsal.advice {
        out.line(format_args!("shorter: {}", advice_line(advice)))?;
    }
    out.line(format_args!("nothing was sent"))
}

fn write_slowest(
    out: &mut Page<impl Write>,
    rehearsal: &Rehearsal,
    waits_for: &str,
) -> io::Result<()> {
    let mut orgs: Vec<_> = rehearsal.orgs.iter().zip(&rehearsal.run.orgs).collect();
    // Equally slow ones in order of first use.
    orgs.sort_by_key(|(_, org)| std::cmp::Reverse(org.wall));
    for (name, org) in orgs.iter().take(SHOWN) {
        let waits = match org.waited {
            Duration::ZERO => format!("never waits for {waits_for}"),
            waited => format!("{} of that waiting for {waits_for}", short(waited)),
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
        Advice::MoreShare { org, alone } => format!(
            "{}, with `share` 1 in its limits, if nobody else calls it meanwhile",
            instead(org, *alone)
        ),
        Advice::NoCap { org, limit, alone } => {
            format!("{}, without its `{limit}`", instead(org, *alone))
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

fn instead(org: &str, alone: Alone) -> String {
    format!(
        "{org} alone would take {} instead of {}",
        short(alone.then),
        short(alone.now)
    )
}
