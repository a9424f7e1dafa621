//! Runs that one engine drives at once: each has a ledger and an end of its own, and they share what an org allows.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod authorizer;
mod together;
mod world;
