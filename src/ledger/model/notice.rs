//! Notices of a run: which were sent, and which did not arrive.

use crate::model::UnixMillis;

/// A notice that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    /// What the receiver knows it by, however often it is sent.
    pub id: String,
    /// Its kind, e.g. `org.stopped`.
    pub kind: &'static str,
    /// The org or the wave; `None` = the run.
    pub about: Option<String>,
    /// Entries it speaks of.
    pub entries: u64,
    /// When it happened.
    pub at: UnixMillis,
    /// How often a run may say this.
    pub repeats: Repeats,
}

/// How often a run may say the same of the same org or wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// Each time.
    Always,
    /// Unless it is known not to have arrived: one that was begun by a process that was killed may have.
    Never,
}

/// A notice that did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// Its kind.
    pub kind: String,
    /// The org or the wave; `None` = the run.
    pub about: Option<String>,
    /// When it happened.
    pub at: UnixMillis,
    /// Why; `None` = its process still tries it, or ended before it was delivered.
    pub error: Option<String>,
}

/// A notice that the end of its process cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutNotice {
    /// What the receiver knows it by.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// What it says.
    pub body: Vec<u8>,
}
