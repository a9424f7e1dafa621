//! The program and the sandbox against Okta's own documents: what the program sends and what the
//! sandbox answers is what Okta describes, and recorded exchanges are answered as recorded.
//!
//! `OKTA_ROLLOUT_OKTA_DOCS=FOLDER cargo test --features contract --test contract`

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod answers;
mod exchange;
mod judge;
mod manifests;
#[path = "../support/okta_docs.rs"]
mod okta_docs;
mod program;
mod proxy;
#[path = "../support/raw.rs"]
#[expect(dead_code, reason = "a contract needs only part of the bare client")]
mod raw;
mod recordings;
mod rollout;
