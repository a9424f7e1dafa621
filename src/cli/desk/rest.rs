//! The rest of entries whose answer Okta took: whoever works on their runs does it; of runs that nobody works on just these
//! entries continue. Those whose answer came in by another process, or by one that ended before, are found in the ledger.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::means::{LOOK_AGAIN, Means};
use crate::cli::failed_start::is_overlap;
use crate::cli::resume::{Wanted, continue_with};
use crate::engine::{Selected, name_of};
use crate::event::EntryName;
use crate::failure::Failure;
use crate::job::LedgerUrl;
use crate::ledger::{Ledger, Pending};
use crate::model::{EntryNo, EntryState, RunId, UnixMillis};
use crate::pacing::unix_millis;
use crate::rollout::simulated::is_sandbox;
use crate::rollout::waves::Decision;
use crate::selection::Selection;

/// How long an entry is left alone that was tried and stays as it was.
const TRIED: Duration = Duration::from_mins(10);

/// How long a call with an answer may be somebody's who is still there.
const UNDER_WAY: Duration = Duration::from_mins(1);

/// A run of a ledger.
type Key = (LedgerUrl, RunId);

/// What continues, and what was tried.
#[derive(Default)]
pub(in crate::cli) struct Going {
    /// Entries of runs that are to continue; a run that is here somebody sees to.
    waiting: RefCell<HashMap<Key, Vec<EntryName>>>,
    /// Entries that were found in the ledger, by the version they had, and when.
    tried: RefCell<HashMap<(Key, EntryNo), (i64, Instant)>>,
}

impl Going {
    /// Whether an entry that was found is to be tried: it was not just so.
    fn tries(&self, key: &Key, pending: &Pending) -> bool {
        let (place, version) = ((key.clone(), pending.entry.no), pending.entry.version);
        let mut tried = self.tried.borrow_mut();
        tried.retain(|_, (_, at)| at.elapsed() < TRIED);
        if tried.get(&place).is_some_and(|(of, _)| *of == version) {
            return false;
        }
        tried.insert(place, (version, Instant::now()));
        true
    }
}

/// Whether an entry that was found can go on without a person, and nobody sees to it.
fn can_go_on(pending: &Pending, now: UnixMillis) -> bool {
    let progress = &pending.entry.progress;
    let is_under_way = progress.in_flight.as_ref().is_some_and(|in_flight| {
        progress.consent.is_some()
            && !in_flight.ended
            && in_flight.sent_at <= now
            && now.ahead_of(in_flight.sent_at) < UNDER_WAY
    });
    // A simulated org is there only while a run lives, which does the rest itself.
    !is_under_way && pending.org.stopped.is_none() && !is_sandbox(&pending.org)
}

const fn word(state: EntryState) -> &'static str {
    match state {
        EntryState::Pending | EntryState::Started => "not at its end yet",
        EntryState::Waiting => "waiting",
        EntryState::Done => "done",
        EntryState::Failed => "failed",
    }
}

impl Means {
    /// Has entries go on that are past their consent, in runs that nobody works on.
    pub(in crate::cli) async fn look(&self, going: &Going, ledger: &Ledger) {
        if !self.continues {
            return;
        }
        // A ledger that cannot be read whoever looks at a page is told of.
        let Ok(answered) = ledger.answered().await else {
            return;
        };
        let now = unix_millis();
        let (mut at_rest, mut found) = (HashMap::new(), Vec::new());
        for pending in answered {
            let key = (ledger.url().clone(), pending.run.clone());
            if !at_rest.contains_key(&pending.run) {
                let is_at_rest = self.is_at_rest(ledger, &pending.run).await;
                at_rest.insert(pending.run.clone(), is_at_rest);
            }
            let is_at_rest = at_rest
                .get(&pending.run)
                .is_some_and(|is_at_rest| *is_at_rest);
            if is_at_rest && can_go_on(&pending, now) && going.tries(&key, &pending) {
                let org: Arc<str> = pending.org.name.as_str().into();
                found.push((pending.run, name_of(&org, &pending.entry)));
            }
        }
        self.go_on(going, ledger, found).await;
    }

    /// Whether nobody works on a run, and nobody at this desk wanted that.
    async fn is_at_rest(&self, ledger: &Ledger, run: &RunId) -> bool {
        let live = self.engine.live();
        !live.has(run) && !live.was_stopped(run) && !ledger.is_locked(run).await.unwrap_or(true)
    }

    /// Has runs continue with entries whose answers came in, one after the other of each run: what comes in meanwhile is
    /// done by whoever works on the run, or next.
    pub(super) async fn go_on(
        &self,
        going: &Going,
        ledger: &Ledger,
        entries: Vec<(RunId, EntryName)>,
    ) {
        if !self.continues {
            return;
        }
        let mut ours = Vec::new();
        for (run, entry) in entries {
            let key = (ledger.url().clone(), run);
            let mut waiting = going.waiting.borrow_mut();
            if !waiting.contains_key(&key) {
                ours.push(key.clone());
            }
            waiting.entry(key).or_default().push(entry);
        }
        // A run that somebody works on for hours holds up no other.
        join_all(ours.into_iter().map(async |key| {
            loop {
                let entries = going.waiting.borrow_mut().insert(key.clone(), Vec::new());
                let entries = entries.unwrap_or_default();
                if entries.is_empty() || !self.continue_run(ledger, &key.1, &entries).await {
                    break;
                }
            }
            going.waiting.borrow_mut().remove(&key);
        }))
        .await;
    }

