//! Orgs by name, from the manifest and from `--orgs`: reading, merging and checking them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::csv::{self, Receiver};
use super::document::{KEYS, in_report};
use super::flaw::SecretUse;
use super::input::{
    Format, ManifestError, Stream, absolute, folder, format, open, read_text, refuse_start,
};
use super::json::{At, Filler, kind, pairs, string, too_long};
use super::object_place::ObjectPlace;
use super::org::{Auth, OrgSpec, SANDBOX};
use super::org_draft::{ORG, ORG_ROW, OrgDraft};
use super::problem::{Issues, Place, Problem, Problems, shown};
use super::secret::SecretRef;
use super::secrets::{ExecPolicy, Secrets};
use super::shape::is_for_people;
use super::text::Text;

/// The orgs of a manifest, by name.
#[derive(Clone, Debug, Default)]
pub struct Orgs {
    list: Vec<Org>,
    by_name: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Org {
    name: String,
    spec: OrgSpec,
    url: String,
    file: PathBuf,
}

impl Orgs {
    /// Reads the orgs of a `.csv` or `.json` file; a manifest's `orgs` are read from it, too.
    ///
    /// # Errors
    /// When the file cannot be read, or an org has mistakes.
    pub fn read(file: &Path) -> Result<Self, ManifestError> {
        let mut problems = Problems::default();
        let mut loader = Loader::default();
        loader.read_file(file, &mut problems);
        if problems.count() == 0 {
            Ok(loader.orgs)
        } else {
            Err(ManifestError::Orgs(problems.into_kept()))
        }
    }

    /// The org of this name; its `url` is normalized.
    pub fn get(&self, name: &str) -> Option<&OrgSpec> {
        self.find(name).map(|org| &org.spec)
    }

    /// Every org with its name, in the order read.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &OrgSpec)> {
        self.list.iter().map(|org| (org.name.as_str(), &org.spec))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Reads the references of an org as they stand in its file.
    pub fn secrets(&self, name: &str, exec: impl Into<ExecPolicy>) -> Secrets {
        Secrets::of_file(self.file(name), exec)
    }

    /// The org of this name with its references relative to nothing: as it is read wherever nobody knows which file it
    /// stood in.
    pub fn anchored(&self, name: &str) -> Option<OrgSpec> {
        self.find(name).map(|org| located(&org.spec, &org.file))
    }

    /// The folder that the org's `file:` references are relative to; `.` for an unknown org.
    pub fn base(&self, name: &str) -> &Path {
        self.find(name)
            .map_or(Path::new("."), |org| folder(&org.file))
    }

    /// The file an org stands in; empty for an unknown org.
    pub fn file(&self, name: &str) -> &Path {
        self.find(name).map_or(Path::new(""), |org| &org.file)
    }

    /// The org's normalized URL, or `sandbox:NAME`; empty for an unknown org.
    pub fn url(&self, name: &str) -> String {
        self.find(name)
            .map(|org| org.url.clone())
            .unwrap_or_default()
    }

    /// Every org's URL, as [`Self::url`] gives it.
    pub fn urls(&self) -> HashSet<String> {
        self.list.iter().map(|org| org.url.clone()).collect()
    }

    /// The number of an org, which stands for its URL.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    fn find(&self, name: &str) -> Option<&Org> {
        self.number(name).and_then(|number| self.list.get(number))
    }
}

/// Orgs while they are read.
#[derive(Default)]
pub(super) struct Loader {
    pub orgs: Orgs,
    /// Names of orgs with mistakes: known, but not usable.
    broken: HashSet<String>,
    by_url: HashMap<String, usize>,
    /// Whether a source could not be read: then an unknown org is not the entry's mistake.
    pub partial: bool,
}

