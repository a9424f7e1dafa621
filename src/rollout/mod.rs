//! What can be asked for: plain requests in, results and events out. Every front end asks here.

pub(crate) mod access;
pub mod consent;
pub(crate) mod context;
pub(crate) mod continuation;
pub(crate) mod importing;
pub(crate) mod shell;
pub(crate) mod simulated;
pub(crate) mod unsupported;
