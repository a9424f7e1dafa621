//! How far this machine's clock is from an org's, as the `Date` of an answer tells. Pure: times are passed in.
//!
//! `Date` is cut to whole seconds, and was written some time between the call and the end of its answer: what is known is
//! a span, and only what lies outside of it is told.

use std::time::Duration;

use serde::Serialize;

use crate::model::UnixMillis;

/// A clock that is off by as much makes what is signed with it too old, or of the future (API.md §7.2).
const WRONG: Duration = Duration::from_mins(5);

/// A clock that is set by the network is never off by as much.
const NOTICED: Duration = Duration::from_secs(30);

/// How far this machine's clock is ahead of an org's; less than nothing = behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Skew {
    /// As near as is known.
    pub ahead_ms: i64,
    /// By how much it may be more or less.
    pub within_ms: i64,
}

impl Skew {
    /// From an answer that carried `date_s` (Unix seconds) to a call that took from `sent` to `received` on this
    /// machine's clock.
    pub fn of(date_s: i64, sent: UnixMillis, received: UnixMillis) -> Option<Self> {
        let shown = date_s.checked_mul(1_000)?;
        let least = sent.0.checked_sub(shown.checked_add(999)?)?;
        let most = received.max(sent).0.checked_sub(shown)?;
        let width = most.checked_sub(least)?;
        Some(Self {
            ahead_ms: least.checked_add(width / 2)?,
            within_ms: width - width / 2,
        })
    }

    /// By how much the clocks differ at least.
    pub fn certain(self) -> Duration {
        let beyond = self.ahead_ms.unsigned_abs();
        Duration::from_millis(beyond.saturating_sub(self.within_ms.unsigned_abs()))
    }

    /// Whether people should know.
    pub fn is_noticed(self) -> bool {
        self.certain() >= NOTICED
    }

    /// Whether it has to be fixed.
    pub fn is_wrong(self) -> bool {
        self.certain() >= WRONG
    }

    /// `10 min ahead`, `in step`; in the largest two units.
    pub fn told(self) -> String {
        if self.certain() < Duration::from_secs(1) {
            return "in step".to_owned();
        }
        let seconds = (self.ahead_ms.unsigned_abs() + 500) / 1_000;
        let side = if self.ahead_ms > 0 { "ahead" } else { "behind" };
        format!("{} {side}", units(seconds))
    }
}

/// `1 h 2 min`, `10 min`, `12 s`.
fn units(seconds: u64) -> String {
    let all = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let parts = all.iter().skip_while(|(count, _)| *count == 0).take(2);
    let parts: Vec<_> = parts
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_whole_seconds_and_the_calls_duration_leave_no_doubt_of_is_told() {
        let (fine, noticed, wrong) = ((false, false), (true, false), (true, true));
        // What the server's clock showed in whole seconds; when the call was sent and ended on ours, in ms.
        for (date_s, sent, received, told, judged) in [
            (1_000, 1_000_000, 1_000_300, "in step", fine),
            (1_000, 1_000_999, 1_001_998, "in step", fine),
            // A second of ours may have passed, or one of the server's was cut off.
            (1_000, 1_001_500, 1_001_700, "in step", fine),
            (1_000, 999_000, 1_000_500, "in step", fine),
            // A slow call: it may have been written at its beginning or at its end.
            (1_000, 1_000_000, 1_045_000, "in step", fine),
            (1_010, 1_000_000, 1_045_000, "in step", fine),
            (1_000, 1_003_000, 1_003_200, "3 s ahead", fine),
            (1_000, 996_000, 996_400, "4 s behind", fine),
            (1_000, 1_030_900, 1_031_000, "30 s ahead", fine),
            (1_000, 1_031_000, 1_031_000, "31 s ahead", noticed),
            (1_000, 700_400, 700_700, "5 min behind", noticed),
            (1_000, 1_301_000, 1_301_000, "5 min 1 s ahead", wrong),
            (1_000, 1_600_400, 1_600_600, "10 min ahead", wrong),
            (1_000, 400_400, 400_600, "10 min behind", wrong),
            (1_000, 4_721_000, 4_721_200, "1 h 2 min ahead", wrong),
            (0, 1_000_000_000, 1_000_000_000, "11 d 13 h ahead", wrong),
            // A clock that was set while the call was under way.
            (1_000, 1_000_000, 900_000, "in step", fine),
        ] {
            let skew = Skew::of(date_s, UnixMillis(sent), UnixMillis(received)).unwrap();
            let case = format!("{date_s} {sent} {received}: {skew:?}");
            assert_eq!(skew.told(), told, "{case}");
            assert_eq!((skew.is_noticed(), skew.is_wrong()), judged, "{case}");
        }
    }

    #[test]
    fn what_no_clock_shows_is_no_skew() {
        for (date_s, sent, received) in [
            (i64::MAX, 0, 0),
            (i64::MIN, 0, 0),
            (i64::MAX / 1_000, i64::MIN, 0),
            (0, i64::MIN, i64::MAX),
        ] {
            let (sent, received) = (UnixMillis(sent), UnixMillis(received));
            assert_eq!(Skew::of(date_s, sent, received), None);
        }
    }
}
