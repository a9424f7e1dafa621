//! The orgs that wait, why, and until when.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use super::clock::Clock;
use super::line::{Line, Weight, line};
use crate::model::UnixMillis;
use crate::report::short;

/// A wait shorter than this (ms) gets no line of its own: it is over before it is read.
const SHORT_WAIT_MS: u128 = 2_000;

#[derive(Clone, PartialEq, Eq)]
struct Wait {
    reason: String,
    until: Option<UnixMillis>,
}

/// Waits by org, in the order in which they began.
#[derive(Default)]
pub(super) struct Waits {
    waits: IndexMap<Arc<str>, Wait>,
    /// The wait of each org that was announced: many calls have the same one.
    announced: HashMap<Arc<str>, Wait>,
}

impl Waits {
    /// What is said of a wait that began, if anything is.
    pub fn begin(
        &mut self,
        org: &Arc<str>,
        reason: &str,
        for_how_long: Option<Duration>,
        until: Option<UnixMillis>,
        clock: &Clock,
    ) -> Vec<Line> {
        let wait = Wait {
            reason: reason.to_owned(),
            until,
        };
        self.waits.insert(Arc::clone(org), wait.clone());
        if for_how_long.is_some_and(|wait| wait.as_millis() < SHORT_WAIT_MS) {
            return Vec::new();
        }
        if self.announced.get(org) == Some(&wait) {
            return Vec::new();
        }
        let span = match (for_how_long, until) {
            (Some(wait), Some(until)) => format!(" {}, until {}", short(wait), clock.time(until)),
            (Some(wait), None) => format!(" {}", short(wait)),
            (None, Some(until)) => format!(" until {}", clock.time(until)),
            (None, None) => String::new(),
        };
        self.announced.insert(Arc::clone(org), wait);
        line(Weight::News, format!("{org}: waits{span}: {reason}"))
    }

    /// A wait whose beginning may have been missed.
    pub fn restore(&mut self, org: Arc<str>, reason: &str, until: UnixMillis) {
        self.waits.entry(org).or_insert_with(|| Wait {
            reason: reason.to_owned(),
            until: Some(until),
        });
    }

    /// An org that waits no more; the same wait counts as another one from now on.
    pub fn end(&mut self, org: &Arc<str>) {
        self.waits.shift_remove(org);
        self.announced.remove(org);
    }

    /// At most so many lines; the last sums up what has none.
    pub fn lines(&self, now: UnixMillis, room: usize, clock: &Clock) -> Vec<String> {
        let line = |(org, wait): (&Arc<str>, &Wait)| {
            let span = clock.span(now, wait.until);
            format!("{org} waits{span}: {}", wait.reason)
        };
        if self.waits.len() <= room {
            return self.waits.iter().map(line).collect();
        }
        let Some(shown) = room.checked_sub(1) else {
            return Vec::new();
        };
        let mut lines: Vec<String> = self.waits.iter().take(shown).map(line).collect();
        let more = self.waits.len() - shown;
        lines.push(match shown {
            0 => format!("{more} orgs wait"),
            _ => format!("and {more} more orgs wait"),
        });
        lines
    }
}
