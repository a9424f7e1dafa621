//! The manifest of an export: collected, written, and what to do with it next.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use super::super::args::{self, ExportFormat};
use super::super::file::{cannot_be_written, write_whole};
use super::super::output::Output;
use super::orgs::{Source, Wanted};
use crate::apps::App;
use crate::export::{self, Exported, Manifest, Outcome};
use crate::failure::Failure;
use crate::manifest::{Columns, CsvManifest, OrgSpec, Record, Unwritable};
use crate::report::counted;

/// Secrets named at the end; the manifest has them all.
const SHOWN: usize = 10;

/// The format asked for, or that of the file.
pub(super) fn target_format(args: &args::Export) -> Result<ExportFormat, Failure> {
    let ending = args.output.as_deref().map(ending_format);
    match (args.format, ending) {
        (None, None) => Ok(ExportFormat::Json),
        (None, Some(Some(format))) => Ok(format),
        (Some(asked), Some(Some(ending))) if asked != ending => Err(refused(
            args,
            "its ending and --format contradict each other",
            "commands that read it go by its ending: leave --format out",
        )),
        (Some(asked), _) => Ok(asked),
        (None, Some(None)) => Err(refused(
            args,
            "an export ends in .json or .csv",
            "give it such an ending, or say what to write with --format",
        )),
    }
}

fn refused(args: &args::Export, why: &str, hint: &str) -> Failure {
    let file = args.output.as_deref().unwrap_or(Path::new("")).display();
    Failure::usage(anyhow::anyhow!("{file}: {why}; nothing was sent")).hint(hint)
}

/// The format that a file's ending promises.
fn ending_format(file: &Path) -> Option<ExportFormat> {
    let ending = file.extension()?.to_str()?.to_ascii_lowercase();
    match ending.as_str() {
        "json" => Some(ExportFormat::Json),
        "csv" => Some(ExportFormat::Csv),
        _ => None,
    }
}

/// What goes into the manifest.
#[derive(Default)]
pub(super) struct Contents {
    titles: Vec<String>,
    orgs: Vec<(String, OrgSpec)>,
    // Orgs that the manifest names without knowing them.
    unknown: bool,
    exported: Vec<Exported>,
    labels: HashSet<(String, App, String)>,
}

impl Contents {
    /// Adds an org and what became of its apps.
    pub fn add(
        &mut self,
        source: &Source,
        wanted: &Wanted,
        exported: Vec<Exported>,
        file: Option<&Path>,
    ) {
        let target = wanted.target();
        self.titles.push(match &wanted.retargeted {
            Some(to) => format!("{} for {to}", wanted.name),
            None => wanted.name.clone(),
        });
        self.name_org(source, target, file);
        for mut one in exported {
            let label = one.entry.as_ref().and_then(|entry| entry.label.clone());
            if let (Some(label), Some(entry)) = (label, &one.entry)
                && !self.labels.insert((target.to_owned(), entry.app, label))
            {
                one.leave_out(&format!(
                    "another org's app has its label in {target} already"
                ));
            }
            let hub = one.entry.as_ref().and_then(|entry| entry.hub.as_ref());
            if let Some(hub) = hub {
                self.name_org(source, &hub.org, file);
            }
            self.exported.push(one);
        }
    }

    fn name_org(&mut self, source: &Source, name: &str, file: Option<&Path>) {
        match source.orgs.get(name) {
            Some(spec) if self.orgs.iter().all(|(known, _)| known != name) => {
                let spec = placed(spec, source.orgs.base(name), file);
                self.orgs.push((name.to_owned(), spec));
            }
            Some(_) => {}
            None => self.unknown = true,
        }
    }

    /// Adds that an org is missing.
    pub fn missing(&mut self, wanted: &Wanted, why: &str) {
        let name = format!("org {}", wanted.name);
        self.exported.push(Exported {
            outcome: Outcome::Unread,
            entry: None,
            comment: format!("{name} is missing, because it could not be read: {why}"),
            // Told as an error, with its hint.
            warnings: Vec::new(),
            name,
        });
    }

