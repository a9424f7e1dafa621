//! Job files: a manifest plus the policy to run it under (README, "Jobs").
//!
//! Owns the TOML shape, its defaults and its offline check, which names every mistake at once with
//! file, line and column. Knows nothing of what a run does with the policy.

mod duration;
mod format;
mod http;
mod ledger_url;
mod ledger_url_error;
mod notify;
mod percent;
mod postgres_url;
mod read;
mod report_file;
mod retry;
mod schedule;
mod schema;
mod section;
mod tree;
mod values;
mod waves;
mod written;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use duration::{InvalidAge, InvalidDuration, parse as parse_duration, parse_age};
pub use format::Format;
pub use http::HttpPolicy;
pub use ledger_url::LedgerUrl;
pub use ledger_url_error::{DEFAULT_LEDGER, LedgerUrlError};
pub use notify::{NoticeFormat, NoticeKind, Notify, PlacedSecret};
pub use percent::{InvalidPercent, parse as parse_percent};
pub use postgres_url::{PostgresHost, PostgresUrl};
pub use read::{ledger_of, parse, read, schedule_of};
pub use report_file::{ReportFile, ReportPath};
pub use retry::RetryPolicy;
pub use schedule::{Overlap, Schedule};
pub use schema::{PATH, SchemaParts, json_schema};
pub use tree::inner;
pub use waves::{HaltWhenFailed, REST, Wave, is_any};
pub use written::{Place, Written};

use crate::manifest::Limits;

/// A job file, checked, its paths resolved against the folder it is in.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The job file itself, as given.
    pub file: PathBuf,
    /// What should be true.
    pub manifest: PathBuf,
    /// Where the orgs are, when the manifest does not hold them.
    pub orgs: Option<PathBuf>,
    /// Where checkpoints are kept, and for how long.
    pub ledger: LedgerPolicy,
    /// Defaults for every org; an org's own limits win.
    pub limits: Limits,
    /// When a step is tried again.
    pub retry: RetryPolicy,
    /// Time-outs and trust of every call.
    pub http: HttpPolicy,
    /// What to do about changes that somebody made by hand.
    pub on_drift: OnDrift,
    /// Groups of orgs that go one after the other.
    pub waves: Vec<Wave>,
    /// When the job runs under `serve`.
    pub schedule: Option<Schedule>,
    /// Who is notified, and of what.
    pub notify: Option<Notify>,
    /// Reports to write after the run.
    pub reports: Vec<ReportFile>,
    /// Settings of the orgs the program serves itself; see [`Written::section`].
    pub sandbox: toml::Table,
    /// Variables that programs of `exec:` secrets get besides the few they always get.
    pub pass_env: Vec<String>,
    /// What of all this it says itself.
    pub written: Written,
}

/// `[ledger]`: where checkpoints are kept, and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerPolicy {
    /// Where, unless flag or environment say so; `None` = as without a job.
    pub url: Option<LedgerUrl>,
    /// Runs that nobody worked on for longer are dropped at the end of a run; `None` = all are kept.
    pub keep: Option<Duration>,
}

/// `onDrift`: what a run does about changes that somebody made by hand since a run of this ledger last had the
/// entry as wanted. What the manifest itself changed is made so in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDrift {
    /// Mends them, and tells.
    #[default]
    Repair,
    /// Leaves them, and tells.
    Report,
}

/// Whether a file given on the command line is a job (else it is a manifest).
pub fn is_job(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}
