//! Fields as requests have to have them, and as answers show them.

use serde_json::Value;

use super::super::answer::Refusal;
use super::text_at;

/// A text that has to be there.
pub(super) fn required<'a>(
    object: &'a Value,
    path: &[&str],
    name: &str,
) -> Result<&'a str, Refusal> {
    text_at(object, path)?
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(|| blank(name))
}

/// 400 of a text that is not.
pub(super) fn blank(name: &str) -> Refusal {
    Refusal::invalid(name, format!("{name}: The field cannot be left blank"))
}

/// A time as Okta writes it.
pub(super) fn when(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}
