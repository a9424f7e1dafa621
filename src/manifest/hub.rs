//! The hub side of an Org2Org pair (API.md §6): the service app that a spoke's connection signs in as, and what that may do.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::idp::Idp;
use super::problem::{Issues, alternatives, nearest, shown};

/// The hub side of an Org2Org pair (API.md §6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hub {
    /// Name of the hub org.
    pub org: String,
    /// `client_name` of the service app in the hub.
    pub client_name: String,
    /// Admin roles to assign to the service app.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<AdminRole>,
    /// Scopes to grant to the service app.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Whether access tokens must be DPoP-bound.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dpop: bool,
    /// The identity provider in the hub that stands for the entry's org, where people sign in to the hub through the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp: Option<Idp>,
}

/// An admin role that is assigned to a service app.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AdminRole {
    /// One that every org has, by its type.
    Standard(String),
    /// One of the org's own, for a resource set.
    Custom {
        /// The role's id.
        role: String,
        /// The resource set's id.
        resource_set: String,
    },
}

/// The types of roles that every org has: Okta's `RoleType` without `CUSTOM`.
pub const STANDARD_ROLES: [&str; 12] = [
    "ACCESS_CERTIFICATIONS_ADMIN",
    "ACCESS_REQUESTS_ADMIN",
    "API_ACCESS_MANAGEMENT_ADMIN",
    "APP_ADMIN",
    "GROUP_MEMBERSHIP_ADMIN",
    "HELP_DESK_ADMIN",
    "ORG_ADMIN",
    "READ_ONLY_ADMIN",
    "REPORT_ADMIN",
    "SUPER_ADMIN",
    "USER_ADMIN",
    "WORKFLOWS_ADMIN",
];

/// Roles and scopes of a service app at most: there are a dozen standard roles and some hundred scopes, and each is a call.
const MAX_EACH: usize = 100;

/// Longest scope or id that is taken (bytes); Okta's scopes have up to 50.
const MAX_WORD: usize = 100;

const CUSTOM_KEYS: [&str; 2] = ["role", "resourceSet"];

impl AdminRole {
    /// From an element of `roles`: a text, or an object with `role` and `resourceSet`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(value: &Value) -> Result<Self, String> {
        let custom = match value {
            Value::String(kind) if !kind.trim().is_empty() => {
                return Ok(Self::Standard(kind.clone()));
            }
            Value::Object(custom) => custom,
            _ => return Err("a role is a text, or an object with role and resourceSet".to_owned()),
        };
        let unknown = custom
            .keys()
            .filter(|key| !key.starts_with('$'))
            .find(|key| !CUSTOM_KEYS.contains(&key.as_str()));
        if let Some(key) = unknown {
            return Err(format!(
                "a custom role has the keys role and resourceSet, not {}",
                shown(key)
            ));
        }
        let [role, resource_set] = CUSTOM_KEYS.map(|key| {
            let text = custom.get(key).and_then(Value::as_str);
            let text = text.map(str::trim).filter(|text| !text.is_empty());
            text.map(str::to_owned)
                .ok_or_else(|| format!("a custom role needs {key}: an id, as a text"))
        });
        Ok(Self::Custom {
            role: role?,
            resource_set: resource_set?,
        })
    }

    /// From a part of a CSV cell; a custom role is written as in JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('{') {
            return Self::read(&Value::from(text));
        }
        let value = serde_json::from_str(text);
        Self::read(&value.map_err(|_| {
            "a custom role is written as {\"role\":\"…\",\"resourceSet\":\"…\"}".to_owned()
        })?)
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Standard(kind) => Value::from(kind.as_str()),
            Self::Custom { role, resource_set } => {
                json!({ "role": role, "resourceSet": resource_set })
            }
        }
    }
}

/// As reports and plans name it.
impl fmt::Display for AdminRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(kind) => f.write_str(kind),
            Self::Custom { role, resource_set } => write!(f, "{role} for {resource_set}"),
        }
    }
}

impl Serialize for AdminRole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AdminRole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::read(&value).map_err(D::Error::custom)
    }
}

impl JsonSchema for AdminRole {
    fn schema_name() -> Cow<'static, str> {
        "AdminRole".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A standard role by its type, or a custom role for a resource set.",
            "oneOf": [
                { "type": "string", "enum": STANDARD_ROLES },
                {
                    "type": "object",
                    "additionalProperties": false,
                    "required": CUSTOM_KEYS,
                    "properties": {
                        "role": { "type": "string", "description": "The role's id." },
                        "resourceSet": { "type": "string", "description": "The resource set's id." },
                    },
                },
            ],
        })
    }
}

impl Hub {
    /// Whether a manifest can name this role.
    pub fn takes_role(role: &AdminRole) -> bool {
        let mut issues = Issues::default();
        check_role(role, &mut issues);
        issues.is_empty()
    }

    /// Whether a manifest can name this scope.
    pub fn takes_scope(scope: &str) -> bool {
        is_okta_scope(scope)
    }

    /// The name of its identity provider, if it has one.
    pub fn idp_name(&self) -> Option<&str> {
        let idp = self.idp.as_ref()?;
        Some(idp.name.as_deref().unwrap_or(&self.client_name))
    }

    /// The same with the names that it has by default, as the ledger and reports keep it.
    pub(super) fn with_names(mut self) -> Self {
        let name = self.idp_name().map(str::to_owned);
        if let Some(idp) = &mut self.idp {
            idp.name = name;
        }
        self
    }

