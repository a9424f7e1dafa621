//! A long plan as people read it: entries of all orgs that would be done the same to are one line with a count, and
//! orgs are only what they cost.

use std::cmp::Reverse;
use std::io::{self, Write};

use indexmap::IndexMap;
use serde_json::Value;

use super::parts::{cost_of, style};
use crate::apps::App;
use crate::plan::{Action, Change, EntryPlan, OrgPlan};
use crate::settings::Verbosity;
use crate::text::Page;

/// Entries with something to say that are shown one by one: more of them do not fit on a screen.
const LONG: usize = 30;

/// Names shown of a group.
const NAMED: usize = 3;

/// Orgs that get a line of their own.
const ORGS: usize = 20;

/// What entries of a group have in common.
#[derive(PartialEq, Eq, Hash)]
struct Alike {
    action: Action,
    app: App,
    what: String,
    hint: Option<String>,
}

/// The entries of a group: how many, and the names of the first ones.
#[derive(Default)]
struct Group {
    count: u64,
    names: Vec<String>,
}

/// Whether a plan is so long that it is grouped.
pub(super) fn is_long(orgs: &[OrgPlan], verbosity: Verbosity) -> bool {
    let entries = orgs.iter().flat_map(|org| &org.entries);
    verbosity < Verbosity::Steps && entries.filter(|entry| !is_plain(entry)).count() > LONG
}

/// Whether there is nothing to say of an entry.
pub(super) fn is_plain(entry: &EntryPlan) -> bool {
    entry.action == Action::Nothing && entry.left_alone.is_empty() && entry.left_secrets.is_empty()
}

/// Writes the entries and the orgs of a plan.
pub(super) fn write(out: &mut Page<impl Write>, orgs: &[OrgPlan]) -> io::Result<()> {
    for (alike, group) in groups(orgs) {
        let Alike {
            action,
            app,
            what,
            hint,
        } = alike;
        let style = style(action);
        let what = if what.is_empty() {
            what
        } else {
            format!(": {what}")
        };
        out.line(format_args!(
            "{style}{}{style:#} {} × {app}{what}",
            action.sign(),
            group.count
        ))?;
        if let Some(hint) = hint {
            out.line(format_args!("    hint: {hint}"))?;
        }
        let more = match group.count.saturating_sub(group.names.len() as u64) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        out.line(format_args!("    {}{more}", group.names.join(", ")))?;
    }
    for org in orgs.iter().take(ORGS) {
        cost_of(out, org)?;
    }
    let more = orgs.len().saturating_sub(ORGS);
    if more > 0 {
        out.line(format_args!("and {more} more orgs; all of them: -v"))?;
    }
    Ok(())
}

/// The largest first.
fn groups(orgs: &[OrgPlan]) -> Vec<(Alike, Group)> {
    let mut groups: IndexMap<Alike, Group> = IndexMap::new();
    for org in orgs {
        for entry in org.entries.iter().filter(|entry| !is_plain(entry)) {
            let group = groups.entry(alike(org, entry)).or_default();
            group.count += 1;
            if group.names.len() < NAMED {
                group.names.push(name(org, entry));
            }
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, group)| Reverse(group.count));
    groups
}

/// The app is said before, and which it is of several is its label.
fn name(org: &OrgPlan, entry: &EntryPlan) -> String {
    let which = &entry.which;
    match (&which.label, &which.app_id) {
        (Some(label), _) => format!("{} {label:?} (row {})", org.name, which.row),
        (None, Some(id)) => format!("{} {id} (row {})", org.name, which.row),
        (None, None) => format!("{} (row {})", org.name, which.row),
    }
}

fn alike(org: &OrgPlan, entry: &EntryPlan) -> Alike {
    let (what, hint) = match &entry.error {
        // Its reason is said with the org.
        Some(error) if org.error.as_ref() == Some(error) => {
            (format!("the org {} cannot be read", org.name), None)
        }
        Some(error) => (error.to_string(), Some(error.hint.clone())),
        None => {
            let changes = entry.changes.iter().map(short);
            let left = entry
                .left_alone
                .iter()
                .map(|change| format!("{} (changed by hand, left alone)", short(change)));
            let secrets = entry.left_secrets.iter();
            let left = left.chain(secrets.map(|change| format!("{change} !reconnect")));
            let migrates = entry.migrates.then(|| "migration to OAUTH2".to_owned());
            let all = migrates.into_iter().chain(changes).chain(left);
            (all.collect::<Vec<_>>().join(", "), None)
        }
    };
    Alike {
        action: entry.action,
        app: entry.which.app,
        what,
        hint,
    }
}

/// Fields of which every entry has another value.
const OWN: [&str; 5] = [
    "hub.clientName",
    "hub.jwksUri",
    "hub.idp.name",
    "hub.idp.clientId",
    "connection.profile.clientId",
];

