//! The orgs of a run that is being stored, whichever database it goes into: gathered while its entries are read.

use super::{ImportEntry, LedgerError, Result, stored};
use crate::manifest::OrgSpec;
use crate::model::OrgNo;

pub(super) struct ImportOrg {
    pub name: String,
    pub url: String,
    pub spec: String,
    pub prefix: String,
    pub entries: i64,
    pub is_hub: bool,
}

#[derive(Default)]
pub(super) struct ImportOrgs(pub Vec<ImportOrg>);

impl ImportOrgs {
    pub(super) fn push(
        &mut self,
        name: &str,
        url: &str,
        spec: &OrgSpec,
    ) -> serde_json::Result<OrgNo> {
        let org = ImportOrg {
            name: name.to_owned(),
            url: url.to_owned(),
            spec: serde_json::to_string(spec)?,
            prefix: stored::org_prefix(name)?,
            entries: 0,
            is_hub: false,
        };
        let no = OrgNo::at(self.0.len());
        self.0.push(org);
        Ok(no)
    }

    pub(super) fn note_hub(&mut self, org: OrgNo) {
        if let Some(org) = self.0.get_mut(org.index()) {
            org.is_hub = true;
        }
    }

    /// The org of an entry.
    ///
    /// # Errors
    /// When it was not added.
    pub(super) fn of(
        &mut self,
        entry: &ImportEntry<'_>,
        location: impl FnOnce() -> String,
    ) -> Result<&mut ImportOrg> {
        let org = self.0.get_mut(entry.org.index());
        org.ok_or_else(|| LedgerError::Io {
            location: location(),
            cause: format!("row {} is of an org that was not added", entry.row),
        })
    }
}
