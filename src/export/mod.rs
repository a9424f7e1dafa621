//! The live configuration of orgs as a manifest that `check` accepts.
//!
//! ```text
//! Reader (GET only) ─┬─ live ─▶ LiveApp ──┬─ entry + placeholders ─▶ Record ─▶ json or manifest::CsvManifest
//!                    └─ hub ──▶ Services ─┘
//! ```
//!
//! Only [`live`](read_apps) and [`hub`](Services::look) wait for an org; everything after them is synchronous and pure. What a manifest cannot
//! say becomes a comment at its place, never a guess.

mod entry;
mod hub;
mod json;
mod live;
mod placeholder;

pub use entry::{Exported, Naming, Org, Outcome, Scope, records};
pub use hub::{LiveFederation, LiveService, Service, Services};
pub use json::{Manifest, write};
pub use live::{LiveApp, LiveState, read_apps};
pub use placeholder::Placeholders;
