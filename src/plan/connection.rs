//! Whether a live connection is as the entry wants it, as far as Okta shows it. Secrets are never
//! shown (API.md §3.2): whether they changed is known from their fingerprint only.

use crate::apps::AuthScheme;
use crate::manifest::{Connection, RotationMode};

use super::features::Difference;
use crate::text::Told;

/// What Okta shows of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveConnection {
    /// `status`.
    pub status: LiveStatus,
    /// `profile.authScheme`.
    pub auth_scheme: Option<String>,
    /// `baseUrl`.
    pub base_url: Option<Told>,
    /// `profile.clientId`.
    pub client_id: Option<Told>,
    /// `profile.signing.rotationMode`.
    pub rotation_mode: Option<String>,
}

/// `status` of a live connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LiveStatus {
    /// The connection is active.
    Enabled,
    /// Not active.
    Disabled,
    /// The app has no provisioning connection in this API.
    Unknown,
    /// No status, or one nobody has described.
    #[default]
    Missing,
}

/// How the live connection stands to the wanted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// ENABLED with the wanted scheme and fields.
    AsWanted,
    /// Not as wanted, in these fields.
    Different(Vec<Difference>),
    /// The app is not supported by this API; writing changes nothing.
    Unsupported,
}

impl LiveConnection {
    /// Compares with what the entry wants.
    pub fn compare(&self, wanted: &Connection) -> Shown {
        if self.status == LiveStatus::Unknown {
            return Shown::Unsupported;
        }
        let profile = &wanted.profile;
        let mut differences = Vec::new();
        let mut field = |path: &str, live: Option<&str>, wanted: &str| {
            if live != Some(wanted) {
                differences.push(Difference::text(path, live, wanted));
            }
        };
        field("status", self.status.name(), "ENABLED");
        field(
            "profile.authScheme",
            self.auth_scheme.as_deref(),
            profile.auth_scheme.name(),
        );
        // A field Okta leaves out of its answer cannot be compared (API.md §2: `baseUrl` is echoed for some apps).
        if let (Some(live), Some(wanted)) = (&self.base_url, &wanted.base_url) {
            let wanted = trim(wanted);
            if trim(live.raw()) != wanted {
                let live = live.to_string();
                field("baseUrl", Some(trim(&live)), wanted);
            }
        }
        if let (Some(live), Some(wanted)) = (&self.client_id, &profile.client_id)
            && live != wanted.as_str()
        {
            field("profile.clientId", Some(&live.to_string()), wanted);
        }
        if let (Some(live), Some(wanted)) = (&self.rotation_mode, &profile.signing) {
            field(
                "profile.signing.rotationMode",
                Some(live),
                wanted.rotation_mode.name(),
            );
        }
        if differences.is_empty() {
            Shown::AsWanted
        } else {
            Shown::Different(differences)
        }
    }

    /// Whether Okta shows the connection as active with this scheme: the only proof of success (API.md §3.4).
    pub fn is_enabled_with(&self, scheme: AuthScheme) -> bool {
        self.status == LiveStatus::Enabled && self.auth_scheme.as_deref() == Some(scheme.name())
    }

    /// What Okta shows, in words for a message.
    pub fn describe(&self) -> String {
        format!(
            "status {} with authScheme {}",
            self.status.name().unwrap_or("missing"),
            self.auth_scheme.as_deref().unwrap_or("missing")
        )
    }
}

impl LiveStatus {
    /// As Okta spells it.
    pub const fn name(&self) -> Option<&'static str> {
        match self {
            Self::Enabled => Some("ENABLED"),
            Self::Disabled => Some("DISABLED"),
            Self::Unknown => Some("UNKNOWN"),
            Self::Missing => None,
        }
    }
}

impl RotationMode {
    /// As Okta spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "AUTO",
            Self::Manual => "MANUAL",
        }
    }
}

// Okta may echo a base URL with or without the final slash.
pub(super) fn trim(url: &str) -> &str {
    url.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(json: serde_json::Value) -> Connection {
        serde_json::from_value(json).expect("a valid connection")
    }

    fn live(status: LiveStatus, scheme: &str) -> LiveConnection {
        LiveConnection {
            status,
            auth_scheme: Some(scheme.to_owned()),
            ..LiveConnection::default()
        }
    }

    #[test]
    fn compares_what_okta_shows() {
        let token = wanted(serde_json::json!({
            "baseUrl": "https://z.example/scim", "profile": { "authScheme": "TOKEN", "token": "env:T" } }));
        let enabled = live(LiveStatus::Enabled, "TOKEN");
        assert_eq!(
            enabled.compare(&token),
            Shown::AsWanted,
            "a field Okta leaves out"
        );
        let moved = LiveConnection {
            base_url: Some("https://old.example".into()),
            ..enabled.clone()
        };
        let Shown::Different(differences) = moved.compare(&token) else {
            panic!("a difference")
        };
        assert_eq!(
            differences[0].to_string(),
            "baseUrl: \"https://old.example\" → \"https://z.example/scim\""
        );
        let slash = LiveConnection {
            base_url: Some("https://z.example/scim/".into()),
            ..enabled
        };
        assert_eq!(slash.compare(&token), Shown::AsWanted);
        assert_eq!(
            live(LiveStatus::Unknown, "UNKNOWN").compare(&token),
            Shown::Unsupported
        );
        assert!(matches!(
            live(LiveStatus::Disabled, "TOKEN").compare(&token),
            Shown::Different(_)
        ));
        assert!(matches!(
            live(LiveStatus::Enabled, "OAUTH2").compare(&token),
            Shown::Different(_)
        ));
    }

    #[test]
    fn compares_two_legged_oauth() {
        let oauth = wanted(serde_json::json!({ "profile": {
            "authScheme": "OAUTH2", "clientId": "0oa9", "signing": { "rotationMode": "AUTO" } } }));
        let right = LiveConnection {
            client_id: Some("0oa9".into()),
            rotation_mode: Some("AUTO".into()),
            ..live(LiveStatus::Enabled, "OAUTH2")
        };
        assert_eq!(right.compare(&oauth), Shown::AsWanted);
        let manual = LiveConnection {
            rotation_mode: Some("MANUAL".into()),
            ..right.clone()
        };
        assert!(matches!(manual.compare(&oauth), Shown::Different(d) if d.len() == 1));
        let other = LiveConnection {
            client_id: Some("0oa8".into()),
            ..right
        };
        assert!(matches!(other.compare(&oauth), Shown::Different(d) if d.len() == 1));
    }

    #[test]
    fn only_enabled_with_the_scheme_is_proof() {
        assert!(live(LiveStatus::Enabled, "OAUTH2").is_enabled_with(AuthScheme::Oauth2));
        assert!(!live(LiveStatus::Enabled, "TOKEN").is_enabled_with(AuthScheme::Oauth2));
        assert!(!live(LiveStatus::Disabled, "OAUTH2").is_enabled_with(AuthScheme::Oauth2));
        assert!(
            !LiveConnection {
                auth_scheme: None,
                ..live(LiveStatus::Enabled, "")
            }
            .is_enabled_with(AuthScheme::Token)
        );
    }
}
