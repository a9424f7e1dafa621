//! The rules as a table, and over random waves.

use proptest::prelude::*;

use super::*;

const BEGUN: WaveRow = WaveRow {
    started_at: Some(UnixMillis(1)),
    finished_at: None,
    approved_at: None,
    passed_at: None,
};

const ENDED: WaveRow = WaveRow {
    finished_at: Some(UnixMillis(2)),
    ..BEGUN
};

fn facts(row: WaveRow, work: Work) -> Facts {
    Facts {
        row,
        work,
        failed: 0,
        allowed: None,
        approve: false,
        soaks_until: None,
    }
}

fn soaking(until: i64) -> Facts {
    Facts {
        soaks_until: Some(UnixMillis(until)),
        ..facts(ENDED, Work::AtRest)
    }
}

fn are_next<const N: usize>(table: [(Vec<Facts>, Next); N]) {
    for (waves, wanted) in table {
        assert_eq!(next(&waves), wanted, "{waves:#?}");
    }
}

#[test]
fn one_wave_comes_after_the_other() {
    use Next::{Begins, Ends, Over, Soaks, Works};
    use Work::{AtRest, Elsewhere, Left};
    let new = WaveRow::default();
    are_next([
        (vec![], Over),
        (vec![facts(new, Left), facts(new, Left)], Begins(0)),
        (vec![facts(BEGUN, Left), facts(new, Left)], Works(0)),
        (vec![facts(BEGUN, AtRest), facts(new, Left)], Ends(0)),
        (vec![facts(ENDED, AtRest), facts(new, Left)], Begins(1)),
        // A consent of it came in: that holds nothing up.
        (vec![facts(ENDED, Left), facts(new, Left)], Begins(1)),
        (vec![facts(ENDED, Left), facts(ENDED, AtRest)], Over),
        // Failed entries of it are tried again: the one after it waits, although it has begun.
        (vec![facts(BEGUN, Left), facts(BEGUN, Left)], Works(0)),
        // Others are asked for.
        (vec![facts(new, Elsewhere), facts(new, Left)], Begins(1)),
        (vec![facts(BEGUN, Elsewhere), facts(BEGUN, Left)], Works(1)),
        (vec![facts(new, Elsewhere), facts(new, Elsewhere)], Over),
        (
            vec![soaking(7), facts(new, Left)],
            Soaks {
                after: 0,
                before: 1,
                until: UnixMillis(7),
            },
        ),
        (vec![soaking(7), facts(BEGUN, Left)], Works(1)),
        (vec![soaking(7), facts(ENDED, AtRest)], Over),
        (
            vec![soaking(7), facts(new, Elsewhere), facts(new, Left)],
            Soaks {
                after: 0,
                before: 2,
                until: UnixMillis(7),
            },
        ),
        (
            vec![soaking(9), soaking(8), facts(new, Left)],
            Soaks {
                after: 0,
                before: 2,
                until: UnixMillis(9),
            },
        ),
    ]);
}

#[test]
fn a_wave_begins_when_a_person_says_so_and_none_behind_a_halt() {
    use Next::{Awaits, Begins, Halted, Soaks, Works};
    use Work::{AtRest, Elsewhere, Left};
    let new = WaveRow::default();
    let approve = |row, work| Facts {
        approve: true,
        ..facts(row, work)
    };
    let approved = WaveRow {
        approved_at: Some(UnixMillis(3)),
        ..new
    };
    let failed = |row, failed| Facts {
        failed,
        allowed: Some(2),
        ..facts(row, Left)
    };
    let passed = WaveRow {
        passed_at: Some(UnixMillis(9)),
        ..BEGUN
    };
    are_next([
        (vec![approve(new, Left)], Awaits(0)),
        (vec![facts(ENDED, AtRest), approve(new, Left)], Awaits(1)),
        (
            vec![facts(ENDED, AtRest), approve(approved, Left)],
            Begins(1),
        ),
        (vec![facts(ENDED, AtRest), approve(BEGUN, Left)], Works(1)),
        (vec![facts(new, Elsewhere), approve(new, Left)], Awaits(1)),
        (
            vec![soaking(7), approve(new, Left)],
            Soaks {
                after: 0,
                before: 1,
                until: UnixMillis(7),
            },
        ),
        // Halts.
        (vec![failed(BEGUN, 2), facts(new, Left)], Works(0)),
        (vec![failed(BEGUN, 3), facts(new, Left)], Halted(0)),
        (vec![failed(ENDED, 3), facts(new, Left)], Halted(0)),
        (vec![facts(BEGUN, Left), failed(BEGUN, 3)], Halted(1)),
        (vec![failed(passed, 30), facts(new, Left)], Works(0)),
        (vec![failed(new, 3)], Begins(0)),
        (vec![facts(ENDED, AtRest), failed(new, 9)], Begins(1)),
        (vec![failed(passed, 30), failed(BEGUN, 3)], Halted(1)),
    ]);
}

#[test]
fn a_soak_takes_as_long_as_asked_for_by_any_clock() {
    const MINUTE: i64 = 60_000;
    let minutes = Duration::from_mins;
    for (passed, soak, left) in [
        (0, 30, 30),
        (1, 30, 29),
        (30, 30, 0),
        (31, 30, 0),
        (10_000, 30, 0),
        (5, 0, 0),
        // The clock was set back since.
        (-1, 30, 30),
        (-10_000, 30, 30),
    ] {
        let finished = 1_767_323_045_000;
        let (finished, now) = (UnixMillis(finished), UnixMillis(finished + passed * MINUTE));
        assert_eq!(
            soak_left(finished, minutes(soak), now),
            minutes(left),
            "{passed}"
        );
    }
    let week = minutes(7 * 24 * 60);
    assert_eq!(soak_left(UnixMillis::MAX, week, UnixMillis::MIN), week);
    assert_eq!(
        soak_left(UnixMillis::MIN, week, UnixMillis::MAX),
        Duration::ZERO
    );
}

