//! Capabilities of a feature as JSON: what is missing, what differs, what to send (API.md §5).
//!
//! Works on the JSON of the PUT body, so that a capability Okta adds needs no change here: the tables
//! name only what has a default or a second spelling.

use std::fmt;

use serde_json::{Map, Value};
use serde_json_borrow::{ObjectAsVec, Value as Shown};

use crate::apps::Feature;
use crate::okta::features::FeatureState;
use crate::text::{Veil, one_of, unknown_value};

/// A field whose live value is not the wanted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Dotted path.
    pub path: String,
    /// What Okta shows, if it shows the field, as it may be seen.
    pub live: Option<Value>,
    /// What the manifest says.
    pub wanted: Value,
}

impl Difference {
    /// A difference of two texts that may be seen.
    pub fn text(path: &str, live: Option<&str>, wanted: &str) -> Self {
        Self {
            path: path.to_owned(),
            live: live.map(Value::from),
            wanted: Value::from(wanted),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.live {
            Some(live) => write!(f, "{}: {live} → {}", self.path, self.wanted),
            None => write!(f, "{}: not set → {}", self.path, self.wanted),
        }
    }
}

/// Okta's spellings of one field: ours first (API.md §11.4).
const SPELLINGS: [(&str, &str); 2] = [
    ("userNameFormat", "usernameFormat"),
    ("timezone", "timeZone"),
];

/// What a field that Okta leaves out of its answer means (API.md §5.1, §5.2).
const DEFAULTS: [(&str, &str); 7] = [
    ("create.lifecycleCreate.status", "DISABLED"),
    ("update.profile.status", "DISABLED"),
    ("update.lifecycleDeactivate.status", "DISABLED"),
    ("update.password.status", "DISABLED"),
    ("update.password.seed", "RANDOM"),
    ("update.password.change", "KEEP_EXISTING"),
    ("importSettings.username.userNameFormat", "EMAIL"),
];

/// Every capability of `USER_PROVISIONING`.
const USER: [&str; 6] = [
    "create.lifecycleCreate.status",
    "update.profile.status",
    "update.lifecycleDeactivate.status",
    "update.password.status",
    "update.password.seed",
    "update.password.change",
];

/// Every capability of `INBOUND_PROVISIONING` besides those that depend on another.
const INBOUND: [&str; 8] = [
    "importSettings.username.userNameFormat",
    "importSettings.schedule.status",
    "importRules.userCreateAndMatch.exactMatchCriteria",
    "importRules.userCreateAndMatch.allowPartialMatch",
    "importRules.userCreateAndMatch.autoConfirmPartialMatch",
    "importRules.userCreateAndMatch.autoConfirmExactMatch",
    "importRules.userCreateAndMatch.autoConfirmNewUsers",
    "importRules.userCreateAndMatch.autoActivateNewUsers",
];

/// Whether every capability is given, so that it can be sent without reading the live ones first.
/// Schedule details may be missing where the schedule is DISABLED.
pub fn is_complete(feature: Feature, wanted: &Value) -> bool {
    let has = |path: &str| at(wanted, path).is_some();
    let is = |path: &str, text: &str| at(wanted, path).and_then(Value::as_str) == Some(text);
    match feature {
        Feature::UserProvisioning => USER.iter().all(|path| has(path)),
        Feature::InboundProvisioning => {
            let schedules = ["fullImport", "incrementalImport"].iter().all(|import| {
                let path = format!("importSettings.schedule.{import}");
                match at(wanted, &path) {
                    None => false,
                    Some(Value::Null) => true,
                    Some(_) => {
                        has(&format!("{path}.expression")) && has(&format!("{path}.timezone"))
                    }
                }
            });
            INBOUND.iter().all(|path| has(path))
                && (!is("importSettings.username.userNameFormat", "CUSTOM")
                    || has("importSettings.username.userNameExpression"))
                && (is("importSettings.schedule.status", "DISABLED") || schedules)
        }
    }
}

/// Values of capabilities that are enumerations at Okta's, by the ends of their paths (API.md §5.1, §5.2).
const CHOICES: [(&str, &[&str]); 5] = [
    ("status", &["ENABLED", "DISABLED"]),
    ("password.seed", &["OKTA", "RANDOM"]),
    ("password.change", &["CHANGE", "KEEP_EXISTING"]),
    ("username.userNameFormat", &["EMAIL", "CUSTOM"]),
    (
        "userCreateAndMatch.exactMatchCriteria",
        &["EMAIL", "USERNAME"],
    ),
];

/// Names below a field that is wanted as null: a schedule's.
const SPELLED: [&str; 2] = ["expression", "timezone"];

/// Those that are texts of an administrator's.
const TEXTS: [&str; 3] = ["userNameExpression", "expression", "timezone"];

/// A live value: one that was kept, or one in the text of an answer, of which is only asked whether it differs.
#[derive(Clone, Copy, Debug)]
pub enum Live<'a> {
    /// What was kept of the answer; its texts are shown only through the veil, if there is one.
    Kept(&'a Value, Option<&'a Veil>),
    /// The answer itself.
    Shown(&'a Shown<'a>),
}

