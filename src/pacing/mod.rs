//! The gate of each org: every call waits there for the org's budget, its caps and its circuit, and what it was answered
//! decides how the next ones go.
//!
//! Owns budgets, neighbours, concurrency, the waiting line and retries. Knows what a call costs, not what it is for:
//! that is [`crate::steps`]'.

mod admission;
mod budget;
mod call_log;
mod cancellation;
mod capacity;
mod circuit;
mod clock;
mod concurrency;
mod counts;
mod denied;
mod gate;
mod gates;
mod methods;
mod no_room;
mod org_patience;
mod org_status;
mod queue;
mod rate_cap;
mod reservation;
mod rests;
mod retry;
mod retry_budget;
mod retry_loop;
mod shared_gate;
#[cfg(test)]
mod simulation;
mod tally;
mod time;
mod wait_queue;

pub use budget::Outlook;
pub use call_log::{CallLog, Logged};
pub use cancellation::CancellationToken;
pub use capacity::{Capacity, idle_per_org, orgs_at_once};
pub use concurrency::Pool;
pub use counts::{Counts, OrgCounts};
pub use gate::{Gate, Halted};
pub use gates::{Gated, Gates};
pub use org_status::{OrgStatusWriter, Remembered, StatusWriter};
pub use reservation::{Concluded, Reservation};
pub use retry::{Idempotency, RETRY_AFTER_CAP, Verdict, decide, delay, long_delay};
pub use retry_loop::{Again, RetryLoop};
pub use shared_gate::DEFAULT_LIMITS;
pub use tally::{Tallied, Tally};
pub use time::unix_millis;
