//! Mistakes of a job that its reader cannot know: they are about the orgs that the program serves itself, about
//! certificates, and about the orgs that there are. All are found before anything is sent or kept.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::waves;
use crate::job::Place;
use crate::manifest::Problem;
use crate::nearest::did_you_mean;
use crate::okta::{Http, HttpError, HttpSettings};
use crate::sandbox::SandboxSettings;
use crate::selection::fits;
use crate::settings::Policy;

/// The section of the orgs that the program serves itself.
const SANDBOX: &str = "sandbox";

/// Orgs that are not there, told at once: each is compared with all that are.
const MOST: usize = 100;

/// Orgs that a sandbox makes by number, as far as jobs speak of single ones.
const MADE: usize = 10_000;

/// What is wrong with a job, whatever its manifest says.
pub(crate) fn problems(file: &Path, policy: &Policy) -> Vec<Problem> {
    let job = Job { file, policy };
    let mut problems: Vec<_> = job.ca_file().into_iter().collect();
    match job.sandbox() {
        Ok(settings) => problems.extend(settings.mistakes().into_iter().map(|mistake| {
            let path = format!("{SANDBOX}.{}", mistake.path);
            let place = job.place(&path).map(|place| place.value);
            job.problem(place, path, mistake.message, mistake.hint)
        })),
        Err(found) => problems.extend(found),
    }
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems
}

/// The files that a job names and that are not there, which may come before it starts.
pub(crate) fn missing(file: &Path, policy: &Policy) -> Vec<Problem> {
    let job = Job { file, policy };
    let folder = file.parent().unwrap_or(Path::new(""));
    let named = ["manifest", "orgs"].into_iter().filter_map(|key| {
        let path = folder.join(policy.written.values().get(key)?.as_str()?);
        // That of the command line wins.
        let holds = key == "manifest" || policy.orgs.as_ref() == Some(&path);
        (holds && is_missing(&path)).then_some((key, path))
    });
    let problem = |(key, path): (&str, PathBuf)| {
        let place = job.place(key).map(|place| place.value);
        let message = format!("{}: no such file", path.display());
        let hint = "give its path relative to the job's folder";
        job.problem(place, key.to_owned(), message, hint)
    };
    named.map(problem).collect()
}

fn is_missing(path: &Path) -> bool {
    std::fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// What is wrong with what a job says of single orgs, given the names of all.
pub(crate) fn about_orgs(file: &Path, policy: &Policy, orgs: &[&str]) -> Vec<Problem> {
    let job = Job { file, policy };
    let mut problems = waves::problems(file, &policy.waves, orgs.iter().copied());
    // What else is wrong with it was told before.
    let settings = job.sandbox().unwrap_or_default();
    let made: Vec<String> = settings.orgs_made().take(MADE).collect();
    let all: HashSet<&str> = orgs
        .iter()
        .copied()
        .chain(made.iter().map(String::as_str))
        .collect();
    let switched = settings
        .switches
        .keys()
        .filter(|org| !all.contains(org.as_str()))
        .map(|org| {
            let path = format!("{SANDBOX}.switches.{org}");
            let place = job.place(&path).map(|place| place.key);
            (place, path, org, format!("there is no org {org:?}"))
        });
    let rules = settings.faults.rules.iter().enumerate();
    let rules = rules.filter(|(_, rule)| !all.iter().any(|org| fits(&rule.org, org)));
    let failing = rules.map(|(at, rule)| {
        let path = format!("{SANDBOX}.faults.rules[{at}].org");
        let place = job.place(&path).map(|place| place.value);
        (
            place,
            path,
            &rule.org,
            format!("no org fits {:?}", rule.org),
        )
    });
    for (place, path, meant, message) in switched.chain(failing).take(MOST) {
        let near = did_you_mean(meant, all.iter().copied());
        let hint = near.unwrap_or_else(|| "name an org, or leave it out".to_owned());
        problems.push(job.problem(place, path, message, hint));
    }
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems
}

/// A job, and what it says.
struct Job<'a> {
    file: &'a Path,
    policy: &'a Policy,
}

impl Job<'_> {
    fn sandbox(&self) -> Result<SandboxSettings, Vec<Problem>> {
        self.policy.written.section(SANDBOX)
    }

    fn place(&self, path: &str) -> Option<Place> {
        self.policy.written.place(path)
    }

    fn ca_file(&self) -> Option<Problem> {
        let settings = HttpSettings {
            ca_file: Some(self.policy.http.ca_file.clone()?),
            ..HttpSettings::default()
        };
        let Err(HttpError::CaFile { path, cause }) = Http::new(&settings) else {
            return None;
        };
        let field = "http.caFile".to_owned();
        let place = self.place(&field).map(|place| place.value);
        let message = format!("{} cannot be used: {cause}", path.display());
        let hint = "give a file of PEM certificates, relative to the job, or leave it out";
        Some(self.problem(place, field, message, hint))
    }

    fn problem(
        &self,
        place: Option<(u64, u64)>,
        field: String,
        message: String,
        hint: impl Into<String>,
    ) -> Problem {
        let (line, column) = place.unzip();
        Problem {
            file: self.file.display().to_string(),
            line,
            column,
            row: None,
            field: Some(field),
            message,
            hint: Some(hint.into()),
            count: 1,
            also: Vec::new(),
        }
    }
}
