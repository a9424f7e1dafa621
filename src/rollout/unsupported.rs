//! What a manifest may ask for and this version cannot do yet: it is refused before anything is sent.

use std::path::Path;

use super::access::private_key_jwt;
use crate::failure::Failure;
use crate::manifest::{Auth, Located, OrgSpec};

/// What entries ask for that this version cannot do: the first of each kind.
#[derive(Default)]
pub(crate) struct Unsupported {
    // A row whose entry has a hub side.
    hub: Option<u64>,
    // An org with entries that authenticates with a key.
    key_org: Option<String>,
}

impl Unsupported {
    /// Looks at an entry.
    pub fn look_at_entry(&mut self, located: &Located) {
        if located.entry.hub.is_some() {
            self.hub.get_or_insert(located.row);
        }
    }

    /// Looks at an org that has entries.
    pub fn look_at_org(&mut self, name: &str, spec: &OrgSpec) {
        if matches!(spec.auth, Some(Auth::PrivateKeyJwt(_))) {
            self.key_org.get_or_insert_with(|| name.to_owned());
        }
    }

    /// Refuses a manifest that asks for something.
    pub fn refuse(&self, manifest: &Path) -> Result<(), Failure> {
        if let Some(org) = &self.key_org {
            return Err(private_key_jwt(org));
        }
        let Some(row) = self.hub else { return Ok(()) };
        Err(Failure::usage(anyhow::anyhow!(
            "{} (row {row}): `hub` is not supported by this version; nothing was sent",
            manifest.display()
        ))
        .hint("set the hub's service app up by hand and give its clientId"))
    }
}
