//! The orgs of a run, worked on or not: entries of one may stand in the queue of another.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ledger::OrgRow;
use crate::model::OrgNo;

/// How people and the ledger know an org. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgName {
    /// Its name in the manifest.
    pub name: Arc<str>,
    /// Its URL as the ledger knows it.
    pub url: Arc<str>,
}

impl OrgName {
    /// Of an org in the ledger.
    pub fn of(row: &OrgRow) -> Self {
        Self {
            name: row.name.as_str().into(),
            url: row.url.as_str().into(),
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
    /// Of a run, in order.
    pub fn of(rows: &[OrgRow]) -> Self {
        let all: Vec<_> = rows.iter().map(OrgName::of).collect();
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
