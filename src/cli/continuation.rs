//! What is said of a file's last run when it continues.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::ledger::RunRow;
use crate::model::UnixMillis;
use crate::report::counted;

/// What is said of a run that is continued.
pub(super) struct Line<'a> {
    /// The run.
    pub run: &'a RunRow,
    /// Its entries that are done or failed, and stay so.
    pub ended: u64,
    /// What to give to look at them, too.
    pub looks_at_all: Option<&'a str>,
}

impl Line<'_> {
    /// The line, with days as they are in this zone.
    pub fn text(&self, now: UnixMillis, zone: &TimeZone) -> String {
        let day = day(self.run.started_at, now, zone);
        let line = format!("run {} of {day} goes on", self.run.id.0);
        if self.ended == 0 {
            return line;
        }
        let entries = counted(self.ended, "entry", "entries");
        let are = if self.ended == 1 { "is" } else { "are" };
        let line = format!("{line}: {entries} ended then and {are} not looked at again");
        match self.looks_at_all {
            Some(flag) => format!("{line}; {flag} looks at all"),
            None => line,
        }
    }
}

/// `today`, `yesterday`, or the date.
fn day(at: UnixMillis, now: UnixMillis, zone: &TimeZone) -> String {
    let date = |at: UnixMillis| -> Option<Date> {
        let at = Timestamp::from_millisecond(at.0).ok()?;
        Some(zone.to_datetime(at).date())
    };
    match (date(at), date(now)) {
        (Some(at), Some(now)) if at == now => "today".to_owned(),
        (Some(at), Some(now)) if now.yesterday().is_ok_and(|yesterday| at == yesterday) => {
            "yesterday".to_owned()
        }
        (Some(at), _) => at.to_string(),
        // A time that no calendar has.
        (None, _) => "some day".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RunId;

    #[test]
    fn the_line_says_which_day_and_how_much_is_left_alone() {
        const HOUR: i64 = 3_600_000;
        // 2026-01-02T03:04:05Z.
        const NOW: UnixMillis = UnixMillis(1_767_323_045_000);
        let zone = TimeZone::fixed(jiff::tz::offset(5));
        for (hours_ago, ended, looks_at_all, wanted) in [
            (1, 0, Some("--new"), "run k3f9 of today goes on"),
            (
                // Here it is 8 o'clock.
                9,
                1,
                Some("--new"),
                "run k3f9 of yesterday goes on: 1 entry ended then and is not looked at again; --new looks at all",
            ),
            (
                24,
                80,
                None,
                "run k3f9 of yesterday goes on: 80 entries ended then and are not looked at again",
            ),
            (33, 0, None, "run k3f9 of 2025-12-31 goes on"),
            // The clock was set back since.
            (-48, 0, None, "run k3f9 of 2026-01-04 goes on"),
        ] {
            let run = RunRow {
                id: RunId("k3f9".to_owned()),
                file: "m.csv".to_owned(),
                file_key: "/m.csv".to_owned(),
                digest: String::new(),
                context: serde_json::Value::Null,
                started_at: UnixMillis(NOW.0 - hours_ago * HOUR),
                finished_at: None,
                continued_at: None,
                ended_before: 0,
                failed: None,
            };
            let line = Line {
                run: &run,
                ended,
                looks_at_all,
            };
            assert_eq!(line.text(NOW, &zone), wanted);
        }
    }
}
