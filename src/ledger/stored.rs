//! How domain values are stored, whichever database holds them: codes, keys, hashes and JSON.

use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Counts, OrgStats, Progress};
use crate::manifest::Entry;
use crate::model::{EntryNo, EntryState, OrgNo, Step};

/// Stored state codes: places in the org's sums, too. `Done` has two, so that counts need no JSON.
pub(super) mod code {
    pub const PENDING: i64 = 0;
    pub const STARTED: i64 = 1;
    pub const WAITING: i64 = 2;
    pub const UNCHANGED: i64 = 3;
    pub const CHANGED: i64 = 4;
    pub const FAILED: i64 = 5;
    pub const ALL: usize = 6;
}

/// Whether an entry that has begun is past its consent, or its answer may be under way; not one that turned out to need no
/// answer.
pub(super) fn is_answered(progress: &Progress) -> bool {
    let is_past_it = progress
        .steps
        .iter()
        .any(|ended| ended.step == Step::CompleteConsent && ended.attempts > 0);
    is_past_it || progress.consent.is_some()
}

/// Counts entries that are in another org's queue as held back there where that is stopped, not where their own is: of so
/// many of org `no`, or in its queue, which of both are stopped. The orgs are in order.
pub(super) fn hold_back(
    by_org: &mut [(OrgNo, Counts)],
    no: OrgNo,
    (own, called): (bool, bool),
    count: u64,
) {
    let Ok(at) = by_org.binary_search_by_key(&no, |(no, _)| *no) else {
        return;
    };
    let (_, counts) = &mut by_org[at];
    match (own, called) {
        (true, false) => counts.held_back = counts.held_back.saturating_sub(count),
        (false, true) => counts.held_back += count,
        (true, true) | (false, false) => {}
    }
}

pub(super) const fn state_code(state: EntryState, changed: bool) -> i64 {
    match state {
        EntryState::Pending => code::PENDING,
        EntryState::Started => code::STARTED,
        EntryState::Waiting => code::WAITING,
        EntryState::Done if changed => code::CHANGED,
        EntryState::Done => code::UNCHANGED,
        EntryState::Failed => code::FAILED,
    }
}

/// The state of a stored code; `None` = of another version.
pub(super) const fn state_of(code: i64) -> Option<EntryState> {
    Some(match code {
        code::PENDING => EntryState::Pending,
        code::STARTED => EntryState::Started,
        code::WAITING => EntryState::Waiting,
        code::UNCHANGED | code::CHANGED => EntryState::Done,
        code::FAILED => EntryState::Failed,
        _ => return None,
    })
}

/// A run's entries have consecutive keys, its place in the high half: room for four
/// thousand million.
pub(super) const fn entry_key(seq: i64, no: EntryNo) -> i64 {
    if no.0 < 0 || no.0 > NO_MAX {
        return NOBODY;
    }
    (seq << 32) | no.0
}

/// The key of a run's first entry: those of the run before end there.
pub(super) const fn first_key(seq: i64) -> i64 {
    entry_key(seq, EntryNo(0))
}

const NO_MAX: i64 = 0xffff_ffff;

/// A key no entry has.
const NOBODY: i64 = -1;

/// The key after which entries begin: the run's first one, or the one after `after`.
pub(super) fn key_before(seq: i64, after: Option<EntryNo>) -> i64 {
    first_key(seq).saturating_add(after.map_or(-1, |no| no.0.max(-1)))
}

pub(super) const fn entry_no(key: i64) -> EntryNo {
    EntryNo(key & NO_MAX)
}

/// Of which run's entry that is the key.
pub(super) const fn run_seq(key: i64) -> i64 {
    key >> 32
}

/// What an answer is found by; the `state` itself stays inside the link.
pub(super) fn consent_hash(state: &str) -> [u8; 32] {
    Sha256::digest(state).into()
}

/// What a settled consent is known by: where its answer belonged, and its `state`.
pub(super) fn settled_hash(org_url: &str, app: &str, app_id: &str, state: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [org_url, app, app_id, state] {
        hash.update(part);
        hash.update([0]);
    }
    hash.finalize().into()
}

