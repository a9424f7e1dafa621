//! `[[reports]]` of a job: in which format, and where to, by a path with placeholders.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::format::Format;
use super::tree::{Wrong, suggestion};

/// What may stand in braces in a report's path.
const PLACEHOLDERS: [&str; 3] = ["run", "date", "job"];

/// A file to write after the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// Its format.
    pub format: Format,
    /// Where it is written, with placeholders.
    pub path: ReportPath,
    /// Line and column, both from 1, of that in the job file.
    pub place: (u64, u64),
}

/// Where a report is written: known once the run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportPath {
    folder: PathBuf,
    parts: Vec<Part>,
    /// Whose days `{date}` counts; `None` = those of this machine.
    timezone: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Run,
    Date,
}

impl ReportPath {
    /// Reads a path of this job, relative to its folder.
    pub(super) fn parse(text: &str, job: &Path) -> Result<Self, Wrong> {
        let name = job.file_stem().unwrap_or_default().to_string_lossy();
        let mut parts = Vec::new();
        let mut add = |part| match (parts.last_mut(), part) {
            (Some(Part::Text(before)), Part::Text(text)) => before.push_str(&text),
            (_, part) => parts.push(part),
        };
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            add(Part::Text(rest[..at].to_owned()));
            let inner = rest[at..].strip_prefix('{');
            let Some((placeholder, after)) = inner.and_then(|inner| inner.split_once('}')) else {
                return Err(Wrong::new("has a brace that belongs to no placeholder").hint(known()));
            };
            add(match placeholder {
                "run" => Part::Run,
                "date" => Part::Date,
                "job" => Part::Text(name.clone().into_owned()),
                other => {
                    let wrong = Wrong::new(format!("unknown placeholder `{{{other}}}`"));
                    let near = suggestion(other, &PLACEHOLDERS);
                    let is_near = near.starts_with("did");
                    return Err(wrong.hint(if is_near { near } else { known() }));
                }
            });
            rest = after;
        }
        add(Part::Text(rest.to_owned()));
        Ok(Self {
            folder: job.parent().unwrap_or(Path::new("")).to_owned(),
            parts,
            timezone: None,
        })
    }

    /// The same, with days as they are in this time zone.
    #[must_use]
    pub(super) fn in_timezone(self, timezone: Option<String>) -> Self {
        Self { timezone, ..self }
    }

    /// As it is written, but for `{job}`: what is known of it before a run.
    pub fn as_written(&self) -> PathBuf {
        self.with("{run}", "{date}")
    }

    /// Whether it is another file with each run or day.
    pub fn varies(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Text(_)))
    }

    /// Where the report of a run is written that began at this time (ms since the epoch).
    pub fn of_run(&self, run: &str, began_at: i64) -> PathBuf {
        let named = self.timezone.as_deref();
        // The same as starts are due by, whatever this machine knows of time zones.
        let zone = named.and_then(|name| TimeZoneDatabase::bundled().get(name).ok());
        self.of_run_in(run, began_at, &zone.unwrap_or_else(TimeZone::system))
    }

    fn of_run_in(&self, run: &str, began_at: i64, zone: &TimeZone) -> PathBuf {
        // A time that is out of reach comes from a broken clock.
        let began = Timestamp::from_millisecond(began_at).unwrap_or_default();
        self.with(run, &zone.to_datetime(began).date().to_string())
    }

    fn with(&self, run: &str, date: &str) -> PathBuf {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Run => run,
            Part::Date => date,
        });
        self.folder.join(parts.collect::<String>())
    }
}

fn known() -> String {
    let all = PLACEHOLDERS.map(|name| format!("{{{name}}}"));
    format!("known here: {}", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a year in UTC.
    const NEW_YEAR: i64 = 1_767_225_600_000;

    fn parse(text: &str) -> Result<ReportPath, Wrong> {
        ReportPath::parse(text, Path::new("jobs/{a}/nightly.v2.toml"))
    }

    #[test]
    fn placeholders_are_filled_in_and_nothing_else_is() {
        for (text, written, path) in [
            ("r.xml", "r.xml", "r.xml"),
            ("{run}.xml", "{run}.xml", "k3f9.xml"),
            (
                "{date}/{job}-{run}.xml",
                "{date}/nightly.v2-{run}.xml",
                "2026-01-01/nightly.v2-k3f9.xml",
            ),
            ("{job}{job}", "nightly.v2nightly.v2", "nightly.v2nightly.v2"),
            ("{run}{date}", "{run}{date}", "k3f92026-01-01"),
        ] {
            let parsed = parse(text).ok().unwrap();
            let folder = Path::new("jobs/{a}");
            assert_eq!(parsed.as_written(), folder.join(written), "{text}");
            let of_run = parsed.of_run_in("k3f9", NEW_YEAR, &TimeZone::UTC);
            assert_eq!(of_run, folder.join(path), "{text}");
            assert_eq!(parsed.varies(), written != path, "{text}");
        }
        let elsewhere = parse("/tmp/{run}").ok().unwrap();
        assert_eq!(elsewhere.of_run("k3f9", 0), Path::new("/tmp/k3f9"));
    }

    #[test]
    fn a_day_is_that_of_the_jobs_time_zone() {
        let path = parse("{date}").ok().unwrap();
        for (zone, at, wanted) in [
            ("America/New_York", NEW_YEAR, "2025-12-31"),
            ("Australia/Sydney", NEW_YEAR - 1, "2026-01-01"),
            ("UTC", NEW_YEAR - 1, "2025-12-31"),
            ("UTC", i64::MAX, "1970-01-01"),
        ] {
            let path = path.clone().in_timezone(Some(zone.to_owned()));
            assert_eq!(path.of_run("k", at), Path::new("jobs/{a}").join(wanted));
        }
    }

    #[test]
    fn what_is_no_placeholder_is_refused() {
        const ALL: &str = "known here: {run}, {date}, {job}";
        const BRACE: &str = "has a brace that belongs to no placeholder";
        for (text, message, hint) in [
            (
                "{runs}.x",
                "unknown placeholder `{runs}`",
                "did you mean `run`?",
            ),
            (
                "{Date}",
                "unknown placeholder `{Date}`",
                "did you mean `date`?",
            ),
            ("{time}.x", "unknown placeholder `{time}`", ALL),
            ("{}", "unknown placeholder `{}`", ALL),
            (
                "{ run }",
                "unknown placeholder `{ run }`",
                "did you mean `run`?",
            ),
            (
                "{{run}}",
                "unknown placeholder `{{run}`",
                "did you mean `run`?",
            ),
            ("{run", BRACE, ALL),
            ("a}", BRACE, ALL),
            ("}{run}", BRACE, ALL),
        ] {
            let wrong = parse(text).err().unwrap();
            let hinted = wrong.hint.as_deref();
            assert_eq!((wrong.message.as_str(), hinted), (message, Some(hint)));
        }
    }
}