    /// Notes what is wrong with what a service app is to be given.
    pub(super) fn check_rights(&self, issues: &mut Issues) {
        for (field, count) in [
            ("hub.roles", self.roles.len()),
            ("hub.scopes", self.scopes.len()),
        ] {
            if count > MAX_EACH {
                issues.push(
                    field,
                    format!("has {count} items; it takes up to {MAX_EACH}"),
                );
            }
        }
        self.roles.iter().for_each(|role| check_role(role, issues));
        if let Some(role) = twice(&self.roles) {
            issues.push("hub.roles", format!("has {role} twice"));
        }
        for scope in &self.scopes {
            if !is_okta_scope(scope) {
                issues.push_hint(
                    "hub.scopes",
                    format!("{} is no scope of Okta's API", shown(scope)),
                    "they look like okta.users.manage",
                );
            }
        }
        if let Some(scope) = twice(&self.scopes) {
            issues.push("hub.scopes", format!("has {} twice", shown(scope)));
        }
    }
}

fn check_role(role: &AdminRole, issues: &mut Issues) {
    let kind = match role {
        AdminRole::Standard(kind) => kind,
        AdminRole::Custom { role, resource_set } => {
            let bad = [role, resource_set].into_iter().find(|id| !is_id(id));
            if let Some(bad) = bad {
                issues.push("hub.roles", format!("{} is not an id", shown(bad)));
            }
            return;
        }
    };
    if STANDARD_ROLES.contains(&kind.as_str()) {
        return;
    }
    let message = format!("{} is no standard role", shown(kind));
    let custom = "a custom role is given as { \"role\": ID, \"resourceSet\": ID }";
    match nearest(kind, STANDARD_ROLES.iter().copied()) {
        Some(near) => issues.push_hint("hub.roles", message, format!("did you mean {near}?")),
        None if kind == "CUSTOM" => issues.push_hint("hub.roles", message, custom),
        None => issues.push_hint(
            "hub.roles",
            message,
            format!("they are {}; {custom}", alternatives(&STANDARD_ROLES)),
        ),
    }
}

fn twice<T: PartialEq>(all: &[T]) -> Option<&T> {
    let mut places = all.iter().enumerate();
    places.find_map(|(at, one)| all[..at].contains(one).then_some(one))
}

fn is_okta_scope(scope: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    scope.len() <= MAX_WORD
        && scope.starts_with("okta.")
        && scope.bytes().all(plain)
        && scope.split('.').all(|part| !part.is_empty())
}

fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    id.len() <= MAX_WORD && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_a_text_or_an_object() {
        let custom = AdminRole::Custom {
            role: "cr1".to_owned(),
            resource_set: "iam1".to_owned(),
        };
        let standard = AdminRole::Standard("USER_ADMIN".to_owned());
        for (text, value, wanted) in [
            ("USER_ADMIN", json!("USER_ADMIN"), Some(&standard)),
            (
                r#"{"role":"cr1","resourceSet":"iam1"}"#,
                json!({ "role": "cr1", "resourceSet": "iam1", "$why": "x" }),
                Some(&custom),
            ),
            (r#"{"role":"cr1"}"#, json!({ "role": "cr1" }), None),
            (
                r#"{"role":"cr1","resourceSet":" "}"#,
                json!({ "role": "cr1", "resourceSet": 7 }),
                None,
            ),
            (
                r#"{"role":"a","resourceSet":"b","x":1}"#,
                json!({ "role": "a", "resourceSet": "b", "x": 1 }),
                None,
            ),
            ("{", json!(null), None),
            (" ", json!(""), None),
        ] {
            let (parsed, read) = (AdminRole::parse(text), AdminRole::read(&value));
            assert_eq!(parsed.as_ref().ok(), wanted, "{text}");
            assert_eq!(read.as_ref().ok(), wanted, "{value}");
            if let Ok(role) = read {
                let again: AdminRole = serde_json::from_value(json!(role)).unwrap();
                assert_eq!(again, role);
            }
        }
    }

    #[test]
    fn what_a_service_app_is_to_be_given_is_checked() {
        let hub = |roles: Value, scopes: Value| -> Vec<String> {
            let hub = json!({ "org": "hub", "clientName": "c", "roles": roles, "scopes": scopes });
            let hub: Hub = serde_json::from_value(hub).unwrap();
            let mut issues = Issues::default();
            hub.check_rights(&mut issues);
            issues.messages()
        };
        let none: [&str; 0] = [];
        assert_eq!(
            hub(
                json!(["USER_ADMIN", { "role": "cr0Yq6IJxGIr0ouum0g3", "resourceSet": "iamoJDFKaJxGIr0oamd9g" }]),
                json!(["okta.users.manage", "okta.userTypes.read"])
            ),
            none
        );
        for (roles, scopes, wanted) in [
            (
                json!(["USER_ADMN"]),
                json!([]),
                "`USER_ADMN` is no standard role",
            ),
            (json!(["CUSTOM"]), json!([]), "`CUSTOM` is no standard role"),
            (
                json!(["USER_ADMIN", "USER_ADMIN"]),
                json!([]),
                "has USER_ADMIN twice",
            ),
            (
                json!([{ "role": "a/b", "resourceSet": "c" }]),
                json!([]),
                "`a/b` is not an id",
            ),
            (
                json!([]),
                json!(["openid"]),
                "`openid` is no scope of Okta's API",
            ),
            (
                json!([]),
                json!(["okta."]),
                "`okta.` is no scope of Okta's API",
            ),
            (json!([]), json!(["okta.a", "okta.a"]), "has `okta.a` twice"),
        ] {
            assert_eq!(hub(roles, scopes), [wanted]);
        }
        let many: Vec<String> = (0..=MAX_EACH)
            .map(|no| format!("okta.s{no}.read"))
            .collect();
        assert_eq!(
            hub(json!([]), json!(many)),
            ["has 101 items; it takes up to 100"]
        );
    }
}
