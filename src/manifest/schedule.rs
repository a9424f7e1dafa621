//! Cron expressions and time zones: five-field UNIX cron as Okta takes it (API.md §5.2), IANA names
//! from the database built into the program, so that every machine judges alike.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZoneDatabase;

use super::problem::{nearest, shown};
use super::shape::Wrong;

/// Okta's limit for the name of a time zone, in characters.
const MAX_ZONE: usize = 64;

/// Why a cron expression or time zone is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadSchedule {
    message: String,
    hint: Option<String>,
}

impl BadSchedule {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// The edit that helps.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<BadSchedule> for Wrong {
    fn from(bad: BadSchedule) -> Self {
        Self {
            message: bad.message,
            hint: bad.hint,
        }
    }
}

/// Checks a five-field UNIX cron expression.
///
/// # Errors
/// As [`parse_cron`].
pub fn check_cron(text: &str) -> Result<(), BadSchedule> {
    parse_cron(text).map(drop)
}

/// Parses a five-field UNIX cron expression.
///
/// # Errors
/// When it has not exactly five fields, or one is out of range or not UNIX cron (`L`, `W`, `#`, `?`).
pub fn parse_cron(text: &str) -> Result<Cron, BadSchedule> {
    let fields = text.split_whitespace().count();
    if fields != 5 {
        return Err(BadSchedule {
            message: format!("a cron expression has 5 fields, this one has {fields}"),
            hint: Some("minute hour day-of-month month day-of-week, as in 0 2 * * *".to_owned()),
        });
    }
    if !is_unix(text) {
        return Err(BadSchedule::new(format!(
            "{} is not five-field UNIX cron: digits, names of months and days and * , - / only",
            shown(text)
        )));
    }
    // With `*` first in one of its two fields, as in `*/2`, a day has to fit both (crontab(5)), else either.
    let begins_with_star = |field: &str| field.starts_with('*');
    let mut days = text.split_whitespace().skip(2).step_by(2);
    CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .dom_and_dow(days.any(begins_with_star))
        .build()
        .parse(text)
        .map_err(|error| {
            let error = error.to_string();
            let cause = error.strip_prefix("Component error: ").unwrap_or(&error);
            let cause = cause.trim_end_matches('.').to_lowercase();
            BadSchedule::new(format!("{} is no cron expression: {cause}", shown(text)))
        })
}

// croner also takes Quartz's extensions (`L`, `W`, `#`, `?`, `@daily`), which Okta does not.
fn is_unix(text: &str) -> bool {
    const NAMES: [&str; 19] = [
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", "SUN",
        "MON", "TUE", "WED", "THU", "FRI", "SAT",
    ];
    text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '-' | '/' | '*'))
        .all(|word| {
            word.bytes().all(|byte| byte.is_ascii_digit())
                || NAMES.iter().any(|name| word.eq_ignore_ascii_case(name))
        })
}

/// Checks an IANA time zone name.
///
/// # Errors
/// When it is over 64 characters or not in the IANA database, spelled as there.
pub fn check_timezone(text: &str) -> Result<(), BadSchedule> {
    if text.chars().count() > MAX_ZONE {
        return Err(BadSchedule::new(format!(
            "a time zone has at most {MAX_ZONE} characters"
        )));
    }
    let database = TimeZoneDatabase::bundled();
    // The database ignores case, Okta may not.
    let known = database
        .get(text)
        .is_ok_and(|zone| zone.iana_name() == Some(text));
    if known {
        return Ok(());
    }
    let names: Vec<String> = database
        .available()
        .map(|name| name.as_str().to_owned())
        .collect();
    Err(BadSchedule {
        message: format!("{} is not an IANA time zone", shown(text)),
        hint: Some(match nearest(text, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None => "a name such as America/New_York or Europe/Berlin".to_owned(),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cron() {
        for (text, ok) in [
            ("0 */4 * * *", true),
            ("00 21 * * Mon,Thu,Fri,Sat", true),
            ("0 2 1 JAN-JUL 1-5", true),
            ("*/15 0-6 * * 7", true),
            ("0 2 * *", false),
            ("0 0 2 * * *", false),
            ("61 2 * * *", false),
            ("0 2 * * Foo", false),
            ("0 2 L * *", false),
            ("0 2 15W * *", false),
            ("0 2 * * 5#2", false),
            ("0 2 ? * *", false),
            ("@daily", false),
            ("", false),
        ] {
            assert_eq!(check_cron(text).is_ok(), ok, "{text}");
        }
    }

    #[test]
    fn time_zones() {
        for (text, hint) in [
            ("America/New_York", None),
            ("UTC", None),
            ("Europe/Berlin", None),
            ("Europe/Berln", Some("did you mean Europe/Berlin?")),
            ("europe/berlin", Some("did you mean Europe/Berlin?")),
            (
                "??",
                Some("a name such as America/New_York or Europe/Berlin"),
            ),
        ] {
            match (check_timezone(text), hint) {
                (Ok(()), None) => {}
                (Err(error), Some(_)) => assert_eq!(error.hint(), hint, "{text}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }
}
