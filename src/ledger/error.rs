//! What can go wrong with a ledger, each kind with the place it concerns and what to do next.

use super::model::Gone;
use crate::failure::Failure;
use crate::model::{EntryNo, RunId};

/// Why the ledger could not do what it was asked. Cloned to everyone who waits on the same write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// A reading command, and no ledger is there.
    #[error("no ledger at {location}")]
    Missing {
        /// The ledger.
        location: String,
    },
    /// No run has this id, or there is no run at all.
    #[error("{} in {location}", not_found(.run.as_deref()))]
    NotFound {
        /// The ledger.
        location: String,
        /// What was asked for; `None` = any.
        run: Option<String>,
    },
    /// A prefix that fits several runs.
    #[error("{prefix:?} fits {} runs: {}", .runs.len(), list(.runs))]
    Ambiguous {
        /// What was asked for.
        prefix: String,
        /// All that fit, newest first.
        runs: Vec<RunId>,
    },
    /// Another process works on the run.
    #[error("run {} is held by {by}", .run.0)]
    Held {
        /// The run.
        run: RunId,
        /// Process, host and since when.
        by: String,
    },
    /// Another process is just starting a run of the same file.
    #[error("a run of this file is just being started by {by}")]
    Starting {
        /// Process, host and since when.
        by: String,
    },
    /// Another process kept writing for longer than [`super::OpenOptions::busy_timeout`].
    #[error("{location} is locked: another process keeps writing to it")]
    Locked {
        /// The ledger.
        location: String,
    },
    /// The file, its folder or the file system does not allow writing.
    #[error("cannot write {location}: {cause}")]
    ReadOnly {
        /// The ledger, or a file beside it.
        location: String,
        /// What the system said.
        cause: String,
    },
    /// No room for the write; nothing of it was stored.
    #[error("cannot write {location}: the disk is full")]
    DiskFull {
        /// The ledger.
        location: String,
    },
    /// The file belongs to something else; it was not touched.
    #[error("{location} is not a ledger: {what}")]
    ForeignFile {
        /// The file.
        location: String,
        /// What it is instead.
        what: String,
    },
    /// Written by a later version of this program.
    #[error("{location} has ledger format {found}, this version knows up to {known}")]
    NewerFormat {
        /// The ledger.
        location: String,
        /// Format of the file.
        found: i64,
        /// The latest one known here.
        known: i64,
    },
    /// Written by an earlier version, and a reading command must not upgrade it.
    #[error("{location} has ledger format {found}, this version reads {known}")]
    OlderFormat {
        /// The ledger.
        location: String,
        /// Format of the file.
        found: i64,
        /// The one read here.
        known: i64,
    },
    /// The entry changed since it was read: somebody else moved it on. Nothing was stored.
    #[error("entry {no} of run {} was changed by another process", .run.0)]
    Moved {
        /// The run.
        run: RunId,
        /// The entry.
        no: EntryNo,
    },
    /// The file is damaged, or holds what this version cannot read.
    #[error("{location} is damaged: {cause}")]
    Corrupt {
        /// The ledger, or a file beside it.
        location: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The key of the fingerprints cannot be replaced again without forgetting some.
    #[error(
        "{fingerprints} {} last set under the key in {location}, which would be lost; nothing was changed",
        if *fingerprints == 1 { "connection was" } else { "connections were" }
    )]
    KeyInUse {
        /// The file of the key before the current one.
        location: String,
        /// How many were made with it.
        fingerprints: u64,
    },
    /// Somebody else can write to it, or decides where it is.
    #[error("{location} {what}: whoever can write there decides where credentials go")]
    Shared {
        /// The ledger, its folder, or a file beside it.
        location: String,
        /// What is wrong with it.
        what: String,
        /// The command that helps.
        remedy: String,
    },
    /// Where a part of the ledger belongs is something else, which was not touched.
    #[error("{location} is {what}, and has to be {wanted}")]
    Misplaced {
        /// The path.
        location: String,
        /// What is there.
        what: &'static str,
        /// What belongs there.
        wanted: &'static str,
        /// The command that helps.
        remedy: String,
    },
    /// Under each of its names it would be another ledger: what is beside it, the log with the last checkpoints first of
    /// all, goes by the name.
    #[error(
        "{location} has {names} names (hard links): under another one it does not know what is done, and work would be repeated"
    )]
    Linked {
        /// The ledger, by the name that was given.
        location: String,
        /// How many it has.
        names: u64,
        /// The command that finds them.
        remedy: String,
    },
    /// It was moved away, and is closed to whoever would change it.
    #[error("{location} was moved to {gone}, and is closed to work; nothing was changed")]
    Closed {
        /// The ledger.
        location: String,
        /// Where it is now, and since when.
        gone: Gone,
    },
    /// It is to be moved, and somebody has a part of it.
    #[error("{location} cannot be moved: {what} by {by}; nothing was changed")]
    InUse {
        /// The ledger.
        location: String,
        /// What that is: `run abcd is held`.
        what: String,
        /// Process, host and since when.
        by: String,
    },
    /// What a ledger is to be moved to is none that is new.
    #[error("{location} is not empty: {what}; nothing was changed")]
    NotEmpty {
        /// The ledger.
        location: String,
        /// What is there.
        what: String,
    },
    /// The file, or one beside it, is not the one any more that was opened.
    #[error(
        "{location} {what}: somebody moved, deleted, replaced or changed it while it was in use"
    )]
    Gone {
        /// The ledger, or a file beside it.
        location: String,
        /// What became of it.
        what: &'static str,
    },
    /// This machine, or whoever started the program, does not let it have what it needs.
    #[error("cannot use {location}: {cause}")]
    Limit {
        /// The ledger, or a file beside it.
        location: String,
        /// What the system said.
        cause: String,
        /// What helps.
        remedy: &'static str,
    },
    /// The database cannot be reached, or the session with it ended: what was just being stored may be stored or not.
    #[error("cannot reach {location}: {cause}")]
    Unreachable {
        /// The ledger.
        location: String,
        /// What the network or the database said.
        cause: String,
    },
    /// The system refused a read or write.
    #[error("cannot use {location}: {cause}")]
    Io {
        /// The ledger, or a file beside it.
        location: String,
        /// What the system said.
        cause: String,
    },
}