impl Loader {
    /// Whether some org has this name, usable or not.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.partial || self.orgs.by_name.contains_key(name) || self.broken.contains(name)
    }

    /// Reads the orgs of a `--orgs` file.
    pub(super) fn read_file(&mut self, file: &Path, problems: &mut Problems) {
        let outcome = self.try_read_file(file, problems);
        if let Err(error) = outcome {
            self.partial = true;
            let mut problem = Problem::of_file(file, without_name(&error));
            problem.hint = error.hint();
            problems.push(problem);
        }
    }

    fn try_read_file(&mut self, file: &Path, problems: &mut Problems) -> Result<(), ManifestError> {
        let failed = |error| ManifestError::unreadable(file, error);
        let format = match format(file) {
            Ok(Format::Jsonl) | Err(_) => {
                return Err(ManifestError::UnknownFormat(file.to_owned()));
            }
            Ok(format) => format,
        };
        let opened = open(file)?;
        let length = opened.length();
        let mut stream = Stream::new(opened);
        if format == Format::Csv {
            if let Some(problem) = refuse_start(file, stream.start().map_err(failed)?) {
                self.partial = true;
                problems.push(problem);
                return Ok(());
            }
            let before = problems.count();
            let mut rows = Rows {
                loader: self,
                file,
                names: HashSet::new(),
                problems,
            };
            csv::read(file, &mut stream, ORG_ROW, &mut rows).map_err(failed)?;
            self.partial |= problems.count() > before;
            return Ok(());
        }
        match read_text(file, &mut stream, length).map_err(failed)? {
            Ok(text) => self.read_document(file, &text, problems),
            Err(problem) => {
                self.partial = true;
                problems.push(problem);
            }
        }
        Ok(())
    }

    fn read_document(&mut self, file: &Path, text: &str, problems: &mut Problems) {
        let text = Text::new(text, 1);
        let root = match text.parse() {
            Ok(root) => root,
            Err(error) => {
                self.partial = true;
                problems.push(error.of(file));
                return;
            }
        };
        // A manifest, or a report with one, may serve as orgs file, too.
        let wrapped = pairs(root).and_then(|pairs| {
            let pairs = in_report(&pairs).and_then(Result::ok).unwrap_or(pairs);
            let is_known = |key: &str| is_for_people(key) || KEYS.contains(&key);
            if !pairs.iter().all(|pair| is_known(&pair.key)) {
                return None;
            }
            let orgs = pairs.into_iter().find(|pair| pair.key == "orgs")?.value;
            let is_org = self::pairs(orgs)?
                .iter()
                .any(|pair| pair.key == "url" && string(pair.value).is_some());
            (!is_org).then_some(orgs)
        });
        self.read_object(file, &text, wrapped.unwrap_or(root), problems);
    }

    /// Reads an object of orgs by name.
    pub(super) fn read_object<'a>(
        &mut self,
        file: &Path,
        text: &Text<'a>,
        object: &'a str,
        problems: &mut Problems,
    ) {
        let Some(pairs) = pairs(object) else {
            self.partial = true;
            let message = format!("expects an object of orgs by name, not {}", kind(object));
            problems.push(Problem::of_file(file, message).at(text.spot(text.offset(object))));
            return;
        };
        let mut names = HashSet::new();
        for pair in pairs.into_iter().filter(|pair| !is_for_people(&pair.key)) {
            if let Some(wrong) = too_long(&pair.key) {
                self.partial = true;
                let spot = text.spot(pair.offset(text));
                problems.push(Problem::of_file(file, wrong).at(spot));
                continue;
            }
            let mut issues = Issues::default();
            let mut draft = OrgDraft::default();
            let mut filler = Filler {
                text,
                issues: &mut issues,
            };
            filler.fill(ORG, pair.value, &At::ROOT, &mut draft);
            pair.key.as_ref().clone_into(&mut draft.name);
            if !names.insert(pair.key.clone().into_owned()) {
                issues.push("", "is given twice");
            }
            let place = ObjectPlace {
                text,
                object: pair.value,
                row: None,
            };
            let prefix = format!("orgs.{}", pair.key);
            self.add(file, &prefix, draft, issues, &place, problems);
        }
    }

    fn add(
        &mut self,
        file: &Path,
        prefix: &str,
        draft: OrgDraft,
        mut issues: Issues,
        place: &dyn Place,
        problems: &mut Problems,
    ) {
        let name = draft.name.clone();
        let spec = draft.finish(&mut issues);
        if let Some(spec) = spec {
            self.insert(&name, spec, file, &mut issues);
        }
        if !issues.is_empty() {
            self.broken.insert(name);
            problems.place(file, prefix, issues, place);
        }
    }

    fn insert(&mut self, name: &str, spec: OrgSpec, file: &Path, issues: &mut Issues) {
        if let Some(known) = self.orgs.find(name) {
            // An exported manifest repeats an org of --orgs, perhaps with the other form of a path.
            if located(&known.spec, &known.file) != located(&spec, file) {
                issues.push_hint(
                    "",
                    format!(
                        "the org {} is already defined, and differently",
                        shown(name)
                    ),
                    "define it once, in the manifest or in --orgs",
                );
            }
            return;
        }
        let url = if spec.url == SANDBOX {
            format!("{SANDBOX}:{name}")
        } else {
            spec.url.clone()
        };
        let number = self.orgs.list.len();
        if let Some(first) = self.by_url.insert(url.clone(), number) {
            let first = self
                .orgs
                .list
                .get(first)
                .map_or("", |org| org.name.as_str());
            issues.push_hint(
                "url",
                format!("is also the URL of the org {}", shown(first)),
                "one org has one name, so that its limit is shared",
            );
        }
        self.orgs.by_name.insert(name.to_owned(), number);
        self.orgs.list.push(Org {
            name: name.to_owned(),
            spec,
            url,
            file: file.to_owned(),
        });
    }
}

