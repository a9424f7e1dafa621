//! Words that several pages have: how an entry stands, and what to do next.

use maud::{Markup, html};

use crate::model::State;
use crate::report::EntryReport;
use crate::text::plain;

/// Completes the commands in a text.
pub(in crate::desk) type Complete<'a> = dyn Fn(&str) -> String + Sync + 'a;

/// The next command, which works as it stands.
pub(super) fn hint(hint: Option<&str>, complete: &Complete<'_>) -> Markup {
    html! { @if let Some(hint) = hint { p class="hint" { "hint: " (plain(&complete(hint))) } } }
}

/// A time for people, who are told once that all are in UTC: to the second.
pub(super) fn time(rfc3339: &str) -> Markup {
    let short: String = rfc3339.chars().take(19).collect();
    html! { time datetime=(rfc3339) { (short.replace('T', " ")) } }
}

/// A value in a query.
pub(super) fn query(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// Its state in words, with a sign; never by a colour alone.
pub(super) fn state(one: &EntryReport) -> Markup {
    let (class, sign, word) = match (one.state, one.changed) {
        (State::Done, true) if one.deactivated => ("good", "−", "deactivated"),
        (State::Done, true) => ("good", "✓", "changed"),
        (State::Done, false) => ("muted", "=", "unchanged"),
        (State::Waiting, _) => ("wait", "?", "waiting"),
        (State::Failed, _) => ("bad", "✗", "failed"),
        (State::Running, _) => ("wait", "▸", "running"),
        (State::Pending, _) => ("muted", "○", "pending"),
    };
    html! { span class=(format!("state {class}")) { span aria-hidden="true" { (sign) } " " (word) } }
}
