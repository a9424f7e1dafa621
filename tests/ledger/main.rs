//! The ledger: what any must do, and what the one on SQLite answers to a bad file, a full disk, a
//! second process and a crash.

mod conformance;
mod faults;
mod processes;
mod support;
