//! What Okta shows of an app, in the words of [`crate::plan`] and as far as steps need it.

use super::StepError;
use crate::ledger::Consent;
use crate::okta::authorize;
use crate::okta::connections::{Connection, ConnectionStatus};
use crate::okta::features::FeatureState;
use crate::pacing::unix_millis;
use crate::plan::{LiveConnection, LiveStatus};
use crate::text::Told;

/// A connection.
pub(super) struct ShownConnection {
    /// Without its link.
    pub live: LiveConnection,
    /// The consent that its link leads to, or why nobody should open that.
    pub link: Option<Result<Consent, StepError>>,
}

/// The features of an app.
#[derive(Debug)]
pub enum Listed {
    /// All of them.
    Shown(Vec<FeatureState>),
    /// The connection would have to be active, which it is not.
    NotYet,
}

impl ShownConnection {
    /// As Okta shows it.
    pub fn of(found: &Connection) -> Self {
        Self {
            live: live(found),
            link: found.authorize_url().map(consent_at),
        }
    }

    /// The consent that its link leads to, if it has a link that may be opened.
    pub fn consent(self) -> Option<Consent> {
        self.link?.ok()
    }
}

/// What Okta shows of a connection, in the words of [`crate::plan`].
pub fn live(connection: &Connection) -> LiveConnection {
    let status = match connection.status() {
        ConnectionStatus::Enabled => LiveStatus::Enabled,
        ConnectionStatus::Disabled => LiveStatus::Disabled,
        ConnectionStatus::Unknown => LiveStatus::Unknown,
        ConnectionStatus::Missing => LiveStatus::Missing,
    };
    LiveConnection {
        status,
        auth_scheme: connection.scheme().map(str::to_owned),
        base_url: connection.base_url().cloned(),
        client_id: connection.client_id().cloned(),
        rotation_mode: connection.rotation_mode().map(str::to_owned),
    }
}

/// Whether a connection shows a link that can be waited for.
pub fn has_link(shown: &Connection) -> bool {
    ShownConnection::of(shown).consent().is_some()
}

// A link that nobody should open is shown to nobody.
fn consent_at(url: &Told) -> Result<Consent, StepError> {
    match authorize::state_of_told(url) {
        Ok(state) => Ok(Consent {
            authorize_url: url.raw().to_owned(),
            state,
            since: unix_millis(),
        }),
        Err(bad) => Err(StepError::failed(
            format!(
                "the consent link that Okta gave is not shown, because nobody should open it: {bad}"
            ),
            "look at the app's Provisioning tab in the Admin Console",
        )),
    }
}
