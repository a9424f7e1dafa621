//! Counts and names as every line has them.

use super::EntryReport;
pub(super) use crate::text::plain;

/// `1 entry`, `2 entries`.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// What an entry is called within its org, as the manifest says it: `google "Google Workspace"`, `zscalerbyz 0oa1`.
pub(super) fn named(entry: &EntryReport) -> String {
    let EntryReport {
        app, label, app_id, ..
    } = entry;
    match (label, app_id) {
        (Some(label), _) => format!("{app} \"{}\"", plain(label)),
        (None, Some(id)) => format!("{app} {}", plain(id)),
        (None, None) => (*app).to_owned(),
    }
}

/// `wave canaries`; one without a name of its own is called `wave 2` already.
pub(crate) fn wave_called(name: &str) -> String {
    if name.starts_with("wave ") {
        name.to_owned()
    } else {
        format!("wave {name}")
    }
}