/// Narrows a search by app id to a handful of rows at a fifth of the id's size.
pub(super) fn app_hash(app_id: &str) -> i32 {
    let digest = Sha256::digest(app_id);
    i32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// Sums and counters fit 63 bits for as long as anybody lives; a larger one is stored as the largest.
pub(super) fn integer(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The text before an entry's own keys: `{"org":"acme",`.
pub(super) fn org_prefix(name: &str) -> serde_json::Result<String> {
    Ok(format!("{{\"org\":{},", serde_json::to_string(name)?))
}

/// An entry's JSON without the org's name: the ledger knows the org by its URL, and an org that was
/// renamed is the same org.
pub(super) fn strip_org(mut entry_json: String, prefix: &str) -> String {
    if entry_json.starts_with(prefix) {
        entry_json.replace_range(1..prefix.len(), "");
    }
    entry_json
}

/// An entry of the JSON that was stored of it, and its org's name now.
pub(super) fn entry_of(spec: &str, org: &str) -> serde_json::Result<Entry> {
    match spec.strip_prefix('{') {
        Some(keys) if !keys.starts_with("\"org\":") => {
            serde_json::from_str(&(org_prefix(org)? + keys))
        }
        _ => serde_json::from_str(spec),
    }
}

/// What a commit adds to an org's sums.
#[derive(Clone, Copy, Default)]
pub(super) struct Delta {
    pub stats: OrgStats,
    /// Entries by state code.
    pub counts: [i64; code::ALL],
    /// Of those changed: deactivations.
    pub deactivated: i64,
}

impl Delta {
    pub(super) fn add(&mut self, stats: OrgStats) {
        let sum = &mut self.stats;
        sum.requests = sum.requests.saturating_add(stats.requests);
        sum.rate_limited = sum.rate_limited.saturating_add(stats.rate_limited);
        sum.retries = sum.retries.saturating_add(stats.retries);
        sum.waited_ms = sum.waited_ms.saturating_add(stats.waited_ms);
    }

    pub(super) fn moved(&mut self, from: i64, to: i64) {
        self.count(from, -1);
        self.count(to, 1);
    }

    pub(super) fn count(&mut self, code: i64, by: i64) {
        if let Some(n) = usize::try_from(code)
            .ok()
            .and_then(|i| self.counts.get_mut(i))
        {
            *n += by;
        }
    }

    /// Requests, rate limited, retries, waited; entries by state code; deactivations.
    pub(super) fn columns(&self) -> [i64; 5 + code::ALL] {
        let stats = [
            integer(self.stats.requests),
            integer(self.stats.rate_limited),
            integer(self.stats.retries),
            integer(self.stats.waited_ms),
        ];
        let [pending, started, waiting, unchanged, changed, failed] = self.counts;
        let [requests, rate_limited, retries, waited_ms] = stats;
        [
            requests,
            rate_limited,
            retries,
            waited_ms,
            pending,
            started,
            waiting,
            unchanged,
            changed,
            failed,
            self.deactivated,
        ]
    }
}

/// What a checkpoint builds on: those of an entry's columns that it is compared with, as they were stored last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    pub(super) org: OrgNo,
    pub(super) queue: Option<OrgNo>,
    pub(super) state: i64,
    pub(super) app_hash: Option<i32>,
    pub(super) consent: Option<[u8; 32]>,
    pub(super) drifted: bool,
    pub(super) last_call: Option<i64>,
}

/// What is stored of an entry's progress.
pub(super) struct Columns {
    /// `None` = nothing done yet.
    pub progress: Option<String>,
    pub drifted: bool,
    pub app_hash: Option<i32>,
    pub consent: Option<[u8; 32]>,
}

impl Columns {
    pub(super) fn of(state: i64, progress: &Progress) -> serde_json::Result<Self> {
        let waits = matches!(state, code::WAITING | code::STARTED);
        Ok(Self {
            progress: (*progress != Progress::default())
                .then(|| serde_json::to_string(progress))
                .transpose()?,
            drifted: !progress.drift.is_empty() || !progress.left_secrets.is_empty(),
            app_hash: progress.app_id.as_deref().map(app_hash),
            // While its answer is being handed in, too: a second answer must find it in flight.
            consent: progress
                .consent
                .as_ref()
                .filter(|_| waits)
                .map(|consent| consent_hash(&consent.state)),
        })
    }
}

/// Looks of a time that has not come yet count as made so long before a process began: longer than it takes from
/// the command to here.
pub(super) const LOOKED_BEFORE: Duration = Duration::from_mins(1);

/// A failed entry's state and columns once it is set back to where it stopped, with fresh attempts.
pub(super) fn set_back(progress: Option<&str>) -> serde_json::Result<(i64, Columns)> {
    let progress = progress.map(serde_json::from_str).transpose()?;
    let mut progress: Progress = progress.unwrap_or_default();
    progress.attempts = 0;
    progress.elapsed_ms = 0;
    let state = if progress == Progress::default() {
        EntryState::Pending
    } else {
        EntryState::Started
    };
    let state = state_code(state, progress.changed);
    Ok((state, Columns::of(state, &progress)?))
}

/// Of a notice `n` in SQL: it did not arrive. What a later one said again, of the run as a whole whichever way it ended,
/// is not missing any more.
pub(super) const MISSING_NOTICE: &str = "n.delivered_at IS NULL AND NOT EXISTS (
     SELECT 1 FROM notice later
     WHERE later.run = n.run AND later.no > n.no AND later.delivered_at IS NOT NULL
       AND later.about IS NOT DISTINCT FROM n.about
       AND (later.type = n.type OR later.type LIKE 'run.%' AND n.type LIKE 'run.%'))";

/// The app of an entry, as its progress or else its JSON says.
pub(super) fn app_id_of(progress: Option<&str>, spec: &str) -> serde_json::Result<Option<String>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Said {
        #[serde(default)]
        app_id: Option<String>,
    }
    if let Some(progress) = progress
        && let Some(found) = serde_json::from_str::<Said>(progress)?.app_id
    {
        return Ok(Some(found));
    }
    Ok(serde_json::from_str::<Said>(spec)?.app_id)
}

/// What makes two entries the same consent: the org's URL and everything wanted, but not the row.
pub(super) fn likeness(url: &str, spec: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(url);
    hash.update([0]);
    hash.update(spec);
    hash.finalize().into()
}
