//! What of an entry decides over what a run does: its secrets beside those that were set last, and all of it in one value.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::remembered::{Instance, Wishers};
use super::view::OrgRefresh;
use crate::apps::AuthScheme;
use crate::ledger::AppMemory;
use crate::manifest::{Entry, SecretError, Status};
use crate::plan::{Secret, Seen, SeenApp, SeenConsent, TokenPost};
use crate::text::Told;

impl OrgRefresh {
    /// How the entry's secrets stand to those that were set last.
    pub(super) async fn secret_state(
        &self,
        entry: &Entry,
        app: Instance<'_>,
    ) -> Result<(TokenPost, SeenConsent), SecretError> {
        let token = self.token(entry, app).await?;
        let mut consent = SeenConsent {
            renew: self.reconnect,
            ..SeenConsent::default()
        };
        if entry.app.needs_consent() && entry.status == Status::Enabled {
            consent.admin = self.remembered.admin(app, entry, &self.secrets).await?;
        }
        Ok((token, consent))
    }

    async fn token(&self, entry: &Entry, app: Instance<'_>) -> Result<TokenPost, SecretError> {
        let profile = entry.connection.as_ref().map(|wanted| &wanted.profile);
        let is_token = profile.is_some_and(|profile| profile.auth_scheme == AuthScheme::Token);
        let mut post = TokenPost {
            force: self.force,
            ..TokenPost::default()
        };
        if is_token && entry.status == Status::Enabled {
            post.secret = self.remembered.token(app, entry, &self.secrets).await?;
        }
        Ok(post)
    }
}

/// All that a run decides on, in one value.
pub(super) fn shown(
    app_id: &str,
    app: &SeenApp,
    seen: &Seen,
    (memory, wishers): (&AppMemory, &Wishers),
) -> Value {
    let connection = &app.connection;
    let features: Vec<_> = app
        .features
        .iter()
        .flatten()
        .map(|feature| json!([feature.name.raw(), feature.capabilities]))
        .collect();
    json!([
        app_id,
        connection.status.name(),
        connection.auth_scheme,
        connection.base_url.as_ref().map(Told::raw),
        connection.client_id.as_ref().map(Told::raw),
        connection.rotation_mode,
        features,
        seen.token.secret.name(),
        seen.consent.admin.map(Secret::name),
        app.has_link,
        memory.applied,
        memory.connected,
        wishers[0],
        wishers[1],
    ])
}

/// Half of a SHA-256: plenty to tell that something moved.
pub(super) fn digest(org_url: &str, seen: &Value) -> [u8; 16] {
    let whole: [u8; 32] = Sha256::digest(json!([org_url, seen]).to_string()).into();
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    half
}