    /// `false` = it cannot, or must not any more.
    async fn continue_run(&self, ledger: &Ledger, run: &RunId, entries: &[EntryName]) -> bool {
        let interrupt = self.engine.cancellation();
        let mut is_others = false;
        loop {
            // Whoever works on the run hears of the answer, and does the rest.
            while ledger.is_locked(run).await.unwrap_or(false) {
                is_others = true;
                tokio::select! {
                    () = interrupt.cancelled() => return false,
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
            }
            if is_others && self.engine.live().was_stopped(run) {
                return false;
            }
            match self.try_to_continue(ledger, run, entries).await {
                Ok(()) => return !interrupt.is_cancelled(),
                // Somebody was faster.
                Err(failure) if is_overlap(&failure) && !interrupt.is_cancelled() => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(failure) => {
                    self.output.failure(&failure);
                    return false;
                }
            }
        }
    }

    async fn try_to_continue(
        &self,
        ledger: &Ledger,
        run: &RunId,
        entries: &[EntryName],
    ) -> Result<(), Failure> {
        let mut left: Vec<&EntryName> = Vec::new();
        for entry in entries {
            let row = ledger.entry(run, entry.no).await?;
            if row.state == EntryState::Started && row.carried_over_by.is_none() {
                left.push(entry);
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        let numbers: Vec<EntryNo> = left.iter().map(|entry| entry.no).collect();
        let names = left.iter().map(|entry| (&*entry.org, entry.app));
        let wanted = Wanted {
            selection: Selection::covering(names, false),
            chosen: Some(Selected::these(numbers)),
            notifies: false,
            ..self.whole(Decision::default())
        };
        let of_run = (ledger.clone(), ledger.run(run).await?);
        let settings = self.settings(ledger);
        let engine = self.engine.child();
        let quiet = self.output.quiet();
        Box::pin(continue_with(wanted, of_run, &engine, &settings, quiet)).await?;
        for entry in left {
            let state = ledger.entry(run, entry.no).await?.state;
            let (org, app, row) = (&entry.org, entry.app, entry.row);
            self.output
                .note(format_args!("{org}/{app} (row {row}): {}", word(state)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::failure::Remedy;
    use crate::ledger::{Consent, InFlight, OrgRow, OrgStats, Progress};
    use crate::manifest::{Limits, OrgSpec};
    use crate::model::{ErrorDetails, OrgNo, Step, Stopped};
    use crate::plan::tests::entry;

    const NOW: UnixMillis = UnixMillis(1_767_323_045_000);

    fn answered(url: &str, in_flight: Option<InFlight>) -> Pending {
        let consent = in_flight.is_some().then(|| Consent {
            authorize_url: "https://accounts.example/?state=s1".to_owned(),
            state: "s1".to_owned(),
            since: UnixMillis(0),
        });
        let progress = Progress {
            in_flight,
            consent,
            ..Progress::default()
        };
        let wanted = entry(json!({ "org": "acme", "app": "google", "appId": "0oa1" }));
        let row = crate::ledger::tests::begun(wanted, progress);
        let spec = OrgSpec {
            url: url.to_owned(),
            auth: None,
            limits: Limits::default(),
            worker: std::collections::BTreeMap::new(),
            folder: None,
        };
        let org = OrgRow {
            no: OrgNo(0),
            name: "acme".to_owned(),
            url: url.to_owned(),
            spec,
            stopped: None,
            stats: OrgStats::default(),
            wait: None,
        };
        Pending {
            run: RunId("k3f9".to_owned()),
            org,
            entry: row,
        }
    }

    fn sent(ago: Duration, ended: bool) -> InFlight {
        InFlight {
            step: Step::CompleteConsent,
            sent_at: NOW.before(ago),
            ended,
            link_before: None,
            credentials: None,
        }
    }

    #[test]
    fn what_somebody_may_be_at_or_has_to_mend_first_is_left_alone() {
        const ACME: &str = "https://acme.okta.com";
        let second = Duration::from_secs(1);
        for (url, in_flight, goes_on) in [
            (ACME, None, true),
            (ACME, Some(sent(second, false)), false),
            (ACME, Some(sent(second, true)), true),
            (ACME, Some(sent(UNDER_WAY, false)), true),
            ("sandbox:acme", None, false),
        ] {
            let pending = answered(url, in_flight.clone());
            assert_eq!(can_go_on(&pending, NOW), goes_on, "{url} {in_flight:?}");
        }
        // The clock was set back since.
        let ahead = answered(ACME, Some(sent(Duration::ZERO, false)));
        assert!(can_go_on(&ahead, NOW.before(second)));
        let mut stopped = answered(ACME, None);
        stopped.org.stopped = Some(Stopped {
            details: ErrorDetails::default(),
            remedy: Remedy::Outside,
        });
        assert!(!can_go_on(&stopped, NOW));
    }

    #[test]
    fn what_was_tried_and_stayed_as_it_was_is_not_tried_at_once_again() {
        let (going, mut pending) = (Going::default(), answered("https://acme.okta.com", None));
        let key = (LedgerUrl::default(), pending.run.clone());
        assert!(going.tries(&key, &pending));
        assert!(!going.tries(&key, &pending));
        pending.entry.version += 1;
        assert!(going.tries(&key, &pending));
    }
}
