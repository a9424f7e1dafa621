//! A plan in a file (`plan --out`), and whether what it saw is still so (`run --plan`). The file holds no secret and
//! no link; of each entry's live state it holds a digest.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::survey::{Surveyed, Wish, survey};
use crate::cli::args;
use crate::cli::context::RunContext;
use crate::cli::file::{cannot_be_written, write_whole};
use crate::cli::output::Output;
use crate::cli::run::Wanted;
use crate::cli::target::Target;
use crate::failure::Failure;
use crate::manifest;
use crate::plan::{Action, EntryPlan, OrgPlan};
use crate::report::counted;
use crate::run::Interrupt;
use crate::selection::Selection;
use crate::settings::Settings;

/// The format that is written, and the only one that is read.
const VERSION: u32 = 2;

/// Entries that moved, shown at once; a person looks at the first few and makes a new plan.
const SHOWN: usize = 20;

/// See the module.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::cli) struct Saved {
    version: u32,
    /// The manifest or job that was planned, absolute.
    pub file: PathBuf,
    /// Where its orgs came from besides, absolute.
    pub orgs_file: Option<PathBuf>,
    /// What `run` tells files apart by.
    key: String,
    /// SHA-256 (hex) of the manifest's bytes.
    digest: String,
    /// Whether TOKEN connections are posted anyway.
    pub force: bool,
    /// Which orgs and apps were planned: of the others no secret is needed.
    only: Selection,
    entries: Vec<SavedEntry>,
    /// Which plan it is: SHA-256 (hex) of its file.
    #[serde(skip)]
    pub plan: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SavedEntry {
    org: String,
    entry: String,
    row: u64,
    action: Action,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<String>,
    seen: String,
}

impl SavedEntry {
    fn new(org: &OrgPlan, entry: &EntryPlan) -> Self {
        let error = entry.error.as_ref().filter(|_| entry.changes.is_empty());
        let changes = entry.changes.iter().map(ToString::to_string);
        Self {
            org: org.name.clone(),
            entry: entry.which.name(),
            row: entry.which.row,
            action: entry.action,
            changes: changes.chain(error.map(ToString::to_string)).collect(),
            seen: hex::encode(entry.seen),
        }
    }

    /// `~ connection.baseUrl: "https://a" → "https://b"`.
    fn describe(&self) -> String {
        let what = match self.action {
            Action::SetUp => "to set up",
            Action::Change => "to change",
            Action::Deactivate => "to deactivate",
            Action::Consent => "needs consent",
            Action::Nothing => "as wanted",
            Action::Error => "cannot be done",
        };
        if self.changes.is_empty() {
            what.to_owned()
        } else {
            format!("{what} ({})", self.changes.join("; "))
        }
    }
}

/// Saves a plan.
pub(super) async fn write(
    path: &Path,
    target: &Target,
    surveyed: &Surveyed,
    wish: &Wish,
) -> Result<(), Failure> {
    let context = RunContext::new(target)?;
    let entries = surveyed.orgs.iter().flat_map(|org| {
        org.entries
            .iter()
            .map(move |entry| SavedEntry::new(org, entry))
    });
    let saved = Saved {
        version: VERSION,
        file: context.file().to_owned(),
        orgs_file: context.orgs().map(Path::to_owned),
        key: target.key.clone(),
        digest: surveyed.digest.clone(),
        force: wish.force,
        only: wish.selection.with_state(None),
        entries: entries.collect(),
        plan: String::new(),
    };
    write_whole(path, async |out| {
        serde_json::to_writer_pretty(&mut *out, &saved)?;
        Ok(writeln!(out)?)
    })
    .await
    .map_err(|error| cannot_be_written(path, "--out PLAN", error))
}

