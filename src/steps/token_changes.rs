//! What posting a TOKEN connection changes, and why. Okta never shows a token, so that the ledger has to tell.

use secrecy::{ExposeSecret, SecretString};

use super::{Basis, Context, StepError};
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

/// Notes what the post that comes next changes.
pub(super) async fn note(
    context: &mut Context<'_>,
    token: &SecretString,
    post: TokenPost,
    looked: Looked,
) -> Result<(), StepError> {
    if !post.is_due() {
        return Ok(());
    }
    let known = context.app_memory().await?.hmac;
    let earlier = context.earlier().await?.clone();
    if known.is_none() && earlier == Earlier::Never {
        context.changing(vec![Changed::unseen("connection", Why::New)], Basis::Ledger);
        return Ok(());
    }
    let mut changes = match looked {
        Looked::Yes => std::mem::take(&mut context.row.progress.changing),
        Looked::No => earlier.changed_since(&context.row.entry),
    };
    let why = match post.secret {
        Secret::Unchanged | Secret::Moved => Some(Why::Manifest),
        // The base URL is part of the fingerprint.
        Secret::Changed if is_that_of(context, token, &earlier)? => None,
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
fn is_that_of(
    context: &Context<'_>,
    token: &SecretString,
    earlier: &Earlier,
) -> Result<bool, StepError> {
    let Earlier::Wishes(wishes) = earlier else {
        return Ok(false);
    };
    let app_id = context.app_id()?;
    let known = context.memory.app.as_ref().and_then(|app| app.hmac);
    let access = context.access;
    let base_urls = wishes
        .iter()
        .filter_map(|wish| wish.connection.as_ref()?.base_url.as_deref());
    Ok(base_urls.into_iter().any(|base_url| {
        let hidden = [token.expose_secret(), base_url];
        let now = access.fingerprints.of(&access.url, &app_id, &hidden);
        let old = access
            .fingerprints
            .under_old_key(&access.url, &app_id, &hidden);
        Secret::of(known, [Some(&now), old.as_ref()]) == Secret::Unchanged
    }))
}
