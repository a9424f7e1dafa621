//! How a run rotates keys, and which entries it is about.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::manifest::{Entry, KeyRotation};

/// How the keys of a file's connections are rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rotating {
    /// What is done to each.
    pub keys: KeyRotation,
    /// How long the old keys stay at least; `None` = they go at once.
    pub overlap: Option<Duration>,
}

impl Rotating {
    /// The entry as such a run has it, if it is about it.
    pub fn of(self, entry: &Entry) -> Option<Entry> {
        entry.rotates_by_hand().then(|| Entry {
            rotation: Some(self.keys),
            ..entry.clone()
        })
    }

    /// The flags that ask for the same, as they follow the file.
    pub fn flags(self) -> String {
        let overlap = self
            .overlap
            .map(|overlap| format!(" --overlap {}s", overlap.as_secs()));
        let years = (self.keys.validity_years != DEFAULT_YEARS)
            .then(|| format!(" --years {}", self.keys.validity_years));
        [overlap, years].into_iter().flatten().collect()
    }
}

/// Years for which a new key is good where nobody says: as short as Okta lets one be.
const DEFAULT_YEARS: u8 = 2;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::OldKey;

    #[test]
    fn only_connections_that_nobody_else_rotates_are_rotated() {
        let rotating = Rotating {
            keys: KeyRotation {
                validity_years: 2,
                old_key: OldKey::Goes,
            },
            overlap: None,
        };
        let hub = json!({ "org": "hub", "clientName": "c" });
        let signing =
            |mode: &str| json!({ "authScheme": "OAUTH2", "signing": { "rotationMode": mode } });
        for (app, profile, hub, rotates, nowhere) in [
            ("okta_org2org", signing("MANUAL"), hub.clone(), true, false),
            (
                "okta_org2org",
                json!({ "authScheme": "OAUTH2" }),
                hub.clone(),
                true,
                false,
            ),
            ("okta_org2org", signing("AUTO"), hub.clone(), false, false),
            ("okta_org2org", signing("MANUAL"), json!(null), false, true),
            ("okta_org2org", signing("AUTO"), json!(null), false, false),
            (
                "okta_org2org",
                json!({ "authScheme": "TOKEN" }),
                json!(null),
                false,
                false,
            ),
            (
                "google",
                json!({ "authScheme": "OAUTH2" }),
                json!(null),
                false,
                false,
            ),
        ] {
            let entry = json!({ "org": "a", "app": app, "appId": "0oa1", "hub": hub,
                "connection": { "profile": profile } });
            let entry: Entry = serde_json::from_value(entry).unwrap();
            assert_eq!(rotating.of(&entry).is_some(), rotates, "{entry:?}");
            assert_eq!(entry.rotates_nowhere(), nowhere, "{entry:?}");
        }
    }
}
