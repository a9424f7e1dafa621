//! What if a hub did what it is asked: answers the calls about an entry's service app.

use super::supposition::Supposition;
use crate::manifest::AdminRole;
use crate::okta::clients::{AssignedRole, ClientKeys, ServiceClient, WholeClient};
use crate::okta::service_app::ServiceApp;
use crate::plan::{Call, Difference, NEW_CLIENT, Part};
use crate::text::Told;

impl<'a> Supposition<'a> {
    /// The name of its service app.
    fn client_name(&self) -> &'a str {
        let hub = self.entry.hub.as_ref();
        hub.map_or("", |hub| hub.client_name.as_str())
    }

    /// Looks at the service app that the ledger knows, as a client; `None` = it is not there any more.
    pub(super) fn read_client(&mut self) -> Option<WholeClient> {
        self.note(Call::ReadClient);
        self.seen.hub.looked.clone().map(WholeClient::supposed)
    }

    /// The same as an app.
    pub(super) fn read_service_app(&mut self) -> Option<ServiceApp> {
        self.note(Call::ReadServiceApp);
        let client = self.seen.hub.looked.clone()?;
        Some(ServiceApp::supposed(client, self.seen.hub.dpop))
    }

    /// Looks at one that was found in a list, before it is replaced.
    pub(super) fn read_found_client(&mut self, client: ServiceClient) -> WholeClient {
        self.note(Call::ReadClient);
        WholeClient::supposed(client)
    }

    /// Replaces it.
    pub(super) fn replace_client(&mut self, differences: &[Difference]) {
        self.note(Call::ReplaceClient);
        self.change(Part::Hub, differences.to_vec());
    }

    /// Makes it, and gives its id.
    pub(super) fn create_service_app(&mut self) -> String {
        self.note(Call::CreateServiceApp);
        let name = self.client_name().to_owned();
        self.change(Part::Hub, vec![Difference::text("clientName", None, &name)]);
        NEW_CLIENT.to_owned()
    }

    /// Lists its roles.
    pub(super) fn list_roles(&mut self) -> Vec<AssignedRole> {
        self.note(Call::ListRoles);
        self.seen.hub.roles.clone()
    }

    /// Assigns one.
    pub(super) fn assign_role(&mut self, role: &AdminRole, missing: &[Difference]) -> AssignedRole {
        self.note(Call::AssignRole);
        self.change(Part::Hub, missing.to_vec());
        AssignedRole::of(role)
    }

    /// Lists its scopes.
    pub(super) fn list_grants(&mut self) -> Vec<Told> {
        self.note(Call::ListGrants);
        self.seen.hub.scopes.clone()
    }

    /// Grants one.
    pub(super) fn grant_scope(&mut self, scope: &str, missing: &[Difference]) -> Told {
        self.note(Call::GrantScope);
        self.change(Part::Hub, missing.to_vec());
        scope.into()
    }

    /// Looks at it as an app, before its tokens are bound to a key. One that was just made has it as Okta makes them.
    pub(super) fn read_app_of_client(&mut self) -> ServiceApp {
        self.note(Call::ReadServiceApp);
        let client = ServiceClient {
            id: self.client_id.clone().unwrap_or_default(),
            name: self.client_name().into(),
            keys: ClientKeys::NotShown,
        };
        ServiceApp::supposed(client, self.seen.hub.dpop.or(Some(false)))
    }

    /// Has its tokens bound to a key.
    pub(super) fn require_dpop(&mut self, missing: &[Difference]) -> bool {
        self.note(Call::RequireDpop);
        self.change(Part::Hub, missing.to_vec());
        true
    }
}
