//! What if a hub did what it is asked: answers the calls about an entry's identity provider.

use super::StepError;
use super::outside::unknown;
use super::supposition::Supposition;
use crate::manifest::Hub;
use crate::okta::federated_app::FederatedApp;
use crate::okta::idps::{WholeProvider, created};
use crate::plan::{Call, Difference, IDP_NAME, NEW_APP, NEW_IDP, Part};

impl<'a> Supposition<'a> {
    /// Its name.
    fn idp_name(&self) -> &'a str {
        let hub = self.entry.hub.as_deref();
        hub.and_then(Hub::idp_name).unwrap_or_default()
    }

    /// Makes it, and gives its id.
    pub(super) fn create_idp(&mut self, name: &str) -> String {
        self.note(Call::CreateIdp);
        self.change(Part::Hub, vec![Difference::text(IDP_NAME, None, name)]);
        NEW_IDP.to_owned()
    }

    /// Creates the app that names it.
    pub(super) fn create_federated_app(&mut self) -> FederatedApp {
        FederatedApp {
            id: self.create_app(),
            client_id: Some(NEW_APP.to_owned()),
            idp_id: None,
        }
    }

    /// Looks which one an app that is there names. Where nobody looked, as in a rehearsal, it is the right one.
    pub(super) fn read_federated_app(&mut self, app_id: &str) -> Result<FederatedApp, StepError> {
        self.note(Call::ReadApp);
        match &self.seen.hub.idp {
            Some(seen) => seen.app.clone().ok_or_else(unknown),
            None => Ok(FederatedApp {
                id: app_id.to_owned(),
                client_id: Some(NEW_APP.to_owned()),
                idp_id: Some(NEW_IDP.into()),
            }),
        }
    }

    /// Looks at one.
    pub(super) fn read_idp(&mut self) {
        self.note(Call::ReadIdp);
    }

    /// The one that the app names; `None` = it is not there.
    pub(super) fn named_idp(&self) -> Option<WholeProvider> {
        match &self.seen.hub.idp {
            Some(seen) => seen.named.clone().map(WholeProvider::supposed),
            None => Some(created(NEW_IDP, self.idp_name(), &self.seen.hub.own_origin)),
        }
    }

    /// Replaces it.
    pub(super) fn update_idp(&mut self, differences: &[Difference]) {
        self.note(Call::UpdateIdp);
        self.change(Part::Hub, differences.to_vec());
    }
}
