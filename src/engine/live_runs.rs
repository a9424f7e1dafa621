//! The runs that this process works on just now. Whoever wants one to stop, or lets a wave of one begin, asks here, and
//! so does who looks for an org that is served by this process itself: it is there as long as the run lives.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::ledger::Ledger;
use crate::model::{OrgNo, RunId};
use crate::okta::Credentials;
use crate::pacing::CancellationToken;

/// Where an org that this process serves itself is reached.
#[derive(Clone, Debug)]
pub struct Served {
    /// Its address.
    pub origin: String,
    /// How to authenticate.
    pub credentials: Credentials,
}

/// See the first lines of this file. Cheap to clone.
#[derive(Clone, Default)]
pub struct LiveRuns(Arc<Mutex<Runs>>);

#[derive(Default)]
struct Runs {
    live: HashMap<RunId, Live>,
    /// Those that somebody asked to stop, until they are begun again.
    stopped: HashSet<RunId>,
}

struct Live {
    ledger: Ledger,
    cancellation: CancellationToken,
    approvals: Arc<Approvals>,
    served: HashMap<OrgNo, Served>,
}

/// A run that is on the list, until this is dropped.
pub(super) struct Enlisted {
    runs: LiveRuns,
    run: RunId,
    /// What people let begin.
    pub approvals: Arc<Approvals>,
}

impl Drop for Enlisted {
    fn drop(&mut self) {
        self.runs.0.lock().live.remove(&self.run);
    }
}

impl LiveRuns {
    /// Puts a run on the list.
    pub(super) fn enlist(
        &self,
        (ledger, run): (&Ledger, &RunId),
        cancellation: &CancellationToken,
        served: HashMap<OrgNo, Served>,
    ) -> Enlisted {
        let approvals = Arc::<Approvals>::default();
        let live = Live {
            ledger: ledger.clone(),
            cancellation: cancellation.clone(),
            approvals: Arc::clone(&approvals),
            served,
        };
        let mut runs = self.0.lock();
        runs.stopped.remove(run);
        runs.live.insert(run.clone(), live);
        Enlisted {
            runs: self.clone(),
            run: run.clone(),
            approvals,
        }
    }

    /// Whether this process works on the run.
    pub fn has(&self, run: &RunId) -> bool {
        self.0.lock().live.contains_key(run)
    }

    /// All of them, each with its ledger.
    pub fn all(&self) -> Vec<(RunId, Ledger)> {
        let runs = self.0.lock();
        let all = runs.live.iter();
        all.map(|(run, live)| (run.clone(), live.ledger.clone()))
            .collect()
    }

    /// Asks a run to stop in good order; `false` = this process does not work on it.
    pub fn stop(&self, run: &RunId) -> bool {
        let mut runs = self.0.lock();
        let Some(live) = runs.live.get(run) else {
            return false;
        };
        live.cancellation.cancel();
        runs.stopped.insert(run.clone());
        true
    }

    /// Whether somebody asked the run to stop, and nobody has begun it again.
    pub fn was_stopped(&self, run: &RunId) -> bool {
        self.0.lock().stopped.contains(run)
    }

    /// Lets this wave of a run begin, if that is what it waits for; `false` = this process does not work on it.
    pub fn approve(&self, run: &RunId, wave: usize) -> bool {
        let runs = self.0.lock();
        let Some(live) = runs.live.get(run) else {
            return false;
        };
        live.approvals.ask(wave);
        true
    }

    /// Ends when somebody lets a wave of the run begin.
    pub async fn approved(&self, run: &RunId) {
        let approvals = {
            let runs = self.0.lock();
            let live = runs.live.get(run);
            live.map(|live| Arc::clone(&live.approvals))
        };
        match approvals {
            Some(approvals) => approvals.asked().await,
            None => std::future::pending().await,
        }
    }

    /// Where an org of a run is, if this process serves it itself.
    pub fn served(&self, run: &RunId, org: OrgNo) -> Option<Served> {
        let runs = self.0.lock();
        runs.live.get(run)?.served.get(&org).cloned()
    }
}

/// Waves that people let begin, by their places.
#[derive(Debug, Default)]
pub(super) struct Approvals {
    asked: Mutex<Vec<usize>>,
    notify: Notify,
}

impl Approvals {
    fn ask(&self, wave: usize) {
        self.asked.lock().push(wave);
        self.notify.notify_one();
    }

    /// Takes what was asked for by now.
    pub fn take(&self) -> Vec<usize> {
        std::mem::take(&mut *self.asked.lock())
    }

    /// Ends when there is something to take.
    pub async fn asked(&self) {
        while self.asked.lock().is_empty() {
            self.notify.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::job::LedgerUrl;
    use crate::ledger::OpenMode;

    #[tokio::test]
    async fn a_run_is_asked_only_while_it_lives() {
        let folder = tempfile::tempdir().unwrap();
        let url = LedgerUrl::file(folder.path().join("ledger.db"));
        let ledger = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
        let (runs, run) = (LiveRuns::default(), RunId("k3f9".to_owned()));
        assert!(!runs.has(&run) && !runs.stop(&run) && !runs.approve(&run, 0));
        let cancellation = CancellationToken::new();
        let enlisted = runs.enlist((&ledger, &run), &cancellation, HashMap::new());
        assert!(runs.has(&run) && runs.served(&run, OrgNo(0)).is_none());
        let waits = tokio::time::timeout(Duration::ZERO, runs.approved(&run)).await;
        assert!(waits.is_err(), "nobody approved");
        assert!(runs.approve(&run, 2) && runs.approve(&run, 2));
        runs.approved(&run).await;
        assert_eq!(enlisted.approvals.take(), [2, 2]);
        assert!(!cancellation.is_cancelled() && runs.stop(&run));
        assert!(cancellation.is_cancelled());
        drop(enlisted);
        assert!(!runs.has(&run) && runs.all().is_empty());
        assert!(runs.was_stopped(&run));
        let again = runs.enlist((&ledger, &run), &CancellationToken::new(), HashMap::new());
        assert!(!runs.was_stopped(&run));
        drop(again);
        assert!(!runs.was_stopped(&run));
    }
}
