//! What was changed of an entry, and why: each field for programs, as few lines as possible for people. Pure.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::text::bounded;
use crate::apps::Feature;
use crate::manifest::{ADMIN_SECRETS, Entry};
use crate::model::{Changed, Why};

/// A field that was changed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChangeReport {
    /// Dotted path as in the manifest.
    pub field: String,
    /// What Okta showed before; null when it did not show the field, or was not asked.
    pub from: Value,
    /// What was written; null for a secret.
    pub to: Value,
    /// Why it was written.
    pub why: Why,
}

const CONNECTION: &str = "connection";
const STATUS: &str = "connection.status";
const TOKEN: &str = "connection.profile.token";

/// Every field: of what was written as a whole, those that the entry gives.
pub(super) fn fields(changes: &[Changed], entry: &Entry) -> Vec<ChangeReport> {
    let mut fields = Vec::new();
    for Changed { field, why, values } in changes {
        let one = |field: String, from: Value, to: Value| ChangeReport {
            field,
            from,
            to,
            why: *why,
        };
        if let Some((from, to)) = values {
            let from = from.clone().unwrap_or_default();
            fields.push(one(field.clone(), from, to.clone()));
            continue;
        }
        let mut below = Vec::new();
        if field == CONNECTION {
            below.push((STATUS.to_owned(), Value::from("ENABLED")));
        }
        leaves(field, group(field, entry), &mut below);
        if below.is_empty() {
            below.push((field.clone(), Value::Null));
        }
        fields.extend(below.into_iter().map(|(path, to)| {
            let to = if is_secret(&path) { Value::Null } else { to };
            one(path, Value::Null, to)
        }));
    }
    fields
}

// What an entry says below a path that was written as a whole.
fn group(path: &str, entry: &Entry) -> Value {
    if path == CONNECTION {
        // Plain structs of texts: cannot fail.
        return serde_json::to_value(&entry.connection).unwrap_or_default();
    }
    let feature = path.strip_prefix("features.").and_then(Feature::from_name);
    let wanted = feature.and_then(|feature| entry.features.wanted(feature));
    wanted.unwrap_or_default()
}

fn leaves(path: &str, value: Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                leaves(&format!("{path}.{name}"), value, found);
            }
        }
        Value::Null if !path.contains("importSettings") => {}
        leaf => found.push((path.to_owned(), leaf)),
    }
}

fn is_secret(path: &str) -> bool {
    path == TOKEN || ADMIN_SECRETS.contains(&path)
}

/// A change in words: `features.….status: "DISABLED" → "ENABLED"`, `connection.profile.token (secret): changed`.
pub(crate) fn told(change: &Changed) -> String {
    let Changed { field, why, values } = change;
    match values {
        Some((from, to)) => {
            let from = match from {
                None | Some(Value::Null) => "not set".to_owned(),
                Some(from) => bounded(&from.to_string()),
            };
            let by = match (why, field.as_str(), to.as_str()) {
                (Why::Drift, STATUS, Some("ENABLED")) => ", switched off by hand",
                (Why::Drift, STATUS, _) => ", switched on by hand",
                (Why::Drift, ..) => ", changed by hand",
                _ => "",
            };
            format!("{field}: {from} → {}{by}", bounded(&to.to_string()))
        }
        None if is_secret(field) => format!(
            "{field} (secret): {}",
            match why {
                Why::SecretChanged => "changed",
                Why::Drift | Why::Manifest | Why::New => "set",
            }
        ),
        None => format!("{field}: set up"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry() -> Entry {
        serde_json::from_value(json!({
            "org": "acme", "app": "zscalerbyz", "appId": "0oa1",
            "connection": { "baseUrl": "https://z.example",
                "profile": { "authScheme": "TOKEN", "token": "env:T" } },
            "features": { "USER_PROVISIONING": {
                "create": { "lifecycleCreate": { "status": "ENABLED" } },
                "update": { "profile": { "status": "DISABLED" } } } } }))
        .unwrap()
    }

    fn field(path: &str, why: Why, from: Option<Value>, to: Value) -> Changed {
        Changed {
            field: path.to_owned(),
            why,
            values: Some((from, to)),
        }
    }

    #[test]
    fn what_was_written_as_a_whole_is_reported_field_by_field_and_no_secret_is() {
        let user = "features.USER_PROVISIONING";
        let changes = [
            Changed::unseen("connection", Why::New),
            Changed::unseen(user, Why::Manifest),
            Changed::unseen(TOKEN, Why::SecretChanged),
            Changed::unseen("features.INBOUND_PROVISIONING", Why::New),
            field("appId", Why::New, None, json!("0oa1")),
        ];
        let told: Vec<_> = fields(&changes, &entry())
            .into_iter()
            .map(|change| json!([change.field, change.from, change.to, change.why]))
            .collect();
        assert_eq!(
            told,
            [
                json!(["connection.status", null, "ENABLED", "new"]),
                json!(["connection.baseUrl", null, "https://z.example", "new"]),
                json!(["connection.profile.authScheme", null, "TOKEN", "new"]),
                json!([TOKEN, null, null, "new"]),
                json!([
                    format!("{user}.create.lifecycleCreate.status"),
                    null,
                    "ENABLED",
                    "manifest"
                ]),
                json!([
                    format!("{user}.update.profile.status"),
                    null,
                    "DISABLED",
                    "manifest"
                ]),
                json!([TOKEN, null, null, "secretChanged"]),
                json!(["features.INBOUND_PROVISIONING", null, null, "new"]),
                json!(["appId", null, "0oa1", "new"]),
            ]
        );
    }

    #[test]
    fn a_change_is_reported_with_its_reason() {
        let (on, off) = (json!("ENABLED"), json!("DISABLED"));
        for (change, expected) in [
            (
                Changed::unseen(TOKEN, Why::SecretChanged),
                "connection.profile.token (secret): changed",
            ),
            (
                Changed::unseen(TOKEN, Why::New),
                "connection.profile.token (secret): set",
            ),
            (
                Changed::unseen("connection", Why::New),
                "connection: set up",
            ),
            (
                field(STATUS, Why::Drift, Some(off.clone()), on.clone()),
                r#"connection.status: "DISABLED" → "ENABLED", switched off by hand"#,
            ),
            (
                field(STATUS, Why::Drift, Some(on.clone()), off.clone()),
                r#"connection.status: "ENABLED" → "DISABLED", switched on by hand"#,
            ),
            (
                field("a.b", Why::Drift, None, on.clone()),
                r#"a.b: not set → "ENABLED", changed by hand"#,
            ),
            (
                field("a.b", Why::Manifest, Some(off), on),
                r#"a.b: "DISABLED" → "ENABLED""#,
            ),
        ] {
            assert_eq!(told(&change), expected);
        }
    }
}
