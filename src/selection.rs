//! `--only`: which entries of a run a command is about. Pure: what is selected follows from an entry's
//! org, app and state.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::apps::App;
use crate::model::{EntryState, State};

/// Keys of a condition.
const KEYS: &str = "org, app, state";

/// One condition of `--only`: `org=NAME`, `app=APP`, `state=STATE`, or a bare state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Name of an org; `*` stands for any characters.
    Org(String),
    /// An app.
    App(App),
    /// A state.
    State(State),
    /// A way to be done.
    Ended(Ended),
}

/// How an entry came to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing was written.
    Unchanged,
    /// Something was.
    Changed,
    /// That was to switch its connection off.
    Deactivated,
}

impl Ended {
    const ALL: [Self; 3] = [Self::Unchanged, Self::Changed, Self::Deactivated];

    /// From what is known of an entry that is done.
    pub const fn of(changed: bool, deactivated: bool) -> Self {
        match (changed, deactivated) {
            (false, _) => Self::Unchanged,
            (true, false) => Self::Changed,
            (true, true) => Self::Deactivated,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Deactivated => "deactivated",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ended| ended.name() == name)
    }

    // What was deactivated was changed.
    fn is(self, asked: Self) -> bool {
        self == asked || (self, asked) == (Self::Deactivated, Self::Changed)
    }
}

/// Why a condition is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCondition {
    /// Nothing before or after the `=`.
    #[error("give KEY=VALUE; the keys are {KEYS}")]
    Empty,
    /// A key that is not known.
    #[error("no key {0:?}; the keys are {KEYS}")]
    Key(String),
    /// An app that is not known.
    #[error("no app {0:?}; the apps are {apps}", apps = names(App::ALL.map(App::name)))]
    App(String),
    /// A state that is not known.
    #[error(
        "no state {0:?}; the states are {states}, {ended}; other conditions are KEY=VALUE with {KEYS}",
        states = names(State::ALL.map(State::name)),
        ended = names(Ended::ALL.map(Ended::name)),
    )]
    State(String),
}

fn names<const N: usize>(all: [&'static str; N]) -> String {
    all.join(", ")
}

impl FromStr for Condition {
    type Err = BadCondition;

    fn from_str(text: &str) -> Result<Self, BadCondition> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key.trim(), value.trim()),
            None => ("state", text.trim()),
        };
        if key.is_empty() || value.is_empty() {
            return Err(BadCondition::Empty);
        }
        match key {
            "org" => Ok(Self::Org(value.to_owned())),
            "app" => App::from_name(value)
                .map(Self::App)
                .ok_or_else(|| BadCondition::App(value.to_owned())),
            "state" => State::from_name(value)
                .map(Self::State)
                .or_else(|| Ended::from_name(value).map(Self::Ended))
                .ok_or_else(|| BadCondition::State(value.to_owned())),
            _ => Err(BadCondition::Key(key.to_owned())),
        }
    }
}

/// What `--only` selects: values of one key are alternatives, different keys must all hold. Without
/// conditions it is everything. Stored, it is a list of conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Selection {
    orgs: Vec<String>,
    apps: Vec<App>,
    states: Vec<State>,
    ended: Vec<Ended>,
}

impl Selection {
    /// Of these conditions.
    pub fn of(conditions: &[Condition]) -> Self {
        let mut selection = Self::default();
        for condition in conditions {
            match condition.clone() {
                Condition::Org(name) => selection.orgs.push(name),
                Condition::App(app) => selection.apps.push(app),
                Condition::State(state) => selection.states.push(state),
                Condition::Ended(ended) => selection.ended.push(ended),
            }
        }
        selection
    }

