//! The orgs of a run, worked on or not: entries of one may stand in the queue of another.

use std::collections::HashMap;
use std::sync::Arc;

use super::org_access::OrgAccess;
use crate::ledger::OrgRow;
use crate::model::OrgNo;

/// How people and the ledger know an org. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgName {
    /// Its name in the manifest.
    pub name: Arc<str>,
    /// Its URL as the ledger knows it.
    pub url: Arc<str>,
    /// Where it is reached: its URL, or the sandbox's.
    pub origin: Arc<str>,
}

impl OrgName {
    /// Of an org in the ledger; `origin`: where it is reached.
    pub fn of(row: &OrgRow, origin: &str) -> Self {
        Self {
            name: row.name.as_str().into(),
            url: row.url.as_str().into(),
            origin: origin.into(),
        }
    }
}

/// The orgs of a run, by number and by name.
#[derive(Debug, Default)]
pub struct RunOrgs {
    all: Vec<OrgName>,
    numbers: HashMap<Arc<str>, OrgNo>,
}

impl RunOrgs {
    /// Of a run, in order; `open`: those that it works on.
    pub fn of(rows: &[OrgRow], open: &[OrgAccess]) -> Self {
        let origins: HashMap<OrgNo, &str> = open
            .iter()
            .map(|org| (org.row.no, org.origin.as_str()))
            .collect();
        let named =
            |row: &OrgRow| OrgName::of(row, origins.get(&row.no).unwrap_or(&row.url.as_str()));
        let all: Vec<_> = rows.iter().map(named).collect();
        let numbered = rows.iter().zip(&all);
        let numbers = numbered.map(|(row, org)| (Arc::clone(&org.name), row.no));
        Self {
            numbers: numbers.collect(),
            all,
        }
    }

    /// The org with this number.
    pub fn get(&self, no: OrgNo) -> Option<&OrgName> {
        self.all.get(no.index())
    }

    /// The number of the org with this name.
    pub fn no_of(&self, name: &str) -> Option<OrgNo> {
        self.numbers.get(name).copied()
    }
}
