//! What calls of this process came to, by org, for whoever asks from outside. Nothing is counted unless somebody will ask.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// Orgs that are counted apart; what others are called to is counted under no name.
const ORGS: usize = 10_000;

/// What calls of an org came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrgCounts {
    /// Calls by the HTTP status of their answers; `None` = there was none.
    pub by_status: BTreeMap<Option<u16>, u64>,
    /// Of those refused with 429: because the window was used up.
    pub window: u64,
    /// Because too many were under way.
    pub concurrency: u64,
}

/// See the first lines of this file.
#[derive(Default)]
pub struct Counts {
    is_on: AtomicBool,
    by_org: Mutex<BTreeMap<Arc<str>, OrgCounts>>,
}

impl Counts {
    /// From now on calls are counted.
    pub fn begin(&self) {
        self.is_on.store(true, Ordering::Relaxed);
    }

    /// What was counted so far, by org.
    pub fn seen(&self) -> BTreeMap<Arc<str>, OrgCounts> {
        self.by_org.lock().clone()
    }

    /// A call ended; `limited`: with a 429, and whether that was because too many were under way.
    pub(super) fn ended(&self, org: &Arc<str>, status: Option<u16>, limited: Option<bool>) {
        if !self.is_on.load(Ordering::Relaxed) {
            return;
        }
        let mut by_org = self.by_org.lock();
        let is_known = by_org.len() < ORGS || by_org.contains_key(org);
        let org = if is_known { Arc::clone(org) } else { "".into() };
        let counts = by_org.entry(org).or_default();
        *counts.by_status.entry(status).or_default() += 1;
        match limited {
            Some(true) => counts.concurrency += 1,
            Some(false) => counts.window += 1,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_once_somebody_will_ask() {
        let (counts, acme) = (Counts::default(), Arc::from("acme"));
        counts.ended(&acme, Some(200), None);
        assert!(counts.seen().is_empty());
        counts.begin();
        for (status, limited) in [
            (Some(200), None),
            (Some(429), Some(false)),
            (Some(200), None),
            (Some(429), Some(true)),
            (None, None),
        ] {
            counts.ended(&acme, status, limited);
        }
        let seen = counts.seen();
        let wanted = [(None, 1), (Some(200), 2), (Some(429), 2)];
        assert_eq!(seen["acme"].by_status, wanted.into_iter().collect());
        assert_eq!((seen["acme"].window, seen["acme"].concurrency), (1, 1));
        for no in 0..=ORGS {
            counts.ended(&format!("org-{no}").into(), Some(200), None);
        }
        let seen = counts.seen();
        assert!(seen.len() <= ORGS + 1);
        assert!(seen[""].by_status[&Some(200)] > 0);
    }
}
