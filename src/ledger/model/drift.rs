//! A field that somebody changed by hand since a run of this ledger had it as the manifest wants it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What of an entry was found otherwise than wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// See [`Progress::drift`](super::Progress::drift).
    Drift,
    /// See [`Progress::left_secrets`](super::Progress::left_secrets).
    LeftSecrets,
}

/// A field that somebody changed by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Drift {
    /// Dotted path as in the manifest.
    pub field: String,
    /// What Okta showed; `None` when it did not show the field.
    pub live: Option<Value>,
    /// What the manifest says.
    pub wanted: Value,
}

/// An object, or what ledgers of earlier versions have: `features.X.y: "DISABLED" → "ENABLED"`.
impl TryFrom<Value> for Drift {
    type Error = &'static str;

    fn try_from(stored: Value) -> std::result::Result<Self, Self::Error> {
        match stored {
            Value::String(sentence) => Ok(Self::of_sentence(&sentence)),
            Value::Object(mut keys) => match keys.remove("field") {
                Some(Value::String(field)) => Ok(Self {
                    field,
                    live: keys.remove("live").filter(|live| !live.is_null()),
                    wanted: keys.remove("wanted").unwrap_or_default(),
                }),
                _ => Err("a drift has a field"),
            },
            _ => Err("a drift is an object"),
        }
    }
}

impl Drift {
    // No field's name holds a colon or an arrow; a value may, so that the last arrow is not always the right
    // one: both sides must be JSON.
    fn of_sentence(sentence: &str) -> Self {
        let (field, values) = sentence.split_once(": ").unwrap_or((sentence, ""));
        let parts = values.match_indices(" → ").find_map(|(at, arrow)| {
            let live = match &values[..at] {
                "not set" => None,
                live => Some(serde_json::from_str(live).ok()?),
            };
            let wanted = serde_json::from_str(&values[at + arrow.len()..]).ok()?;
            Some((live, wanted))
        });
        let (live, wanted) = parts.unwrap_or_default();
        Self {
            field: field.to_owned(),
            live,
            wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_it_writes_and_what_earlier_versions_wrote() {
        for (old, field, live, wanted) in [
            (
                "features.USER_PROVISIONING.create.lifecycleCreate.status: \"DISABLED\" → \"ENABLED\"",
                "features.USER_PROVISIONING.create.lifecycleCreate.status",
                Some(json!("DISABLED")),
                json!("ENABLED"),
            ),
            ("a.b: not set → true", "a.b", None, json!(true)),
            (
                "a: {\"e\":\"x → y: z\"} → null",
                "a",
                Some(json!({ "e": "x → y: z" })),
                Value::Null,
            ),
            ("odd", "odd", None, Value::Null),
        ] {
            let expected = Drift {
                field: field.to_owned(),
                live,
                wanted,
            };
            let read: Drift = serde_json::from_value(json!(old)).unwrap();
            assert_eq!(read, expected);
            let again: Drift =
                serde_json::from_value(serde_json::to_value(&expected).unwrap()).unwrap();
            assert_eq!(again, expected);
        }
        for wrong in [json!(1), json!({}), json!({ "field": 1 })] {
            assert!(serde_json::from_value::<Drift>(wrong).is_err());
        }
    }
}