    /// One that selects entries of these orgs and apps, and few others; with `more`, of all orgs.
    pub fn covering<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>, more: bool) -> Self {
        let mut covering = Self::default();
        for (org, app) in entries {
            if !more && !covering.orgs.iter().any(|known| known == org) {
                covering.orgs.push(org.to_owned());
            }
            let app = App::from_name(app).filter(|app| !covering.apps.contains(app));
            covering.apps.extend(app);
        }
        covering
    }

    /// Whether nothing is left out.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the state matters.
    pub fn has_states(&self) -> bool {
        !self.states.is_empty() || !self.ended.is_empty()
    }

    /// Whether this state is among those named.
    pub fn names_state(&self, state: State) -> bool {
        self.states.contains(&state)
    }

    /// The same with this state instead of those named; `None` = any.
    #[must_use]
    pub fn with_state(&self, state: Option<State>) -> Self {
        Self {
            states: state.into_iter().collect(),
            ended: Vec::new(),
            ..self.clone()
        }
    }

    /// Whether entries of this org can be selected.
    pub fn takes_org(&self, org: &str) -> bool {
        self.orgs.is_empty() || self.orgs.iter().any(|pattern| fits(pattern, org))
    }

    /// Whether an entry of this app in this org is selected, if its state is.
    pub fn takes_entry(&self, org: &str, app: App) -> bool {
        self.takes_app(app) && self.takes_org(org)
    }

    /// Whether entries of this app can be selected.
    pub fn takes_app(&self, app: App) -> bool {
        self.apps.is_empty() || self.apps.contains(&app)
    }

    /// Whether this state, as reports show it, is selected; `ended`: how one that is done came to be so.
    pub fn takes_state(&self, state: State, ended: Ended) -> bool {
        let is_ended = || state == State::Done && self.ended.iter().any(|asked| ended.is(*asked));
        !self.has_states() || self.states.contains(&state) || is_ended()
    }

    /// Whether entries in this stored state are selected. One that was begun is both `running`, to whoever
    /// works on it, and `pending`, as reports show it when nobody does.
    pub fn takes_stored(&self, stored: EntryState, ended: Ended) -> bool {
        let shown: &[State] = match stored {
            EntryState::Pending => &[State::Pending],
            EntryState::Started => &[State::Pending, State::Running],
            EntryState::Waiting => &[State::Waiting],
            EntryState::Done => &[State::Done],
            EntryState::Failed => &[State::Failed],
        };
        shown.iter().any(|state| self.takes_state(*state, ended))
    }

    /// The first pattern that fits none of these orgs: most likely a typing mistake.
    pub fn unknown_org(&self, orgs: &[&str]) -> Option<&str> {
        let known = |pattern: &&String| orgs.iter().any(|org| fits(pattern, org));
        let unknown = self.orgs.iter().find(|pattern| !known(pattern));
        unknown.map(String::as_str)
    }

    /// As a flag to type, with quotes where a shell needs them; empty when it is everything.
    pub fn flag(&self) -> String {
        if self.is_all() {
            return String::new();
        }
        let text = self.to_string();
        let plain = |c: char| c.is_ascii_alphanumeric() || "=,._-".contains(c);
        if text.chars().all(plain) {
            format!(" --only {text}")
        } else {
            format!(" --only '{}'", text.replace('\'', "'\\''"))
        }
    }
}

impl From<Selection> for Vec<String> {
    fn from(selection: Selection) -> Self {
        let orgs = selection.orgs.iter().map(|org| format!("org={org}"));
        let apps = selection.apps.iter().map(|app| format!("app={app}"));
        let states = selection.states.iter().map(|state| state.name().to_owned());
        let ended = selection.ended.iter().map(|ended| ended.name().to_owned());
        states.chain(ended).chain(orgs).chain(apps).collect()
    }
}

impl TryFrom<Vec<String>> for Selection {
    type Error = BadCondition;

    fn try_from(conditions: Vec<String>) -> Result<Self, BadCondition> {
        let conditions = conditions.iter().map(|condition| condition.parse());
        Ok(Self::of(&conditions.collect::<Result<Vec<_>, _>>()?))
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Vec::from(self.clone()).join(","))
    }
}

