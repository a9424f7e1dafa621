//! Many entries with the same story, told once: how many they are and the first of them. Pure.

use indexmap::IndexMap;

use super::text::{codes, counted};
use super::{EntryReport, ErrorReport, OrgReport, StoppedReport};
use crate::ledger::Why;

/// Names that are told; the report has them all.
const NAMED: usize = 3;

/// Stories that are kept apart; a run that has more of them has no common cause.
const STORIES: usize = 100;

/// What happened, and what to do about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Story {
    message: String,
    okta_error_code: Option<String>,
    http_status: Option<u16>,
    hint: Option<String>,
}

/// Those with one story.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// How many.
    pub count: u64,
    names: Vec<String>,
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
            self.add_error(entry.name(), error);
        }
    }

    fn add_error(&mut self, name: String, error: &ErrorReport) {
        let message = if error.step.is_empty() {
            error.message.clone()
        } else {
            format!("{}: {}", error.step, error.message)
        };
        let story = Story {
            message,
            okta_error_code: error.okta_error_code.clone(),
            http_status: error.http_status,
            hint: error.hint.clone(),
        };
        self.insert(story, name, error.request_id.clone());
    }

    /// Adds what was changed of an entry although it was there before. What had drifted is told apart from that.
    pub fn add_changes(&mut self, entry: &EntryReport) {
        for (told, why) in &entry.told {
            if matches!(why, Why::SecretChanged | Why::Manifest) {
                let story = Story {
                    message: told.clone(),
                    ..Story::default()
                };
                self.insert(story, entry.name(), None);
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

    fn add_org(&mut self, name: &str, stopped: &StoppedReport) {
        let story = Story {
            message: stopped.message.clone(),
            okta_error_code: stopped.okta_error_code.clone(),
            http_status: stopped.http_status,
            hint: stopped.hint.clone(),
        };
        self.insert(story, name.to_owned(), stopped.request_id.clone());
    }

    fn insert(&mut self, story: Story, name: String, request: Option<String>) {
        if self.groups.len() >= STORIES && !self.groups.contains_key(&story) {
            self.rest += 1;
            return;
        }
        let group = self.groups.entry(story).or_default();
        group.count += 1;
        if group.names.is_empty() {
            group.request = request;
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
                format!(
                    "{}{}",
                    story.message,
                    codes(code, story.http_status, request)
                )
            },
            hint: story.hint.as_deref(),
        })
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
