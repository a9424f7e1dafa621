//! Many entries with the same story, told once: how many they are and the first of them. Pure. Stories that differ only in
//! what their entries are called are the same.

use indexmap::IndexMap;

use super::words::counted;
use super::{EntryReport, ErrorReport, OrgReport};
use crate::model::{ErrorDetails, Why, codes};

/// Names that are told; the report has them all.
const NAMED: usize = 3;

/// Stories that are kept apart; a run that has more of them has no common cause.
const STORIES: usize = 100;

/// What happened, and what to do about it; without the request, as each has its own.
type Story = ErrorDetails;

/// Those with one story.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// How many.
    pub count: u64,
    names: Vec<String>,
    // Of the first, with what it is called.
    message: String,
    // Of the first: each has its own.
    request: Option<String>,
}

/// Stories and who has them.
#[derive(Clone, Debug, Default)]
pub struct Alike {
    groups: IndexMap<Story, Group>,
    rest: u64,
}

/// Of one story.
pub(super) struct Told<'a> {
    /// How many have it.
    pub count: u64,
    /// `acme/google (row 14)`, or `acme/google (row 14), …, … and 17 more`.
    pub names: String,
    /// What happened; of a single one with the request's name.
    pub text: String,
    /// What to do.
    pub hint: Option<&'a str>,
}

impl Alike {
    /// Adds an entry that has an error.
    pub fn add(&mut self, entry: &EntryReport) {
        if let Some(error) = &entry.error {
            self.add_error(entry, error);
        }
    }

    fn add_error(&mut self, entry: &EntryReport, error: &ErrorReport) {
        let message = if error.step.is_empty() {
            error.message.clone()
        } else {
            format!("{}: {}", error.step, error.message)
        };
        let mut story = Story {
            message: nameless(&message, entry),
            ..error.details.clone()
        };
        let request = story.request_id.take();
        self.insert_as(story, message, entry.name(), request);
    }

    /// Adds an entry of which this is to be told.
    pub fn add_told(&mut self, entry: &EntryReport, told: &str) {
        self.insert(Story::new(told, None), entry.name());
    }

    /// Adds what was changed of an entry although it was there before. What had drifted is told apart from that.
    pub fn add_changes(&mut self, entry: &EntryReport) {
        for (told, why) in &entry.told {
            if matches!(why, Why::SecretChanged | Why::Manifest) {
                self.insert(Story::new(told, None), entry.name());
            }
        }
    }

    /// Why orgs were stopped.
    pub(super) fn of_orgs(orgs: &[OrgReport]) -> Self {
        let mut alike = Self::default();
        for org in orgs {
            if let Some(stopped) = &org.stopped {
                alike.add_org(&org.org, stopped);
            }
        }
        alike
    }

    fn add_org(&mut self, name: &str, stopped: &ErrorDetails) {
        self.insert(stopped.clone(), name.to_owned());
    }

    fn insert(&mut self, mut story: Story, name: String) {
        let (message, request) = (story.message.clone(), story.request_id.take());
        self.insert_as(story, message, name, request);
    }

