//! Batch job runner for Okta app provisioning connections.
//!
//! A manifest of many apps across orgs becomes a queue of step jobs, run by rate-limited, retrying
//! workers; every step is checkpointed in the ledger, so a run survives `kill -9` and entries that
//! wait for a person's consent are parked and resume later.
//!
//! ```text
//! jobs/*.toml ─▶ manifest ─▶ plan ◀── apps            pure: no clock, network or disk beyond the read
//!                             ▼
//!                           ledger ◀──────────────┐   entry row: cursor, outputs; attempts beside it
//!                             │ next step per org │   done / waiting / retry at / failed
//!                             ▼                   │
//!             budget ─────▶ worker ── step ── okta ─▶ org (or sandbox: same URL setting)
//!             retry (pure) ◀── class of error     │
//!                             │ Event             └─ waiting ─▶ consent complete ─▶ ledger
//!                             ▼
//!                  progress · log                  report ◀── ledger   (never from memory)
//! ```
//!
//! Invariants: `plan`, `run::retry`, `consent::inbox` and building a report are synchronous and
//! pure; only `ledger` holds SQL; only `okta` names reqwest; only `cli::output` prints; `sandbox` and
//! `okta` share no types; only `settings` and the secret resolver read the environment.

pub mod apps;
pub mod cli;
pub mod consent;
pub mod event;
pub mod export;
pub mod failure;
mod input;
pub mod job;
pub mod ledger;
mod limits;
pub mod manifest;
mod nearest;
pub mod okta;
mod passing;
pub mod plan;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod selection;
pub mod settings;
pub mod steps;
pub mod text;

/// Tasks allocate what the ledger's thread frees, for which the system's allocator makes them queue: with this one an
/// unlimited run makes a fifth more calls (`cargo bench --bench engine`). Without huge pages, which would keep a
/// quarter more memory (`cargo bench --bench scale`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
