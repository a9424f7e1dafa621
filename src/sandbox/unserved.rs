//! A simulated org that nobody serves: its limits, its latencies and its faults, as one that is served has them, for
//! whoever brings a clock of its own. What apps it has is for the caller to know.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::latency;
use super::limits::{Bucket, Window, whole_millis};
use super::names;
use super::settings::{SandboxSettings, Switches};

/// See the first lines of this file.
#[derive(Debug)]
pub struct Unserved {
    name: Box<str>,
    settings: Arc<SandboxSettings>,
    switches: Switches,
    faults: f64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    windows: [Window; Bucket::COUNT],
    /// When the calls that are being worked on end, epoch milliseconds.
    ends: BinaryHeap<Reverse<i64>>,
    calls: u64,
}

/// What a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Done,
    /// 429: the window is used up.
    TooMany,
    /// 429: too many are worked on.
    TooManyAtOnce,
    /// 503, and it was not done.
    Failed,
}

/// An answer, with what its headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// How it ended.
    pub verdict: Verdict,
    /// How long it takes.
    pub takes: Duration,
    /// `x-rate-limit-limit`.
    pub limit: u32,
    /// `x-rate-limit-remaining`.
    pub remaining: u32,
    /// `x-rate-limit-reset`, Unix seconds.
    pub reset: i64,
    /// `Date`, Unix seconds.
    pub date: i64,
}

impl Unserved {
    /// An org of this name; `faults`: the part of its calls that fail.
    pub fn new(name: &str, settings: Arc<SandboxSettings>, faults: f64) -> Self {
        Self {
            name: name.into(),
            switches: settings.switches.get(name).cloned().unwrap_or_default(),
            settings,
            faults,
            state: Mutex::default(),
        }
    }

    /// The answer to a call (its path without the query) that comes in at this time, epoch milliseconds.
    pub fn reply(&self, method: &str, path: &str, now_ms: i64) -> Reply {
        let clock_ms = now_ms + i64::from(self.switches.clock_skew_s) * 1_000;
        let at_once = self
            .switches
            .concurrency
            .unwrap_or(self.settings.concurrency) as usize;
        let mut state = self.state.lock();
        while state.ends.peek().is_some_and(|Reverse(end)| *end <= now_ms) {
            state.ends.pop();
        }
        if at_once > 0 && state.ends.len() >= at_once {
            return Reply {
                verdict: Verdict::TooManyAtOnce,
                takes: Duration::ZERO,
                limit: 0,
                remaining: 0,
                reset: (clock_ms + 1_000).div_euclid(1_000),
                date: clock_ms.div_euclid(1_000),
            };
        }
        let bucket = Bucket::of(path);
        let rule = self.settings.rule(bucket, &self.switches);
        let taken = state.windows[bucket as usize].take(rule, clock_ms);
        let turn = state.calls.to_string();
        state.calls += 1;
        let draw = |what: &str| names::fraction(self.settings.seed, &[what, &self.name, &turn]);
        let (verdict, duration) = if taken.granted {
            let verdict = if self.faults > 0.0 && draw("fault") < self.faults {
                Verdict::Failed
            } else {
                Verdict::Done
            };
            (verdict, self.takes(method, path, &turn))
        } else {
            (Verdict::TooMany, Duration::ZERO)
        };
        if at_once > 0 {
            let ends = now_ms.saturating_add(whole_millis(duration));
            state.ends.push(Reverse(ends));
        }
        Reply {
            verdict,
            takes: duration,
            limit: taken.limit,
            remaining: taken.remaining,
            reset: taken.resets_ms.div_euclid(1_000),
            date: clock_ms.div_euclid(1_000),
        }
    }

    fn takes(&self, method: &str, path: &str, turn: &str) -> Duration {
        latency::draw(
            self.switches.latency.unwrap_or(self.settings.latency),
            method,
            &operation(path),
            self.settings.seed,
            &["latency", &self.name, turn],
        )
    }
}

