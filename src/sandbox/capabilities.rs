//! What a feature can be told (API.md §5): the stored settings, and how a PUT changes them.
//!
//! A PUT is a deep merge; unknown fields are ignored, as Okta ignores them; `null` or `{}` clears a
//! schedule. Whether Okta merges at all is undocumented (§5.4), so a client should not rely on it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::Refusal;
use super::settings::Assumptions;

/// A provisioning feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feature {
    /// From Okta to the app.
    User,
    /// From the app to Okta.
    Inbound,
}

impl Feature {
    /// Both, in the order Okta lists them.
    pub(super) const ALL: [Self; 2] = [Self::User, Self::Inbound];

    /// The feature of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feature| feature.name() == name)
    }

    /// As in Okta's URLs.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::User => "USER_PROVISIONING",
            Self::Inbound => "INBOUND_PROVISIONING",
        }
    }

    /// As recorded.
    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::User => "User provisioning settings from Okta to a downstream application",
            Self::Inbound => {
                "In-bound provisioning settings for provisioning users from an application to Okta"
            }
        }
    }

    const fn fields(self) -> &'static [Field] {
        match self {
            Self::User => USER_FIELDS,
            Self::Inbound => INBOUND_FIELDS,
        }
    }

    /// What a fresh app shows (recorded for INBOUND, documented defaults for USER).
    pub(super) fn defaults(self) -> Value {
        match self {
            Self::User => json!({
                "create": { "lifecycleCreate": { "status": "DISABLED" } },
                "update": {
                    "profile": { "status": "DISABLED" },
                    "lifecycleDeactivate": { "status": "DISABLED" },
                    "password": { "status": "DISABLED", "seed": "RANDOM", "change": "KEEP_EXISTING" }
                }
            }),
            Self::Inbound => json!({
                "importSettings": {
                    "username": { "userNameFormat": "EMAIL" },
                    "schedule": { "status": "DISABLED", "fullImport": null, "incrementalImport": null }
                },
                "importRules": { "userCreateAndMatch": {
                    "exactMatchCriteria": "USERNAME", "allowPartialMatch": true,
                    "autoConfirmPartialMatch": false, "autoConfirmExactMatch": false,
                    "autoConfirmNewUsers": false, "autoActivateNewUsers": false
                } }
            }),
        }
    }
}

/// Stored settings of one feature: packed JSON, a fifth of the memory of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Capabilities(Box<str>);

impl Capabilities {
    /// As Okta shows them.
    pub(super) fn value(&self) -> Value {
        // Only ever written by `changed`; in a state file edited by hand it may be anything.
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// What a field takes.
enum Takes {
    OneOf(&'static [&'static str]),
    Flag,
    Text,
    Schedule,
}

struct Field {
    path: &'static [&'static str],
    takes: Takes,
}

const fn field(path: &'static [&'static str], takes: Takes) -> Field {
    Field { path, takes }
}

const STATUS: Takes = Takes::OneOf(&["ENABLED", "DISABLED"]);

/// Outside Okta's enumeration, yet sent by its guide (API.md §5.1).
const CYCLE: &str = "CYCLE";

/// Longest time zone name (API.md §5.2).
const ZONE_MAX: usize = 64;

const USER_FIELDS: &[Field] = &[
    field(&["create", "lifecycleCreate", "status"], STATUS),
    field(&["update", "profile", "status"], STATUS),
    field(&["update", "lifecycleDeactivate", "status"], STATUS),
    field(&["update", "password", "status"], STATUS),
    field(
        &["update", "password", "seed"],
        Takes::OneOf(&["OKTA", "RANDOM"]),
    ),
    field(
        &["update", "password", "change"],
        Takes::OneOf(&["CHANGE", "KEEP_EXISTING"]),
    ),
];

