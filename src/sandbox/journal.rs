//! What an org was asked: the last requests and a count of each operation, for tests and people. Only
//! names of query parameters are kept, never their values, no headers and no bodies.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::faults::Fault;

/// One request an org received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Place in the org's history, from 1.
    pub no: u64,
    /// HTTP method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Names of the query parameters.
    pub query: Vec<String>,
    /// Status of the answer; `None` when none was sent.
    pub status: Option<u16>,
    /// The fault that was played.
    pub fault: Option<Fault>,
    /// When it was answered, or began to hang, epoch milliseconds by the machine's clock.
    pub at_ms: i64,
}

/// The requests of one org.
#[derive(Debug, Default)]
pub(super) struct Journal {
    kept: VecDeque<Call>,
    counts: BTreeMap<String, u64>,
    total: u64,
}

impl Journal {
    /// Notes a call; the oldest beyond `keep` is forgotten, its count is not.
    pub(super) fn note(&mut self, mut call: Call, operation: &str, keep: usize) {
        self.total += 1;
        call.no = self.total;
        let counted = format!("{} {operation}", call.method);
        *self.counts.entry(counted).or_default() += 1;
        self.kept.push_back(call);
        while self.kept.len() > keep {
            self.kept.pop_front();
        }
    }

    /// The last calls, oldest first.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.kept.iter().cloned().collect()
    }

    /// How often each operation was called, e.g. `GET /api/v1/apps/{id}/features`.
    pub(super) const fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }
}
