//! The six apps whose provisioning connection Okta's API can set up (API.md §2), as data.
//!
//! Owns which authentication schemes and features an app has and how many legs its OAuth flow has.
//! Which steps follow from that is decided in [`crate::plan`].

mod names;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use names::{Meant, meant};

/// A supported app integration, spelled as Okta's `name`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum App {
    /// Google Workspace.
    #[serde(rename = "google")]
    Google,
    /// Microsoft Office 365.
    #[serde(rename = "office365")]
    Office365,
    /// Another Okta org.
    #[serde(rename = "okta_org2org")]
    OktaOrg2Org,
    /// Slack.
    #[serde(rename = "slack")]
    Slack,
    /// Zoom.
    #[serde(rename = "zoomus")]
    Zoomus,
    /// Zscaler 2.0 by Zscaler.
    #[serde(rename = "zscalerbyz")]
    Zscalerbyz,
}

/// How a connection authenticates to the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AuthScheme {
    /// A token given by the app.
    #[serde(rename = "TOKEN")]
    Token,
    /// OAuth 2.0, two- or three-legged depending on the app.
    #[serde(rename = "OAUTH2")]
    Oauth2,
}

/// A provisioning feature, spelled as in Okta's URLs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Feature {
    /// From Okta to the app.
    #[serde(rename = "USER_PROVISIONING")]
    UserProvisioning,
    /// From the app to Okta.
    #[serde(rename = "INBOUND_PROVISIONING")]
    InboundProvisioning,
}

impl App {
    /// Every supported app.
    pub const ALL: [Self; 6] = [
        Self::Google,
        Self::Office365,
        Self::OktaOrg2Org,
        Self::Slack,
        Self::Zoomus,
        Self::Zscalerbyz,
    ];

    /// Its place in [`App::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Okta's `name` of the app.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Office365 => "office365",
            Self::OktaOrg2Org => "okta_org2org",
            Self::Slack => "slack",
            Self::Zoomus => "zoomus",
            Self::Zscalerbyz => "zscalerbyz",
        }
    }

    /// The app with this Okta `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|app| app.name() == name)
    }

    /// The schemes its connection can have (API.md §2).
    pub const fn schemes(self) -> &'static [AuthScheme] {
        match self {
            Self::Google | Self::Office365 | Self::Slack | Self::Zoomus => &[AuthScheme::Oauth2],
            Self::OktaOrg2Org => &[AuthScheme::Token, AuthScheme::Oauth2],
            Self::Zscalerbyz => &[AuthScheme::Token],
        }
    }

    /// The features its connection can configure (API.md §2).
    pub const fn features(self) -> &'static [Feature] {
        match self {
            Self::Zscalerbyz => &[Feature::UserProvisioning],
            _ => &[Feature::UserProvisioning, Feature::InboundProvisioning],
        }
    }

    /// Whether its third party asks for consent at this host.
    pub fn asks_at(self, host: &str) -> bool {
        self.consent_hosts()
            .iter()
            .any(|known| match known.strip_prefix("*.") {
                Some(domain) => {
                    host == domain
                        || host
                            .strip_suffix(domain)
                            .is_some_and(|sub| sub.ends_with('.'))
                }
                None => host == *known,
            })
    }

    /// Where its third party asks for consent; `*.` stands for the domain and all below it.
    pub const fn consent_hosts(self) -> &'static [&'static str] {
        match self {
            Self::Google => &["accounts.google.com"],
            Self::Office365 => &["login.microsoftonline.com"],
            Self::Slack => &["*.slack.com"],
            Self::Zoomus => &["*.zoom.us"],
            Self::OktaOrg2Org | Self::Zscalerbyz => &[],
        }
    }

    /// Whether a person has to consent at the third party (three-legged OAuth 2.0).
    pub const fn needs_consent(self) -> bool {
        matches!(
            self,
            Self::Google | Self::Office365 | Self::Slack | Self::Zoomus
        )
    }
}

impl AuthScheme {
    /// As Okta spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "TOKEN",
            Self::Oauth2 => "OAUTH2",
        }
    }
}

impl Feature {
    /// Every feature, in the order they are set.
    pub const ALL: [Self; 2] = [Self::UserProvisioning, Self::InboundProvisioning];

    /// As Okta spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserProvisioning => "USER_PROVISIONING",
            Self::InboundProvisioning => "INBOUND_PROVISIONING",
        }
    }

    /// The feature with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feature| feature.name() == name)
    }
}

impl fmt::Display for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for AuthScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_third_partys_own_hosts_are_known() {
        for (app, host, known) in [
            (App::Google, "accounts.google.com", true),
            (App::Google, "accounts.google.com.evil.example", false),
            (App::Google, "evil.accounts.google.com", false),
            (App::Google, "slack.com", false),
            (App::Office365, "login.microsoftonline.com", true),
            (App::Office365, "microsoftonline.com", false),
            (App::Slack, "slack.com", true),
            (App::Slack, "acme.slack.com", true),
            (App::Slack, "notslack.com", false),
            (App::Zoomus, "zoom.us", true),
            (App::Zoomus, "us02web.zoom.us", true),
            (App::Zoomus, "zoom.us.evil.example", false),
            (App::Zoomus, "", false),
            (App::Zscalerbyz, "slack.com", false),
        ] {
            assert_eq!(app.asks_at(host), known, "{app} {host}");
        }
    }
}