// The org as it is wherever its file stands.
fn located(spec: &OrgSpec, file: &Path) -> OrgSpec {
    spec.placed(&absolute(folder(file)))
}

/// A secret reference of an org.
pub(super) struct Held<'a> {
    pub field: &'static str,
    pub reference: &'a SecretRef,
    /// What it is for.
    pub purpose: SecretUse,
}

/// The secret references of an org.
pub(super) fn references(spec: &OrgSpec) -> impl Iterator<Item = Held<'_>> {
    spec.auth.iter().map(|auth| {
        let (field, reference, purpose) = match auth {
            Auth::ApiToken(token) => ("auth.apiToken", token, SecretUse::Header),
            Auth::AccessToken(token) => ("auth.accessToken", token, SecretUse::Header),
            Auth::PrivateKeyJwt(jwt) => ("auth.privateKeyJwt.key", &jwt.key, SecretUse::PrivateKey),
        };
        Held {
            field,
            reference,
            purpose,
        }
    })
}

// The error's words after the file's name, which a problem has already.
fn without_name(error: &ManifestError) -> String {
    match error {
        ManifestError::Missing(_) => "no such file".to_owned(),
        ManifestError::Folder(_) => "is a folder, not a file".to_owned(),
        ManifestError::UnknownFormat(_) => "an orgs file ends in .csv or .json".to_owned(),
        ManifestError::Unreadable { error, .. } => format!("cannot be read: {error}"),
        ManifestError::Orgs(_) => "has mistakes".to_owned(),
    }
}

struct Rows<'l, 'p> {
    loader: &'l mut Loader,
    file: &'l Path,
    names: HashSet<String>,
    problems: &'p mut Problems,
}

impl Receiver<OrgDraft> for Rows<'_, '_> {
    fn take(&mut self, draft: OrgDraft, mut issues: Issues, place: &dyn Place) {
        if !draft.name.is_empty() && !self.names.insert(draft.name.clone()) {
            issues.push("org", "is given twice");
        }
        self.loader
            .add(self.file, "", draft, issues, place, self.problems);
    }

    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}