fn not_found(run: Option<&str>) -> String {
    run.map_or_else(|| "no run yet".to_owned(), |run| format!("no run {run:?}"))
}

fn list(runs: &[RunId]) -> String {
    // More would scroll the message away; the hint names the command that lists all.
    const SHOWN: usize = 10;
    let mut text: Vec<&str> = runs.iter().take(SHOWN).map(|run| run.0.as_str()).collect();
    if runs.len() > SHOWN {
        text.push("…");
    }
    text.join(", ")
}

/// An address as a shell takes it.
fn quoted(address: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@,%+=".contains(c);
    if address.chars().all(is_plain) {
        return address.to_owned();
    }
    format!("'{}'", address.replace('\'', r"'\''"))
}

impl LedgerError {
    /// The next command or edit.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { .. } | Self::NotFound { run: None, .. } => {
                "start a run: okta-rollout run FILE; or name another ledger: --ledger FILE".into()
            }
            Self::NotFound { .. } => "list the runs: okta-rollout runs".into(),
            Self::Ambiguous { .. } => {
                "give more characters of the id; okta-rollout runs lists them".into()
            }
            Self::Held { run, .. } => format!(
                "wait for it or end it; watch it with: okta-rollout status {} --watch",
                run.0
            ),
            Self::Starting { .. } => "once it has begun, watch it with: okta-rollout status --watch".into(),
            Self::Locked { .. } => {
                "run the command again; everything up to here is stored".into()
            }
            Self::ReadOnly { .. } => {
                "allow writing to the file and its folder, or use another ledger: --ledger FILE"
                    .into()
            }
            Self::DiskFull { .. } => {
                "make room on that disk, then run the command again; everything up to here is stored"
                    .into()
            }
            Self::ForeignFile { .. } => "use another file: --ledger FILE".into(),
            Self::NewerFormat { .. } => {
                "upgrade okta-rollout, or use another file: --ledger FILE".into()
            }
            Self::OlderFormat { .. } => {
                "any run or resume on this ledger upgrades it".into()
            }
            Self::Moved { .. } => "run the command again".into(),
            Self::Corrupt { .. } => {
                "restore the file from a backup, or start with another one: --ledger FILE".into()
            }
            Self::KeyInUse { fingerprints, .. } => format!(
                "run their manifests first, which renews them; or let these {fingerprints} be posted once more: okta-rollout rotate-key --force"
            ),
            Self::Shared { remedy, .. }
            | Self::Linked { remedy, .. }
            | Self::Misplaced { remedy, .. } => remedy.clone(),
            Self::Closed { gone, .. } => {
                format!("give the command the ledger where it is now: --ledger {}", quoted(&gone.to))
            }
            Self::InUse { .. } => "wait for it or end it, then run the command again".into(),
            Self::NotEmpty { .. } => {
                "move it to a file or a database that is not a ledger yet: okta-rollout ledger move FROM TO".into()
            }
            Self::Gone { .. } => {
                "put the ledger back with the files beside it, then run the command again; what was not stored is looked at in Okta"
                    .into()
            }
            Self::Limit { remedy, .. } => (*remedy).to_owned(),
            Self::Unreachable { .. } => {
                "check that PostgreSQL runs there and lets this machine in, then run the command again; everything up to here is stored"
                    .into()
            }
            Self::Io { .. } => "check the disk and the path, then run the command again".into(),
        }
    }

    /// Whether no later write can be trusted to succeed either: the disk or file is at fault, not the
    /// request.
    pub(super) const fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::ReadOnly { .. }
                | Self::DiskFull { .. }
                | Self::Corrupt { .. }
                | Self::Gone { .. }
                | Self::Closed { .. }
                | Self::Limit { .. }
                | Self::Unreachable { .. }
                | Self::Io { .. }
        )
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let hint = error.hint();
        Self::usage(error).hint(hint)
    }
}
