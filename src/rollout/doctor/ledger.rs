//! What is found of the ledger that a run would use.

use super::findings::{About, HeldRun, LedgerFindings, LedgerState, Problem, is_ok};
use crate::job::LedgerUrl;
use crate::ledger::{Health, Ledger, LedgerError};
use crate::model::ErrorDetails;

/// What a run adds to its ledger for each entry (README, "The ledger"), in bytes.
const PER_ENTRY: u64 = 900;

/// What it takes besides: its log, until that is moved into the file (64 MiB).
const BESIDES: u64 = 64 * 1024 * 1024;

/// Looks at the ledger; a run of so many entries is to fit in.
pub(super) async fn examine(url: &LedgerUrl, entries: u64) -> LedgerFindings {
    judge(Ledger::health(url).await, entries)
}

fn judge(health: Health, entries: u64) -> LedgerFindings {
    let state = match &health.error {
        None => LedgerState::Sound,
        Some(LedgerError::Missing { .. }) => LedgerState::Absent,
        Some(LedgerError::OlderFormat { .. }) => LedgerState::Older,
        Some(_) => LedgerState::Unusable,
    };
    let format = match &health.error {
        Some(LedgerError::OlderFormat { found, .. } | LedgerError::NewerFormat { found, .. }) => {
            Some(*found)
        }
        _ => health.format,
    };
    let unusable = health.error.filter(|_| state == LedgerState::Unusable);
    let mut problems: Vec<_> = unusable
        .into_iter()
        .chain(health.unwritable)
        .map(|error| problem(error.to_string(), error.hint()))
        .collect();
    let needed = BESIDES.saturating_add(entries.saturating_mul(PER_ENTRY));
    if let Some(free) = health.free_bytes.filter(|free| *free < needed) {
        let location = &health.location;
        let message = format!(
            "{} is left on the disk of {location}, and a run takes up to {}",
            size(free),
            size(needed)
        );
        let hint = "make room there, or use another ledger: --ledger FILE";
        problems.push(problem(message, hint.to_owned()));
    }
    problems.dedup();
    let held = health.held.into_iter();
    LedgerFindings {
        ok: is_ok(&problems),
        location: health.location,
        state,
        format,
        bytes: health.bytes,
        free_bytes: health.free_bytes,
        runs: health.runs,
        held: held.map(|(run, by)| HeldRun { run: run.0, by }).collect(),
        problems,
    }
}

fn problem(message: String, hint: String) -> Problem {
    Problem::error(About::Ledger, ErrorDetails::new(message, Some(hint)))
}

/// `900 bytes`, `12 KB`, `1.5 MB`, `30 GB`.
pub(crate) fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "KB")];
    let Some((unit, name)) = units.into_iter().find(|(unit, _)| bytes >= *unit) else {
        return format!("{bytes} bytes");
    };
    match bytes * 10 / unit {
        tenths if tenths < 100 && tenths % 10 > 0 => {
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        tenths => format!("{} {name}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(error: Option<LedgerError>) -> Health {
        Health {
            location: "l.db".to_owned(),
            free_bytes: Some(1_000_000_000),
            error,
            ..Health::default()
        }
    }

    #[test]
    fn what_keeps_a_run_from_its_ledger_has_to_be_fixed() {
        use LedgerState::{Absent, Older, Sound, Unusable};
        let location = || "l.db".to_owned();
        let format = |found| (location(), found, 15);
        let (older, newer) = (format(3), format(99));
        for (error, state, version, problems) in [
            (None, Sound, None, 0),
            (
                Some(LedgerError::Missing {
                    location: location(),
                }),
                Absent,
                None,
                0,
            ),
            (
                Some(LedgerError::OlderFormat {
                    location: older.0,
                    found: older.1,
                    known: older.2,
                }),
                Older,
                Some(3),
                0,
            ),
            (
                Some(LedgerError::NewerFormat {
                    location: newer.0,
                    found: newer.1,
                    known: newer.2,
                }),
                Unusable,
                Some(99),
                1,
            ),
            (
                Some(LedgerError::Corrupt {
                    location: location(),
                    cause: "row 7 missing from index".to_owned(),
                }),
                Unusable,
                None,
                1,
            ),
        ] {
            let found = judge(health(error), 10);
            assert_eq!((found.state, found.format), (state, version));
            assert_eq!(found.problems.len(), problems, "{found:?}");
            assert_eq!(found.ok, problems == 0);
        }
    }

    #[test]
    fn a_disk_that_a_run_would_fill_has_to_be_fixed() {
        for (free, entries, ok) in [
            (Some(80_000_000), 10_000, true),
            (Some(80_000_000), 100_000, false),
            (Some(1_000), 0, false),
            (None, 1_000_000, true),
            (Some(u64::MAX), u64::MAX, true),
        ] {
            let mut health = health(None);
            health.free_bytes = free;
            let found = judge(health, entries);
            assert_eq!(found.ok, ok, "{free:?} {entries}: {:?}", found.problems);
        }
    }

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        for (bytes, told) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_000, "1 KB"),
            (1_550, "1.5 KB"),
            (12_345, "12 KB"),
            (1_500_000, "1.5 MB"),
            (67_108_864, "67 MB"),
            (30_000_000_000, "30 GB"),
        ] {
            assert_eq!(size(bytes), told);
        }
    }
}
