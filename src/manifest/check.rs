//! The offline check of a whole manifest in one pass: entries are judged by themselves, against the orgs
//! and against each other, and the good ones continue to the sink.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::csv::{self, Receiver};
use super::document::{self, Document};
use super::draft::Draft;
use super::entry::Entry;
use super::fields::ENTRY;
use super::input::{Format, ManifestError, Stream, format, open, read_text, refuse_start};
use super::orgs::{Loader, Orgs};
use super::problem::{Issues, Place, Problem, Problems, shown};
use super::rules::Rules;
use super::secrets::{ExecPolicy, Secrets};
use super::seen::{Seen, Tried, unreadable};
use super::text::Text;
use crate::nearest::did_you_mean;
use crate::selection::Selection;

/// A manifest and the orgs file that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The manifest: `.csv`, `.json` or `.jsonl`.
    pub file: PathBuf,
    /// `--orgs`: `.csv` or `.json`.
    pub orgs_file: Option<PathBuf>,
}

impl Source {
    /// Whether one of its files is a pipe or a device: read once, it is at its end.
    pub fn passes(&self) -> bool {
        let files = [Some(&self.file), self.orgs_file.as_ref()];
        let is_other = |file: &PathBuf| {
            std::fs::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir())
        };
        files.into_iter().flatten().any(is_other)
    }
}

/// What a check leaves out or allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// Whether `exec:` references are accepted (`--allow-exec`); nothing is run either way.
    pub exec: ExecPolicy,
    /// Whether secrets are tried.
    pub secrets: SecretCheck,
}

/// Whether a check tries the secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecretCheck {
    /// Each is tried once.
    #[default]
    Probe,
    /// Those of entries are tried, the credentials of orgs are not: an org whose credentials cannot be read is
    /// stopped by itself, and the others are worked on.
    Entries,
    /// They are left alone (`--no-secrets`).
    Skip,
}

/// An entry and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// Row as in reports: CSV records with the header as 1, place in `apps` from 1, line of JSONL.
    pub row: u64,
    /// The entry, with `defaults` merged in.
    pub entry: Entry,
}

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// The orgs of the manifest and of `--orgs`.
    pub orgs: Orgs,
    /// Entries without mistakes: as many as the sink got.
    pub entries: u64,
    /// The first thousand mistakes, in the order found.
    pub problems: Vec<Problem>,
    /// How many mistakes there are.
    pub problem_count: u64,
    /// SHA-256 (hex) of the manifest's bytes.
    pub digest: String,
}

/// Checks a manifest and hands every entry without mistakes to `sink`, in order.
///
/// CSV and JSONL are read as a stream: memory grows by about 40 bytes per entry (to find duplicates),
/// JSON is held as a whole. Nothing is sent and no program is run.
///
/// # Errors
/// When the manifest cannot be read at all; every mistake in it or in the orgs is in [`Checked`].
pub fn check(
    source: &Source,
    options: &CheckOptions,
    sink: &mut dyn FnMut(Located),
) -> Result<Checked, ManifestError> {
    check_selected(source, options, &Selection::default(), sink)
}