/// A run as its waves see it.
#[derive(Debug)]
struct Run {
    waves: Vec<Facts>,
    entries: Vec<Vec<Entry>>,
    soaks: Vec<Duration>,
    now: UnixMillis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Pending,
    AtWork,
    Failed,
    Done,
}

/// An entry that begins or comes to its end.
#[derive(Clone, Copy, Debug)]
struct Chance {
    entry: usize,
    fails: bool,
    passes: Duration,
}

impl Run {
    /// Does what the rules say until they ask for something else than time or work.
    fn drive(&mut self, chances: &mut impl Iterator<Item = Chance>) -> Next {
        loop {
            for (no, facts) in self.waves.iter_mut().enumerate() {
                let entries = &self.entries[no];
                let is = |state| entries.iter().filter(|entry| **entry == state).count() as u64;
                facts.failed = is(Entry::Failed);
                facts.work = match is(Entry::Pending) + is(Entry::AtWork) {
                    0 => Work::AtRest,
                    _ => Work::Left,
                };
                let until = facts.row.finished_at.map(|at| at.after(self.soaks[no]));
                facts.soaks_until = until.filter(|until| *until > self.now);
            }
            let next = next(&self.waves);
            match next {
                Next::Begins(no) => {
                    let others = self
                        .entries
                        .iter()
                        .enumerate()
                        .filter(|(other, _)| *other != no);
                    let at_work = others.flat_map(|(_, entries)| entries);
                    assert!(
                        at_work.clone().all(|entry| *entry != Entry::AtWork),
                        "two waves at work"
                    );
                    for wave in 0..no {
                        let row = self.waves[wave].row;
                        let soaked = row.finished_at.unwrap().after(self.soaks[wave]);
                        assert!(soaked <= self.now, "before the soak was over");
                    }
                    self.waves[no].row.started_at = Some(self.now);
                }
                Next::Ends(no) => self.waves[no].row.finished_at = Some(self.now),
                Next::Works(no) => {
                    let Some(chance) = chances.next() else {
                        return next;
                    };
                    self.now = self.now.after(chance.passes);
                    let all = self.entries[no].len();
                    let entry = &mut self.entries[no][chance.entry % all];
                    *entry = match *entry {
                        Entry::Pending => Entry::AtWork,
                        Entry::AtWork if chance.fails => Entry::Failed,
                        Entry::AtWork => Entry::Done,
                        ended => ended,
                    };
                }
                Next::Soaks { until, .. } => self.now = until,
                Next::Awaits(_) | Next::Halted(_) | Next::Over => return next,
            }
        }
    }
}

fn any_run() -> impl Strategy<Value = Run> {
    let wave = (
        1_usize..6,
        prop::option::of(0_u64..4),
        any::<bool>(),
        0_u64..50,
    );
    prop::collection::vec(wave, 1..5).prop_map(|waves| {
        let facts = |(_, allowed, approve, _): &(usize, Option<u64>, bool, u64)| Facts {
            allowed: *allowed,
            approve: *approve,
            ..facts(WaveRow::default(), Work::Left)
        };
        Run {
            waves: waves.iter().map(facts).collect(),
            entries: waves
                .iter()
                .map(|wave| vec![Entry::Pending; wave.0])
                .collect(),
            soaks: waves
                .iter()
                .map(|wave| Duration::from_millis(wave.3))
                .collect(),
            now: UnixMillis(1_000),
        }
    })
}

proptest! {
    #[test]
    fn waves_come_one_after_the_other_and_stop_where_they_have_to(
        mut run in any_run(),
        chances in prop::collection::vec((0_usize..6, any::<bool>(), 0_u64..10), 0..400),
        passes in any::<bool>(),
    ) {
        let mut chances = chances.into_iter().map(|(entry, fails, passes)| Chance {
            entry,
            fails,
            passes: Duration::from_millis(passes),
        });
        let mut approvals = 0;
        loop {
            let next = run.drive(&mut chances);
            match next {
                // The same again changes nothing: whoever is killed or tries in vain.
                Next::Halted(no) => {
                    prop_assert_eq!(run.drive(&mut std::iter::empty()), next);
                    prop_assert!(run.waves[no].failed > run.waves[no].allowed.unwrap());
                    let later = run.entries.iter().skip(no + 1).flatten();
                    prop_assert!(later.into_iter().all(|entry| *entry == Entry::Pending));
                    if !passes {
                        break;
                    }
                    run.waves[no].row.passed_at = Some(run.now);
                }
                Next::Awaits(no) => {
                    prop_assert_eq!(run.drive(&mut std::iter::empty()), next);
                    let later = run.entries.iter().skip(no).flatten();
                    prop_assert!(later.into_iter().all(|entry| *entry == Entry::Pending));
                    run.waves[no].row.approved_at = Some(run.now);
                    approvals += 1;
                }
                Next::Over => {
                    let open = |entry: &Entry| matches!(entry, Entry::Pending | Entry::AtWork);
                    prop_assert!(!run.entries.iter().flatten().any(open));
                    let asked = run.waves.iter().filter(|wave| wave.approve).count();
                    prop_assert_eq!(approvals, asked);
                    break;
                }
                _ => break,
            }
        }
    }
}
