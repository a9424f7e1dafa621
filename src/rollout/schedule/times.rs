//! When a cron expression is due, as cron(8) has it over changes of summer time.
//!
//! With a `*` in its hours or minutes an expression follows the clock on the wall: what that skips does not come, what
//! it shows twice comes twice. Any other has fixed times: one that is skipped comes right after the change, one that the
//! clock shows twice comes once.

use std::cmp::Ordering;

use croner::errors::CronError;
use croner::{CivilDate, CivilDateTime, CivilTime, Cron, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use crate::job::Schedule;
use crate::manifest::{BadSchedule, parse_cron};
use crate::model::UnixMillis;

/// No clock was ever set back by more.
const LONGEST_CHANGE: SignedDuration = SignedDuration::from_hours(25);

/// The times of a schedule.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    cron: Cron,
    zone: TimeZone,
    is_fixed: bool,
}

impl Times {
    /// Those of a schedule that was checked.
    pub fn new(schedule: &Schedule) -> Result<Self, BadSchedule> {
        let cron = parse_cron(&schedule.cron)?;
        let name = schedule.timezone.as_deref().unwrap_or("UTC");
        let mut hours_and_minutes = schedule.cron.split_whitespace().take(2);
        Ok(Self {
            is_fixed: !hours_and_minutes.any(|field| field.contains('*')),
            cron,
            // It was looked up when the job was checked.
            zone: TimeZoneDatabase::bundled()
                .get(name)
                .unwrap_or(TimeZone::UTC),
        })
    }

    /// The first one after this; `None` if there is none, as on February 30th.
    pub fn after(&self, at: UnixMillis) -> Option<UnixMillis> {
        let at = Timestamp::from_millisecond(at.0).ok()?;
        let mut civil = self.zone.to_datetime(at);
        let change = self.zone.following(at).next();
        if change.is_some_and(|change| change.timestamp().duration_since(at) < LONGEST_CHANGE) {
            // What the clock showed already may come once more.
            civil = civil.checked_sub(LONGEST_CHANGE).ok()?;
        }
        let mut first: Option<Timestamp> = None;
        loop {
            civil = self.cron.find_next_occurrence(&Wall(civil), false).ok()?.0;
            let shown = self.shown_at(civil)?;
            // Whatever the clock shows later is not earlier in time either.
            if first.is_some_and(|first| shown.earliest >= first) {
                return first.map(|first| UnixMillis(first.as_millisecond()));
            }
            let due = shown.due.into_iter().flatten().filter(|due| *due > at);
            first = first.into_iter().chain(due).min();
        }
    }

    /// When a clock on the wall shows this.
    fn shown_at(&self, civil: DateTime) -> Option<Shown> {
        let ambiguous = self.zone.to_ambiguous_timestamp(civil);
        let earlier = ambiguous.earlier().ok()?;
        let (earliest, due) = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => (earlier, [Some(earlier), None]),
            AmbiguousOffset::Fold { .. } => {
                let later = ambiguous.later().ok()?;
                (
                    earlier,
                    [Some(earlier), Some(later).filter(|_| !self.is_fixed)],
                )
            }
            AmbiguousOffset::Gap { .. } => {
                // With the offset of after the change this is before it.
                let change = self.zone.following(earlier).next()?.timestamp();
                (change, [Some(change).filter(|_| self.is_fixed), None])
            }
        };
        Some(Shown { earliest, due })
    }
}

/// When a clock on the wall shows something.
struct Shown {
    /// The first time, or the change that skips it.
    earliest: Timestamp,
    /// When something is due that is to be done then.
    due: [Option<Timestamp>; 2],
}

/// What a clock on the wall shows; which of that a zone skips or repeats is ours to say.
#[derive(Clone)]
struct Wall(DateTime);

