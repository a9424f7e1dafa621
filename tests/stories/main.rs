//! What people live through with the program, told through its command line against simulated orgs
//! that count what they are asked: calls and convergence, consent, orgs in trouble, reports and exit
//! codes, rate limits, secrets.

#![expect(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

#[cfg(feature = "postgres")]
#[expect(dead_code, reason = "stories need only part of it")]
#[path = "../support/postgres.rs"]
mod postgres_server;
mod support;

mod again;
mod ask;
mod calls;
mod consent;
mod consent_answers;
mod consent_links;
mod consent_live;
mod consent_refused;
mod consent_together;
mod credentials;
mod deactivations;
mod desk;
#[cfg(feature = "postgres")]
mod detach;
mod distorted;
mod doctor;
mod drift;
mod echoes;
mod env_file;
mod examples;
mod exit_codes;
mod export;
mod export_hub;
mod failed_starts;
mod federation;
mod filters;
mod hints;
mod hostile;
mod hub;
mod init;
mod inputs;
mod jobs;
mod keys;
#[cfg(feature = "postgres")]
mod labels;
mod large_answers;
mod late;
#[cfg(feature = "postgres")]
mod ledger_faults;
#[cfg(feature = "postgres")]
mod ledger_grants;
#[cfg(feature = "postgres")]
mod ledger_lost;
#[cfg(feature = "postgres")]
mod ledger_moves;
mod ledgers;
mod liars;
mod log;
mod nights;
mod notices;
mod on_drift;
mod outputs;
mod plan;
mod plan_random;
#[cfg(feature = "postgres")]
mod postgres;
mod programs;
mod proof;
mod prune;
mod rate_limits;
mod reconnect;
mod reconnect_waiting;
mod rehearse;
mod report_files;
mod report_formats;
mod reports;
mod restarts;
mod rotate_keys;
mod saved_plans;
mod secrets;
mod serve;
mod service_apps;
mod surroundings;
mod system;
mod targets;
mod trouble;
mod unreachable;
mod verbosity;
mod watch;
mod waves;
mod waves_at_length;
mod why;
#[cfg(feature = "postgres")]
mod work;
#[cfg(feature = "postgres")]
mod work_metrics;
#[cfg(feature = "postgres")]
mod work_together;