/// As [`check`] of the whole manifest, but tries the secrets of selected entries and their orgs only.
///
/// # Errors
/// As [`check`].
pub fn check_selected(
    source: &Source,
    options: &CheckOptions,
    selection: &Selection,
    sink: &mut dyn FnMut(Located),
) -> Result<Checked, ManifestError> {
    let judge = Judge {
        options: *options,
        selection,
    };
    let file = source.file.as_path();
    let failed = |error| ManifestError::unreadable(file, error);
    let format = format(file)?;
    let opened = open(file)?;
    let length = opened.length();
    let mut stream = Stream::new(opened);
    let mut problems = Problems::default();
    let mut loader = Loader::default();
    let (entries, read);
    if format == Format::Json {
        let text = read_text(file, &mut stream, length).map_err(failed)?;
        let text = text.unwrap_or_else(|problem| {
            problems.push(problem);
            String::new()
        });
        let text = Text::new(&text, 1);
        // A file that is empty or no text has been reported.
        let document = match problems.count() {
            0 => Document::parse(file, &text, &mut problems),
            _ => None,
        };
        load_orgs(
            source,
            document.as_ref().map(|d| (d, &text)),
            &mut loader,
            &mut problems,
        );
        let mut checker = Checker::new(source, judge, &loader, problems, sink);
        checker.probe_all_orgs();
        read = document.map(|document| document.read_apps(file, &text, &mut checker));
        (entries, problems) = checker.finish(read);
    } else {
        let start = stream.start().map_err(failed)?;
        load_orgs(source, None, &mut loader, &mut problems);
        let mut checker = Checker::new(source, judge, &loader, problems, sink);
        checker.probe_all_orgs();
        read = match refuse_start(file, start) {
            Some(problem) => {
                checker.report(problem);
                None
            }
            None if format == Format::Csv => {
                Some(csv::read(file, &mut stream, ENTRY, &mut checker).map_err(failed)?)
            }
            None => Some(document::read_lines(file, &mut stream, &mut checker).map_err(failed)?),
        };
        (entries, problems) = checker.finish(read);
        stream.drain().map_err(failed)?;
    }
    Ok(Checked {
        orgs: loader.orgs,
        entries,
        problem_count: problems.count(),
        problems: problems.into_kept(),
        digest: stream.digest(),
    })
}

/// Reads only the orgs of a manifest.
///
/// # Errors
/// When a file cannot be read, or an org has mistakes.
pub fn read_orgs(source: &Source) -> Result<Orgs, ManifestError> {
    let (orgs, problems) = find_orgs(source)?;
    if problems.count() == 0 {
        Ok(orgs)
    } else {
        Err(ManifestError::Orgs(problems.into_kept()))
    }
}

/// The orgs of a manifest as far as they can be read, and what is wrong with the others.
pub(super) fn find_orgs(source: &Source) -> Result<(Orgs, Problems), ManifestError> {
    let file = source.file.as_path();
    let mut problems = Problems::default();
    let mut loader = Loader::default();
    if format(file)? == Format::Json {
        let opened = open(file)?;
        let length = opened.length();
        let mut stream = Stream::new(opened);
        let text = read_text(file, &mut stream, length)
            .map_err(|error| ManifestError::unreadable(file, error))?
            .map_err(|problem| ManifestError::Orgs(vec![problem]))?;
        let text = Text::new(&text, 1);
        let document = Document::parse(file, &text, &mut problems);
        load_orgs(
            source,
            document.as_ref().map(|d| (d, &text)),
            &mut loader,
            &mut problems,
        );
    } else {
        load_orgs(source, None, &mut loader, &mut problems);
    }
    Ok((loader.orgs, problems))
}

fn load_orgs(
    source: &Source,
    document: Option<(&Document<'_>, &Text<'_>)>,
    loader: &mut Loader,
    problems: &mut Problems,
) {
    let mut given = false;
    if let Some((document, text)) = document
        && let Some(orgs) = document.orgs
    {
        given = true;
        loader.read_object(&source.file, text, orgs, problems);
    }
    if let Some(file) = &source.orgs_file {
        given = true;
        loader.read_file(file, problems);
    }
    if !given && problems.count() == 0 {
        loader.partial = true;
        problems.push(
            Problem::of_file(&source.file, "no orgs are given")
                .hint("name them in an orgs file: --orgs FILE"),
        );
    }
    loader.partial |= !given;
}

pub(super) struct Checker<'a> {
    pub(super) file: &'a Path,
    pub(super) loader: &'a Loader,
    pub(super) judge: Judge<'a>,
    pub(super) secrets: Secrets,
    rules: Rules,
    pub(super) seen: Seen,
    pub(super) tried: Tried,
    unknown: UnknownOrgs,
    pub(super) problems: Problems,
    entries: u64,
    // Orgs of selected entries, where not all are.
    pub(super) selected_orgs: HashSet<String>,
    sink: &'a mut dyn FnMut(Located),
}

