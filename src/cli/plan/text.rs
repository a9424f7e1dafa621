//! A plan as people read it: what would be done, org by org, then the totals, what nobody can verify, and the cost.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::groups;
use super::parts::{calls, cost_of, style};
use crate::plan::{EntryPlan, OrgPlan, Totals};
use crate::report::{counted, wave_called};
use crate::rollout::refresh::Planned;
use crate::settings::Verbosity;
use crate::text::Page;

/// Calls a minute that no client can make: an org that shows more has no limit worth a word.
const NO_LIMIT: u64 = 1_000_000;

/// What is said of an entry that goes from an API token to a service app.
const MIGRATION: &str = "migration from TOKEN to OAUTH2: the service app is ready before the connection is switched; provisioning does not pause";

/// Writes a plan.
pub(super) fn write(
    out: &mut Page<impl Write>,
    planned: &Planned,
    verbosity: Verbosity,
) -> io::Result<()> {
    let orgs = &planned.orgs;
    if groups::is_long(orgs, verbosity) {
        groups::write(out, orgs)?;
    } else {
        for org in orgs {
            write_org(out, org, verbosity)?;
        }
    }
    for wave in &planned.waves {
        out.line(format_args!(
            "{}: {} in {}, {}",
            wave_called(&wave.name),
            counted(wave.entries, "entry", "entries"),
            counted(wave.orgs, "org", "orgs"),
            counted(wave.calls, "call", "calls")
        ))?;
    }
    let totals = Totals::of(orgs);
    out.line(format_args!("{}", totals_line(totals)))?;
    if let Some(line) = unverifiable_line(orgs).filter(|_| verbosity > Verbosity::Summary) {
        out.line(format_args!("{line}"))?;
    }
    out.line(format_args!("{}", cost_line(orgs)))
}

fn write_org(out: &mut Page<impl Write>, org: &OrgPlan, verbosity: Verbosity) -> io::Result<()> {
    cost_of(out, org)?;
    let mut as_wanted = 0;
    for entry in &org.entries {
        if groups::is_plain(entry) && verbosity < Verbosity::Steps {
            as_wanted += 1;
        } else {
            write_entry(out, org, entry)?;
        }
    }
    if as_wanted > 0 && verbosity > Verbosity::Summary {
        let as_wanted = counted(as_wanted, "entry", "entries");
        out.line(format_args!("  = {as_wanted} as wanted"))?;
    }
    Ok(())
}

fn write_entry(out: &mut Page<impl Write>, org: &OrgPlan, entry: &EntryPlan) -> io::Result<()> {
    let style = style(entry.action);
    let (sign, name) = (entry.action.sign(), entry.which.name());
    let name = format_args!("  {style}{sign}{style:#} {name}");
    match &entry.error {
        // Said once, above.
        Some(error) if org.error.as_ref() == Some(error) => {
            return out.line(format_args!("{name}: the org cannot be read"));
        }
        Some(error) => {
            out.line(format_args!("{name}: {error}"))?;
            out.line(format_args!("      hint: {}", error.hint))?;
        }
        None => out.line(name)?,
    }
    if entry.migrates {
        out.line(format_args!("      {MIGRATION}"))?;
    }
    for change in &entry.changes {
        out.line(format_args!("      {change}"))?;
    }
    for change in &entry.left_secrets {
        out.line(format_args!("      {change} !reconnect"))?;
    }
    for change in &entry.left_alone {
        out.line(format_args!("      {change} (changed by hand, left alone)"))?;
    }
    Ok(())
}

fn totals_line(totals: Totals) -> String {
    let parts = [
        (totals.set_up, "to set up"),
        (totals.change, "to change"),
        (totals.deactivate, "to deactivate"),
        (
            totals.consent,
            if totals.consent == 1 {
                "needs consent"
            } else {
                "need consent"
            },
        ),
        (totals.nothing, "as wanted"),
        (totals.errors, "cannot be done"),
    ];
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let entries = counted(totals.entries, "entry", "entries");
    format!("{entries}: {}", parts.join(", "))
}

/// What Okta does not show, and in how many entries.
fn unverifiable_line(orgs: &[OrgPlan]) -> Option<String> {
    let mut fields: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in orgs.iter().flat_map(|org| &org.entries) {
        for field in &entry.unverifiable {
            *fields.entry(field).or_default() += 1;
        }
    }
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(field, count)| format!("{field} ({count})"))
        .collect();
    let what = "unverifiable, because Okta does not show it";
    (!fields.is_empty()).then(|| format!("{what}: {}", fields.join(", ")))
}

fn cost_line(orgs: &[OrgPlan]) -> String {
    let total: u64 = orgs.iter().map(|org| org.cost.total()).sum();
    let after: u64 = orgs.iter().map(|org| org.cost.after_consent).sum();
    let uncertain: u64 = orgs.iter().map(|org| org.cost.uncertain).sum();
    let mut line = format!(
        "cost: {} in {}",
        counted(total, "call", "calls"),
        counted(orgs.len() as u64, "org", "orgs")
    );
    if after > 0 {
        line = format!("{line}, then {after} after consents");
    }
    if uncertain > 0 {
        line = format!("{line}; up to {uncertain} fewer if what is not shown yet is as wanted");
    }
    // Of equally slow ones the one with most calls.
    let slowest = orgs.iter().max_by_key(|org| (org.time(), org.cost.total()));
    let Some(slowest) = slowest.filter(|org| org.cost.total() > 0) else {
        return line;
    };
    line = format!(
        "{line}; slowest {}: {}, {}",
        slowest.name,
        calls(slowest),
        about(slowest.time())
    );
    match slowest.calls_a_minute().filter(|calls| *calls < NO_LIMIT) {
        Some(calls) => format!("{line} at {} a minute", counted(calls, "call", "calls")),
        None => line,
    }
}

fn about(time: Duration) -> String {
    let seconds = time.as_millis().div_ceil(1_000);
    match seconds {
        0..=1 => "about 1 s".to_owned(),
        2..=59 => format!("about {seconds} s"),
        60..=5_399 => format!("about {} min", seconds.div_ceil(60)),
        _ => format!("about {} h", seconds.div_ceil(3_600)),
    }
}
