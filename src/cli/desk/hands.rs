//! Carries out what people at the desk ask for: answers and fresh links with orgs as their files say them now, the rest of
//! entries whose answer came in, and approvals. Nobody's answer waits for anybody else's.

use std::rc::Rc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::means::{LOOK_AGAIN, Means};
use super::rest::Going;
use crate::cli::carried::Apart;
use crate::cli::consent::Seat;
use crate::cli::resume::continue_with;
use crate::consent::reader::Reading;
use crate::desk::asked::{AllAnswered, Asked, Reply, Trouble};
use crate::event::EntryName;
use crate::failure::Failure;
use crate::ledger::{Ledger, Pending};
use crate::model::RunId;
use crate::rollout::consent::{Answered, Refreshed, Sighted};
use crate::rollout::waves::Decision;
use crate::settings::Settings;

/// See the first lines of this file. To be used within a `LocalSet`.
pub(in crate::cli) struct Hands {
    means: Rc<Means>,
    asked: mpsc::Receiver<Asked>,
    tasks: JoinSet<()>,
    going: Rc<Going>,
}

impl Hands {
    pub fn new(means: Means, asked: mpsc::Receiver<Asked>) -> Self {
        Self {
            means: Rc::new(means),
            asked,
            tasks: JoinSet::new(),
            going: Rc::default(),
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
        let (means, going) = (Rc::clone(&self.means), Rc::clone(&self.going));
        let apart = Apart::default();
        self.tasks.spawn_local(async move {
            apart.within(carry_out(means, going, asked)).await;
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

async fn carry_out(means: Rc<Means>, going: Rc<Going>, asked: Asked) {
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
            means.go_on(&going, &ledger, accepted).await;
        }
        Asked::GoOn { ledger } => means.look(&going, &ledger).await,
        Asked::Renew {
            ledger,
            pending,
            reply,
        } => drop(reply.send(means.renew(&ledger, *pending).await)),
        Asked::Approve { ledger, run, reply } => means.approve(ledger, run, reply).await,
        Asked::RunNow { job, reply } => means.run_now(job, reply).await,
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