impl CronDateTime for Wall {
    fn to_civil(&self) -> CivilDateTime {
        let part = |part: i8| u32::try_from(part).unwrap_or_default();
        let (date, time) = (self.0.date(), self.0.time());
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(
                date.year().into(),
                part(date.month()),
                part(date.day()),
            ),
            CivilTime::from_parts_unchecked(
                part(time.hour()),
                part(time.minute()),
                part(time.second()),
            ),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        let days = self.0.weekday().to_sunday_zero_offset();
        Weekday::from_days_from_sunday(u32::try_from(days).unwrap_or_default())
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let part = |part: u32| i8::try_from(part).map_err(|_| CronError::InvalidDate);
        let at = DateTime::new(
            year,
            part(civil.month())?,
            part(civil.day())?,
            part(civil.hour())?,
            part(civil.minute())?,
            part(civil.second())?,
            0,
        );
        at.map(|at| Resolution::Single(Self(at)))
            .map_err(|_| CronError::InvalidDate)
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        let later = self.0.checked_add(SignedDuration::from_secs(seconds));
        later.ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(cron: &str, zone: &str) -> Times {
        Times::new(&Schedule {
            cron: cron.to_owned(),
            timezone: Some(zone.to_owned()),
            overlap: crate::job::Overlap::Skip,
            catch_up: false,
            jitter: std::time::Duration::ZERO,
        })
        .unwrap()
    }

    fn millis(text: &str) -> UnixMillis {
        UnixMillis(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    /// The times from one up to another, in UTC.
    fn due(cron: &str, zone: &str, from: &str, to: &str) -> Vec<String> {
        let times = times(cron, zone);
        let (mut at, to) = (millis(from), millis(to));
        let mut due = Vec::new();
        while let Some(next) = times.after(at).filter(|next| *next <= to) {
            assert!(next > at);
            let shown = Timestamp::from_millisecond(next.0).unwrap();
            due.push(shown.strftime("%d %H:%M").to_string());
            at = next;
        }
        due
    }

    const NEW_YORK: &str = "America/New_York";
    const BERLIN: &str = "Europe/Berlin";
    const LORD_HOWE: &str = "Australia/Lord_Howe";

    /// Expression, zone, from, to, and what is due.
    type Row = (
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
    );

    const CHANGES: &[Row] = &[
        // New York: 2026-03-08 02:00 EST (07:00Z) is 03:00 EDT.
        (
            "30 2 * * *",
            NEW_YORK,
            "2026-03-07T00:00Z",
            "2026-03-10T00:00Z",
            "07 07:30, 08 07:00, 09 06:30",
        ),
        (
            "0 2 * * *",
            NEW_YORK,
            "2026-03-07T00:00Z",
            "2026-03-10T00:00Z",
            "07 07:00, 08 07:00, 09 06:00",
        ),
        (
            "0 3 * * *",
            NEW_YORK,
            "2026-03-07T00:00Z",
            "2026-03-10T00:00Z",
            "07 08:00, 08 07:00, 09 07:00",
        ),
        // Two that are skipped come right after the change, which is once.
        (
            "0,30 2 * * *",
            NEW_YORK,
            "2026-03-08T00:00Z",
            "2026-03-09T07:00Z",
            "08 07:00, 09 06:00, 09 06:30",
        ),
        // One that is skipped and one that is due right then are one start.
        (
            "15 2-3 * * *",
            NEW_YORK,
            "2026-03-08T00:00Z",
            "2026-03-08T12:00Z",
            "08 07:00, 08 07:15",
        ),
        // Only that day of the week.
        (
            "30 2 * * SUN",
            NEW_YORK,
            "2026-03-02T00:00Z",
            "2026-03-16T00:00Z",
            "08 07:00, 15 06:30",
        ),
        (
            "30 2 * * MON",
            NEW_YORK,
            "2026-03-02T12:00Z",
            "2026-03-10T00:00Z",
            "09 06:30",
        ),
        // What follows the clock is not made up for.
        (
            "*/30 2 * * *",
            NEW_YORK,
            "2026-03-08T00:00Z",
            "2026-03-09T07:00Z",
            "09 06:00, 09 06:30",
        ),
        (
            "30 * * * *",
            NEW_YORK,
            "2026-03-08T06:00Z",
            "2026-03-08T08:00Z",
            "08 06:30, 08 07:30",
        ),
        // New York: 2026-11-01 02:00 EDT (06:00Z) is 01:00 EST.
        (
            "30 1 * * *",
            NEW_YORK,
            "2026-10-31T00:00Z",
            "2026-11-03T00:00Z",
            "31 05:30, 01 05:30, 02 06:30",
        ),
        (
            "0,30 1 * * *",
            NEW_YORK,
            "2026-11-01T00:00Z",
            "2026-11-02T00:00Z",
            "01 05:00, 01 05:30",
        ),
        (
            "0 2 * * *",
            NEW_YORK,
            "2026-11-01T00:00Z",
            "2026-11-02T00:00Z",
            "01 07:00",
        ),
        (
            "*/30 1 * * *",
            NEW_YORK,
            "2026-11-01T00:00Z",
            "2026-11-02T00:00Z",
            "01 05:00, 01 05:30, 01 06:00, 01 06:30",
        ),
        (
            "30 * * * *",
            NEW_YORK,
            "2026-11-01T05:00Z",
            "2026-11-01T08:00Z",
            "01 05:30, 01 06:30, 01 07:30",
        ),
        // Berlin: 2026-03-29 02:00 CET (01:00Z) is 03:00 CEST; 2026-10-25 03:00 CEST (01:00Z) is 02:00 CET.
        (
            "30 2 * * *",
            BERLIN,
            "2026-03-28T00:00Z",
            "2026-03-31T00:00Z",
            "28 01:30, 29 01:00, 30 00:30",
        ),
        (
            "30 2 * * *",
            BERLIN,
            "2026-10-24T00:00Z",
            "2026-10-27T00:00Z",
            "24 00:30, 25 00:30, 26 01:30",
        ),
        // Lord Howe: half an hour. 2026-10-04 02:00 (15:30Z the day before) is 02:30; 2026-04-05 02:00 (15:00Z) is 01:30.
        (
            "15 2 * * *",
            LORD_HOWE,
            "2026-10-02T12:00Z",
            "2026-10-05T00:00Z",
            "02 15:45, 03 15:30, 04 15:15",
        ),
        (
            "45 2 * * *",
            LORD_HOWE,
            "2026-10-02T12:00Z",
            "2026-10-04T00:00Z",
            "02 16:15, 03 15:45",
        ),
        (
            "45 1 * * *",
            LORD_HOWE,
            "2026-04-03T12:00Z",
            "2026-04-06T00:00Z",
            "03 14:45, 04 14:45, 05 15:15",
        ),
        (
            "*/15 1 * * *",
            LORD_HOWE,
            "2026-04-04T13:59Z",
            "2026-04-05T00:00Z",
            "04 14:00, 04 14:15, 04 14:30, 04 14:45, 04 15:00, 04 15:15",
        ),
        // Nothing changes.
        (
            "0 2 29 2 *",
            "UTC",
            "2026-01-01T00:00Z",
            "2029-01-01T00:00Z",
            "29 02:00",
        ),
        (
            "0 2 1 * MON",
            "UTC",
            "2026-06-01T02:00Z",
            "2026-06-16T00:00Z",
            "08 02:00, 15 02:00",
        ),
        // With a `*` in one of the two a day fits both: every other day that is a Monday, the first Monday of a month.
        (
            "0 2 */2 * MON",
            "UTC",
            "2026-06-01T02:00Z",
            "2026-07-01T00:00Z",
            "15 02:00, 29 02:00",
        ),
        (
            "0 2 */100,1-7 * MON",
            "UTC",
            "2026-06-01T12:00Z",
            "2026-08-31T00:00Z",
            "06 02:00, 03 02:00",
        ),
        (
            "0 2 1,3 * */2",
            "UTC",
            "2026-06-01T00:00Z",
            "2026-09-30T00:00Z",
            "01 02:00, 01 02:00, 03 02:00",
        ),
        (
            "0 2 30 2 *",
            "UTC",
            "2026-01-01T00:00Z",
            "2029-01-01T00:00Z",
            "",
        ),
        // In the middle of what is shown twice.
        (
            "*/30 1 * * *",
            NEW_YORK,
            "2026-11-01T05:45Z",
            "2026-11-01T12:00Z",
            "01 06:00, 01 06:30",
        ),
        (
            "30 1 * * *",
            NEW_YORK,
            "2026-11-01T06:15Z",
            "2026-11-02T12:00Z",
            "02 06:30",
        ),
    ];

    #[test]
    fn summer_time_skips_and_repeats_as_cron_has_it() {
        for &(cron, zone, from, to, wanted) in CHANGES {
            let due = due(cron, zone, from, to);
            let wanted: Vec<_> = wanted.split(", ").filter(|due| !due.is_empty()).collect();
            assert_eq!(due, wanted, "{cron} in {zone} from {from}");
        }
    }

    #[test]
    fn a_year_of_nights_has_each_night_once() {
        for zone in [
            "America/New_York",
            "Europe/Berlin",
            "Australia/Lord_Howe",
            "UTC",
        ] {
            for cron in [
                "0 2 * * *",
                "30 1 * * *",
                "15 2 * * *",
                "59 23 * * *",
                "0 0 * * *",
            ] {
                let due = due(cron, zone, "2026-01-01T12:00Z", "2027-01-01T12:00Z");
                assert_eq!(due.len(), 365, "{cron} in {zone}");
            }
        }
    }
}
