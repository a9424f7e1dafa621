//! What is shown and said of a wave. Pure.

use super::clock::Clock;
use super::line::{Line, Weight, colour, failure, line, painted};
use crate::event::WaveEvent;
use crate::report::{counted, wave_called};

/// What the screen shows from now on, and the lines to print; `(no, waves)`: which it is of how many.
pub(super) fn wave(
    name: &str,
    (no, waves): (u64, u64),
    what: WaveEvent,
    clock: &Clock,
) -> (String, Vec<Line>) {
    let name = format!("{} ({no} of {waves})", wave_called(name));
    match what {
        WaveEvent::Began { orgs, entries } => {
            let entries = counted(entries, "entry", "entries");
            let orgs = counted(orgs, "org", "orgs");
            let text = format!("{name} begins: {entries} in {orgs}");
            (name, line(Weight::News, text))
        }
        WaveEvent::Ended { failed } => {
            let failed = match failed {
                0 => String::new(),
                failed => format!(", {failed} failed"),
            };
            let text = format!("{name} ended{failed}");
            (text.clone(), line(Weight::News, text))
        }
        WaveEvent::Soaks { until } => {
            let text = format!("{name} soaks until {}", clock.time(until));
            (text.clone(), line(Weight::Notice, text))
        }
        WaveEvent::AwaitsApproval => {
            let text = format!("{name} waits for an approval");
            (text.clone(), line(Weight::Notice, text))
        }
        WaveEvent::Halted {
            failed,
            allowed,
            entries,
        } => {
            let halted = painted(colour::FAILED, "halted");
            let entries = counted(entries, "entry", "entries");
            let text = format!(
                "{name} {halted}: {failed} of {entries} failed, {allowed} may; no further entry begins"
            );
            (format!("{name} {halted}"), failure(text, None))
        }
    }
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::model::UnixMillis;

    #[test]
    fn each_event_says_what_is_waited_for() {
        let clock = Clock(TimeZone::UTC);
        for (what, wanted) in [
            (
                WaveEvent::Began {
                    orgs: 1,
                    entries: 3,
                },
                "wave canaries (1 of 3) begins: 3 entries in 1 org",
            ),
            (
                WaveEvent::Ended { failed: 0 },
                "wave canaries (1 of 3) ended",
            ),
            (
                WaveEvent::Ended { failed: 2 },
                "wave canaries (1 of 3) ended, 2 failed",
            ),
            (
                WaveEvent::Soaks {
                    until: UnixMillis(1_767_323_045_000),
                },
                "wave canaries (1 of 3) soaks until 03:04:05 UTC",
            ),
            (
                WaveEvent::AwaitsApproval,
                "wave canaries (1 of 3) waits for an approval",
            ),
            (
                WaveEvent::Halted {
                    failed: 3,
                    allowed: 2,
                    entries: 10,
                },
                "wave canaries (1 of 3) halted: 3 of 10 entries failed, 2 may; no further entry begins",
            ),
        ] {
            let (_, lines) = wave("canaries", (1, 3), what, &clock);
            let said = strip_str(&lines[0].text).to_string();
            assert_eq!((said.as_str(), lines.len()), (wanted, 1));
        }
    }
}
