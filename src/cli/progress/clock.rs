//! Times as people read them on the screen.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::UnixMillis;
use crate::report::short;

/// The clock of a person's time zone.
pub(super) struct Clock(pub TimeZone);

impl Clock {
    /// ` 42 s, until 14:03:10 CET`.
    pub fn span(&self, now: UnixMillis, until: Option<UnixMillis>) -> String {
        let Some(until) = until else {
            return String::new();
        };
        let left = seconds(whole(until.ahead_of(now) + Duration::from_millis(999)));
        format!(" {left}, until {}", self.time(until))
    }

    /// Time of day, with the name of the zone.
    pub fn time(&self, at: UnixMillis) -> String {
        let Ok(at) = Timestamp::from_millisecond(at.0) else {
            return "some time".to_owned();
        };
        let at = at.to_zoned_datetime(self.0.clone());
        at.strftime("%H:%M:%S %Z").to_string()
    }
}

/// Without the part of a second.
pub(super) fn whole(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs())
}

/// Whole seconds: tenths that flicker once a second say nothing.
pub(super) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        _ => short(time),
    }
}
