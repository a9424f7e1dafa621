//! The administrator whose tenant an app is set up with, beside the one that was set last.

use secrecy::SecretString;

use super::fingerprint::Made;
use super::outside::Outside;
use super::{Context, StepError};
use crate::apps::App;
use crate::ledger::Fingerprint;
use crate::manifest::{Connection, Office365Settings, SecretError, SecretRef, SecretUse, Secrets};
use crate::okta::connections::Office365Admin;
use crate::plan::{Secret, admin_secrets, changed_admin};

/// The administrator as the entry wants it, compared with the last one that was set.
pub(super) struct Admin {
    /// Where the manifest names one.
    pub credentials: Option<Office365Admin>,
    /// How they stand to those that were set last.
    pub secrets: [Secret; 2],
    // Of the credentials as they are now.
    made: Option<Made>,
    // Whether the ledger knows them by the key it has now.
    is_current: bool,
}

impl Admin {
    const fn not_read(secrets: [Secret; 2]) -> Self {
        Self {
            credentials: None,
            secrets,
            made: None,
            is_current: true,
        }
    }

    /// Reads them.
    pub async fn read(
        context: &mut Context<'_>,
        wanted: &Connection,
        app_id: &str,
    ) -> Result<Self, StepError> {
        let settings = wanted.profile.settings.as_ref();
        let Some(settings) = settings.filter(|_| context.row.entry.app == App::Office365) else {
            return Ok(Self::not_read([Secret::Unchanged; 2]));
        };
        let (access, own_url) = match &context.outside {
            Outside::Live(live) => (live.access, live.own_url),
            Outside::Supposed(supposed) => {
                return Ok(Self::not_read(supposed.seen.consent.admin));
            }
        };
        let credentials = admin_of(settings, &access.secrets).await?;
        let keys = &access.fingerprints;
        let made = keys.of_admin(own_url, app_id, &credentials);
        let stored = keys.set_last(context.app_memory().await?);
        Ok(Self {
            secrets: admin_secrets(stored, made.each()),
            is_current: stored == made.now.hmac,
            made: Some(made),
            credentials: Some(credentials),
        })
    }

    /// What they are known by (hex).
    pub fn known_by(&self) -> Option<String> {
        as_hex(&self.made.as_ref()?.now)
    }

    /// Whether these are the credentials that are known by this, as far as that says anything.
    pub fn are(&self, sent: Option<&str>) -> bool {
        let now = self.made.as_ref().map(Made::each);
        let mut now = now.into_iter().flatten().flatten().filter_map(as_hex);
        sent.is_none_or(|sent| now.any(|now| now == sent))
    }

    /// The connection was set with these credentials.
    pub fn was_set(self, context: &mut Context<'_>) {
        context.fingerprint = self.made.map(|made| made.now);
    }

    /// The connection keeps the credentials it has: what changed is told, and what nobody knew, or under another key,
    /// is known from now on.
    pub fn leave(self, context: &mut Context<'_>) {
        let changed: Vec<String> = changed_admin(self.secrets).map(str::to_owned).collect();
        if changed.is_empty() && !self.is_current {
            context.fingerprint = self.made.map(|made| made.now);
        }
        context.row.progress.left_secrets = changed;
    }
}

/// Compares the admin credentials of an entry that waits with those that its link was asked for with: what changed is
/// noted as left. Where the ledger knows nothing to compare with, nothing is read.
pub async fn compare_waiting(context: &mut Context<'_>) -> Result<(), StepError> {
    let wanted = context.row.entry.connection.as_ref();
    let wanted = wanted.filter(|wanted| wanted.profile.settings.is_some());
    let (Some(wanted), Ok(app_id)) = (wanted.cloned(), context.app_id()) else {
        return Ok(());
    };
    let keys = &context.live()?.access.fingerprints;
    if keys.set_last(context.app_memory().await?).is_none() {
        context.row.progress.left_secrets.clear();
        return Ok(());
    }
    Admin::read(context, &wanted, &app_id).await?.leave(context);
    Ok(())
}

/// The credentials that the manifest names.
pub async fn admin_of(
    settings: &Office365Settings,
    secrets: &Secrets,
) -> Result<Office365Admin, SecretError> {
    let username = match SecretRef::try_from(settings.admin_username.clone()) {
        Ok(reference) => secrets.resolve(&reference, SecretUse::Token).await?,
        Err(_) => SecretString::from(settings.admin_username.clone()),
    };
    let password = &settings.admin_password;
    let password = secrets.resolve(password, SecretUse::Password).await?;
    Ok(Office365Admin { username, password })
}

fn as_hex(fingerprint: &Fingerprint) -> Option<String> {
    fingerprint.hmac.map(hex::encode)
}
