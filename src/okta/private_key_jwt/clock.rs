//! The org's clock, as its answers show it: what is signed is judged by it, whatever time it is here.

use std::time::{SystemTime, UNIX_EPOCH};

use super::super::authorizer::AnswerHeaders;

/// Said to be so long ago (seconds): clocks that are set well still differ a little, and what is signed in the future is
/// refused.
const GRACE_S: i64 = 5;

/// From here on (seconds) two readings are of different clocks, not of a slow answer.
const NOTICED_S: i64 = 30;

/// How the org's clock differs from this machine's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clock {
    /// Seconds that the org's is ahead; `None` = no answer showed it yet. It is a little less than the truth, by what
    /// the answer took.
    pub ahead_s: Option<i64>,
}

impl Clock {
    /// Learns from an answer of Okta; somebody else's page has somebody else's clock.
    pub fn learn(&mut self, answer: AnswerHeaders<'_>) {
        let is_oktas = ["x-okta-request-id", "x-rate-limit-limit"]
            .iter()
            .any(|name| answer.get(name).is_some());
        if !is_oktas {
            return;
        }
        let date = answer
            .get("date")
            .and_then(|date| httpdate::parse_http_date(date).ok());
        if let Some(date) = date {
            self.ahead_s = Some(seconds(date).saturating_sub(seconds(SystemTime::now())));
        }
    }

    /// The time that may be said to be now, in Unix seconds of the org.
    pub fn now_s(self) -> i64 {
        let here = seconds(SystemTime::now());
        here.saturating_add(self.ahead_s.unwrap_or_default())
            .saturating_sub(GRACE_S)
    }

    /// Whether it differs from what it was.
    pub fn moved_since(self, earlier: Self) -> bool {
        let (now, then) = (self.ahead_s, earlier.ahead_s);
        now.unwrap_or_default().abs_diff(then.unwrap_or_default()) >= NOTICED_S.unsigned_abs()
    }

    /// `10 min ahead of the org's`, of this machine's clock; `None` where it is not known to be wrong.
    pub fn told(self) -> Option<String> {
        let ahead_s = self.ahead_s.filter(|ahead| ahead.abs() >= NOTICED_S)?;
        // The org's clock ahead of ours: ours is behind.
        let side = if ahead_s > 0 { "behind" } else { "ahead of" };
        let seconds = ahead_s.unsigned_abs();
        let length = match seconds {
            ..120 => format!("{seconds} s"),
            120..7200 => format!("{} min", (seconds + 30) / 60),
            7200..172_800 => format!("{} h", (seconds + 1800) / 3600),
            _ => format!("{} days", (seconds + 43_200) / 86_400),
        };
        Some(format!("{length} {side} the org's"))
    }
}

fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_a_clock_is_wrong_is_told_as_people_say_it() {
        for (ahead_s, told) in [
            (None, None),
            (Some(0), None),
            (Some(-3), None),
            (Some(29), None),
            (Some(30), Some("30 s behind the org's")),
            (Some(-600), Some("10 min ahead of the org's")),
            (Some(599), Some("10 min behind the org's")),
            (Some(-7_300), Some("2 h ahead of the org's")),
            (Some(200_000), Some("2 days behind the org's")),
        ] {
            assert_eq!(Clock { ahead_s }.told().as_deref(), told);
        }
    }

    #[test]
    fn only_another_clock_is_worth_another_try() {
        let clock = |ahead_s| Clock { ahead_s };
        for (now, then, moved) in [
            (Some(600), None, true),
            (Some(-600), Some(0), true),
            (Some(600), Some(598), false),
            (Some(3), None, false),
            (None, None, false),
        ] {
            assert_eq!(
                clock(now).moved_since(clock(then)),
                moved,
                "{now:?} {then:?}"
            );
        }
    }
}
