//! What the steps of all entries of an org share.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::{ClientList, Directory, IdpList, Listing, Relisting};
use crate::job::OnDrift;
use crate::manifest::{Entry, Features, Secrets};
use crate::okta::OrgClient;
use crate::pacing::Gate;
use crate::plan::Wanted;
use crate::selection::Selection;
use crate::steps::{Fingerprints, Reader};

/// What the steps of all entries of an org share.
pub struct Access {
    /// Where the org's calls wait for their turn.
    pub gate: Arc<Gate>,
    /// Makes the reads.
    pub reader: Reader,
    /// Makes the writes.
    pub client: OrgClient,
    /// Reads the secrets its entries refer to.
    pub secrets: Secrets,
    /// The org's apps, listed once a run.
    pub listing: Listing,
    /// The same once more, for entries whose app may have been created without our knowing.
    pub relisting: Relisting,
    /// The org's service apps, listed once a run, if entries have theirs there.
    pub clients: Arc<ClientList>,
    /// Its identity providers in the same way.
    pub idps: Arc<IdpList>,
    /// What the apps are whose ids entries give; set when work in the org begins.
    pub directory: OnceLock<Directory>,
    /// What entries want of their features.
    pub wanted: LastWanted,
    /// Keyed fingerprints of secrets.
    pub fingerprints: Fingerprints,
    /// What to do about changes made by hand.
    pub on_drift: OnDrift,
    /// Write even what looks right already (TOKEN connections).
    pub force: bool,
    /// Of which entries the consents are renewed although there are some.
    pub reconnect: Option<Arc<Selection>>,
}

impl Access {
    /// Whether somebody asks for the consent of this entry to be renewed.
    pub fn reconnects(&self, entry: &Entry) -> bool {
        let asked = self.reconnect.as_ref();
        asked.is_some_and(|asked| asked.takes_entry(&entry.org, entry.app))
    }
}

/// What the entry before wanted of its features: most want the same. One for all orgs. Cheap to clone.
#[derive(Clone, Default)]
pub struct LastWanted(Arc<Mutex<Arc<Wanted>>>);

impl LastWanted {
    /// What an entry with these features wants.
    pub fn of(&self, features: &Features) -> Arc<Wanted> {
        let mut last = self.0.lock();
        if !last.is_of(features) {
            *last = Arc::new(Wanted::of(features));
        }
        Arc::clone(&last)
    }
}
