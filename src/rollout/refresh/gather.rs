//! The entries of a manifest by org, checked in the same pass.
//!
//! Nothing may be sent before the last row was checked, so that all entries are held: as packed JSON, some 300 bytes
//! for a usual one, a million in some 300 MB. They are unpacked one by one as their turn comes.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::ledger::{OrgRow, OrgStats};
use crate::manifest::{self, CheckOptions, Entry, ExecPolicy, Located, Orgs, SecretCheck};
use crate::model::OrgNo;
use crate::rollout::blocking::blocking;
use crate::rollout::context::unreadable;
use crate::rollout::job_mistakes;
use crate::rollout::needs::Needs;
use crate::rollout::refused::Refused;
use crate::rollout::target::Target;
use crate::rollout::unknown_org::refuse_unknown_org;
use crate::selection::Selection;

/// Which entries are planned.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    /// By org and app. Its states were turned into rows.
    pub selection: Selection,
    /// By row, if not all.
    pub rows: Option<HashSet<u64>>,
}

impl Choice {
    fn takes(&self, row: u64, entry: &Entry) -> bool {
        self.rows.as_ref().is_none_or(|rows| rows.contains(&row))
            && self.selection.takes_entry(&entry.org, entry.app)
    }
}

/// What a manifest wants.
pub(crate) struct Gathered {
    /// The orgs that selected entries have steps in, in order of first use.
    pub orgs: Vec<Gathering>,
    /// What entries of other orgs need in those that are their hubs, by name.
    pub hubs: BTreeMap<String, Needs>,
    /// How many entries are selected.
    pub entries: u64,
    /// SHA-256 (hex) of the manifest's bytes.
    pub digest: String,
}

/// An org and its entries.
pub(crate) struct Gathering {
    /// The org, as the ledger would store it.
    pub org: OrgRow,
    /// What is wanted there.
    pub entries: Vec<Kept>,
}

/// An entry, packed.
pub(crate) struct Kept {
    /// Row in the manifest.
    pub row: u64,
    /// Whether it is to be planned; the others only tell which apps they have.
    pub selected: bool,
    json: Box<str>,
}

impl Kept {
    /// The entry; its `org` is left empty.
    pub fn entry(&self) -> Entry {
        serde_json::from_str(&self.json).expect("an entry is read back as it was written")
    }

    /// The text that makes two entries of an org the same.
    pub fn text(&self) -> &str {
        &self.json
    }
}

/// An entry without its org, as [`Kept::text`] has it.
pub(super) fn text_of(mut entry: Entry) -> String {
    entry.org.clear();
    // Plain structs of texts, numbers and booleans: cannot fail.
    serde_json::to_string(&entry).unwrap_or_default()
}

/// Reads and checks a manifest as `run` does.
///
/// # Errors
/// When it has mistakes, or selects what is not there.
pub(super) async fn gather(
    target: &Target,
    exec: ExecPolicy,
    choice: Choice,
) -> Result<Gathered, Refused> {
    let options = CheckOptions {
        secrets: SecretCheck::Entries,
        exec,
    };
    gather_with(target, options, choice).await
}

/// As [`gather`], all entries and without their secrets, for whoever sends nothing.
pub(crate) async fn gather_all(target: &Target) -> Result<Gathered, Refused> {
    let options = CheckOptions {
        secrets: SecretCheck::Skip,
        exec: ExecPolicy::Allow,
    };
    gather_with(target, options, Choice::default()).await
}

