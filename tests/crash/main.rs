//! Runs that die: stopped after every checkpoint, killed, interrupted, and fed with faults. Whatever
//! happens, the same command continues, and ends where an undisturbed run ends.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod checkpoints;
mod faults;
mod fleet;
mod history;
#[path = "../support/hunter.rs"]
mod hunter;
mod interrupts;
mod kills;
#[cfg(feature = "postgres")]
#[path = "../support/live.rs"]
#[expect(dead_code, reason = "others need more of it")]
mod live;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
#[expect(dead_code, reason = "benches need more of it")]
#[path = "../support/postgres.rs"]
mod postgres_server;
#[cfg(feature = "postgres")]
mod postgres_workers;
#[cfg(feature = "postgres")]
#[path = "../support/silence.rs"]
#[expect(dead_code, reason = "others need more of it")]
mod silence;
mod support;
#[cfg(feature = "postgres")]
mod team;
mod undisturbed;
mod world;