    fn insert_as(&mut self, story: Story, message: String, name: String, request: Option<String>) {
        if self.groups.len() >= STORIES && !self.groups.contains_key(&story) {
            self.rest += 1;
            return;
        }
        let group = self.groups.entry(story).or_default();
        group.count += 1;
        if group.names.is_empty() {
            group.request = request;
            group.message = message;
        }
        if group.names.len() < NAMED {
            group.names.push(name);
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// How many have a story, told or not.
    pub fn count(&self) -> u64 {
        self.rest + self.groups.values().map(|group| group.count).sum::<u64>()
    }

    /// The stories in the order in which they came.
    pub(super) fn told(&self) -> impl Iterator<Item = Told<'_>> {
        self.groups.iter().map(|(story, group)| Told {
            count: group.count,
            names: names(group),
            text: {
                let request = group.request.as_deref().filter(|_| group.count == 1);
                let code = story.okta_error_code.as_deref();
                let message = match group.count {
                    1 => &group.message,
                    _ => &story.message,
                };
                format!("{message}{}", codes(code, story.http_status, request))
            },
            hint: story.hint.as_deref(),
        })
    }
}

/// A message without what its entry is called, which the names beside it tell.
fn nameless(message: &str, entry: &EntryReport) -> String {
    let EntryReport { app_id, label, .. } = entry;
    let without_label = match label {
        Some(label) if !label.is_empty() => message.replace(&format!("{label:?}"), "…"),
        _ => message.to_owned(),
    };
    match app_id {
        Some(id) if !id.is_empty() => without_label.replace(id.as_str(), "…"),
        _ => without_label,
    }
}

fn names(group: &Group) -> String {
    let shown = group.names.join(", ");
    match group.count.saturating_sub(group.names.len() as u64) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl Told<'_> {
    /// `acme was stopped: …`, or `20 orgs were stopped: …: acme, globex, initech and 17 more`.
    pub(super) fn stopped(&self) -> String {
        let were = if self.count == 1 { "was" } else { "were" };
        self.line(&format!("{were} stopped"), "org", "orgs")
    }

    /// `acme/google (row 14) failed: …`, or `20 entries failed: …: acme/google (row 14), … and 17 more`.
    pub(super) fn line(&self, what: &str, one: &str, many: &str) -> String {
        let Self {
            count, names, text, ..
        } = self;
        if *count == 1 {
            format!("{names} {what}: {text}")
        } else {
            let all = counted(*count, one, many);
            format!("{all} {what}: {text}: {names}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::tests::{GOOGLE, acme, google, refused};
    use super::super::{Held, entry};
    use super::*;
    use crate::ledger::Progress;
    use crate::model::{EntryState, Step};

    fn lines(errors: &[(&str, Option<&str>, &str)]) -> Vec<String> {
        let mut alike = Alike::default();
        for (row, (id, label, message)) in (2..).zip(errors) {
            let mut failed = google(EntryState::Failed, Progress::default());
            failed.row = row;
            failed.entry.app_id = Some((*id).to_owned()).filter(|id| !id.is_empty());
            failed.entry.label = label.map(str::to_owned);
            let mut error = refused(Step::FindApp);
            error.details = ErrorDetails {
                request_id: error.request_id.take(),
                ..ErrorDetails::new(*message, error.hint.take())
            };
            failed.error = Some(error);
            alike.add(&entry(&failed, &acme(), &GOOGLE, Held::No));
        }
        let lines = alike
            .told()
            .map(|told| told.line("failed", "entry", "entries"));
        lines.collect()
    }

    #[test]
    fn stories_that_differ_in_the_names_of_their_entries_are_one() {
        let gone = [
            "Not found: 0oa1 (AppInstance)",
            "Not found: 0oa2 (AppInstance)",
        ];
        for (errors, wanted) in [
            (
                &[("0oa1", None, gone[0])][..],
                &[
                    "acme/google (row 2) failed: find_app: Not found: 0oa1 (AppInstance) (request abc)",
                ][..],
            ),
            (
                &[("0oa1", None, gone[0]), ("0oa2", None, gone[1])],
                &[
                    "2 entries failed: find_app: Not found: … (AppInstance): acme/google (row 2), acme/google (row 3)",
                ],
            ),
            (
                &[
                    ("", Some("One"), "no google app is labelled \"One\""),
                    ("", Some("Two"), "no google app is labelled \"Two\""),
                ],
                &[
                    "2 entries failed: find_app: no google app is labelled …: acme/google (row 2), acme/google (row 3)",
                ],
            ),
            // Another app's id is no name of the entry.
            (
                &[("0oa1", None, "it is 0oa8"), ("0oa2", None, "it is 0oa9")],
                &[
                    "acme/google (row 2) failed: find_app: it is 0oa8 (request abc)",
                    "acme/google (row 3) failed: find_app: it is 0oa9 (request abc)",
                ],
            ),
        ] {
            assert_eq!(lines(errors), wanted);
        }
    }
}
