//! What runs, orgs and entries are named by, and the unit of times.

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, by the local clock.
pub type Millis = i64;

/// Short id of a run; a unique prefix names it everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId(pub String);

/// Place of an entry in its run, from 0, in manifest order.
pub type EntryNo = i64;

/// Index of an org in its run, from 0, in order of first use.
pub type OrgNo = i64;
