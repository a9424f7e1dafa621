//! What was found, as people see it: a line an org, and one of the ledger.

use std::io::{self, Write};

use indexmap::IndexMap;

use super::problems::named;
use crate::cli::output::columns;
use crate::report::counted;
use crate::rollout::doctor::{
    Credentials, Findings, Held, LedgerFindings, LedgerState, OrgFindings, Skew, size,
};
use crate::text::Page;

const HEAD: [&str; COLUMNS] = [
    "org",
    "reached",
    "credentials",
    "rights",
    "clock here",
    "calls a window",
    "at once",
];

const COLUMNS: usize = 7;

/// Nothing is known.
const NONE: &str = "-";

/// Writes it.
pub(super) fn write<W: Write>(page: &mut Page<W>, found: &Findings) -> io::Result<()> {
    let rows: Vec<_> = found.orgs.iter().map(row).collect();
    if !rows.is_empty() {
        columns(page, &HEAD, &rows)?;
        for line in needs(&found.orgs) {
            page.line(format_args!("{line}"))?;
        }
    }
    ledger(page, &found.ledger)
}

fn row(org: &OrgFindings) -> [String; COLUMNS] {
    let none = || NONE.to_owned();
    let answered = |duration_ms: u64| {
        let hundredths = (duration_ms + 5) / 10;
        format!("in {}.{:02} s", hundredths / 100, hundredths % 100)
    };
    [
        org.org.clone(),
        match org.reachable {
            Some(true) => org.duration_ms.map_or_else(|| "yes".to_owned(), answered),
            Some(false) => "no".to_owned(),
            None => none(),
        },
        match org.credentials {
            Credentials::Unknown => none(),
            known => known.name().to_owned(),
        },
        rights(org),
        org.clock.map_or_else(none, Skew::told),
        org.limit.as_ref().map_or_else(none, |limit| {
            let calls = limit.calls.map_or_else(none, |calls| calls.to_string());
            format!("{calls} of {}", limit.limit)
        }),
        match (org.max_in_flight, org.max_rps) {
            (None, _) => none(),
            (Some(most), None) => most.to_string(),
            (Some(most), Some(rps)) => format!("{most}, {rps} a second"),
        },
    ]
}

fn rights(org: &OrgFindings) -> String {
    let missing: Vec<_> = org.rights.which(Held::No).collect();
    if !missing.is_empty() {
        return format!("without {}", missing.join(" "));
    }
    match org.rights.role_held {
        Held::No => format!("not {}", org.rights.role.name()),
        _ if org.rights.which(Held::Yes).next().is_some() => "may read apps".to_owned(),
        _ => NONE.to_owned(),
    }
}

/// What orgs need besides, as far as no answer shows it.
fn needs(orgs: &[OrgFindings]) -> Vec<String> {
    let mut alike: IndexMap<String, Vec<&str>> = IndexMap::new();
    for org in orgs {
        let scopes: Vec<_> = org.rights.which(Held::Unknown).collect();
        let role = org.rights.role.name();
        let needs = match org.auth {
            _ if org.credentials != Credentials::Accepted || scopes.is_empty() => continue,
            // Served by the program, which may do everything there.
            None => continue,
            Some("apiToken") => format!("a token whose owner is {role}, or may do as much"),
            Some(_) => format!(
                "{}, and a client that is {role}, or may do as much",
                scopes.join(", ")
            ),
        };
        alike.entry(needs).or_default().push(&org.org);
    }
    let line = |(needs, orgs): (String, Vec<&str>)| {
        let verb = if orgs.len() == 1 { "needs" } else { "need" };
        format!("{} {verb}, which no GET shows: {needs}", named(&orgs))
    };
    alike.into_iter().map(line).collect()
}

fn ledger<W: Write>(page: &mut Page<W>, ledger: &LedgerFindings) -> io::Result<()> {
    let runs = counted(ledger.runs, "run", "runs");
    let bytes = size(ledger.bytes);
    let state = match ledger.state {
        LedgerState::Absent => "none yet, the first run makes it".to_owned(),
        LedgerState::Sound => format!("sound, {runs}, {bytes}"),
        LedgerState::Older => format!("of an earlier version, {bytes}: the next run upgrades it"),
        LedgerState::Unusable => "cannot be used".to_owned(),
    };
    let free = ledger
        .free_bytes
        .map(|free| format!(", {} free", size(free)));
    let free = free.unwrap_or_default();
    page.line(format_args!("ledger {}: {state}{free}", ledger.location))?;
    for held in &ledger.held {
        page.line(format_args!(
            "  run {} is worked on by {}",
            held.run, held.by
        ))?;
    }
    Ok(())
}
