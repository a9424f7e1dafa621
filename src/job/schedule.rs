//! `[schedule]`: when a job runs under `serve`.

use std::time::Duration;

use super::duration;
use super::tree::{Table, Wrong, expected, string};
use crate::manifest::{BadSchedule, check_cron, check_timezone};

/// `[schedule]`: when a job runs under `serve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Five-field UNIX cron expression.
    pub cron: String,
    /// IANA time zone the expression is meant in; UTC when absent.
    pub timezone: Option<String>,
    /// What to do when the run before has not ended.
    pub overlap: Overlap,
    /// Whether one start makes up for those of a time in which nothing was awake.
    pub catch_up: bool,
    /// A start comes up to so much later, at random.
    pub jitter: Duration,
}

/// What becomes of a start while the run before has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// There is none.
    #[default]
    Skip,
    /// One comes when that run has ended, however many were due.
    Queue,
}

pub(super) fn read(mut table: Table<'_, '_>) -> Option<Schedule> {
    let cron = table.require("cron", |value| {
        let expression = string(value)?;
        check_cron(&expression).map_err(|bad| scheduled(&bad))?;
        Ok(expression)
    });
    let timezone = table.get("timezone", |value| {
        let name = string(value)?;
        check_timezone(&name).map_err(|bad| scheduled(&bad))?;
        Ok(name)
    });
    let overlap = table.get("overlap", |value| match string(value)?.as_str() {
        "skip" => Ok(Overlap::Skip),
        "queue" => Ok(Overlap::Queue),
        other => Err(Wrong::new(format!("{other:?} is not a policy")).hint(
            "\"skip\" leaves a start out while the run before works, \"queue\" keeps one until it has ended",
        )),
    });
    let catch_up = table.get("catchUp", |value| {
        value
            .as_bool()
            .ok_or_else(|| expected("true or false", value))
    });
    let jitter = table.get("jitter", |value| {
        duration::parse(&string(value)?).map_err(|error| Wrong::new(error.to_string()))
    });
    table.finish();
    Some(Schedule {
        cron: cron?,
        timezone,
        overlap: overlap.unwrap_or_default(),
        catch_up: catch_up.unwrap_or_default(),
        jitter: jitter.unwrap_or_default(),
    })
}

fn scheduled(bad: &BadSchedule) -> Wrong {
    let wrong = Wrong::new(bad.to_string());
    match bad.hint() {
        Some(hint) => wrong.hint(hint),
        None => wrong,
    }
}
