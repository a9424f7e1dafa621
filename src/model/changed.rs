//! What a run changed at Okta, and why: what reports tell of an entry that was changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// Why something was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Why {
    /// The secret is not the one that this ledger set last.
    SecretChanged,
    /// Somebody had changed it by hand.
    Drift,
    /// The manifest says something else than before.
    Manifest,
    /// No run of this ledger had it as wanted before.
    New,
}

/// One change. Stored as a short list: every later checkpoint of its entry writes it again.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Vec<Value>")]
pub struct Changed {
    /// Dotted path as in the manifest: of one field, or of a group that was written as a whole.
    pub field: String,
    /// Why it was written.
    pub why: Why,
    /// What Okta showed before, if it did, and what was written. Nothing for a secret, and for a group, of which the
    /// entry says it.
    pub values: Option<(Option<Value>, Value)>,
}

impl Changed {
    /// Something that Okta does not show, or all that the entry says below this path.
    pub fn unseen(field: impl Into<String>, why: Why) -> Self {
        Self {
            field: field.into(),
            why,
            values: None,
        }
    }

    /// Whether a connection was switched off.
    pub fn is_deactivation(&self) -> bool {
        let to = self.values.as_ref().map(|(_, to)| to);
        self.field == "connection.status" && to.and_then(Value::as_str) == Some("DISABLED")
    }

    /// Adds it to what was changed before. What was changed once more counts once, from what it was at first.
    pub fn add_to(self, all: &mut Vec<Self>) {
        match all.iter_mut().find(|before| before.field == self.field) {
            None => all.push(self),
            Some(before) => {
                if let (Some((_, to)), Some((_, now))) = (&mut before.values, self.values) {
                    *to = now;
                }
            }
        }
    }
}

impl TryFrom<Vec<Value>> for Changed {
    type Error = &'static str;

    fn try_from(stored: Vec<Value>) -> Result<Self, Self::Error> {
        let mut parts = stored.into_iter();
        let (Some(Value::String(field)), Some(why)) = (parts.next(), parts.next()) else {
            return Err("a change has a field and a reason");
        };
        let why = Why::deserialize(why).map_err(|_| "a change has a known reason")?;
        let values = match (parts.next(), parts.next()) {
            (Some(from), Some(to)) => Some((Some(from).filter(|from| !from.is_null()), to)),
            _ => None,
        };
        Ok(Self { field, why, values })
    }
}

impl Serialize for Changed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { field, why, values } = self;
        match values {
            None => (field, why).serialize(serializer),
            Some((from, to)) => (field, why, from, to).serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changed(why: Why, from: Option<Value>, to: Value) -> Changed {
        Changed {
            field: "connection.baseUrl".to_owned(),
            why,
            values: Some((from, to)),
        }
    }

    #[test]
    fn it_is_stored_as_a_short_list() {
        for (change, stored) in [
            (
                Changed::unseen("connection", Why::New),
                r#"["connection","new"]"#,
            ),
            (
                changed(Why::Drift, Some(json!("a")), json!("b")),
                r#"["connection.baseUrl","drift","a","b"]"#,
            ),
            (
                changed(Why::Manifest, None, json!({ "x": [1] })),
                r#"["connection.baseUrl","manifest",null,{"x":[1]}]"#,
            ),
            (
                changed(Why::SecretChanged, Some(json!(1)), Value::Null),
                r#"["connection.baseUrl","secretChanged",1,null]"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&change).unwrap(), stored);
            assert_eq!(serde_json::from_str::<Changed>(stored).unwrap(), change);
        }
    }

    #[test]
    fn what_is_changed_once_more_counts_once() {
        let mut all = Vec::new();
        changed(Why::Drift, Some(json!("a")), json!("b")).add_to(&mut all);
        changed(Why::Manifest, Some(json!("b")), json!("c")).add_to(&mut all);
        Changed::unseen("connection", Why::New).add_to(&mut all);
        Changed::unseen("connection", Why::New).add_to(&mut all);
        assert_eq!(
            all,
            [
                changed(Why::Drift, Some(json!("a")), json!("c")),
                Changed::unseen("connection", Why::New),
            ]
        );
    }
}
