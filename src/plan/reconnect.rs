//! What becomes of a three-legged connection that was looked at. A consent costs a person's time, so that nothing is
//! posted that is not asked for, and a link that somebody may be about to click is kept.

use super::decide::{Consented, Secret};
use crate::ledger::{Fingerprint, Mac};
use crate::manifest::ADMIN_SECRETS;

/// What the ledger can say of each of [`ADMIN_SECRETS`], from the fingerprint stored last and those of now, under each
/// key.
pub fn admin_secrets(stored: Option<Mac>, now: [Option<&Fingerprint>; 2]) -> [Secret; 2] {
    let Some(stored) = stored else {
        return [Secret::Unknown; 2];
    };
    let now = now.map(|made| made.and_then(|made| made.hmac));
    [0..16, 16..32].map(|half| {
        let is_one = |made: &Mac| made[half.clone()] == stored[half.clone()];
        if now.iter().flatten().any(is_one) {
            Secret::Unchanged
        } else {
            Secret::Changed
        }
    })
}

/// Those of [`ADMIN_SECRETS`] that changed.
pub fn changed_admin(secrets: [Secret; 2]) -> impl Iterator<Item = &'static str> + Clone {
    let named = ADMIN_SECRETS.into_iter().zip(secrets);
    named.filter_map(|(field, secret)| (secret == Secret::Changed).then_some(field))
}

/// A usable consent link that Okta shows before anything is posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShownLink {
    /// Okta shows no link.
    #[default]
    None,
    /// One that this entry did not ask for, as far as it knows: of another ledger, or of a run long ago.
    Another,
    /// The one that this entry asked for.
    Own,
}

/// What decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
pub struct BeforeConsent {
    /// Whether the connection is active.
    pub consented: Consented,
    /// See [`crate::ledger::AppMemory::connected`].
    pub connected: bool,
    /// Whether only a fresh link will do: one was refused, or a person asked for it.
    pub fresh: bool,
    /// Whether the consent is to be renewed although there is one (`--reconnect`).
    pub renew: bool,
    /// Whether the connection was posted already without our seeing the answer.
    pub posted: bool,
    /// The link that Okta shows for it before anything is posted.
    pub link: ShownLink,
    /// Whether the administrator's credentials are others than those that were posted last.
    pub secret_changed: bool,
}

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentStep {
    /// Nothing: it is connected.
    Connected,
    /// It is activated: Okta still has what an earlier consent gave.
    Activate,
    /// The link that is shown is waited for.
    Adopt,
    /// It is posted, for a fresh link.
    Post,
}

impl BeforeConsent {
    /// What is done about the consent.
    pub fn step(self) -> ConsentStep {
        let Self {
            fresh,
            link,
            connected,
            secret_changed,
            ..
        } = self;
        let is_on = self.consented == Consented::Yes;
        // What a person may be about to give is not taken from them, unless it would be for other credentials.
        let is_awaited = link == ShownLink::Another && !is_on && !secret_changed && !self.posted;
        match self {
            _ if link == ShownLink::Own => ConsentStep::Adopt,
            _ if fresh && self.renew => ConsentStep::Post,
            _ if fresh && is_on => ConsentStep::Connected,
            _ if fresh => ConsentStep::Post,
            _ if self.renew && is_awaited && !connected => ConsentStep::Adopt,
            _ if self.renew => ConsentStep::Post,
            _ if is_on => ConsentStep::Connected,
            _ if connected && !self.posted => ConsentStep::Activate,
            _ if is_awaited => ConsentStep::Adopt,
            _ => ConsentStep::Post,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: BeforeConsent = BeforeConsent {
        consented: Consented::No,
        connected: false,
        fresh: false,
        renew: false,
        posted: false,
        link: ShownLink::None,
        secret_changed: false,
    };

    const ON: BeforeConsent = BeforeConsent {
        consented: Consented::Yes,
        connected: true,
        ..OFF
    };

    #[test]
    fn only_what_was_asked_for_costs_a_consent() {
        use ConsentStep::{Activate, Adopt, Connected, Post};
        use ShownLink::{Another, Own};
        let link = |link, of: BeforeConsent| BeforeConsent { link, ..of };
        let changed = |of: BeforeConsent| BeforeConsent {
            secret_changed: true,
            ..of
        };
        let renew = |of: BeforeConsent| BeforeConsent { renew: true, ..of };
        let posted = |of: BeforeConsent| BeforeConsent { posted: true, ..of };
        let fresh = |of: BeforeConsent| BeforeConsent { fresh: true, ..of };
        let switched_off = BeforeConsent {
            connected: true,
            ..OFF
        };
        for (before, step) in [
            (OFF, Post),
            (ON, Connected),
            (switched_off, Activate),
            // A link that is out is kept, whoever asked for it.
            (link(Another, OFF), Adopt),
            (link(Another, ON), Connected),
            (link(Another, switched_off), Activate),
            // A changed credential is told where it is connected, and posted where a consent is needed anyway.
            (changed(ON), Connected),
            (changed(OFF), Post),
            (changed(link(Another, OFF)), Post),
            // What was asked for is done once, and what it gave is taken after a crash.
            (renew(ON), Post),
            (renew(changed(ON)), Post),
            (renew(switched_off), Post),
            (renew(link(Another, ON)), Post),
            (renew(link(Another, switched_off)), Post),
            (renew(posted(link(Own, ON))), Adopt),
            (renew(posted(link(Own, OFF))), Adopt),
            (renew(posted(ON)), Post),
            (renew(posted(link(Another, OFF))), Post),
            // Nothing was consented to yet: the link that is out is what is asked for.
            (renew(link(Another, OFF)), Adopt),
            (renew(changed(link(Another, OFF))), Post),
            (posted(OFF), Post),
            (posted(link(Own, OFF)), Adopt),
            (posted(link(Another, OFF)), Post),
            (posted(ON), Connected),
            // A refused consent leads to a fresh link, never to the same again.
            (fresh(OFF), Post),
            (fresh(posted(link(Own, OFF))), Adopt),
            (fresh(posted(link(Another, OFF))), Post),
            (fresh(link(Another, OFF)), Post),
            (fresh(ON), Connected),
            (fresh(renew(ON)), Post),
            (fresh(switched_off), Post),
        ] {
            assert_eq!(before.step(), step, "{before:?}");
        }
    }

    #[test]
    fn each_credential_is_compared_by_itself() {
        use Secret::{Changed, Unchanged, Unknown};
        let made = |username: u8, password: u8| {
            let mut hmac = [username; 32];
            hmac[16..].fill(password);
            Fingerprint {
                org_url: String::new(),
                app_id: String::new(),
                hmac: Some(hmac),
                key_id: [0; 8],
            }
        };
        let (now, under_old_key) = (made(1, 2), made(8, 9));
        for (stored, secrets) in [
            (None, [Unknown; 2]),
            (made(1, 2).hmac, [Unchanged; 2]),
            (made(8, 9).hmac, [Unchanged; 2]),
            (made(3, 2).hmac, [Changed, Unchanged]),
            (made(1, 3).hmac, [Unchanged, Changed]),
            (made(2, 1).hmac, [Changed; 2]),
        ] {
            let found = admin_secrets(stored, [Some(&now), Some(&under_old_key)]);
            assert_eq!(found, secrets, "{stored:?}");
        }
        let changed: Vec<_> = changed_admin([Changed, Unchanged]).collect();
        assert_eq!(changed, [ADMIN_SECRETS[0]]);
    }
}
