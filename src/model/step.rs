//! The kinds of step, by name.

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
