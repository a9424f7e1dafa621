//! The words that everything else is said in: runs, entries, steps, states, changes and failures. Plain data; knows
//! neither the ledger that stores it nor Okta.

mod changed;
mod ids;
mod state;
mod step;
mod trouble;

pub use changed::{Changed, Why};
pub use ids::{EntryNo, OrgNo, RunId, UnixMillis, whole_millis};
pub use state::{EntryState, State};
pub use step::{Site, Step};
pub(crate) use trouble::has_details;
pub use trouble::{EntryError, ErrorDetails, Stopped, codes};
