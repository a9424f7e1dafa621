//! Several processes on one ledger of PostgreSQL's: each works on orgs of its own, and what one leaves another takes up.

#![cfg(feature = "postgres")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[expect(dead_code, reason = "benches need more of it")]
#[path = "../support/postgres.rs"]
mod postgres_server;
mod shared;
#[path = "../support/silence.rs"]
#[expect(dead_code, reason = "others need more of it")]
mod silence;
mod world;
