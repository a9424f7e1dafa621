//! What a manifest may ask for and this version cannot do yet: it is refused before anything is sent.

use std::path::Path;

use crate::failure::Failure;
use crate::manifest::Located;

/// What entries ask for that this version cannot do: the first of each kind.
#[derive(Default)]
pub(crate) struct Unsupported {
    // A row whose entry has a hub side.
    hub: Option<u64>,
}

impl Unsupported {
    /// Looks at an entry.
    pub fn look_at_entry(&mut self, located: &Located) {
        if located.entry.hub.is_some() {
            self.hub.get_or_insert(located.row);
        }
    }

    /// Refuses a manifest that asks for something.
    pub fn refuse(&self, manifest: &Path) -> Result<(), Failure> {
        let Some(row) = self.hub else { return Ok(()) };
        Err(Failure::usage(anyhow::anyhow!(
            "{} (row {row}): `hub` is not supported by this version; nothing was sent",
            manifest.display()
        ))
        .hint("set the hub's service app up by hand and give its clientId"))
    }
}
