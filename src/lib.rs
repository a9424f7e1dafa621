//! Batch job runner for Okta app provisioning connections.
//!
//! A manifest of many apps across orgs becomes a queue of step jobs, run by rate-limited, retrying
//! workers; every step is checkpointed in the ledger, so a run survives `kill -9` and entries that
//! wait for a person's consent are parked and resume later.
//!
//! ```text
//! main ─▶ cli         a front end: flags, printing, progress, signals
//!          ▼
//!         desk        the other front end: pages, forms, live events, metrics
//!          ▼
//!         rollout     what can be asked for, whoever asks: which orgs are opened, whether a run continues, consents
//!          ▼
//!         engine      runs: orgs in turn, workers in parallel, checkpoints, interrupts
//!          ▼
//!         steps       what an entry needs next, one file per kind; reads and writes an org
//!          ▼
//!         pacing      the gate of each org: budgets, neighbours, concurrency, waiting line, circuit, retry
//!          ▼
//!         okta        the API client and its error classes          ledger   checkpoints; the only SQL
//!         ─────────────────────────────────────────────────────────────────────────────
//!         plan  report  export  consent      decide and tell; pure but for export's reads
//!         event  settings  job  manifest  jose  selection  model  failure  apps  text  input  limits
//!         sandbox     beside everything; shares no types with okta
//! ```
//!
//! What happens is said as events: engine, its workers and pacing send them to the engine's [`event::Events`], and any
//! number of listeners hear them (`cli`: progress and log; `desk`: live pages and metrics; `rollout`: notices), or
//! nobody at no cost. What events are lost to a slow listener it reads from the ledger. Whatever is traced besides goes
//! to the log.
//!
//! Where the four questions that are asked most are answered: a 429 becomes a wait in `pacing/reservation.rs`
//! (`conclude`), a consent answer is matched in `rollout/consent/matching.rs`, a checkpoint becomes durable in
//! `ledger/mod.rs` (`commit`, which leads to the group commit of `ledger/sqlite/writer.rs`), and an app's steps are
//! decided in `plan/mod.rs` (`steps`).
//!
//! Imports run downwards only, and files of one folder use each other in one direction: `tests/architecture` holds the
//! table and fails on anything else. It holds the other promises, too: only `ledger::sqlite` has SQL; only `okta` names reqwest;
//! only `cli` prints, logs and knows clap; only `settings` and the secret resolver read the environment; `sandbox` and `okta`
//! share no types; `plan`, `pacing::retry`, `consent` and `report` do nothing outside.

pub mod apps;
pub mod cli;
pub mod consent;
mod desk;
pub mod engine;
pub mod event;
pub mod export;
pub mod failure;
mod input;
pub mod job;
pub mod jose;
pub mod ledger;
mod limits;
pub mod manifest;
pub mod model;
mod nearest;
pub mod okta;
pub mod pacing;
mod passing;
pub mod plan;
pub mod report;
pub mod rollout;
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
