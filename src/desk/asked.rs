//! What people at the desk ask for that the desk does not do itself: whoever serves it carries it out, and says what came
//! of it. What is asked for goes to whoever began the desk, since orgs, secrets and runs are theirs.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::consent::reader::Reading;
use crate::failure::Failure;
use crate::job::LedgerUrl;
use crate::ledger::{Ledger, Pending};
use crate::model::RunId;
use crate::rollout::consent::{Answered, Refreshed, Sighted};

/// So much is asked for at once before people wait: more than people click.
pub(crate) const AT_ONCE: usize = 256;

/// Why something was not done, as people are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What failed: cause.
    pub message: String,
    /// What helps.
    pub hint: Option<String>,
}

impl Trouble {
    /// With a hint.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }
}

impl From<&Failure> for Trouble {
    fn from(failure: &Failure) -> Self {
        Self {
            message: failure.to_string(),
            hint: failure.hint.clone(),
        }
    }
}

/// Where an answer goes.
pub(crate) type Reply<T> = oneshot::Sender<T>;

/// What became of answers, each with where it stands.
pub(crate) type AllAnswered = Vec<(Sighted, Answered)>;

/// Something that people asked for.
pub(crate) enum Asked {
    /// Hand in answers to consents that a ledger waits for; with `only` of the org with this URL.
    HandIn {
        ledger: Ledger,
        reading: Reading,
        only: Option<String>,
        reply: Reply<Result<AllAnswered, Trouble>>,
    },
    /// Have entries of a ledger that are past their consent go on, in runs that nobody works on.
    GoOn { ledger: Ledger },
    /// Get a fresh link for an entry.
    Renew {
        ledger: Ledger,
        pending: Box<Pending>,
        reply: Reply<Result<Refreshed, Trouble>>,
    },
    /// Continue with a run nobody works on, with the wave that waits for an approval.
    Approve {
        ledger: Ledger,
        run: RunId,
        reply: Reply<Result<(), Trouble>>,
    },
    /// Start a job now, by the key of its runs.
    RunNow {
        job: String,
        reply: Reply<Result<(), Trouble>>,
    },
}

/// Who carries out what people ask for.
pub(crate) type Doer = mpsc::Sender<Asked>;

/// Completes the commands in a text, so that they find this ledger.
pub(crate) type Complete = Arc<dyn Fn(Option<&LedgerUrl>, &str) -> String + Send + Sync>;

/// Asks, and waits for what comes of it.
pub(super) async fn ask<T>(
    doer: &Doer,
    asked: impl FnOnce(Reply<Result<T, Trouble>>) -> Asked,
) -> Result<T, Trouble> {
    let ending = || {
        Trouble::new(
            "the program is ending",
            "start it again, then try once more",
        )
    };
    let (reply, answer) = oneshot::channel();
    doer.send(asked(reply)).await.map_err(|_| ending())?;
    answer.await.map_err(|_| ending())?
}
