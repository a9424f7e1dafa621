//! Durations as people write them in job files and flags: `500ms`, `1s`, `30m`, `2h`, `1m 30s`.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// A text that is no duration; repeats the text, which is never a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write a number and a unit, as in `500ms`, `10s`, `30m` or `2h`")]
pub struct InvalidDuration(String);

/// Parses a duration of zero or more; a unit is required.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|signed| Duration::try_from(signed).ok())
        .ok_or_else(|| InvalidDuration(text.to_owned()))
}

/// A text that is no age.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an age: write a number and a unit, as in `90d` or `12h`")]
pub struct InvalidAge(String);

/// Parses an age: as [`parse`], and days and weeks of 24 hours a day.
pub fn parse_age(text: &str) -> Result<Duration, InvalidAge> {
    let days = SpanRelativeTo::days_are_24_hours();
    text.parse::<Span>()
        .and_then(|span| span.to_duration(days))
        .ok()
        .and_then(|signed| Duration::try_from(signed).ok())
        .ok_or_else(|| InvalidAge(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_may_be_in_days() {
        let hours = |n| Some(Duration::from_hours(n));
        for (text, wanted) in [
            ("90d", hours(90 * 24)),
            ("2w", hours(14 * 24)),
            ("1d 12h", hours(36)),
            ("0d", hours(0)),
            ("12h", hours(12)),
            ("30m", Some(Duration::from_mins(30))),
            ("", None),
            ("90", None),
            ("-1d", None),
            // Nobody knows how long these are.
            ("1mo", None),
            ("1y", None),
            ("99999999999d", None),
        ] {
            assert_eq!(parse_age(text).ok(), wanted, "{text:?}");
        }
    }

    #[test]
    fn units_are_required_and_signs_refused() {
        for (text, wanted_ms) in [
            ("500ms", Some(500)),
            ("1s", Some(1_000)),
            ("30m", Some(1_800_000)),
            ("2h", Some(7_200_000)),
            ("1m 30s", Some(90_000)),
            ("1.5s", Some(1_500)),
            ("0s", Some(0)),
            ("", None),
            ("60", None),
            ("-1s", None),
            ("1 fortnight", None),
            ("99999999999999999999h", None),
        ] {
            let parsed = parse(text).ok().map(|d| d.as_millis());
            assert_eq!(parsed, wanted_ms, "{text:?}");
        }
    }
}
