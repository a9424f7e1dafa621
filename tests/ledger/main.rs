//! The ledger: what any must do, and what the one on SQLite answers to a bad file, a full disk, a
//! second process and a crash.

#![expect(clippy::unwrap_used, reason = "a test's helpers are tests, too")]
#![expect(clippy::too_many_lines, reason = "a story is told in one go")]

mod conformance;
mod faults;
mod looks;
mod notes;
mod processes;
mod prune;
mod removed;
mod support;
