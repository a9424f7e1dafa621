//! A JSON manifest: the orgs, and the records in their order.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use crate::manifest::{Entry, OrgSpec, Record};

/// What a manifest says.
#[derive(Clone, Copy, Debug)]
pub struct Manifest<'a> {
    /// What to tell people of the whole.
    pub comment: &'a str,
    /// The orgs by name, as far as they are known.
    pub orgs: &'a [(String, OrgSpec)],
    /// Entries and comments.
    pub records: &'a [Record<'a>],
}

/// Writes a manifest.
///
/// # Errors
/// When `out` fails.
pub fn write(out: &mut dyn Write, manifest: &Manifest<'_>) -> io::Result<()> {
    let document = Document {
        comment: manifest.comment,
        orgs: manifest.orgs,
        apps: manifest
            .records
            .iter()
            .map(|record| Commented {
                comment: record.comment,
                entry: record.entry,
            })
            .collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "$comment", skip_serializing_if = "str::is_empty")]
    comment: &'a str,
    #[serde(
        skip_serializing_if = "<[(String, OrgSpec)]>::is_empty",
        serialize_with = "by_name"
    )]
    orgs: &'a [(String, OrgSpec)],
    apps: Vec<Commented<'a>>,
}

#[derive(Serialize)]
struct Commented<'a> {
    #[serde(rename = "$comment", skip_serializing_if = "str::is_empty")]
    comment: &'a str,
    #[serde(flatten)]
    entry: Option<&'a Entry>,
}

fn by_name<S: Serializer>(orgs: &&[(String, OrgSpec)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(orgs.iter().map(|(name, org)| (name, org)))
}
