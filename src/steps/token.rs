//! The token of a connection, beside the one that was set last, and what posting it changes. Okta never shows a token, so
//! that the ledger has to tell.

use secrecy::SecretString;

use super::outside::Outside;
use super::{Basis, Context, StepError};
use crate::ledger::Fingerprint;
use crate::manifest::{Connection, SecretUse};
use crate::model::{Changed, Why};
use crate::plan::{Earlier, Secret, TokenPost};

const TOKEN: &str = "connection.profile.token";

/// Whether the connection was looked at before it is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looked {
    /// It was; what differs is noted as being changed.
    Yes,
    /// It is posted whatever it is like.
    No,
}

/// A token as the entry wants it, compared with the last one that was set.
pub(super) struct Token {
    value: SecretString,
    /// Whether it is posted.
    pub post: TokenPost,
    // Of the token as it is now.
    fingerprint: Option<Fingerprint>,
    // Whether the ledger knows some token that was set last, be it by a key that was given up.
    is_one_known: bool,
    // Whether it knows this one by the key it has now.
    is_current: bool,
}

impl Token {
    /// Reads it.
    pub async fn read(
        context: &mut Context<'_>,
        wanted: &Connection,
        app_id: &str,
    ) -> Result<Self, StepError> {
        let Some(reference) = &wanted.profile.token else {
            return Err(StepError::failed(
                "the entry has no token",
                "give `connection.profile.token`",
            ));
        };
        let (access, own_url) = match &context.outside {
            Outside::Live(live) => (live.access, live.own_url),
            Outside::Supposed(supposed) => {
                return Ok(Self {
                    value: SecretString::default(),
                    post: supposed.seen.token,
                    fingerprint: None,
                    is_one_known: false,
                    is_current: true,
                });
            }
        };
        let value = context.secret(reference, SecretUse::Token).await?;
        let keys = &access.fingerprints;
        let made = keys.of(own_url, app_id, &value, wanted.base_url.as_deref());
        let app = context.app_memory().await?;
        let (known, is_one_known) = (keys.set_last(app), app.hmac.is_some());
        let post = TokenPost {
            secret: Secret::of(known, made.each()),
            force: access.force,
        };
        Ok(Self {
            value,
            post,
            is_one_known,
            is_current: known.is_some() && known == made.now.hmac,
            fingerprint: Some(made.now),
        })
    }

    /// The connection keeps the token it has: if the key was replaced since, it is known under the current one from now
    /// on.
    pub fn leave(self, context: &mut Context<'_>) {
        let is_anew = !self.post.is_due() && !self.is_current;
        context.fingerprint = self.fingerprint.filter(|_| is_anew);
    }

    /// Before it is posted: if the answer is lost nobody knows which token Okta holds, so that neither may count as known.
    pub fn forget_other(&self, context: &mut Context<'_>) {
        if let Some(fingerprint) = &self.fingerprint
            && self.post.is_due()
            && self.is_one_known
        {
            context.forget_fingerprint(fingerprint);
        }
    }

    /// The token, and what it is known by once it is set.
    pub fn into_parts(self) -> (SecretString, Option<Fingerprint>) {
        (self.value, self.fingerprint)
    }

    /// Notes what the post that comes next changes.
    pub async fn note_changes(
        &self,
        context: &mut Context<'_>,
        looked: Looked,
    ) -> Result<(), StepError> {
        if !self.post.is_due() {
            return Ok(());
        }
        let earlier = context.earlier().await?.clone();
        if !self.is_one_known && earlier == Earlier::Never {
            context.changing(vec![Changed::unseen("connection", Why::New)], Basis::Ledger);
            return Ok(());
        }
        let mut changes = match looked {
            Looked::Yes => std::mem::take(&mut context.row.progress.changing),
            Looked::No => earlier.changed_since(&context.row.entry),
        };
        let why = match self.post.secret {
            Secret::Unchanged | Secret::Moved => Some(Why::Manifest),
            // The base URL is part of the fingerprint.
            Secret::Changed if self.is_that_of(context, &earlier)? => None,
            Secret::Changed | Secret::Unknown => Some(Why::SecretChanged),
        };
        changes.extend(why.map(|why| Changed::unseen(TOKEN, why)));
        if changes.is_empty() {
            changes.push(Changed::unseen(TOKEN, Why::Manifest));
        }
        context.changing(changes, Basis::Ledger);
        Ok(())
    }

    // Whether the ledger set this very token last, for another base URL.
    fn is_that_of(&self, context: &Context<'_>, earlier: &Earlier) -> Result<bool, StepError> {
        let (Earlier::Wishes(wishes), Ok(live)) = (earlier, context.live()) else {
            return Ok(false);
        };
        let app_id = context.app_id()?;
        let (keys, url) = (&live.access.fingerprints, live.own_url);
        let known = context.memory.app.as_ref();
        let known = known.and_then(|app| keys.set_last(app));
        let base_urls = wishes
            .iter()
            .filter_map(|wish| wish.connection.as_ref()?.base_url.as_deref());
        Ok(base_urls.into_iter().any(|base_url| {
            let made = keys.of(url, &app_id, &self.value, Some(base_url));
            Secret::of(known, made.each()) == Secret::Unchanged
        }))
    }
}
