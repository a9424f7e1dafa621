//! What was found of each org and of the ledger, as people and programs are told. What it is called here is documented.

use jiff::Timestamp;
use serde::Serialize;

use super::clock::Skew;
use crate::ledger::OrgRow;
use crate::manifest::{Auth, Limits};
use crate::model::ErrorDetails;
use crate::okta::{Bucket, RateHeaders};
use crate::rollout::needs::{Needs, Role};

/// Everything that was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Findings {
    /// The manifest or job, as typed.
    pub file: String,
    /// Whether nothing has to be fixed.
    pub ok: bool,
    /// Every org that has selected entries, in order of first use.
    pub orgs: Vec<OrgFindings>,
    /// The ledger that a run would use.
    pub ledger: LedgerFindings,
}

/// What was found of an org.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrgFindings {
    /// Its name.
    pub org: String,
    /// As the ledger names it.
    pub url: String,
    /// Selected entries that are in it.
    pub entries: u64,
    /// Whether nothing has to be fixed.
    pub ok: bool,
    /// Whether Okta answered; `None` = it was not asked.
    pub reachable: Option<bool>,
    /// How it is authenticated to; `None` = the program serves it itself.
    pub auth: Option<&'static str>,
    /// What it says to that.
    pub credentials: Credentials,
    /// What its entries need of them.
    pub rights: Rights,
    /// How the clocks differ, where an answer tells.
    pub clock: Option<Skew>,
    /// What the answer says of the rate limit.
    pub limit: Option<RateLimit>,
    /// Calls in flight at most.
    pub max_in_flight: Option<u32>,
    /// Calls a second at most.
    pub max_rps: Option<f64>,
    /// Calls that were made.
    pub calls: u64,
    /// How long the last one took.
    pub duration_ms: Option<u64>,
    /// What has to be fixed, or should be known.
    pub problems: Vec<Problem>,
}

/// What an org says to its credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Credentials {
    /// They are good.
    Accepted,
    /// They are not.
    Refused,
    /// They cannot be read on this machine, so that it was not asked.
    Unreadable,
    /// It did not answer, or not to that.
    #[default]
    Unknown,
}

impl Credentials {
    /// As [`Serialize`] has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether a right is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Held {
    /// An answer shows that it is.
    Yes,
    /// One shows that it is not.
    No,
    /// No answer tells: nothing was written, or none came.
    Unknown,
}

/// A scope that is needed. (An API token has none: its owner's role decides.)
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScopeNeed {
    /// As Okta names it.
    pub scope: String,
    /// Whether it is there.
    pub held: Held,
}

/// What an org's entries need, and what of it is there.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rights {
    /// Every scope, in alphabetical order.
    pub scopes: Vec<ScopeNeed>,
    /// The least admin role that has them all.
    pub role: Role,
    /// Whether the role is there.
    pub role_held: Held,
}

impl Rights {
    fn of(needs: &Needs) -> Self {
        let need = |scope: &&str| ScopeNeed {
            scope: (*scope).to_owned(),
            held: Held::Unknown,
        };
        Self {
            scopes: needs.scopes.iter().map(need).collect(),
            role: needs.role,
            role_held: Held::Unknown,
        }
    }

    /// Notes whether a scope is there; one that no entry was known to need is noted, too.
    pub fn note(&mut self, scope: &str, held: Held) {
        match self.scopes.iter_mut().find(|need| need.scope == scope) {
            Some(need) => need.held = held,
            None => self.scopes.push(ScopeNeed {
                scope: scope.to_owned(),
                held,
            }),
        }
    }

    /// The scopes of which this is so.
    pub fn which(&self, held: Held) -> impl Iterator<Item = &str> {
        let of = self.scopes.iter().filter(move |need| need.held == held);
        of.map(|need| need.scope.as_str())
    }
}

/// What an answer says of a rate limit, and what follows from it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RateLimit {
    /// Okta's name of what is limited.
    pub bucket: &'static str,
    /// Calls a window.
    pub limit: u64,
    /// Calls that were left of this one.
    pub remaining: Option<u64>,
    /// When this one ends, on the org's clock.
    pub resets_at: Option<String>,
    /// What part of it may be used.
    pub share: f64,
    /// How many calls a window that leaves, where the end of a window is told, too.
    pub calls: Option<u64>,
}

impl RateLimit {
    /// Of these headers; none where they do not say how many calls there are.
    pub fn of(rate: RateHeaders, bucket: Bucket, share: f64, calls: Option<u64>) -> Option<Self> {
        let resets_at = rate.reset.map(Timestamp::from_second);
        Some(Self {
            bucket: bucket.name(),
            limit: rate.limit.filter(|limit| *limit > 0)?,
            remaining: rate.remaining,
            resets_at: resets_at.and_then(Result::ok).map(|at| at.to_string()),
            share,
            calls,
        })
    }
}

/// What a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum About {
    /// No way to the org, or something else answers in its place.
    Reach,
    /// Its credentials.
    Credentials,
    /// What they may do.
    Rights,
    /// This machine's clock.
    Clock,
    /// Its rate limit.
    Limit,
    /// The ledger.
    Ledger,
}

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Severity {
    /// It has to be fixed.
    Error,
    /// It should be known.
    Warning,
}

/// What has to be fixed, or should be known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    /// What it is about.
    pub about: About,
    /// How much it matters.
    pub severity: Severity,
    /// What it is, and what to do.
    #[serde(flatten)]
    pub details: ErrorDetails,
}

impl Problem {
    /// One that has to be fixed.
    pub fn error(about: About, details: ErrorDetails) -> Self {
        Self {
            about,
            severity: Severity::Error,
            details,
        }
    }
}

/// Whether none of these has to be fixed.
pub(super) fn is_ok(problems: &[Problem]) -> bool {
    let mut problems = problems.iter();
    problems.all(|problem| problem.severity != Severity::Error)
}

impl OrgFindings {
    /// Of an org that nothing is known of yet.
    pub fn new(row: &OrgRow, entries: u64, needs: &Needs, limits: Limits) -> Self {
        Self {
            org: row.name.clone(),
            url: row.url.clone(),
            entries,
            ok: false,
            reachable: None,
            auth: row.spec.auth.as_ref().map(Auth::name),
            credentials: Credentials::Unknown,
            rights: Rights::of(needs),
            clock: None,
            limit: None,
            max_in_flight: limits.max_in_flight,
            max_rps: limits.max_rps,
            calls: 0,
            duration_ms: None,
            problems: Vec::new(),
        }
    }
}

/// What was found of the ledger.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LedgerFindings {
    /// Where it is.
    pub location: String,
    /// Whether nothing has to be fixed.
    pub ok: bool,
    /// What it is.
    pub state: LedgerState,
    /// Version of its format, where it could be read.
    pub format: Option<i64>,
    /// What it takes on the disk, with its log.
    pub bytes: u64,
    /// What is left on that disk, where the system tells.
    pub free_bytes: Option<u64>,
    /// Runs in it.
    pub runs: u64,
    /// Runs that a process works on now.
    pub held: Vec<HeldRun>,
    /// What has to be fixed, or should be known.
    pub problems: Vec<Problem>,
}

/// What a ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum LedgerState {
    /// There is none yet: a run makes it.
    Absent,
    /// It is whole.
    Sound,
    /// Of an earlier version; the next run upgrades it.
    Older,
    /// It cannot be used; the problems say why.
    Unusable,
}

/// A run that a process works on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeldRun {
    /// Its id.
    pub run: String,
    /// Process, host and since when.
    pub by: String,
}
