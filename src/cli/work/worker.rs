//! Looks for runs that can move, and drives them, several at once. A ledger that is lost is waited for.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use rand::seq::SliceRandom as _;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::taken::Taken;
use crate::cli::as_worker::AsWorker;
use crate::cli::desk::{Going, Means};
use crate::cli::failed_start::is_overlap;
use crate::cli::log;
use crate::cli::output::Output;
use crate::cli::reach::{Patience, Reached, lost, reached_again};
use crate::cli::resume::{Wanted, continue_with};
use crate::engine::Engine;
use crate::failure::{Ending, Failure};
use crate::ledger::{Ledger, LedgerError, RunRow};
use crate::model::RunId;
use crate::rollout::context::RunContext;
use crate::rollout::takeable::{can_move, mark};
use crate::rollout::waves::Decision;
use crate::settings::Settings;

/// How often it is looked whether those who work on runs are still there.
const LOOK: Duration = Duration::from_millis(250);

/// How often it is looked for what nobody told of.
const NOW_AND_THEN: Duration = Duration::from_mins(1);

/// Between two times that it joins a run that another one leads: what the first left it may still lack.
const AGAIN: Duration = Duration::from_secs(2);

/// Runs that one worker drives at once.
const MOST: usize = 16;

/// See the first lines of this file.
pub(super) struct Worker<'a> {
    pub settings: &'a Settings,
    pub output: Output,
    pub engine: Engine,
    pub own: Arc<AsWorker>,
    pub allow_exec: bool,
    /// Whether it returns once nothing can move any more.
    pub drains: bool,
    pub taken: Taken,
}

/// What a task has ended with: `None` = the rest of entries whose consent was handed in.
type Ended = Option<(RunRow, Result<Ending, Failure>)>;

/// Why it does not work on.
enum Over {
    /// It was stopped, or nothing can move any more.
    Done,
    /// The ledger is gone.
    Lost(LedgerError),
}

/// What is at work on a ledger that is open.
struct AtWork {
    ledger: Ledger,
    engine: Engine,
    tasks: JoinSet<Ended>,
    ours: HashSet<RunId>,
    /// Runs in which something is unfinished.
    unfinished: Vec<RunRow>,
    /// Those that have nothing for this worker, as far as was heard.
    idle: HashSet<RunId>,
    /// When it last joined those that others lead.
    joined: HashMap<RunId, Instant>,
    /// When all of them are looked at again.
    again: Instant,
    means: Rc<Means>,
    going: Rc<Going>,
}

