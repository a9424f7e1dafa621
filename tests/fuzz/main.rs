//! Whatever comes from outside is read without a panic, within a bound, and says nothing that it should not:
//! deterministic mutations of a small corpus, a file for each target.
//!
//! `cargo test` makes a few hundred of them; with `OKTA_ROLLOUT_FUZZ_SECONDS=N` each target continues for so
//! long, all beside each other. A mutation that fails is written to `target/fuzz/`: put it into the corpus
//! with the fix.

#![expect(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod answers;
mod files;
mod harness;
mod ledger;
