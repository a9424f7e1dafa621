//! What entries want of their features, as the JSON of Okta's request. Most entries of an org want the same.

use serde_json::Value;

use super::features::is_complete;
use crate::apps::Feature;
use crate::manifest::Features;
use crate::okta::RequestBody;
use crate::okta::features::body;

/// The wanted capabilities of an entry's features.
#[derive(Debug)]
pub struct Wanted {
    of: Features,
    json: String,
    capabilities: [Option<(Value, RequestBody)>; Feature::ALL.len()],
    complete: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self::of(&Features::default())
    }
}

impl Wanted {
    /// What an entry wants.
    pub fn of(features: &Features) -> Self {
        let capabilities = Feature::ALL.map(|feature| {
            let wanted = features.wanted(feature)?;
            let body = body(&wanted);
            Some((wanted, body))
        });
        let complete = Feature::ALL
            .iter()
            .zip(&capabilities)
            .all(|(feature, wanted)| {
                wanted
                    .as_ref()
                    .is_none_or(|(wanted, _)| is_complete(*feature, wanted))
            });
        Self {
            of: features.clone(),
            json: super::json(features),
            capabilities,
            complete,
        }
    }

    /// Whether an entry with these features wants just this.
    pub fn is_of(&self, features: &Features) -> bool {
        self.of == *features
    }

    /// The capabilities of a feature, if it is wanted.
    pub fn get(&self, feature: Feature) -> Option<&Value> {
        self.part(feature).map(|(wanted, _)| wanted)
    }

    /// Okta's request for them as they are.
    pub fn body(&self, feature: Feature) -> Option<&RequestBody> {
        self.part(feature).map(|(_, body)| body)
    }

    fn part(&self, feature: Feature) -> Option<&(Value, RequestBody)> {
        Feature::ALL
            .iter()
            .zip(&self.capabilities)
            .find(|(of, _)| **of == feature)?
            .1
            .as_ref()
    }

    /// All of it as the manifest has it.
    pub(super) fn json(&self) -> &str {
        &self.json
    }

    /// Whether every wanted feature is given in full.
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn features(json: Value) -> Features {
        serde_json::from_value(json).expect("features")
    }

    #[test]
    fn all_features_have_to_be_complete() {
        let user = json!({ "create": { "lifecycleCreate": { "status": "ENABLED" } },
            "update": { "profile": { "status": "ENABLED" }, "lifecycleDeactivate": { "status": "ENABLED" },
                        "password": { "status": "ENABLED", "seed": "OKTA", "change": "CHANGE" } } });
        let inbound = json!({ "importSettings": { "schedule": { "status": "DISABLED" } } });
        let some = features(json!({ "USER_PROVISIONING": user }));
        let both = features(json!({ "USER_PROVISIONING": user, "INBOUND_PROVISIONING": inbound }));
        assert!(Wanted::of(&Features::default()).is_complete());
        let wanted = Wanted::of(&some);
        assert!(wanted.is_complete() && wanted.is_of(&some) && !wanted.is_of(&both));
        assert_eq!(wanted.get(Feature::UserProvisioning), Some(&user));
        assert_eq!(wanted.get(Feature::InboundProvisioning), None);
        let wanted = Wanted::of(&both);
        assert!(!wanted.is_complete());
        assert_eq!(wanted.get(Feature::InboundProvisioning), Some(&inbound));
    }
}