/// `create.status → ENABLED`: entries differ in what they had.
fn short(change: &Change) -> String {
    let (field, wanted) = match change {
        Change::Field(difference) => (difference.path.as_str(), &difference.wanted),
        Change::Unseen { field, wanted } => (field.as_str(), wanted),
        Change::Secret { .. } | Change::Renewed => return change.to_string(),
    };
    let wanted = match wanted {
        _ if OWN.contains(&field) => "its own".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    format!("{} → {wanted}", short_path(field))
}

/// A path without what says no more to a reader: which feature it is of (no two have a capability of the same name),
/// and `lifecycleCreate` after `create`.
fn short_path(path: &str) -> String {
    let path = match path.strip_prefix("features.") {
        Some(rest) => rest.split_once('.').map_or(rest, |(_, path)| path),
        None => path,
    };
    path.replace("create.lifecycleCreate.", "create.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::{Difference, Obstacle, Secret, Which};

    fn field(path: &str, live: &Value, wanted: Value) -> Change {
        Change::Field(Difference {
            path: path.to_owned(),
            live: Some(live.clone()),
            wanted,
        })
    }

    fn entry(row: u64, action: Action, changes: Vec<Change>) -> EntryPlan {
        EntryPlan {
            which: Which {
                app: App::Google,
                app_id: None,
                label: Some(format!("G{row}").into()),
                row,
            },
            action,
            migrates: false,
            changes,
            left_alone: Vec::new(),
            left_secrets: Vec::new(),
            unverifiable: Vec::new(),
            calls: 1,
            after_consent: 0,
            uncertain: 0,
            error: None,
            seen: [0; 16],
        }
    }

    fn org(name: &str, entries: Vec<EntryPlan>) -> OrgPlan {
        OrgPlan {
            name: name.to_owned(),
            entries,
            cost: crate::plan::Cost::default(),
            elsewhere: std::collections::BTreeMap::default(),
            pace: crate::plan::Pace::default(),
            error: None,
            scopes: None,
        }
    }

    const CREATE: &str = "features.USER_PROVISIONING.create.lifecycleCreate.status";

    fn on(row: u64, live: &str) -> EntryPlan {
        let change = field(CREATE, &json!(live), json!("ENABLED"));
        entry(row, Action::Change, vec![change])
    }

    #[test]
    fn what_is_done_alike_in_all_orgs_is_one_line() {
        let unknown = |row| EntryPlan {
            error: Some(Obstacle::new("no such app", "correct the label")),
            ..entry(row, Action::Error, Vec::new())
        };
        let mut many: Vec<_> = (2..100).map(|row| on(row, "DISABLED")).collect();
        many.push(unknown(100));
        many.push(entry(101, Action::Nothing, Vec::new()));
        let mut others = vec![on(1, "OTHER"), unknown(2), unknown(3)];
        others.push(entry(
            4,
            Action::SetUp,
            vec![Change::Secret {
                field: "connection.profile.token",
                secret: Secret::Changed,
            }],
        ));
        let orgs = [org("acme", many), org("globex", others)];
        let mut text = Vec::new();
        write(&mut Page::new(&mut text), &orgs).unwrap();
        let text = anstream::adapter::strip_bytes(&text).into_vec();
        insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r#"
        ~ 99 × google: create.status → ENABLED
            acme "G2" (row 2), acme "G3" (row 3), acme "G4" (row 4) and 96 more
        ! 3 × google: no such app
            hint: correct the label
            acme "G100" (row 100), globex "G2" (row 2), globex "G3" (row 3)
        + 1 × google: connection.profile.token: (secret, changed)
            globex "G4" (row 4)
        acme: 0 calls
        globex: 0 calls
        "#);
    }

    #[test]
    fn only_what_there_is_to_say_makes_a_plan_long() {
        let of = |wanted: u64, plain: u64| {
            let said = (0..wanted).map(|row| on(row, "DISABLED"));
            let nothing = (0..plain).map(|row| entry(row, Action::Nothing, Vec::new()));
            [org("acme", said.chain(nothing).collect())]
        };
        for (orgs, verbosity, wanted) in [
            (of(30, 1000), Verbosity::Normal, false),
            (of(31, 0), Verbosity::Normal, true),
            (of(31, 0), Verbosity::Summary, true),
            (of(31, 0), Verbosity::Steps, false),
        ] {
            assert_eq!(is_long(&orgs, verbosity), wanted);
        }
    }

    #[test]
    fn paths_are_as_short_as_they_stay_clear() {
        for (path, wanted) in [
            (CREATE, "create.status"),
            (
                "features.USER_PROVISIONING.update.profile.status",
                "update.profile.status",
            ),
            (
                "features.USER_PROVISIONING.update.lifecycleDeactivate.status",
                "update.lifecycleDeactivate.status",
            ),
            (
                "features.INBOUND_PROVISIONING.importSettings.schedule.status",
                "importSettings.schedule.status",
            ),
            ("connection.status", "connection.status"),
            ("features.USER_PROVISIONING", "USER_PROVISIONING"),
        ] {
            assert_eq!(short_path(path), wanted);
        }
        for (wanted, shown) in [
            (json!("ENABLED"), "connection.status → ENABLED"),
            (json!(5), "connection.status → 5"),
            (json!(null), "connection.status → null"),
        ] {
            assert_eq!(
                short(&field("connection.status", &json!("x"), wanted)),
                shown
            );
        }
    }
}