const INBOUND_FIELDS: &[Field] = &[
    field(
        &["importSettings", "username", "userNameFormat"],
        Takes::OneOf(&["EMAIL", "CUSTOM"]),
    ),
    field(
        &["importSettings", "username", "userNameExpression"],
        Takes::Text,
    ),
    field(&["importSettings", "schedule", "status"], STATUS),
    field(
        &["importSettings", "schedule", "fullImport"],
        Takes::Schedule,
    ),
    field(
        &["importSettings", "schedule", "incrementalImport"],
        Takes::Schedule,
    ),
    field(
        &["importRules", "userCreateAndMatch", "exactMatchCriteria"],
        Takes::OneOf(&["EMAIL", "USERNAME"]),
    ),
    field(
        &["importRules", "userCreateAndMatch", "allowPartialMatch"],
        Takes::Flag,
    ),
    field(
        &[
            "importRules",
            "userCreateAndMatch",
            "autoConfirmPartialMatch",
        ],
        Takes::Flag,
    ),
    field(
        &["importRules", "userCreateAndMatch", "autoConfirmExactMatch"],
        Takes::Flag,
    ),
    field(
        &["importRules", "userCreateAndMatch", "autoConfirmNewUsers"],
        Takes::Flag,
    ),
    field(
        &["importRules", "userCreateAndMatch", "autoActivateNewUsers"],
        Takes::Flag,
    ),
];

/// The settings after a PUT of `patch`, or why Okta refuses it; all or nothing.
pub(super) fn changed(
    feature: Feature,
    stored: Option<&Capabilities>,
    patch: &Value,
    assume: &Assumptions,
) -> Result<Capabilities, Refusal> {
    if !patch.is_object() {
        return Err(Refusal::malformed());
    }
    let mut settings = stored.map_or_else(|| feature.defaults(), Capabilities::value);
    for field in feature.fields() {
        if let Some(given) = find(patch, field.path)? {
            let value = field.accept(given, assume)?;
            put(&mut settings, field.path, value);
        }
    }
    Ok(Capabilities(settings.to_string().into()))
}

/// What `given` says at `path`; nulls on the way mean "not said", other scalars are no objects.
fn find<'a>(given: &'a Value, path: &[&str]) -> Result<Option<&'a Value>, Refusal> {
    let mut at = given;
    for key in path {
        match at {
            Value::Object(object) => match object.get(*key) {
                Some(inner) => at = inner,
                None => return Ok(None),
            },
            Value::Null => return Ok(None),
            _ => return Err(Refusal::malformed()),
        }
    }
    Ok(Some(at))
}

fn put(settings: &mut Value, path: &[&str], value: Option<Value>) {
    let Some(value) = value else { return };
    let mut at = settings;
    for key in path {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[*key];
    }
    *at = value;
}

impl Field {
    /// The value to store, `None` to leave it as it is.
    fn accept(&self, given: &Value, assume: &Assumptions) -> Result<Option<Value>, Refusal> {
        let name = self.path.last().copied().unwrap_or_default();
        match (&self.takes, given) {
            (Takes::Schedule, Value::Null) => Ok(Some(Value::Null)),
            (_, Value::Null) => Ok(None),
            (Takes::OneOf(values), Value::String(text)) => {
                let cycle = name == "change" && text == CYCLE && assume.accept_cycle;
                if cycle || values.contains(&text.as_str()) {
                    return Ok(Some(given.clone()));
                }
                Err(Refusal::invalid(
                    name,
                    format!("{name}: must be one of [{}].", values.join(", ")),
                ))
            }
            (Takes::Flag, Value::Bool(_)) | (Takes::Text, Value::String(_)) => {
                Ok(Some(given.clone()))
            }
            (Takes::Schedule, Value::Object(_)) => schedule(name, given, assume).map(Some),
            _ => Err(Refusal::malformed()),
        }
    }
}

/// A schedule's `expression` and `timezone`.
fn schedule(name: &str, given: &Value, assume: &Assumptions) -> Result<Value, Refusal> {
    if given.as_object().is_some_and(serde_json::Map::is_empty) {
        // The guide's way to say "none" (API.md §5.2).
        return Ok(Value::Null);
    }
    let expression = text_of(given, "expression")?
        .ok_or_else(|| Refusal::invalid(name, "expression: The field cannot be left blank"))?;
    // Five fields of a UNIX cron line.
    if expression.split_whitespace().count() != 5 {
        return Err(Refusal::invalid(
            name,
            "expression: is not a valid cron expression.",
        ));
    }
    let mut stored = json!({ "expression": expression });
    let mut zone = text_of(given, "timezone")?;
    if assume.accept_time_zone && zone.is_none() {
        zone = text_of(given, "timeZone")?;
    }
    if let Some(zone) = zone {
        if zone.is_empty() || zone.len() > ZONE_MAX {
            return Err(Refusal::invalid(
                name,
                "timezone: must be 1 to 64 characters.",
            ));
        }
        stored["timezone"] = zone.into();
    }
    Ok(stored)
}