impl<'a> From<&'a FeatureState> for Live<'a> {
    fn from(state: &'a FeatureState) -> Self {
        Self::Kept(&state.capabilities, Some(state.name.veil()))
    }
}

impl<'a> From<&'a Value> for Live<'a> {
    fn from(value: &'a Value) -> Self {
        Self::Kept(value, None)
    }
}

impl<'a> From<&'a Shown<'a>> for Live<'a> {
    fn from(value: &'a Shown<'a>) -> Self {
        Self::Shown(value)
    }
}

impl Live<'_> {
    fn get(&self, name: &str) -> Option<Self> {
        match self {
            Self::Kept(value, veil) => value.get(name).map(|value| Self::Kept(value, *veil)),
            Self::Shown(value) => value.as_object()?.get(name).map(Self::Shown),
        }
    }

    fn is_null(self) -> bool {
        match self {
            Self::Kept(value, _) => value.is_null(),
            Self::Shown(value) => value.is_null(),
        }
    }

    fn is_empty_object(self) -> bool {
        match self {
            Self::Kept(value, _) => value.as_object().is_some_and(Map::is_empty),
            Self::Shown(value) => value.as_object().is_some_and(ObjectAsVec::is_empty),
        }
    }

    fn is(self, wanted: &Value) -> bool {
        match (self, wanted) {
            (Self::Kept(value, _), _) => value == wanted,
            (Self::Shown(Shown::Str(text)), Value::String(wanted)) => *text == wanted.as_str(),
            (Self::Shown(Shown::Bool(value)), Value::Bool(wanted)) => value == wanted,
            (Self::Shown(_), _) => self.to_value() == *wanted,
        }
    }

    /// As it may be seen.
    fn seen(self, path: &str) -> Value {
        let veil = match self {
            Self::Kept(_, veil) => veil,
            Self::Shown(_) => None,
        };
        seen(&self.to_value(), path, veil)
    }

    fn to_value(self) -> Value {
        match self {
            Self::Kept(value, _) => value.clone(),
            Self::Shown(value) => value.into(),
        }
    }
}

/// The wanted fields whose live value differs; fields the manifest does not give are not looked at.
pub fn compare<'a>(live: impl Into<Live<'a>>, wanted: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    walk(Some(live.into()), wanted, &Place::Top, &mut differences);
    differences
}

fn walk(
    live: Option<Live<'_>>,
    wanted: &Value,
    place: &Place<'_>,
    differences: &mut Vec<Difference>,
) {
    if let Value::Object(fields) = wanted {
        for (name, wanted) in fields {
            let live = live.and_then(|live| field(&live, name));
            walk(live, wanted, &Place::Below(place, name), differences);
        }
    } else if !same(live, wanted, place) {
        differences.push(Difference {
            path: place.path(),
            live: live.map(|live| live.seen(&place.path())),
            wanted: wanted.clone(),
        });
    }
}

