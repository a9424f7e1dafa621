//! Role edits that an org is working on: two at a time on one client are one too many (API.md §6, 409 E0000268).

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

/// The clients whose roles are being edited.
#[derive(Clone, Debug, Default)]
pub(super) struct RoleEdits(Arc<Mutex<HashSet<Box<str>>>>);

/// An edit that is being worked on, until it is dropped.
#[derive(Debug)]
pub(super) struct RoleEdit {
    edits: RoleEdits,
    client: Box<str>,
}

impl RoleEdits {
    /// Begins one, unless another of this client is under way.
    pub fn begin(&self, client: &str) -> Option<RoleEdit> {
        let begun = self.0.lock().insert(client.into());
        begun.then(|| RoleEdit {
            edits: self.clone(),
            client: client.into(),
        })
    }
}

impl Drop for RoleEdit {
    fn drop(&mut self) {
        self.edits.0.lock().remove(&self.client);
    }
}

/// The client whose roles a request edits, if it does.
pub(super) fn edited<'a>(method: &str, path: &'a str) -> Option<&'a str> {
    let below = path.strip_prefix("/oauth2/v1/clients/")?;
    let (client, rest) = below.split_once('/')?;
    (method != "GET" && rest == "roles").then_some(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_is_edited_once_at_a_time() {
        let edits = RoleEdits::default();
        let first = edits.begin("a");
        assert!(first.is_some());
        assert!(edits.begin("a").is_none());
        assert!(edits.begin("b").is_some());
        drop(first);
        assert!(edits.begin("a").is_some());
    }

    #[test]
    fn only_edits_of_roles_are_role_edits() {
        let roles = "/oauth2/v1/clients/0oa1/roles";
        assert_eq!(edited("POST", roles), Some("0oa1"));
        assert_eq!(edited("GET", roles), None);
        assert_eq!(edited("POST", "/oauth2/v1/clients"), None);
        assert_eq!(edited("PUT", "/oauth2/v1/clients/0oa1"), None);
        assert_eq!(edited("POST", "/api/v1/apps/0oa1/grants"), None);
    }
}
