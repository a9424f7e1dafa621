//! JSON manifests (`orgs`, `defaults`, `apps`) and JSONL (one entry a line). Entries are read one by
//! one; `defaults` are read once and copied under every entry.

use std::io::{self, BufRead, Read};
use std::path::Path;

use super::csv::Receiver;
use super::draft::Draft;
use super::entry::{Features, Status};
use super::fields::ENTRY;
use super::input::not_utf8;
use super::json::{
    At, Filler, Pair, elements, kind, not_an_object, pairs, stood_before, string, too_long,
};
use super::object_place::ObjectPlace;
use super::path::meant_or_for_people;
use super::problem::{Issues, Problem, Problems, Spot, nearest};
use super::shape::is_for_people;
use super::text::Text;

/// The longest line of JSONL, in bytes; a longer one is skipped and reported.
const MAX_LINE: usize = 1024 * 1024;

/// The keys of a JSON manifest, besides those for people and `$schema`, which is for editors.
pub(super) const KEYS: [&str; 3] = ["orgs", "defaults", "apps"];

/// The parts of a JSON manifest, as slices of its text.
#[derive(Default)]
pub(super) struct Document<'a> {
    pub orgs: Option<&'a str>,
    defaults: Option<&'a str>,
    apps: Option<&'a str>,
}

impl<'a> Document<'a> {
    /// Takes a manifest apart; nothing when its text is no JSON object.
    pub(super) fn parse(file: &Path, text: &Text<'a>, problems: &mut Problems) -> Option<Self> {
        let root = match text.parse() {
            Ok(root) => root,
            Err(error) => {
                problems.push(error.of(file));
                return None;
            }
        };
        let Some(pairs) = pairs(root) else {
            let message = format!("expects an object with orgs and apps, not {}", kind(root));
            let mut problem = Problem::of_file(file, message).at(text.spot(text.offset(root)));
            if root.starts_with('[') {
                problem = problem.hint("write { \"apps\": […] }");
            }
            problems.push(problem);
            return None;
        };
        let pairs = match in_report(&pairs) {
            None => pairs,
            Some(Ok(manifest)) => manifest,
            Some(Err(hint)) => {
                let message = "is a report without a manifest in it";
                problems.push(Problem::of_file(file, message).hint(hint));
                return None;
            }
        };
        let mut document = Self::default();
        let mut stood_before = stood_before(&pairs);
        for (number, pair) in pairs.iter().enumerate() {
            let twice = stood_before(number);
            if is_for_people(&pair.key) {
                continue;
            }
            if let Some(wrong) = too_long(&pair.key) {
                let spot = text.spot(pair.offset(text));
                problems.push(Problem::of_file(file, wrong).at(spot));
                continue;
            }
            let part = match pair.key.as_ref() {
                _ if twice => {
                    problems.push(of_key(file, text, pair, "is given twice"));
                    continue;
                }
                "orgs" => &mut document.orgs,
                "defaults" => &mut document.defaults,
                "apps" => &mut document.apps,
                key => {
                    let mut problem = of_key(file, text, pair, "unknown key");
                    problem.hint = Some(meant_or_for_people(key, nearest(key, KEYS), "key"));
                    problems.push(problem);
                    continue;
                }
            };
            *part = Some(pair.value);
        }
        Some(document)
    }

    /// Hands every entry of `apps` to the receiver; returns how many there are.
    pub(super) fn read_apps(
        &self,
        file: &Path,
        text: &Text<'a>,
        receiver: &mut impl Receiver<Draft>,
    ) -> u64 {
        let mut defaults = Draft::default();
        if let Some(value) = self.defaults {
            let mut issues = Issues::default();
            let mut filler = Filler {
                text,
                issues: &mut issues,
            };
            filler.fill(ENTRY, value, &At::ROOT, &mut defaults);
            let place = ObjectPlace {
                text,
                object: value,
                row: None,
            };
            let mut problems = Problems::default();
            problems.place(file, "defaults", issues, &place);
            problems
                .into_kept()
                .into_iter()
                .for_each(|problem| receiver.report(problem));
        }
        let Some(apps) = self.apps else { return 0 };
        let mut row = 0;
        let array = elements(apps, &mut |value| {
            row += 1;
            let entry = Spotted {
                file,
                text,
                value,
                row,
            };
            read_entry(&entry, defaults.clone(), receiver);
        });
        if !array {
            let message = format!("expects a list of entries, not {}", kind(apps));
            let mut problem = Problem::of_file(file, message).at(text.spot(text.offset(apps)));
            problem.field = Some("apps".to_owned());
            receiver.report(problem);
            // The list is there, if not as one: "no entries" would be a second word for one mistake.
            return 1;
        }
        row
    }
}

