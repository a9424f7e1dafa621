//! The kinds of step, by name, and in which org each happens.

use serde::{Deserialize, Serialize};

use crate::apps::Feature;

/// One unit of work of an entry: at most one state-changing API call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Look up the app's id by label.
    FindApp,
    /// Create the app when none has the label.
    CreateApp,
    /// Save the connection's credentials, or start a consent.
    SetConnection,
    /// Wait for a person's consent.
    AwaitConsent,
    /// Hand Okta what the consent produced.
    CompleteConsent,
    /// Activate the connection.
    ActivateConnection,
    /// Deactivate the connection.
    DeactivateConnection,
    /// Configure one feature.
    SetFeature(Feature),
    /// Make the service app in the hub that the connection signs in as.
    CreateServiceApp,
    /// Assign one of its admin roles, by its place in the entry's list from 0.
    AssignRole(u16),
    /// Grant one of its scopes, by its place in the entry's list from 0.
    GrantScope(u16),
    /// Have its access tokens bound to a key (`DPoP`).
    RequireDpop,
    /// Make a new key for the connection to sign with.
    GenerateKey,
    /// Register it with the service app in the hub, beside the old ones.
    AddKey,
    /// Have the connection sign with it.
    SwitchKey,
    /// Take the old one away from the service app.
    RemoveKey,
    /// Find or make the identity provider in the hub that stands for the entry's org.
    CreateIdp,
    /// Have it let in those whom the app signs in.
    UpdateIdp,
}

/// In which org a step happens, and its calls with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Site {
    /// The entry's own.
    Own,
    /// The one that the entry names as its hub.
    Hub,
}

impl Step {
    /// The name used in reports and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FindApp => "find_app",
            Self::CreateApp => "create_app",
            Self::SetConnection => "set_connection",
            Self::AwaitConsent => "await_consent",
            Self::CompleteConsent => "complete_consent",
            Self::ActivateConnection => "activate_connection",
            Self::DeactivateConnection => "deactivate_connection",
            Self::SetFeature(_) => "set_feature",
            Self::CreateServiceApp => "create_service_app",
            Self::AssignRole(_) => "assign_role",
            Self::GrantScope(_) => "grant_scope",
            Self::RequireDpop => "require_dpop",
            Self::GenerateKey => "generate_key",
            Self::AddKey => "add_key",
            Self::SwitchKey => "switch_key",
            Self::RemoveKey => "remove_key",
            Self::CreateIdp => "create_idp",
            Self::UpdateIdp => "update_idp",
        }
    }

    /// In which org it happens.
    pub const fn site(self) -> Site {
        match self {
            Self::FindApp
            | Self::CreateApp
            | Self::SetConnection
            | Self::AwaitConsent
            | Self::CompleteConsent
            | Self::ActivateConnection
            | Self::DeactivateConnection
            | Self::SetFeature(_)
            | Self::GenerateKey
            | Self::SwitchKey => Site::Own,
            Self::CreateServiceApp
            | Self::AssignRole(_)
            | Self::GrantScope(_)
            | Self::RequireDpop
            | Self::AddKey
            | Self::RemoveKey
            | Self::CreateIdp
            | Self::UpdateIdp => Site::Hub,
        }
    }

    /// Which of several of its kind it is: a place in the entry's list of them, from 0.
    pub const fn index(self) -> Option<u16> {
        match self {
            Self::FindApp
            | Self::CreateApp
            | Self::SetConnection
            | Self::AwaitConsent
            | Self::CompleteConsent
            | Self::ActivateConnection
            | Self::DeactivateConnection
            | Self::SetFeature(_)
            | Self::CreateServiceApp
            | Self::RequireDpop
            | Self::GenerateKey
            | Self::AddKey
            | Self::SwitchKey
            | Self::RemoveKey
            | Self::CreateIdp
            | Self::UpdateIdp => None,
            Self::AssignRole(index) | Self::GrantScope(index) => Some(index),
        }
    }

    /// The feature of a `set_feature`.
    pub const fn feature(self) -> Option<Feature> {
        match self {
            Self::SetFeature(feature) => Some(feature),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Ledgers hold these texts.
    #[test]
    fn every_kind_is_stored_as_it_always_was() {
        for (step, text) in [
            (Step::FindApp, r#""find_app""#),
            (Step::CreateApp, r#""create_app""#),
            (Step::SetConnection, r#""set_connection""#),
            (Step::AwaitConsent, r#""await_consent""#),
            (Step::CompleteConsent, r#""complete_consent""#),
            (Step::ActivateConnection, r#""activate_connection""#),
            (Step::DeactivateConnection, r#""deactivate_connection""#),
            (
                Step::SetFeature(Feature::UserProvisioning),
                r#"{"set_feature":"USER_PROVISIONING"}"#,
            ),
            (
                Step::SetFeature(Feature::InboundProvisioning),
                r#"{"set_feature":"INBOUND_PROVISIONING"}"#,
            ),
            (Step::CreateServiceApp, r#""create_service_app""#),
            (Step::AssignRole(0), r#"{"assign_role":0}"#),
            (Step::GrantScope(2), r#"{"grant_scope":2}"#),
            (Step::RequireDpop, r#""require_dpop""#),
            (Step::GenerateKey, r#""generate_key""#),
            (Step::AddKey, r#""add_key""#),
            (Step::SwitchKey, r#""switch_key""#),
            (Step::RemoveKey, r#""remove_key""#),
            (Step::CreateIdp, r#""create_idp""#),
            (Step::UpdateIdp, r#""update_idp""#),
        ] {
            assert_eq!(serde_json::to_string(&step).expect("JSON"), text);
            assert_eq!(serde_json::from_str::<Step>(text).expect(text), step);
            let (of_hub, index) = match step {
                Step::AssignRole(index) | Step::GrantScope(index) => (Site::Hub, Some(index)),
                Step::CreateServiceApp
                | Step::RequireDpop
                | Step::AddKey
                | Step::RemoveKey
                | Step::CreateIdp
                | Step::UpdateIdp => (Site::Hub, None),
                _ => (Site::Own, None),
            };
            assert_eq!((step.site(), step.index()), (of_hub, index), "{text}");
        }
    }
}