/// Whether a text fits a pattern in which `*` stands for any characters.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(text: &str) -> Selection {
        let conditions: Vec<Condition> = text.split(',').map(|c| c.parse().unwrap()).collect();
        Selection::of(&conditions)
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text, wanted) in [
            ("acme", "acme", true),
            ("acme", "acme-eu", false),
            ("acme", "Acme", false),
            ("canary-*", "canary-1", true),
            ("canary-*", "canary-", true),
            ("canary-*", "a-canary-1", false),
            ("*-eu", "acme-eu", true),
            ("*-eu", "acme-eu-2", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("*", "", true),
            ("**", "x", true),
            ("ü*", "über", true),
        ] {
            assert_eq!(fits(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn values_of_a_key_are_alternatives_and_keys_must_all_hold() {
        use State::{Done, Failed, Waiting};
        for (text, org, app, state, wanted) in [
            ("failed", "acme", App::Google, Failed, true),
            ("failed", "acme", App::Google, Done, false),
            ("failed,waiting", "acme", App::Google, Waiting, true),
            ("state=failed,org=acme", "acme", App::Slack, Failed, true),
            ("failed,org=acme", "globex", App::Slack, Failed, false),
            ("org=acme,org=glob*", "globex", App::Slack, Done, true),
            ("app=slack,app=google", "acme", App::Google, Done, true),
            ("app=slack, org=*", "acme", App::Google, Done, false),
        ] {
            let selection = selection(text);
            let taken =
                selection.takes_entry(org, app) && selection.takes_state(state, Ended::Changed);
            assert_eq!(taken, wanted, "{text}: {org} {app} {state:?}");
        }
        assert!(Selection::default().takes_entry("x", App::Zoomus));
    }

    #[test]
    fn an_entry_that_was_begun_is_running_and_pending() {
        for (text, stored, wanted) in [
            ("pending", EntryState::Started, true),
            ("running", EntryState::Started, true),
            ("running", EntryState::Pending, false),
            ("pending", EntryState::Pending, true),
            ("failed", EntryState::Failed, true),
            ("failed", EntryState::Waiting, false),
            ("org=x", EntryState::Done, true),
        ] {
            let taken = selection(text).takes_stored(stored, Ended::Unchanged);
            assert_eq!(taken, wanted, "{text} {stored:?}");
        }
    }

    #[test]
    fn what_was_changed_can_be_selected() {
        use Ended::{Changed, Deactivated, Unchanged};
        for (text, taken) in [
            ("changed", [false, true, true, false]),
            ("state=unchanged", [true, false, false, false]),
            ("deactivated", [false, false, true, false]),
            ("done", [true, true, true, false]),
            ("changed,unchanged", [true, true, true, false]),
            ("changed,failed", [false, true, true, true]),
        ] {
            let selection = selection(text);
            let states = [
                (State::Done, Unchanged),
                (State::Done, Changed),
                (State::Done, Deactivated),
                // It wrote something before it failed.
                (State::Failed, Changed),
            ];
            let found = states.map(|(state, ended)| selection.takes_state(state, ended));
            assert_eq!(found, taken, "{text}");
            assert!(selection.has_states() && !selection.with_state(None).has_states());
        }
    }

    #[test]
    fn mistakes_name_what_would_be_right() {
        for (text, wanted) in [
            ("", "give KEY=VALUE; the keys are org, app, state"),
            ("org=", "give KEY=VALUE; the keys are org, app, state"),
            ("label=x", "no key \"label\"; the keys are org, app, state"),
            (
                "app=gogle",
                "no app \"gogle\"; the apps are google, office365, okta_org2org, slack, zoomus, zscalerbyz",
            ),
            (
                "broken",
                "no state \"broken\"; the states are pending, running, waiting, done, failed, unchanged, changed, deactivated; other conditions are KEY=VALUE with org, app, state",
            ),
        ] {
            assert_eq!(text.parse::<Condition>().unwrap_err().to_string(), wanted);
        }
    }

    #[test]
    fn a_pattern_without_an_org_is_found() {
        let orgs = ["acme", "canary-1"];
        for (text, unknown) in [
            ("org=acme,org=canary-*", None),
            ("org=acme,org=canari-*", Some("canari-*")),
            ("failed", None),
        ] {
            let selection = selection(text);
            assert_eq!(selection.unknown_org(&orgs), unknown, "{text}");
        }
    }

    #[test]
    fn it_covers_what_is_named() {
        let named = [
            ("acme", "office365"),
            ("globex", "office365"),
            ("acme", "google"),
        ];
        for (take, more, flag) in [
            (1, false, " --only org=acme,app=office365"),
            (
                3,
                false,
                " --only org=acme,org=globex,app=office365,app=google",
            ),
            (2, true, " --only app=office365"),
            (0, false, ""),
        ] {
            let covering = Selection::covering(named.into_iter().take(take), more);
            assert_eq!(covering.flag(), flag);
            for (org, app) in named.into_iter().take(take) {
                assert!(covering.takes_entry(org, App::from_name(app).unwrap()));
            }
        }
    }

    #[test]
    fn it_can_be_typed_again() {
        for (text, flag) in [
            ("org=acme,failed", " --only failed,org=acme"),
            ("org=acme,changed,failed", " --only failed,changed,org=acme"),
            ("org=canary-*", " --only 'org=canary-*'"),
            ("org=it's", " --only 'org=it'\\''s'"),
        ] {
            let selection = selection(text);
            assert_eq!(selection.flag(), flag);
            let stored = serde_json::to_value(&selection).unwrap();
            assert_eq!(
                serde_json::from_value::<Selection>(stored).unwrap(),
                selection
            );
        }
        assert_eq!(Selection::default().flag(), "");
        let waiting = selection("failed,org=a").with_state(Some(State::Waiting));
        assert_eq!(waiting.to_string(), "waiting,org=a");
    }
}
