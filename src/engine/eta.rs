//! About when a run ends: of each org the calls that are left over what its budget allows; the slowest org decides.
//! Only calls on connections and features count, which share one bucket (API.md §10.1). How many an entry takes, and
//! how long one takes, is what this process has seen by now; before an entry has ended nothing is said.

use std::convert::Infallible;
use std::time::Duration;

use super::org::OrgSlot;
use crate::event::{Events, RunEvent};
use crate::ledger::Counts;
use crate::model::OrgNo;
use crate::okta::Bucket;
use crate::pacing::{Gate, Outlook, Tallied, unix_millis};

/// How often it is said anew; between, whoever shows it counts down.
const EVERY: Duration = Duration::from_secs(2);

/// What lies before an org.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ahead {
    calls: u64,
    /// How long one takes.
    call: Duration,
    /// How many may be made at once.
    at_once: u64,
    /// Calls a second at most, if that is limited.
    max_rps: Option<f64>,
    /// What the budget allows; `None` = nobody counts.
    outlook: Option<Outlook>,
}

impl Ahead {
    fn time(&self) -> Duration {
        let (whole, last) = match self.outlook {
            Some(outlook) if self.calls > outlook.left => {
                let rest = self.calls - outlook.left;
                let windows = rest.div_ceil(outlook.allowance.max(1)) - 1;
                let last = rest - windows * outlook.allowance.max(1);
                let whole = outlook.resets_in + times(outlook.window, windows);
                (whole, last)
            }
            _ => (Duration::ZERO, self.calls),
        };
        let rounds = last.div_ceil(self.at_once.max(1));
        let budgeted = whole + times(self.call, rounds);
        let paced = self.max_rps.filter(|rps| *rps > 0.0).map(|rps| {
            #[expect(clippy::cast_precision_loss, reason = "a run has no 2^52 calls")]
            let seconds = self.calls as f64 / rps;
            Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
        });
        budgeted.max(paced.unwrap_or_default())
    }
}

fn times(duration: Duration, times: u64) -> Duration {
    duration.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX))
}

/// Says it from time to time; never ends by itself.
pub(super) async fn announce(
    events: &Events,
    slots: &[OrgSlot],
    unfinished: &[(OrgNo, Counts)],
) -> Infallible {
    let mut every = tokio::time::interval(EVERY);
    let mut last = None;
    loop {
        every.tick().await;
        let ends_at = expected(slots, unfinished).map(|left| unix_millis().after(left));
        if ends_at.is_some() || last.is_some() {
            events.run(|| RunEvent::Expected { ends_at });
        }
        last = ends_at;
    }
}

fn expected(slots: &[OrgSlot], unfinished: &[(OrgNo, Counts)]) -> Option<Duration> {
    let gates = || slots.iter().map(|slot| &slot.org.gate);
    let of_all = gates()
        .map(|gate| gate.tally().seen())
        .reduce(Tallied::and)
        .unwrap_or_default();
    let left = |no: OrgNo| {
        let place = unfinished.binary_search_by_key(&no, |(no, _)| *no).ok()?;
        Some(unfinished[place].1.unfinished())
    };
    // By wave: one comes after the other.
    let mut longest: Vec<Option<Duration>> = Vec::new();
    for slot in slots {
        let gate = &slot.org.gate;
        let seen = gate.tally().seen();
        let entries = left(slot.org.no)
            .unwrap_or_default()
            .saturating_sub(seen.ended);
        if entries == 0 || gate.stopped().is_some() {
            continue;
        }
        // An org in which nothing ended yet will be as the others.
        let calls = seen
            .calls_of(entries)
            .or_else(|| of_all.calls_of(entries))?;
        let call = if seen.calls > 0 { seen } else { of_all }.of_a_call();
        let wave = slot.in_wave.no();
        if longest.len() <= wave {
            longest.resize(wave + 1, None);
        }
        longest[wave] = longest[wave].max(Some(ahead(gate, calls, call).time()));
    }
    longest
        .into_iter()
        .flatten()
        .reduce(Duration::saturating_add)
}

fn ahead(gate: &Gate, calls: u64, call: Duration) -> Ahead {
    Ahead {
        calls,
        call,
        at_once: gate.concurrency() as u64,
        max_rps: gate.max_rps(),
        outlook: gate.outlook(Bucket::Apps),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_takes_the_windows_it_has_to_wait_for_and_a_rest() {
        const S: fn(u64) -> Duration = Duration::from_secs;
        let metered = |left| {
            Some(Outlook {
                left,
                allowance: 45,
                resets_in: S(20),
                window: S(60),
            })
        };
        for (calls, max_rps, outlook, seconds) in [
            (0, None, None, 0),
            (100, None, None, 10),
            (100, Some(2.0), None, 50),
            (10, None, metered(10), 2),
            (11, None, metered(10), 22),
            (55, None, metered(10), 26),
            (56, None, metered(10), 82),
            (145, None, metered(10), 146),
            (145, None, metered(0), 20 + 180 + 2),
            (145, Some(0.5), metered(10), 290),
        ] {
            let ahead = Ahead {
                calls,
                call: S(2),
                at_once: 20,
                max_rps,
                outlook,
            };
            assert_eq!(ahead.time(), S(seconds), "{calls} {max_rps:?} {outlook:?}");
        }
    }
}