impl Saved {
    /// Reads a saved plan.
    ///
    /// # Errors
    /// When the file cannot be read, is no plan, or is one of another version.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let shown = path.display();
        let open = || File::open(path).with_context(|| format!("{shown} cannot be read"));
        let no_plan = |error: serde_json::Error| {
            Failure::usage(anyhow::Error::from(error).context(format!("{shown} is no saved plan")))
                .hint("make one: okta-rollout plan FILE --out PLAN")
        };
        let file = open().map_err(Failure::usage)?;
        let Versioned { version } =
            serde_json::from_reader(BufReader::new(file)).map_err(no_plan)?;
        if version != VERSION {
            return Err(Failure::usage(anyhow::anyhow!(
                "{shown} is a plan of version {version}, this program reads {VERSION}; nothing was sent"
            ))
            .hint("make a new plan: okta-rollout plan FILE --out PLAN"));
        }
        let file = open().map_err(Failure::usage)?;
        let saved: Self = serde_json::from_reader(BufReader::new(file)).map_err(no_plan)?;
        let plan = manifest::digest(path).with_context(|| format!("{shown} cannot be read"));
        Ok(Self {
            plan: plan.map_err(Failure::usage)?,
            ..saved
        })
    }

    fn again(&self) -> String {
        let file = self.file.display();
        format!("make a new plan: okta-rollout plan {file} --out PLAN")
    }

    /// Refuses a plan of another file.
    pub fn is_of(&self, target: &Target) -> Result<(), Failure> {
        if self.key == target.key {
            return Ok(());
        }
        Err(Failure::usage(anyhow::anyhow!(
            "the plan is of {}, not of {}; nothing was sent",
            self.file.display(),
            target.file.display()
        ))
        .hint("leave FILE out, or give the plan of that file"))
    }

    /// Refuses a plan whose manifest or live state is not what it was.
    fn still_holds(&self, surveyed: &Surveyed, output: Output) -> Result<(), Failure> {
        if self.digest != surveyed.digest {
            let file = self.file.display();
            return Err(Failure::usage(anyhow::anyhow!(
                "{file} changed since the plan was made; nothing was sent but GETs"
            ))
            .hint(self.again()));
        }
        let saved: HashMap<u64, &SavedEntry> = self
            .entries
            .iter()
            .map(|entry| (entry.row, entry))
            .collect();
        let mut moved = 0;
        let now = surveyed.orgs.iter().flat_map(|org| {
            org.entries
                .iter()
                .map(move |entry| SavedEntry::new(org, entry))
        });
        for now in now {
            let before = saved.get(&now.row).copied();
            if before.is_some_and(|before| before.seen == now.seen && before.action == now.action) {
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
        .hint(self.again()))
    }

    /// How many entries it could not plan.
    pub fn errors(&self) -> u64 {
        let errors = self.entries.iter().map(|entry| entry.action);
        errors.filter(|action| *action == Action::Error).count() as u64
    }

    /// The rows that the plan does something to.
    fn rows(&self) -> HashSet<u64> {
        self.entries
            .iter()
            .filter(|entry| entry.action.is_change())
            .map(|entry| entry.row)
            .collect()
    }
}

impl SavedEntry {
    fn name(&self) -> String {
        format!("{} {}", self.org, self.entry)
    }
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
pub(super) async fn approve(
    saved: &Saved,
    target: &Target,
    args: &args::Run,
    settings: &Settings,
    output: Output,
) -> Result<Approved, Failure> {
    let (allow_exec, reconnect) = (args.allow_exec, args.reconnect);
    let wish = Wish {
        force: saved.force,
        reconnect,
        allow_exec,
        selection: saved.only.clone(),
        rows: Some(saved.entries.iter().map(|entry| entry.row).collect()),
    };
    // Nothing is begun yet: a signal may simply end the process.
    let surveyed = survey(target, &wish, settings, output, &Interrupt::new()).await?;
    let surveyed = surveyed.context("interrupted").map_err(Failure::bug)?;
    saved.still_holds(&surveyed, output)?;
    Ok(Approved {
        plan: saved.plan.clone(),
        wanted: Wanted {
            digest: surveyed.digest,
            rows: Some(saved.rows()),
            selection: saved.only.clone(),
        },
    })
}
