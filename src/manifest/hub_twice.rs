//! No two entries share what one of them has in a hub.

use super::check::Checker;
use super::draft::Draft;
use super::problem::Issues;

impl Checker<'_> {
    /// Two entries with one service app would each give it the other's keys, and with one identity provider the other's
    /// app.
    pub(super) fn check_shared(&mut self, draft: &Draft, row: u64, issues: &mut Issues) {
        let Some(hub) = &draft.hub else { return };
        let Some(org) = self.loader.orgs.number(&hub.org) else {
            return;
        };
        let client = (org, "hub", hub.client_name.as_str());
        if !hub.client_name.is_empty()
            && let Some(first) = self.seen.insert(&client, row)
        {
            issues.push_hint(
                "hub.clientName",
                format!("is the same service app in the same hub as row {first}"),
                "give each connection a service app of its own: it signs in with its own keys",
            );
            return;
        }
        let name = hub.idp_name().filter(|name| !name.is_empty());
        if let Some(name) = name
            && let Some(first) = self.seen.insert(&(org, "idp", name), row)
        {
            issues.push_hint(
                "hub.idp.name",
                format!("is the same identity provider in the same hub as row {first}"),
                "give each app an identity provider of its own: it lets in those whom one app signs in",
            );
        }
    }
}