/// Names of orgs that are none, with what was meant: to look for it among many orgs takes time.
#[derive(Default)]
struct UnknownOrgs(HashMap<String, Option<String>>);

impl UnknownOrgs {
    /// So many different ones are looked for; more are not told.
    const MOST: usize = 1_000;

    fn meant(&mut self, name: &str, orgs: &Orgs) -> Option<String> {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        if self.0.len() >= Self::MOST {
            return None;
        }
        let meant = did_you_mean(name, orgs.iter().map(|(name, _)| name));
        self.0.insert(name.to_owned(), meant.clone());
        meant
    }
}

/// How entries are judged.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub options: CheckOptions,
    pub selection: &'a Selection,
}

impl<'a> Checker<'a> {
    fn new(
        source: &'a Source,
        judge: Judge<'a>,
        loader: &'a Loader,
        problems: Problems,
        sink: &'a mut dyn FnMut(Located),
    ) -> Self {
        Self {
            file: &source.file,
            loader,
            judge,
            secrets: Secrets::of_file(&source.file, judge.options.exec),
            rules: Rules::default(),
            seen: Seen::default(),
            tried: Tried::default(),
            unknown: UnknownOrgs::default(),
            problems,
            entries: 0,
            selected_orgs: HashSet::new(),
            sink,
        }
    }

    fn check_orgs(&mut self, draft: &Draft, issues: &mut Issues) {
        let hub = draft.hub.as_ref().map_or("", |hub| hub.org.as_str());
        for (field, name) in [("org", draft.org.as_str()), ("hub.org", hub)] {
            if name.is_empty() || self.loader.knows(name) {
                continue;
            }
            let message = format!("unknown org {}", shown(name));
            match self.unknown.meant(name, &self.loader.orgs) {
                Some(hint) => issues.push_hint(field, message, hint),
                None => issues.push(field, message),
            }
        }
    }

    fn check_duplicate(&mut self, draft: &Draft, row: u64, issues: &mut Issues) {
        let Some(org) = self.loader.orgs.number(&draft.org) else {
            return;
        };
        let (field, first) = match (&draft.app_id, &draft.label, draft.app) {
            (Some(id), _, _) => ("appId", self.seen.insert(&(org, id), row)),
            (None, Some(label), Some(app)) => {
                ("label", self.seen.insert(&(org, app.name(), label), row))
            }
            _ => return,
        };
        if let Some(first) = first {
            issues.push_hint(
                field,
                format!("is the same app in the same org as row {first}"),
                "keep one of the two",
            );
        }
    }

    // What is known only at the end: how often each bad secret is used, and whether there was an entry.
    fn finish(mut self, read: Option<u64>) -> (u64, Problems) {
        self.probe_selected_orgs();
        for bad in std::mem::take(&mut self.tried.bad) {
            let mut problem = unreadable(self.file, &bad.error, bad.uses).at(bad.spot);
            problem.field = Some(bad.field.to_owned());
            self.problems.push(problem);
        }
        if read.is_some() && self.entries == 0 && self.problems.count() == 0 {
            self.problems.push(
                Problem::of_file(self.file, "has no entries: there is nothing to do")
                    .hint("add an entry under apps, or a row below the header"),
            );
        }
        (self.entries, self.problems)
    }
}

impl Receiver<Draft> for Checker<'_> {
    fn take(&mut self, draft: Draft, mut issues: Issues, place: &dyn Place) {
        let row = place.row();
        self.rules.check(&draft, &mut issues);
        self.check_orgs(&draft, &mut issues);
        self.check_duplicate(&draft, row, &mut issues);
        self.check_shared(&draft, row, &mut issues);
        self.try_secrets(&draft, place);
        if issues.is_empty()
            && let Some(entry) = draft.finish()
        {
            self.entries += 1;
            (self.sink)(Located { row, entry });
            return;
        }
        self.problems.place(self.file, "", issues, place);
    }

    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}