/// The path with placeholders, as latencies were recorded for it.
fn operation(path: &str) -> Cow<'_, str> {
    let lists = ["/api/v1/apps/", "/api/v1/idps/", "/oauth2/v1/clients/"];
    let found = lists
        .into_iter()
        .find_map(|list| Some((list, path.strip_prefix(list)?)));
    let Some((list, below)) = found else {
        return Cow::Borrowed(path);
    };
    let mut segments = below.split('/');
    let _id = segments.next();
    let mut operation = format!("{list}{{id}}");
    let mut is_name = false;
    for segment in segments {
        operation.push('/');
        operation.push_str(if is_name { "{feature}" } else { segment });
        is_name = segment == "features";
    }
    Cow::Owned(operation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{Latency, Period};

    const SET: (&str, &str) = ("POST", "/api/v1/apps/0oa1/connections/default");

    fn org(settings: SandboxSettings, faults: f64) -> Unserved {
        Unserved::new("acme", Arc::new(settings), faults)
    }

    #[test]
    fn windows_begin_with_their_first_call_and_refuse_at_once() {
        let org = org(
            SandboxSettings {
                limit: 2,
                window: Period(Duration::from_secs(3)),
                latency: Latency::Recorded,
                ..SandboxSettings::default()
            },
            0.0,
        );
        let call = |now_ms| org.reply(SET.0, SET.1, now_ms);
        let first = call(10_400);
        assert_eq!((first.verdict, first.remaining), (Verdict::Done, 1));
        assert_eq!((first.date, first.reset), (10, 13));
        assert!((2_733..=2_923).contains(&first.takes.as_millis()));
        assert_eq!(call(10_500).verdict, Verdict::Done);
        let refused = call(13_399);
        assert_eq!(
            (refused.verdict, refused.takes),
            (Verdict::TooMany, Duration::ZERO)
        );
        assert_eq!(call(13_400).verdict, Verdict::Done);
    }

    #[test]
    fn only_so_many_calls_are_worked_on_at_once() {
        let settings = SandboxSettings {
            limit: 0,
            concurrency: 2,
            latency: Latency::Fixed(Period(Duration::from_secs(1))),
            ..SandboxSettings::default()
        };
        let org = org(settings, 0.0);
        let verdicts =
            [0, 10, 20, 999, 1_000, 1_005, 1_010].map(|now| org.reply(SET.0, SET.1, now).verdict);
        let (done, refused) = (Verdict::Done, Verdict::TooManyAtOnce);
        assert_eq!(
            verdicts,
            [done, done, refused, refused, done, refused, done]
        );
    }

    #[test]
    fn as_many_calls_fail_as_was_said_and_the_same_ones_each_time() {
        let settings = SandboxSettings {
            limit: 0,
            ..SandboxSettings::default()
        };
        let failed = |faults: f64| {
            let org = org(settings.clone(), faults);
            let failed = |no: &i64| org.reply(SET.0, SET.1, *no).verdict == Verdict::Failed;
            (0..10_000).filter(failed).collect::<Vec<_>>()
        };
        assert!(failed(0.0).is_empty());
        assert!((150..250).contains(&failed(0.02).len()));
        assert_eq!(failed(0.02), failed(0.02));
    }

    #[test]
    fn a_path_is_known_by_its_operation() {
        for (path, wanted) in [
            ("/api/v1/apps", "/api/v1/apps"),
            ("/api/v1/apps/0oa1", "/api/v1/apps/{id}"),
            (SET.1, "/api/v1/apps/{id}/connections/default"),
            ("/api/v1/apps/0oa1/features", "/api/v1/apps/{id}/features"),
            (
                "/api/v1/apps/0oa1/features/USER_PROVISIONING",
                "/api/v1/apps/{id}/features/{feature}",
            ),
            ("/oauth2/v1/token", "/oauth2/v1/token"),
            ("/oauth2/v1/clients", "/oauth2/v1/clients"),
            (
                "/oauth2/v1/clients/0oa1/roles",
                "/oauth2/v1/clients/{id}/roles",
            ),
            ("/api/v1/idps/0oa1", "/api/v1/idps/{id}"),
        ] {
            assert_eq!(operation(path), wanted);
        }
    }
}