impl Worker<'_> {
    /// Works until it is stopped, or nothing can move any more.
    pub async fn work(mut self, mut ledger: Ledger, reload: &Notify) {
        let mut patience = Patience::default();
        loop {
            match self.on(ledger, reload).await {
                Over::Done => return,
                Over::Lost(error) => {
                    let interrupt = self.engine.cancellation();
                    let (settings, output) = (self.settings, self.output);
                    let always = |_: &Failure| true;
                    let patience = &mut patience;
                    let reached =
                        reached_again(&error, always, patience, interrupt, settings, output);
                    match reached.await {
                        Reached::Again(again) => ledger = again,
                        Reached::Stopped | Reached::Never(_) => return,
                    }
                }
            }
        }
    }

    async fn on(&mut self, ledger: Ledger, reload: &Notify) -> Over {
        let mut at_work = self.begin(ledger);
        let over = match self.drive(&mut at_work, reload).await {
            Ok(()) => Over::Done,
            Err(error) => Over::Lost(error),
        };
        if matches!(over, Over::Lost(_)) {
            // What cannot be stored is not sent.
            at_work.engine.cancellation().cancel();
        }
        while let Some(ended) = at_work.tasks.join_next().await {
            let ended = self.ended(&mut at_work, ended).await;
            if let (Over::Done, Err(error)) = (&over, ended) {
                self.output.failure(&error.into());
            }
        }
        over
    }

    fn begin(&self, ledger: Ledger) -> AtWork {
        let engine = self.engine.child();
        let means = Means {
            engine: engine.clone(),
            settings: self.settings.clone(),
            output: self.output,
            allow_exec: self.allow_exec,
            continues: true,
            worker: Some(Arc::clone(&self.own)),
            starts: None,
        };
        AtWork {
            ledger,
            engine,
            tasks: JoinSet::new(),
            ours: HashSet::new(),
            unfinished: Vec::new(),
            idle: HashSet::new(),
            joined: HashMap::new(),
            again: Instant::now(),
            means: Rc::new(means),
            going: Rc::default(),
        }
    }

    async fn drive(&mut self, at_work: &mut AtWork, reload: &Notify) -> Result<(), LedgerError> {
        let interrupt = self.engine.cancellation().clone();
        let enrolled = at_work.ledger.enroll(&self.settings.labels).await?;
        // Before anything is looked for: what is stored from now on is noticed.
        let mut changes = std::pin::pin!(at_work.ledger.changes().await?);
        while !interrupt.is_cancelled() {
            if let Some(enrolled) = &enrolled {
                at_work.ledger.still_enrolled(enrolled).await?;
            }
            if at_work.again <= Instant::now() {
                self.look(at_work).await?;
            }
            if self.take(at_work).await? && self.drains {
                return Ok(());
            }
            tokio::select! {
                news = changes.next() => match news {
                    Some(Ok(())) | None => at_work.again = Instant::now(),
                    Some(Err(error)) => return Err(error),
                },
                Some(ended) = at_work.tasks.join_next() => {
                    self.ended(at_work, ended).await?;
                    at_work.again = Instant::now();
                }
                () = tokio::time::sleep(LOOK) => {}
                () = reload.notified() => log::reopen(self.settings, self.output).await,
                () = interrupt.cancelled() => {}
            }
        }
        Ok(())
    }

    /// Looks for runs in which something is unfinished, and for consents that were handed in.
    async fn look(&self, at_work: &mut AtWork) -> Result<(), LedgerError> {
        at_work.again = Instant::now() + NOW_AND_THEN;
        at_work.unfinished = at_work.ledger.unfinished_runs().await?;
        at_work.idle.clear();
        let known = |run: &RunId| at_work.unfinished.iter().any(|one| one.id == *run);
        let answered = at_work.ledger.answered().await?;
        if answered.iter().any(|one| !known(&one.run)) {
            let (means, going) = (Rc::clone(&at_work.means), Rc::clone(&at_work.going));
            let ledger = at_work.ledger.clone();
            at_work.tasks.spawn_local(async move {
                means.look(&going, &ledger).await;
                None
            });
        }
        Ok(())
    }

    /// Takes a run up that nobody works on, one at a time, so that others get some; whether nothing can move any more.
    async fn take(&mut self, at_work: &mut AtWork) -> Result<bool, LedgerError> {
        let is_free =
            |run: &&RunRow| !at_work.ours.contains(&run.id) && !at_work.idle.contains(&run.id);
        let mut free: Vec<RunRow> = at_work.unfinished.iter().filter(is_free).cloned().collect();
        free.shuffle(&mut rand::rng());
        let ids: Vec<RunId> = free.iter().map(|run| run.id.clone()).collect();
        // Also tells whether the ledger is there.
        let held = at_work.ledger.held(&ids).await?;
        let (others, free): (Vec<_>, Vec<_>) =
            free.into_iter().partition(|run| held.contains(&run.id));
        for run in free {
            if at_work.tasks.len() >= MOST {
                return Ok(false);
            }
            match self.look_into(&at_work.ledger, &run).await? {
                Some(wanted) => {
                    self.start(at_work, run, wanted);
                    return Ok(false);
                }
                None => drop(at_work.idle.insert(run.id)),
            }
        }
        self.join(at_work, others).await?;
        Ok(at_work.tasks.is_empty() && held.is_empty())
    }

    /// Works on runs that others lead, where these let it.
    async fn join(&mut self, at_work: &mut AtWork, led: Vec<RunRow>) -> Result<(), LedgerError> {
        let just_joined = |run: &RunRow| {
            let joined = at_work.joined.get(&run.id);
            joined.is_some_and(|at| at.elapsed() < AGAIN)
        };
        let led: Vec<RunRow> = led.into_iter().filter(|run| !just_joined(run)).collect();
        for run in led {
            if at_work.tasks.len() >= MOST || !at_work.ledger.is_open(&run.id).await? {
                continue;
            }
            match self.look_into(&at_work.ledger, &run).await? {
                Some(wanted) => {
                    at_work.joined.insert(run.id.clone(), Instant::now());
                    let joins = true;
                    self.start(at_work, run, Wanted { joins, ..wanted });
                }
                None => drop(at_work.idle.insert(run.id)),
            }
        }
        Ok(())
    }

    /// How a run continues, if something of it can move here.
    async fn look_into(
        &mut self,
        ledger: &Ledger,
        run: &RunRow,
    ) -> Result<Option<Wanted>, LedgerError> {
        let orgs = ledger.orgs(&run.id).await?;
        let now = mark(ledger, run, &orgs).await?;
        if self.taken.is_left(&run.id, now) {
            return Ok(None);
        }
        let only = match RunContext::of(run) {
            Ok(context) => context.only(),
            Err(failure) => {
                self.output.failure(&failure);
                self.taken.leave(&run.id, now);
                return Ok(None);
            }
        };
        if !can_move(ledger, (run, &orgs), &only, &self.settings.labels).await? {
            return Ok(None);
        }
        Ok(Some(Wanted {
            selection: only,
            worker: Some(Arc::clone(&self.own)),
            ..Wanted::whole(Decision::default(), self.allow_exec)
        }))
    }

    fn start(&self, at_work: &mut AtWork, run: RunRow, wanted: Wanted) {
        at_work.ours.insert(run.id.clone());
        let (ledger, engine) = (at_work.ledger.clone(), at_work.engine.child());
        let (settings, output) = (self.settings.clone(), self.output);
        at_work.tasks.spawn_local(async move {
            let of_run = (ledger, run.clone());
            let driven = continue_with(wanted, of_run, &engine, &settings, output);
            let came_to = Box::pin(driven).await;
            Some((run, came_to))
        });
    }

    async fn ended(
        &mut self,
        at_work: &mut AtWork,
        ended: Result<Ended, JoinError>,
    ) -> Result<(), LedgerError> {
        let (run, came_to) = match ended {
            Ok(Some(ended)) => ended,
            Ok(None) => return Ok(()),
            // A bug of one is one of the process: it is started again.
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return Ok(()),
            },
        };
        at_work.ours.remove(&run.id);
        match came_to {
            // Somebody was faster.
            Err(failure) if is_overlap(&failure) => return Ok(()),
            Err(failure) => match lost(&failure) {
                Some(error) => return Err(error.clone()),
                None => self.output.failure(&failure),
            },
            Ok(_) if self.engine.cancellation().is_cancelled() => return Ok(()),
            Ok(_) => {}
        }
        let orgs = at_work.ledger.orgs(&run.id).await?;
        let now = mark(&at_work.ledger, &run, &orgs).await?;
        self.taken.leave(&run.id, now);
        Ok(())
    }
}