    /// Turns entries that CSV cannot hold into comments.
    pub fn fit_into_cells(&mut self) {
        for one in &mut self.exported {
            if let Err(Unwritable::Cell { field, why, .. }) =
                Columns::default().add(&record(0, one))
            {
                one.leave_out(&format!("{field} has no CSV form: {why}"));
            }
        }
    }

    /// What became of the apps.
    pub fn exported(&self) -> &[Exported] {
        &self.exported
    }

    /// What people should know before they use the manifest.
    pub fn warnings(&self) -> impl Iterator<Item = &String> {
        self.exported.iter().flat_map(|one| &one.warnings)
    }

    /// Whether something could not be read.
    pub fn is_incomplete(&self) -> bool {
        self.exported
            .iter()
            .any(|one| one.outcome == Outcome::Unread)
    }

    /// Writes it to standard output or the file.
    pub async fn write(
        &self,
        file: Option<&Path>,
        format: ExportFormat,
        output: Output,
    ) -> Result<(), Failure> {
        match file {
            None => output.data(format.syntax(), |out| self.write_to(out, format)),
            Some(file) => write_whole(file, async |out| self.write_to(out, format))
                .await
                .map_err(|error| cannot_be_written(file, "-o FILE", error)),
        }
    }

    fn write_to(&self, out: &mut dyn Write, format: ExportFormat) -> anyhow::Result<()> {
        let records: Vec<_> = (1..)
            .zip(&self.exported)
            .map(|(row, one)| record(row, one))
            .collect();
        match format {
            ExportFormat::Json => {
                let comment = format!("live connections of {}", self.titles.join(", "));
                let manifest = Manifest {
                    comment: &comment,
                    orgs: &self.orgs,
                    records: &records,
                };
                Ok(export::write(out, &manifest)?)
            }
            ExportFormat::Csv => {
                let mut columns = Columns::default();
                records.iter().try_for_each(|record| columns.add(record))?;
                // Its references are all to the environment: no folder matters.
                let mut csv = CsvManifest::begin(out, columns, Path::new(""))?;
                records.iter().try_for_each(|record| csv.record(record))?;
                Ok(csv.end()?)
            }
        }
    }

    /// Tells what a person has to fill in, and the next command.
    pub fn note_next(
        &self,
        args: &args::Export,
        format: ExportFormat,
        skeleton: Option<&Path>,
        output: Output,
    ) {
        let secrets: Vec<_> = self
            .exported
            .iter()
            .flat_map(Exported::placeholders)
            .collect();
        if !secrets.is_empty() {
            let count = counted(secrets.len() as u64, "secret", "secrets");
            let shown = secrets[..secrets.len().min(SHOWN)].join(" ");
            let more = match secrets.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let place = match skeleton {
                Some(file) => format!(" in {}", file.display()),
                None => String::new(),
            };
            output.note(format_args!(
                "{count} to fill in{place}, which Okta never shows: {shown}{more}"
            ));
        }
        if self.exported.iter().all(|one| one.entry.is_none()) {
            output.warning("no app was exported, so there is nothing to check or run");
        } else if let Some(file) = &args.output {
            let orgs = if format == ExportFormat::Csv || self.unknown {
                " --orgs FILE"
            } else {
                ""
            };
            let shown = file.display();
            let secrets = match skeleton {
                Some(file) => format!(" --env-file {}", file.display()),
                None => String::new(),
            };
            match ending_format(file) {
                Some(_) => output.note(format_args!(
                    "{shown} is written; next: okta-rollout check {shown}{orgs}{secrets}"
                )),
                None => output.note(format_args!(
                    "{shown} is written; `check` and `run` read it from a file that ends in .{}",
                    format.name()
                )),
            }
        }
    }
}

fn record(row: u64, one: &Exported) -> Record<'_> {
    Record {
        row,
        entry: one.entry.as_ref(),
        comment: &one.comment,
        notes: &[],
    }
}

// The org as it is to stand in the file: with `file:` references that are right there.
fn placed(spec: &OrgSpec, base: &Path, file: Option<&Path>) -> OrgSpec {
    // Only an empty path or a vanished current folder has no absolute form.
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = file.map(|file| match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => absolute(parent),
        _ => absolute(Path::new(".")),
    });
    let base = absolute(base);
    if folder.as_ref() == Some(&base) {
        return spec.clone();
    }
    spec.anchored(&base)
}
