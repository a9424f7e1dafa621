//! Carries out what people at the desk ask for: answers and fresh links with orgs as their files say them now, the rest of
//! entries whose answer came in, and approvals. Nobody's answer waits for anybody else's.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::cli::args::DataFormat;
use crate::cli::carried::Apart;
use crate::cli::consent::Seat;
use crate::cli::failed_start::is_overlap;
use crate::cli::output::Output;
use crate::cli::resume::{Wanted, continue_with};
use crate::consent::reader::Reading;
use crate::desk::asked::{AllAnswered, Asked, Reply, Trouble};
use crate::engine::{Engine, Selected};
use crate::event::EntryName;
use crate::failure::Failure;
use crate::job::LedgerUrl;
use crate::ledger::{Ledger, Pending};
use crate::model::{EntryNo, EntryState, RunId};
use crate::rollout::consent::{Answered, Refreshed, Sighted};
use crate::rollout::waves::Decision;
use crate::selection::Selection;
use crate::settings::{LedgerChoice, Settings};

/// How often it is looked whether whoever works on a run has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

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
    /// Who starts jobs, if anybody does.
    pub starts: Option<mpsc::Sender<WantedStart>>,
}

/// Entries of runs that are to continue, by ledger and run.
type Waiting = HashMap<(PathBuf, RunId), Vec<EntryName>>;

/// See the first lines of this file. To be used within a `LocalSet`.
pub(in crate::cli) struct Hands {
    means: Rc<Means>,
    asked: mpsc::Receiver<Asked>,
    tasks: JoinSet<()>,
    waiting: Rc<RefCell<Waiting>>,
}

impl Hands {
    pub fn new(means: Means, asked: mpsc::Receiver<Asked>) -> Self {
        Self {
            means: Rc::new(means),
            asked,
            tasks: JoinSet::new(),
            waiting: Rc::default(),
        }
    }

    /// Carries out what is asked for until `end` or an interrupt, and what is under way then.
    pub async fn work(mut self, end: impl Future<Output = ()>) {
        let interrupt = self.means.engine.cancellation().clone();
        let mut end = std::pin::pin!(end);
        loop {
            tokio::select! {
                asked = self.asked.recv() => match asked {
                    Some(asked) => self.begin(asked),
                    None => break,
                },
                Some(ended) = self.tasks.join_next() => raise(ended),
                () = interrupt.cancelled() => break,
                () = &mut end => break,
            }
        }
        self.asked.close();
        while let Some(ended) = self.tasks.join_next().await {
            raise(ended);
        }
    }

    fn begin(&mut self, asked: Asked) {
        let (means, waiting) = (Rc::clone(&self.means), Rc::clone(&self.waiting));
        let apart = Apart::default();
        self.tasks.spawn_local(async move {
            apart.within(carry_out(means, waiting, asked)).await;
        });
    }
}

/// A bug of one is one of the process.
fn raise(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

async fn carry_out(means: Rc<Means>, waiting: Rc<RefCell<Waiting>>, asked: Asked) {
    // Nobody may be there any more to hear what became of it; the ledger knows.
    match asked {
        Asked::HandIn {
            ledger,
            reading,
            only,
            reply,
        } => {
            let answered = means.hand_in(&ledger, reading, only.as_deref()).await;
            let accepted = answered.as_deref().map(accepted).unwrap_or_default();
            drop(reply.send(answered));
            means.go_on(&waiting, &ledger, accepted).await;
        }
        Asked::Renew {
            ledger,
            pending,
            reply,
        } => drop(reply.send(means.renew(&ledger, *pending).await)),
        Asked::Approve { ledger, run, reply } => means.approve(ledger, run, reply).await,
        Asked::RunNow { job, reply } => means.run_now(job, reply).await,
    }
}

const fn word(state: EntryState) -> &'static str {
    match state {
        EntryState::Pending | EntryState::Started => "not at its end yet",
        EntryState::Waiting => "waiting",
        EntryState::Done => "done",
        EntryState::Failed => "failed",
    }
}

/// The entries whose answers Okta took just now.
fn accepted(answered: &[(Sighted, Answered)]) -> Vec<(RunId, EntryName)> {
    let accepted = answered.iter().filter_map(|(_, one)| match one {
        Answered::Accepted { entry, run } => Some((run.clone(), entry.clone())),
        _ => None,
    });
    accepted.collect()
}

impl Means {
    /// The settings for a ledger.
    fn settings(&self, ledger: &Ledger) -> Settings {
        let path = ledger.file().map(ToOwned::to_owned).unwrap_or_default();
        Settings {
            ledger: LedgerChoice::Job(LedgerUrl::file(path)),
            ..self.settings.clone()
        }
    }

    fn seat<'a>(&self, ledger: &'a Ledger, settings: &'a Settings) -> Seat<'a> {
        Seat {
            ledger,
            allow_exec: self.allow_exec,
            settings,
            output: self.output,
        }
    }

