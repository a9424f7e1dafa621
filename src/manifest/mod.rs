//! Manifests: what should be true, as a stream of checked entries.
//!
//! Owns reading CSV, JSON and JSONL, orgs, secret references and the offline check that finds every
//! mistake at once; not what follows from an entry ([`crate::plan`]) and not the entries' storage.
//!
//! ```text
//! file ─ input ─┬─ csv ───────┐  cells or keys      draft ─ rules ─ check ─▶ sink
//!               └─ document ──┴─ shape + fields ──▶   │ issues ─▶ problems with places
//! ```
//!
//! Memory is bounded for CSV and JSONL whatever the file holds: records, lines, problems and remembered
//! values all have limits. No message repeats a value from where a secret belongs.

mod apart;
mod cells;
mod check;
mod connection;
mod csv;
mod dialect;
mod document;
mod draft;
mod entry;
mod env_file;
mod fields;
mod flaw;
mod formula;
mod hub;
mod hub_twice;
mod idp;
mod input;
mod json;
mod labels;
mod object_place;
mod office365;
mod org;
mod org_draft;
mod orgs;
mod path;
mod probe;
mod problem;
mod program;
mod recent;
mod records;
mod rules;
mod schedule;
mod schema;
mod secret;
mod secret_error;
mod secret_files;
mod secrets;
mod seen;
mod service_key;
mod shape;
mod single;
mod text;

mod url;

pub(crate) use cells::anchored;
pub use cells::{Columns, CsvManifest, Note, Record, Unwritable};
pub use check::{
    CheckOptions, Checked, Located, SecretCheck, Source, check, check_selected, read_orgs,
};
pub use connection::*;
pub use entry::*;
pub use env_file::{EnvFile, is_open_to_others};
pub use flaw::{SecretUse, signing_key};
pub use formula::escaped as formula_escaped;
pub use hub::{AdminRole, Hub, STANDARD_ROLES};
pub use idp::Idp;
pub use input::{ManifestError, digest};
pub use labels::{AskedLabels, Label, NotALabel, listed_labels, suits};
pub use office365::ADMIN_SECRETS;
pub use org::*;
pub use orgs::Orgs;
pub use problem::{Problem, Spot};
pub use program::end_programs;
pub use schedule::{BadSchedule, check_cron, check_timezone, parse_cron};
pub use schema::json_schema;
pub(crate) use schema::without_sources;
pub use secret::{NotAReference, SecretRef, is_variable};
pub use secret_error::SecretError;
pub use secret_files::{credential_files, files_of, secret_files};
pub use secrets::{ExecPolicy, Secrets};
pub use service_key::ServiceKey;
pub use single::{Mistake, read_entry};
pub use url::{BadUrl, normalize_url, web_url};
