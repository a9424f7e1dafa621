//! What only the ledger in SQLite's file has: the file itself, what is beside it, and earlier formats of it.

mod faults;
mod processes;
mod prune;
