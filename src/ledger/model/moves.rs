//! Ledgers that moved.

use std::fmt;

use crate::model::UnixMillis;

/// Where a ledger is now that was moved: what it left behind can be read, and nobody works with it any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The address, without its password.
    pub to: String,
    /// When it was moved.
    pub at: UnixMillis,
}

/// `ledger.db at 2026-03-01T02:00:00Z`.
impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = jiff::Timestamp::from_millisecond(self.at.0).unwrap_or_default();
        write!(f, "{} at {}", self.to, at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

/// What moving a ledger came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedLedger {
    /// Runs that it has.
    pub runs: u64,
    /// Their entries.
    pub entries: u64,
    /// Where it is now.
    pub to: String,
    /// An earlier command had carried all of it and was cut off before it closed what it came from.
    pub only_closed: bool,
    /// Links for one org were signed with a key that does not move along: they open nothing any more.
    pub links_end: bool,
}