async fn gather_with(
    target: &Target,
    options: CheckOptions,
    choice: Choice,
) -> Result<Gathered, Refused> {
    let source = target.source();
    let read = move || {
        let selection = choice.selection.clone();
        let mut collected = Collected {
            choice,
            ..Collected::default()
        };
        let mut take = |located| collected.take(located);
        let checked = manifest::check_selected(&source, &options, &selection, &mut take)
            .map_err(unreadable)?;
        Ok((checked, collected))
    };
    let (checked, collected) = blocking(read).await?;
    if checked.problem_count > 0 {
        return Err(Refused::Mistakes {
            problems: checked.problems,
            count: checked.problem_count,
        });
    }
    let known: Vec<&str> = checked.orgs.iter().map(|(name, _)| name).collect();
    refuse_unknown_org(&collected.choice.selection, &known)?;
    let problems = job_mistakes::about_orgs(&target.file, &target.policy, &known);
    if !problems.is_empty() {
        let count = problems.len() as u64;
        return Err(Refused::Mistakes { problems, count });
    }
    let mut orgs = Vec::with_capacity(collected.names.len());
    let mut selected = 0;
    let all = collected.names.into_iter().zip(collected.entries);
    let hubs = collected.hubs;
    let used = all.filter(|(name, entries)| {
        hubs.contains_key(name) || entries.iter().any(|kept| kept.selected)
    });
    for (index, (name, entries)) in used.enumerate() {
        // The check hands on entries of known orgs only.
        let Some(org) = org_row(index, name, &checked.orgs) else {
            continue;
        };
        selected += entries.iter().filter(|kept| kept.selected).count() as u64;
        orgs.push(Gathering { org, entries });
    }
    Ok(Gathered {
        orgs,
        hubs,
        entries: selected,
        digest: checked.digest,
    })
}

/// An org as the ledger would store it; `None` = there is none of this name.
pub(crate) fn org_row(index: usize, name: String, orgs: &Orgs) -> Option<OrgRow> {
    Some(OrgRow {
        no: OrgNo::at(index),
        url: orgs.url(&name),
        spec: orgs.anchored(&name)?,
        name,
        stopped: None,
        stats: OrgStats::default(),
        wait: None,
    })
}

#[derive(Default)]
struct Collected {
    choice: Choice,
    names: Vec<String>,
    entries: Vec<Vec<Kept>>,
    numbers: HashMap<String, usize>,
    // Of selected entries.
    hubs: BTreeMap<String, Needs>,
}

impl Collected {
    fn take(&mut self, located: Located) {
        let Located { row, entry } = located;
        let selected = self.choice.takes(row, &entry);
        let number = self.number_of(&entry.org);
        if let Some(hub) = entry.hub.as_ref().filter(|_| selected) {
            self.number_of(&hub.org);
            self.hubs.entry(hub.org.clone()).or_default().add_hub(hub);
        }
        let json = text_of(entry).into();
        if let Some(entries) = self.entries.get_mut(number) {
            entries.push(Kept {
                row,
                selected,
                json,
            });
        }
    }

    fn number_of(&mut self, org: &str) -> usize {
        if let Some(number) = self.numbers.get(org) {
            return *number;
        }
        let number = self.names.len();
        self.names.push(org.to_owned());
        self.entries.push(Vec::new());
        self.numbers.insert(org.to_owned(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hub_is_looked_at_with_the_entries_that_have_steps_there() {
        let mut collected = Collected {
            choice: Choice {
                rows: Some([1, 3].into()),
                ..Choice::default()
            },
            ..Collected::default()
        };
        for (row, org, hub) in [
            (1, "acme", Some("hub")),
            (2, "globex", Some("unused")),
            (3, "acme", None),
        ] {
            let hub = hub.map(|org| json!({ "org": org, "clientName": "c" }));
            let entry = json!({ "org": org, "app": "okta_org2org", "appId": "0oa1", "hub": hub });
            let entry = serde_json::from_value(entry).expect("an entry");
            collected.take(Located { row, entry });
        }
        assert_eq!(collected.names, ["acme", "hub", "globex"]);
        assert!(collected.hubs.keys().eq(["hub"]));
        let entries: Vec<_> = collected.entries.iter().map(Vec::len).collect();
        assert_eq!(entries, [2, 0, 1]);
    }
}