    async fn hand_in(
        &self,
        ledger: &Ledger,
        reading: Reading,
        only: Option<&str>,
    ) -> Result<AllAnswered, Trouble> {
        let settings = self.settings(ledger);
        let mut all = Vec::new();
        let done: Result<(), Failure> = async {
            let tell = |at, answered| all.push((at, answered));
            let seat = self.seat(ledger, &settings);
            seat.hand_in(&self.engine, (reading, only), tell).await
        }
        .await;
        match done {
            // What Okta took it took, whatever went wrong with others.
            Err(failure) if all.is_empty() => Err((&failure).into()),
            Err(failure) => {
                self.output.failure(&failure);
                Ok(all)
            }
            Ok(()) => Ok(all),
        }
    }

    async fn renew(&self, ledger: &Ledger, pending: Pending) -> Result<Refreshed, Trouble> {
        let settings = self.settings(ledger);
        let mut made = None;
        let done: Result<(), Failure> = async {
            let tell = |_, refreshed| made = Some(refreshed);
            let seat = self.seat(ledger, &settings);
            seat.renew(&self.engine, vec![pending], tell).await
        }
        .await;
        match (made, done) {
            (Some(made), _) => Ok(made),
            (None, Err(failure)) => Err((&failure).into()),
            (None, Ok(())) => Err(Trouble::new(
                "it was interrupted before Okta was asked",
                "try once more",
            )),
        }
    }

    /// Has runs continue with entries whose answers came in, one after the other of each run: what comes in meanwhile is
    /// done by whoever works on the run, or next.
    async fn go_on(
        &self,
        waiting: &RefCell<Waiting>,
        ledger: &Ledger,
        accepted: Vec<(RunId, EntryName)>,
    ) {
        if !self.continues {
            return;
        }
        let path = ledger.file().map(ToOwned::to_owned).unwrap_or_default();
        let mut ours = Vec::new();
        for (run, entry) in accepted {
            let key = (path.clone(), run);
            let mut waiting = waiting.borrow_mut();
            if !waiting.contains_key(&key) {
                ours.push(key.clone());
            }
            waiting.entry(key).or_default().push(entry);
        }
        for key in ours {
            loop {
                let entries = waiting.borrow_mut().insert(key.clone(), Vec::new());
                let entries = entries.unwrap_or_default();
                if entries.is_empty() || !self.continue_run(ledger, &key.1, &entries).await {
                    break;
                }
            }
            waiting.borrow_mut().remove(&key);
        }
    }

    /// `false` = it cannot, or must not any more.
    async fn continue_run(&self, ledger: &Ledger, run: &RunId, entries: &[EntryName]) -> bool {
        let interrupt = self.engine.cancellation();
        loop {
            // Whoever works on the run hears of the answer, and does the rest.
            while ledger.is_locked(run).unwrap_or(false) {
                tokio::select! {
                    () = interrupt.cancelled() => return false,
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
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

    /// All of a run.
    fn whole(&self, decision: Decision) -> Wanted {
        Wanted {
            selection: Selection::default(),
            chosen: None,
            failed: false,
            decision,
            allow_exec: self.allow_exec,
            yes: false,
            format: DataFormat::Human,
            notifies: true,
        }
    }

    /// Continues with a run whose wave somebody approved; the reply is given once it is known that it does.
    async fn approve(&self, ledger: Ledger, run: RunId, reply: Reply<Result<(), Trouble>>) {
        if !self.continues {
            let hint = format!("okta-rollout resume {} --approve", run.0);
            let why = format!("no process works on run {}", run.0);
            return drop(reply.send(Err(Trouble::new(why, hint))));
        }
        let settings = self.settings(&ledger);
        let row = match ledger.run(&run).await {
            Ok(row) => row,
            Err(error) => return drop(reply.send(Err((&Failure::from(error)).into()))),
        };
        let decision = Decision {
            approve: true,
            past_halt: false,
        };
        let (live, engine) = (self.engine.live().clone(), self.engine.child());
        let of_run = (ledger, row);
        let continued = continue_with(
            self.whole(decision),
            of_run,
            &engine,
            &settings,
            self.output,
        );
        let mut continued = Box::pin(continued);
        let mut reply = Some(reply);
        let mut told = |what: Result<(), Trouble>| {
            if let Some(reply) = reply.take() {
                drop(reply.send(what));
            }
        };
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut continued => break ended,
                () = tokio::time::sleep(LOOK_AGAIN / 10), if !live.has(&run) => {}
                () = std::future::ready(()), if live.has(&run) => {
                    told(Ok(()));
                    break continued.await;
                }
            }
        };
        match ended {
            Ok(_) => told(Ok(())),
            Err(failure) => {
                self.output.failure(&failure);
                told(Err((&failure).into()));
            }
        }
    }

    async fn run_now(&self, job: String, reply: Reply<Result<(), Trouble>>) {
        let Some(starts) = &self.starts else {
            let why = Trouble::new("no job is served here", "okta-rollout serve JOB");
            return drop(reply.send(Err(why)));
        };
        // Who starts jobs has ended: the reply is dropped, and so is this.
        drop(starts.send((job, reply)).await);
    }
}
