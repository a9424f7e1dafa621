//! Whether what a saved plan saw is still so: it is compared with the files first, before anything is sent, and then
//! with the live state.

use std::collections::HashSet;

use anyhow::Context as _;

use super::look;
use super::saved::{Saved, SavedEntry};
use crate::cli::args;
use crate::cli::output::Output;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::plan::Which;
use crate::report::counted;
use crate::rollout::beginning::Wanted;
use crate::rollout::refresh::{Gathered, Kept, PlanRequest, Planned};
use crate::rollout::target::Target;
use crate::settings::Settings;

/// Entries that moved, shown at once; a person looks at the first few and makes a new plan.
const SHOWN: usize = 20;

/// A plan that still holds.
pub(in crate::cli) struct Approved {
    /// The plan: SHA-256 (hex) of its file.
    pub plan: String,
    /// The rows to do something to, and no others.
    pub wanted: Wanted,
}

impl Approved {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.wanted.rows.as_ref().is_some_and(HashSet::is_empty)
    }
}

/// Reads the live state anew and compares it with a saved plan.
///
/// # Errors
/// When anything moved: which entries did, and how, is printed.
pub(in crate::cli) async fn approve(
    saved: &Saved,
    target: &Target,
    args: &args::Run,
    engine: &Engine,
    settings: &Settings,
    output: Output,
) -> Result<Approved, Failure> {
    let claim = Claim {
        saved,
        target,
        force: args.force,
        reconnect: args.reconnect,
    };
    let request = PlanRequest {
        force: args.force,
        reconnect: args.reconnect,
        allow_exec: args.allow_exec,
        selection: saved.only.clone(),
        rows: Some(saved.entries().into_keys().collect()),
    };
    let prepared = look::prepare(target, &request, settings, output).await?;
    claim.is_of(&prepared.gathered)?;
    // Nothing is begun yet: a signal may simply end the process.
    let planned = look::look(prepared, target, &request, engine, settings, output).await?;
    let planned = planned.context("interrupted").map_err(Failure::bug)?;
    claim.still_holds(&planned, output)?;
    Ok(Approved {
        plan: saved.plan.clone(),
        wanted: Wanted {
            digest: planned.digest,
            rows: Some(saved.rows()),
            selection: saved.only.clone(),
        },
    })
}

/// A saved plan beside the files it is applied to.
struct Claim<'a> {
    saved: &'a Saved,
    target: &'a Target,
    force: bool,
    reconnect: bool,
}

impl Claim<'_> {
    /// Refuses a plan that speaks of entries that the manifest does not have, or that it does not select.
    fn is_of(&self, gathered: &Gathered) -> Result<(), Failure> {
        let manifest = &self.target.policy.manifest;
        if !self.saved.has_manifest(&gathered.digest) {
            return Err(self.saved.changed(manifest, self.target));
        }
        let mut claimed = self.saved.entries();
        for org in &gathered.orgs {
            for kept in org.entries.iter().filter(|kept| kept.selected) {
                let claim = claimed.remove(&kept.row);
                if let Some(claim) = claim.filter(|claim| !is_of(claim, &org.org.name, kept)) {
                    return Err(self.refuse(claim, "is another entry there"));
                }
            }
        }
        match claimed.into_values().min_by_key(|claim| claim.row) {
            Some(claim) => Err(self.refuse(claim, "is not there, or not among what it selects")),
            None => Ok(()),
        }
    }

    fn refuse(&self, claim: &SavedEntry, why: &str) -> Failure {
        let manifest = self.target.policy.manifest.display();
        let (row, name) = (claim.row, claim.name());
        Failure::usage(anyhow::anyhow!(
            "the plan does not fit {manifest}: row {row}, which it calls {name}, {why}; nothing was sent"
        ))
        .hint(self.saved.again(self.target))
    }

    /// Refuses a plan whose live state is not what it was.
    fn still_holds(&self, planned: &Planned, output: Output) -> Result<(), Failure> {
        let saved = self.saved.entries();
        let mut moved = 0;
        let now = planned.orgs.iter().flat_map(|org| {
            org.entries
                .iter()
                .map(move |entry| SavedEntry::new(org, entry))
        });
        for now in now {
            let before = saved.get(&now.row).copied();
            if before.is_some_and(|before| before.holds(&now)) {
                continue;
            }
            moved += 1;
            if moved <= SHOWN {
                output.detail(format_args!("{}: {}", now.name(), moved_how(before, &now)));
            }
        }
        if moved == 0 {
            return Ok(());
        }
        if moved > SHOWN {
            output.detail(format_args!("and {} more", moved - SHOWN));
        }
        let entries = counted(moved as u64, "entry", "entries");
        Err(Failure::usage(anyhow::anyhow!(
            "the live state of {entries} moved since the plan was made; nothing was sent but GETs"
        ))
        .hint(
            self.saved
                .again_with(self.target, self.force, self.reconnect),
        ))
    }
}

fn is_of(claim: &SavedEntry, org: &str, kept: &Kept) -> bool {
    claim.org == org && claim.entry == Which::of(&kept.entry(), kept.row).name()
}

fn moved_how(before: Option<&SavedEntry>, now: &SavedEntry) -> String {
    match before {
        None => format!("was not there; is {}", now.describe()),
        Some(before) if before.describe() == now.describe() => {
            format!(
                "{}, as before, but other things of it moved",
                now.describe()
            )
        }
        Some(before) => format!("was {}; is {}", before.describe(), now.describe()),
    }
}
