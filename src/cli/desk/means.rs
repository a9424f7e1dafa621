//! What the hands of a desk do things with.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::cli::as_worker::AsWorker;
use crate::cli::output::Output;
use crate::cli::resume::Wanted;
use crate::desk::asked::{Reply, Trouble};
use crate::engine::Engine;
use crate::ledger::Ledger;
use crate::rollout::waves::Decision;
use crate::settings::{LedgerChoice, Settings};

/// How often it is looked whether whoever works on a run has ended.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// A job that somebody wants to start, by the key of its runs, and where it is told what comes of that.
pub(in crate::cli) type WantedStart = (String, Reply<Result<(), Trouble>>);

/// What it is all done with.
pub(in crate::cli) struct Means {
    pub engine: Engine,
    pub settings: Settings,
    pub output: Output,
    /// See `--allow-exec`.
    pub allow_exec: bool,
    /// Whether runs that nobody works on continue with entries whose answer came in.
    pub continues: bool,
    /// Whether it is a worker's.
    pub worker: Option<Arc<AsWorker>>,
    /// Who starts jobs, if anybody does.
    pub starts: Option<mpsc::Sender<WantedStart>>,
}

impl Means {
    /// The settings for a ledger.
    pub(super) fn settings(&self, ledger: &Ledger) -> Settings {
        Settings {
            ledger: LedgerChoice::Job(ledger.url().clone()),
            ..self.settings.clone()
        }
    }

    /// All of a run.
    pub(super) fn whole(&self, decision: Decision) -> Wanted {
        Wanted {
            worker: self.worker.clone(),
            ..Wanted::whole(decision, self.allow_exec)
        }
    }
}