fn text_of<'a>(object: &'a Value, key: &str) -> Result<Option<&'a str>, Refusal> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_all(feature: Feature, patches: &[Value]) -> Value {
        let mut stored = None;
        for patch in patches {
            stored =
                Some(changed(feature, stored.as_ref(), patch, &Assumptions::default()).unwrap());
        }
        stored.unwrap().value()
    }

    #[test]
    fn a_put_is_merged_deeply_and_unknown_fields_are_ignored() {
        let got = put_all(
            Feature::User,
            &[
                json!({"create": {"lifecycleCreate": {"status": "ENABLED"}}, "importRules": 3}),
                json!({"update": {"password": {"seed": "OKTA"}, "profile": null, "x": 1}}),
            ],
        );
        assert_eq!(
            got,
            json!({
                "create": {"lifecycleCreate": {"status": "ENABLED"}},
                "update": {
                    "profile": {"status": "DISABLED"},
                    "lifecycleDeactivate": {"status": "DISABLED"},
                    "password": {"status": "DISABLED", "seed": "OKTA", "change": "KEEP_EXISTING"}
                }
            })
        );
    }

    #[test]
    fn schedules_are_set_and_cleared() {
        let set = json!({"importSettings": {"schedule": {"status": "ENABLED",
            "fullImport": {"expression": "0 21 * * 1", "timezone": "America/New_York"},
            "incrementalImport": {"expression": "0 */4 * * *", "timeZone": "Asia/Tokyo"}}}});
        let clear =
            json!({"importSettings": {"schedule": {"fullImport": null, "incrementalImport": {}}}});
        let got = put_all(Feature::Inbound, std::slice::from_ref(&set));
        assert_eq!(
            got["importSettings"]["schedule"],
            json!({"status": "ENABLED",
                "fullImport": {"expression": "0 21 * * 1", "timezone": "America/New_York"},
                "incrementalImport": {"expression": "0 */4 * * *"}})
        );
        let got = put_all(Feature::Inbound, &[set, clear]);
        assert_eq!(
            got["importSettings"]["schedule"],
            json!({"status": "ENABLED", "fullImport": null, "incrementalImport": null})
        );
    }

    #[test]
    fn wrong_values_are_refused() {
        let schedule =
            |value: Value| json!({"importSettings": {"schedule": {"fullImport": value}}});
        for (feature, patch) in [
            (Feature::User, json!([])),
            (Feature::User, json!({"create": "ENABLED"})),
            (
                Feature::User,
                json!({"update": {"password": {"change": "CYCLE"}}}),
            ),
            (
                Feature::User,
                json!({"update": {"profile": {"status": "enabled"}}}),
            ),
            (
                Feature::User,
                json!({"update": {"profile": {"status": true}}}),
            ),
            (
                Feature::Inbound,
                json!({"importRules": {"userCreateAndMatch": {"allowPartialMatch": "true"}}}),
            ),
            (Feature::Inbound, schedule(json!({"timezone": "UTC"}))),
            (Feature::Inbound, schedule(json!({"expression": "0 4 * *"}))),
            (
                Feature::Inbound,
                schedule(json!({"expression": "0 4 * * *", "timezone": ""})),
            ),
        ] {
            assert!(
                changed(feature, None, &patch, &Assumptions::default()).is_err(),
                "{patch}"
            );
        }
    }

    #[test]
    fn the_open_questions_are_switches() {
        let assume = Assumptions {
            accept_cycle: true,
            accept_time_zone: true,
            ..Assumptions::default()
        };
        let cycle = json!({"update": {"password": {"change": "CYCLE"}}});
        let got = changed(Feature::User, None, &cycle, &assume)
            .unwrap()
            .value();
        assert_eq!(got["update"]["password"]["change"], "CYCLE");
        let zone = json!({"importSettings": {"schedule": {"fullImport":
            {"expression": "0 4 * * *", "timeZone": "Asia/Tokyo"}}}});
        let got = changed(Feature::Inbound, None, &zone, &assume)
            .unwrap()
            .value();
        assert_eq!(
            got["importSettings"]["schedule"]["fullImport"]["timezone"],
            "Asia/Tokyo"
        );
    }
}
