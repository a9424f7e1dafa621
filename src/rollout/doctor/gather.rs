//! What a manifest wants, by org, checked in the same pass: of its entries only what they need is kept.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::org::Wanted;
use crate::manifest::{self, CheckOptions, Entry, ExecPolicy, Located, SecretCheck};
use crate::rollout::blocking::blocking;
use crate::rollout::context::unreadable;
use crate::rollout::needs::Needs;
use crate::rollout::refresh::org_row;
use crate::rollout::refused::Refused;
use crate::rollout::target::Target;
use crate::rollout::unknown_org::refuse_unknown_org;
use crate::selection::Selection;

/// What is wanted, and an entry of each org whose app a simulated org has to have.
pub(super) struct Gathered {
    pub orgs: Vec<Wanted>,
    pub samples: HashMap<String, Entry>,
}

/// Reads and checks a manifest as `run` does.
///
/// # Errors
/// When it has mistakes, or selects what is not there.
pub(super) async fn gather(
    target: &Target,
    exec: ExecPolicy,
    selection: Selection,
) -> Result<Gathered, Refused> {
    let source = target.source();
    let options = CheckOptions {
        secrets: SecretCheck::Entries,
        exec,
    };
    let read = move || {
        let mut collected = Collected::default();
        let mut take = |located| collected.take(located, &selection);
        let checked = manifest::check_selected(&source, &options, &selection, &mut take)
            .map_err(unreadable)?;
        let known: Vec<&str> = checked.orgs.iter().map(|(name, _)| name).collect();
        if checked.problem_count == 0 {
            refuse_unknown_org(&selection, &known)?;
        }
        Ok((checked, collected))
    };
    let (checked, collected) = blocking(read).await?;
    if checked.problem_count > 0 {
        return Err(Refused::Mistakes {
            problems: checked.problems,
            count: checked.problem_count,
        });
    }
    let Collected { orgs, samples } = collected;
    let mut wanted = Vec::with_capacity(orgs.len());
    for (index, (name, (entries, needs))) in orgs.into_iter().enumerate() {
        // The check hands on entries of known orgs only.
        let Some(row) = org_row(index, name, &checked.orgs) else {
            continue;
        };
        wanted.push(Wanted {
            row,
            entries,
            needs,
        });
    }
    Ok(Gathered {
        orgs: wanted,
        samples,
    })
}

#[derive(Default)]
struct Collected {
    orgs: IndexMap<String, (u64, Needs)>,
    samples: HashMap<String, Entry>,
}

impl Collected {
    fn take(&mut self, located: Located, selection: &Selection) {
        let entry = located.entry;
        if !selection.takes_entry(&entry.org, entry.app) {
            return;
        }
        if let Some(hub) = &entry.hub {
            self.org(&hub.org).1.add_hub(hub);
        }
        let (entries, needs) = self.org(&entry.org);
        *entries += 1;
        needs.add(&entry);
        if entry.create.is_none() && !self.samples.contains_key(&entry.org) {
            self.samples.insert(entry.org.clone(), entry);
        }
    }

    fn org(&mut self, name: &str) -> &mut (u64, Needs) {
        self.orgs.entry(name.to_owned()).or_default()
    }
}
