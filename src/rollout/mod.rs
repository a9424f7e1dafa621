//! What can be asked for: plain requests in, results and events out. Every front end asks here.

pub(crate) mod access;
pub(crate) mod beginning;
pub(crate) mod blocking;
pub mod consent;
pub(crate) mod context;
pub(crate) mod continuation;
pub(crate) mod doctor;
pub(crate) mod driving;
pub(crate) mod explain;
mod importing;
pub(crate) mod in_flight;
pub(crate) mod job_mistakes;
mod needs;
pub(crate) mod notices;
mod opening;
pub(crate) mod people;
pub(crate) mod refresh;
pub(crate) mod refused;
pub(crate) mod rehearse;
pub(crate) mod rotating;
pub(crate) mod rotation;
pub(crate) mod schedule;
pub(crate) mod shell;
pub(crate) mod simulated;
pub(crate) mod target;
pub(crate) mod unknown_org;
pub(crate) mod waves;