/// The keys of the manifest in a report, when the object of these keys is one (`report --format json`); how to
/// write it so that it has one, when it has none.
pub(super) fn in_report<'a>(keys: &[Pair<'a>]) -> Option<Result<Vec<Pair<'a>>, String>> {
    let value = |name: &str| {
        let pair = keys.iter().find(|pair| pair.key == name)?;
        Some(pair.value)
    };
    let run = string(value("run")?)?;
    value("totals").and(value("entries"))?;
    let manifest = value("manifest").and_then(pairs);
    Some(manifest.ok_or_else(|| {
        format!(
            "say which entries: okta-rollout report {} --format json --only failed",
            if run.chars().all(|c| c.is_ascii_alphanumeric()) {
                &run
            } else {
                "RUN"
            }
        )
    }))
}

fn of_key(file: &Path, text: &Text<'_>, pair: &Pair<'_>, message: &str) -> Problem {
    let mut problem = Problem::of_file(file, message).at(text.spot(pair.offset(text)));
    problem.field = Some(pair.key.as_ref().to_owned());
    problem
}

/// The place of an entry.
struct Spotted<'t, 'a> {
    file: &'t Path,
    text: &'t Text<'a>,
    value: &'a str,
    row: u64,
}

impl Spotted<'_, '_> {
    fn problem(&self, message: String) -> Problem {
        let spot = Spot {
            row: Some(self.row),
            ..self.text.spot(self.text.offset(self.value))
        };
        Problem::of_file(self.file, message).at(spot)
    }
}

fn read_entry(entry: &Spotted<'_, '_>, defaults: Draft, receiver: &mut impl Receiver<Draft>) {
    match pairs(entry.value) {
        Some(pairs) => read_pairs(entry, &pairs, defaults, receiver),
        None => receiver.report(entry.problem(not_an_object(entry.value))),
    }
}

fn read_pairs<'a>(
    entry: &Spotted<'_, 'a>,
    pairs: &[Pair<'a>],
    defaults: Draft,
    receiver: &mut impl Receiver<Draft>,
) {
    let mut issues = Issues::default();
    let default_features = !defaults.features.is_empty();
    let mut draft = defaults;
    let mut filler = Filler {
        text: entry.text,
        issues: &mut issues,
    };
    filler.fill_pairs(ENTRY, pairs, &At::ROOT, &mut draft);
    // Features from `defaults` are meant for the entries that can have them.
    let own_features = pairs.iter().any(|pair| pair.key == "features");
    if default_features && draft.status == Status::Disabled && !own_features {
        draft.features = Features::default();
    }
    let place = ObjectPlace {
        text: entry.text,
        object: entry.value,
        row: Some(entry.row),
    };
    let comment = !pairs.is_empty() && pairs.iter().all(|pair| is_for_people(&pair.key));
    if comment && issues.is_empty() {
        return;
    }
    receiver.take(draft, issues, &place);
}

/// Reads JSONL from after its byte order mark; returns how many lines held something.
pub(super) fn read_lines(
    file: &Path,
    mut input: impl BufRead,
    receiver: &mut impl Receiver<Draft>,
) -> io::Result<u64> {
    let mut entries = 0;
    let mut row = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        row += 1;
        let limit = MAX_LINE as u64 + 1;
        if input.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(entries);
        }
        let spot = Spot {
            line: Some(row),
            column: None,
            row: Some(row),
        };
        if line.len() > MAX_LINE && !line.ends_with(b"\n") {
            skip_line(&mut input)?;
            entries += 1;
            let message = format!("the line is over {} KiB", MAX_LINE >> 10);
            receiver.report(Problem::of_file(file, message).at(spot));
            continue;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        entries += 1;
        match std::str::from_utf8(&line) {
            Ok(line) => read_line(file, line.trim_end(), row, receiver),
            Err(error) => {
                let valid = line.get(..error.valid_up_to()).unwrap_or_default();
                let mut problem = not_utf8(file, valid, row);
                problem.row = Some(row);
                receiver.report(problem);
            }
        }
    }
}

/// Reads one line of JSONL.
pub(super) fn read_line(file: &Path, line: &str, row: u64, receiver: &mut impl Receiver<Draft>) {
    let text = Text::new(line, row);
    let entry = Spotted {
        file,
        text: &text,
        value: line.trim_start(),
        row,
    };
    // Taking an object apart finds broken JSON, too; parsing first would read every good line twice.
    if let Some(pairs) = pairs(entry.value) {
        return read_pairs(&entry, &pairs, Draft::default(), receiver);
    }
    match text.parse() {
        Ok(value) => receiver.report(entry.problem(not_an_object(value))),
        Err(error) => {
            let mut problem = error.of(file);
            problem.row = Some(row);
            receiver.report(problem);
        }
    }
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            return Ok(());
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(chunk.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}
