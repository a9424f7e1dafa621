//! What a run does about the consent of a three-legged connection.

use std::slice::from_ref;

use super::{Outcome, Walk};
use crate::manifest::{ADMIN_SECRETS, Connection};
use crate::plan::decide::{Consented, Obstacle, consented, differences};
use crate::plan::drift::Fate;
use crate::plan::features::Difference;
use crate::plan::forecast::{Call, Change, SeenConsent};
use crate::plan::reconnect::{BeforeConsent, ConsentStep, ShownLink, changed_admin};

impl Walk<'_> {
    pub(super) fn start_consent(&mut self, wanted: &Connection) -> Result<Outcome, Obstacle> {
        self.call(Call::ReadConnection)?;
        let SeenConsent { admin, renew } = self.consent;
        let consented = consented(&self.live, wanted.profile.auth_scheme)?;
        let has_admin = wanted.profile.settings.is_some();
        let changed = changed_admin(admin).filter(|_| has_admin);
        let before = BeforeConsent {
            consented,
            connected: self.past.connected,
            fresh: false,
            renew,
            posted: false,
            link: match self.app {
                Some(app) if app.has_link => ShownLink::Another,
                _ => ShownLink::None,
            },
            secret_changed: changed.clone().next().is_some(),
        };
        match before.step() {
            ConsentStep::Connected => {
                self.forecast.left_secrets.extend(changed);
                return Ok(Outcome::Connected);
            }
            ConsentStep::Activate => {
                // Okta still has what the consent gave.
                let off = Difference::text("status", self.live.status.name(), "ENABLED");
                if self.connection(from_ref(&off), None) == Fate::LeftAlone {
                    return Ok(Outcome::LeftAlone);
                }
                self.forecast.left_secrets.extend(changed);
                self.note_connection(&[off]);
                return Ok(Outcome::Consented);
            }
            ConsentStep::Adopt => {}
            ConsentStep::Post => {
                self.call(Call::SetConnection)?;
                if consented == Consented::Yes || self.past.connected {
                    self.forecast.changes.push(Change::Renewed);
                }
            }
        }
        self.before.written = true;
        self.note_connection(&differences(&self.live, wanted)?);
        if has_admin && before.step() == ConsentStep::Post {
            for (field, secret) in ADMIN_SECRETS.into_iter().zip(admin) {
                self.note_secret(field, secret);
            }
        }
        Ok(Outcome::Waits)
    }
}
