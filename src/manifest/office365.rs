//! The administrator that Office 365 asks for beside the consent.

use super::draft::SettingsDraft;
use super::flaw::{self, SecretUse};
use super::problem::Issues;
use super::secret::SecretRef;

const USERNAME: &str = "connection.profile.settings.adminUsername";
const PASSWORD: &str = "connection.profile.settings.adminPassword";

/// One is nothing without the other, and of a name that stands here is refused what came along when it was copied.
pub(super) fn check(settings: &SettingsDraft, issues: &mut Issues) {
    match (&settings.username, &settings.password) {
        (None, _) => issues.push(USERNAME, "is required beside adminPassword"),
        (_, None) => issues.push_hint(
            PASSWORD,
            "is required beside adminUsername",
            "give a reference: env:NAME, file:PATH or exec:PROGRAM",
        ),
        (Some(username), Some(_)) if SecretRef::parse(username).is_err() => {
            if let Err(flaw) = flaw::look(username, SecretUse::Password) {
                issues.push_hint(USERNAME, flaw.to_string(), flaw.hint());
            }
        }
        _ => {}
    }
}

/// What a connection's administrator is known by; Okta shows neither.
pub const ADMIN_SECRETS: [&str; 2] = [USERNAME, PASSWORD];