// What is an enumeration is read as one, and what is not known to be a text of an administrator's is not repeated.
fn seen(live: &Value, path: &str, veil: Option<&Veil>) -> Value {
    let ends = |end: &str| {
        let before = path.strip_suffix(end);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    match (live, veil) {
        (Value::Null | Value::Bool(_), _) => live.clone(),
        (Value::Object(fields), veil) => {
            let seen = fields.iter().map(|(name, value)| {
                let name = ours(name);
                let known = SPELLED.contains(&name);
                let shown = if known {
                    name.to_owned()
                } else {
                    unknown_value(name)
                };
                (shown, seen(value, &format!("{path}.{name}"), veil))
            });
            Value::Object(seen.collect())
        }
        (Value::String(text), veil) => {
            let choices = CHOICES.iter().find(|(end, _)| ends(end));
            let is_text = TEXTS.iter().any(|end| ends(end));
            Value::String(match (choices, veil) {
                (Some((_, known)), _) => one_of(text, known),
                (None, Some(veil)) if is_text => veil.shown(text),
                (None, _) => unknown_value(text),
            })
        }
        (other, _) => unknown_value(&other.to_string()).into(),
    }
}

/// Where a field stands; most are as wanted, and nobody asks for their path.
enum Place<'a> {
    Top,
    Below(&'a Self, &'a str),
}

impl Place<'_> {
    fn path(&self) -> String {
        match self {
            Self::Top => String::new(),
            Self::Below(Self::Top, name) => (*name).to_owned(),
            Self::Below(above, name) => format!("{}.{name}", above.path()),
        }
    }
}

fn same(live: Option<Live<'_>>, wanted: &Value, place: &Place<'_>) -> bool {
    let live = live.filter(|live| !live.is_null());
    match (live, wanted) {
        // "No import" is null, nothing at all, or `{}` (API.md §5.2).
        (None, Value::Null) => true,
        (Some(live), Value::Null) => live.is_empty_object(),
        (None, wanted) => {
            let path = place.path();
            DEFAULTS
                .iter()
                .any(|(name, default)| *name == path && wanted.as_str() == Some(default))
        }
        (Some(live), wanted) => live.is(wanted),
    }
}

/// The live capabilities with the wanted ones laid over them, in the spelling we send.
pub fn merge(live: &Value, wanted: &Value) -> Value {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let mut merged = Map::new();
            for (name, value) in live {
                merged.insert(
                    ours(name).to_owned(),
                    merge(value, &Value::Object(Map::new())),
                );
            }
            for (name, value) in wanted {
                let below = merged.remove(name).unwrap_or(Value::Null);
                merged.insert(name.clone(), merge(&below, value));
            }
            Value::Object(merged)
        }
        // An empty object asks for nothing below it.
        (live, Value::Object(wanted)) if wanted.is_empty() => live.clone(),
        (_, wanted) => wanted.clone(),
    }
}

/// What is wanted but for these fields, which stay as they are.
pub fn without(wanted: &Value, left: &[Difference]) -> Value {
    let mut rest = wanted.clone();
    for difference in left {
        remove(&mut rest, &difference.path);
    }
    rest
}

// With the objects that hold nothing else.
fn remove(value: &mut Value, path: &str) {
    let Some(fields) = value.as_object_mut() else {
        return;
    };
    let Some((name, below)) = path.split_once('.') else {
        fields.remove(path);
        return;
    };
    if let Some(inner) = fields.get_mut(name) {
        remove(inner, below);
        if inner.as_object().is_some_and(Map::is_empty) {
            fields.remove(name);
        }
    }
}

fn field<'a>(object: &Live<'a>, name: &str) -> Option<Live<'a>> {
    object.get(name).or_else(|| {
        let (_, other) = SPELLINGS.iter().find(|(ours, _)| *ours == name)?;
        object.get(other)
    })
}

fn ours(name: &str) -> &str {
    SPELLINGS
        .iter()
        .find(|(_, other)| *other == name)
        .map_or(name, |(ours, _)| ours)
}

pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(value, |value, name| value.get(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user() -> Value {
        json!({ "create": { "lifecycleCreate": { "status": "ENABLED" } },
                "update": { "profile": { "status": "DISABLED" }, "lifecycleDeactivate": { "status": "ENABLED" },
                            "password": { "status": "ENABLED", "seed": "RANDOM", "change": "KEEP_EXISTING" } } })
    }

    fn inbound() -> Value {
        json!({ "importSettings": { "username": { "userNameFormat": "EMAIL" }, "schedule": { "status": "DISABLED" } },
                "importRules": { "userCreateAndMatch": {
                    "exactMatchCriteria": "USERNAME", "allowPartialMatch": true, "autoConfirmPartialMatch": false,
                    "autoConfirmExactMatch": false, "autoConfirmNewUsers": false, "autoActivateNewUsers": false } } })
    }

    fn without(mut value: Value, path: &str) -> Value {
        let (parents, last) = path.rsplit_once('.').expect("a nested path");
        let parent = parents
            .split('.')
            .fold(&mut value, |value, name| &mut value[name]);
        parent.as_object_mut().expect("an object").remove(last);
        value
    }

    #[test]
    fn every_missing_capability_makes_it_incomplete() {
        assert!(is_complete(Feature::UserProvisioning, &user()));
        for path in USER {
            assert!(
                !is_complete(Feature::UserProvisioning, &without(user(), path)),
                "{path}"
            );
        }
        assert!(is_complete(Feature::InboundProvisioning, &inbound()));
        for path in INBOUND {
            assert!(
                !is_complete(Feature::InboundProvisioning, &without(inbound(), path)),
                "{path}"
            );
        }
    }

    #[test]
    fn an_enabled_schedule_needs_its_details() {
        let daily = json!({ "expression": "0 3 * * *", "timezone": "UTC" });
        for (schedule, complete) in [
            (json!({ "status": "DISABLED" }), true),
            (json!({ "status": "ENABLED" }), false),
            (json!({ "status": "ENABLED", "fullImport": daily }), false),
            (
                json!({ "status": "ENABLED", "fullImport": daily, "incrementalImport": null }),
                true,
            ),
            (
                json!({ "status": "ENABLED", "fullImport": { "expression": "0 3 * * *" }, "incrementalImport": null }),
                false,
            ),
        ] {
            let mut wanted = inbound();
            wanted["importSettings"]["schedule"] = schedule.clone();
            assert_eq!(
                is_complete(Feature::InboundProvisioning, &wanted),
                complete,
                "{schedule}"
            );
        }
        let mut custom = inbound();
        custom["importSettings"]["username"]["userNameFormat"] = json!("CUSTOM");
        assert!(!is_complete(Feature::InboundProvisioning, &custom));
    }

    #[test]
    fn differences_are_named_by_field() {
        let veil = Veil::default();
        for (live, wanted, expected) in [
            (user(), user(), &[][..]),
            (
                json!({}),
                json!({ "create": { "lifecycleCreate": { "status": "DISABLED" } } }),
                &[],
            ),
            (
                json!({}),
                json!({ "create": { "lifecycleCreate": { "status": "ENABLED" } } }),
                &["create.lifecycleCreate.status: not set → \"ENABLED\""],
            ),
            (
                json!({ "importSettings": { "username": { "usernameFormat": "CUSTOM" } } }),
                json!({ "importSettings": { "username": { "userNameFormat": "CUSTOM" } } }),
                &[],
            ),
            (
                json!({ "schedule": { "fullImport": { "expression": "0 3 * * *", "timeZone": "UTC" } } }),
                json!({ "schedule": { "fullImport": { "expression": "0 3 * * *", "timezone": "UTC" } } }),
                &[],
            ),
            (
                json!({ "schedule": { "fullImport": {} } }),
                json!({ "schedule": { "fullImport": null } }),
                &[],
            ),
            (
                json!({ "schedule": {} }),
                json!({ "schedule": { "fullImport": null } }),
                &[],
            ),
            (
                json!({ "schedule": { "fullImport": { "expression": "x" } } }),
                json!({ "schedule": { "fullImport": null } }),
                &["schedule.fullImport: {\"expression\":\"x\"} → null"],
            ),
            (
                json!({ "a": false }),
                json!({ "a": true }),
                &["a: false → true"],
            ),
            (
                json!({ "a": "text" }),
                json!({ "a": { "b": true } }),
                &["a.b: not set → true"],
            ),
        ] {
            let text = live.to_string();
            let shown: Shown<'_> = serde_json::from_str(&text).expect("JSON");
            let found = compare(Live::Kept(&live, Some(&veil)), &wanted);
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{live} against {wanted}");
            let differs = !compare(&shown, &wanted).is_empty();
            assert_eq!(differs, !expected.is_empty(), "{live} against {wanted}");
        }
    }

    #[test]
    fn live_values_are_okta_s_words_or_texts_without_secrets() {
        let veil = Veil::default();
        veil.cover(&"s3cret-token".into());
        let unknown = |count: u32| json!(format!("unknown value ({count} characters)"));
        for (path, live, shown, bare) in [
            (
                "create.lifecycleCreate.status",
                json!("DISABLED"),
                json!("DISABLED"),
                json!("DISABLED"),
            ),
            ("status", json!("enabled"), unknown(7), unknown(7)),
            (
                "update.password.seed",
                json!("OKTA"),
                json!("OKTA"),
                json!("OKTA"),
            ),
            (
                "update.password.seed",
                json!("s3cret-token"),
                unknown(12),
                unknown(12),
            ),
            (
                "update.password.change",
                json!("CYCLE"),
                unknown(5),
                unknown(5),
            ),
            (
                "x.username.userNameFormat",
                json!("EMAIL"),
                json!("EMAIL"),
                json!("EMAIL"),
            ),
            (
                "x.username.userNameExpression",
                json!("a.b\u{200b}"),
                json!("a.b"),
                unknown(4),
            ),
            (
                "x.fullImport.expression",
                json!("0 s3cret-\u{200b}token"),
                json!("0 [redacted]"),
                unknown(15),
            ),
            ("x.fullImport.timezone", json!(7), unknown(1), unknown(1)),
            ("x.allowPartialMatch", json!(true), json!(true), json!(true)),
            ("x.allowPartialMatch", json!("yes"), unknown(3), unknown(3)),
            (
                "x.fullImport",
                json!({ "expression": "1", "timeZone": "UTC", "s3cret-token": [1] }),
                json!({ "expression": "1", "timezone": "UTC", "unknown value (12 characters)": unknown(3) }),
                json!({ "expression": unknown(1), "timezone": unknown(3), "unknown value (12 characters)": unknown(3) }),
            ),
            ("x", json!(null), json!(null), json!(null)),
            ("x", json!([1, 2]), unknown(5), unknown(5)),
        ] {
            assert_eq!(seen(&live, path, Some(&veil)), shown, "{path} {live}");
            assert_eq!(seen(&live, path, None), bare, "{path} {live}");
        }
    }

    #[test]
    fn merging_keeps_what_the_manifest_does_not_give() {
        let live = json!({ "importSettings": { "username": { "usernameFormat": "EMAIL" },
                            "schedule": { "status": "ENABLED", "fullImport": { "expression": "0 3 * * *", "timeZone": "UTC" } } } });
        let wanted = json!({ "importSettings": { "schedule": { "status": "DISABLED", "fullImport": null } } });
        assert_eq!(
            merge(&live, &wanted),
            json!({ "importSettings": { "username": { "userNameFormat": "EMAIL" },
                    "schedule": { "status": "DISABLED", "fullImport": null } } })
        );
        assert_eq!(merge(&Value::Null, &user()), user());
        assert_eq!(merge(&user(), &json!({})), user());
    }

    #[test]
    fn fields_that_are_left_are_sent_as_they_are() {
        let left = |path: &str| Difference::text(path, Some("DISABLED"), "ENABLED");
        let mut live = user();
        live["create"]["lifecycleCreate"]["status"] = json!("DISABLED");
        live["update"]["password"] = json!({});
        let paths = ["create.lifecycleCreate.status", "update.password.seed"];
        let rest = super::without(&user(), &paths.map(left));
        assert_eq!(rest.get("create"), None, "nothing is left of it");
        let sent = merge(&live, &rest);
        assert_eq!(sent["create"], live["create"]);
        assert_eq!(sent["update"]["password"].get("seed"), None);
        assert_eq!(sent["update"]["password"]["status"], "ENABLED");
        assert!(compare(&sent, &rest).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn after_a_merge_nothing_differs(create in 0..2usize, seed in 0..2usize, keep in proptest::bool::ANY) {
            let status = ["ENABLED", "DISABLED"][create];
            let wanted = json!({ "create": { "lifecycleCreate": { "status": status } },
                                 "update": { "password": { "seed": (["OKTA", "RANDOM"][seed]) } } });
            let live = if keep { user() } else { json!({}) };
            let merged = merge(&live, &wanted);
            proptest::prop_assert!(compare(&merged, &wanted).is_empty());
        }
    }
}
