//! The gate of each org: every call waits there for the org's budget, its caps and its circuit, and what it was answered
//! decides how the next ones go.
//!
//! Owns budgets, neighbours, concurrency, the waiting line and retries. Knows what a call costs, not what it is for:
//! that is [`crate::steps`]'.

mod admission;
#[cfg(test)]
mod agenda;
mod budget;
mod call_log;
mod circuit;
mod clock;
mod concurrency;
#[cfg(test)]
mod crowd_simulation;
mod denied;
mod gates;
mod lane;
mod line;
mod methods;
mod no_room;
mod notes;
mod org_patience;
mod pass;
mod patience;
mod places;
mod queue;
mod rests;
mod retry;
mod retry_budget;
mod settled;
#[cfg(test)]
mod simulation;
mod tally;
mod time;

pub use budget::Outlook;
pub use call_log::{CallLog, Logged};
pub use concurrency::Pool;
pub use gates::{Gated, Gates};
pub use lane::{Halted, Lane};
pub use notes::{Keeper, Notes, Remembered};
pub use pass::{Concluded, Pass};
pub use patience::{Again, Patience};
pub use places::{Places, idle_per_org, orgs_at_once};
pub use retry::{Effect, RETRY_AFTER_CAP, Verdict, decide, delay, long_delay};
pub use tally::{Seen, Tally};
pub use time::unix_millis;
pub use tokio_util::sync::CancellationToken;
