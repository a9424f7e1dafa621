//! What can be asked for: plain requests in, results and events out. Every front end asks here.

pub mod consent;
