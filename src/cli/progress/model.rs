//! What progress says and shows, decided from events alone. Pure: the clock and the time zone are
//! given.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::line::{Line, failure, named, news, titled, told};
use crate::event::{Answers, EntryName, Event};
use crate::ledger::{EntryError, Millis, Stored};
use crate::report::{counted, short};
use crate::settings::Verbosity;
use crate::steps::Step;

/// Live lines at most: more of them move too fast to be read.
const LIVE_LINES: usize = 8;

/// Of these, lines about waiting orgs at most; the others are summed up in the last of them.
const WAIT_LINES: usize = 3;

/// A wait shorter than this (ms) gets no line of its own: it is over before it is read.
const SHORT_WAIT_MS: u128 = 2_000;

/// What moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub entries: u64,
    pub ended: u64,
    pub message: String,
    pub live: Vec<String>,
}

/// What is known from the events so far.
pub(super) struct Model {
    verbosity: Verbosity,
    zone: TimeZone,
    entries: u64,
    ended: u64,
    changed: u64,
    unchanged: u64,
    waiting: HashSet<EntryName>,
    failed: u64,
    stopping: bool,
    /// Entries under way.
    live: HashMap<EntryName, Live>,
    /// How many were under way so far.
    begun: u64,
    waits: IndexMap<Arc<str>, Wait>,
    /// The wait of each org that has been told: many calls announce the same one.
    told: HashMap<Arc<str>, (String, Option<Millis>)>,
    stopped: HashSet<Arc<str>>,
}

struct Live {
    /// In the order in which they began.
    no: u64,
    step: Step,
    retry: Option<Retry>,
}

/// When it is tried again, after how many attempts, and why.
type Retry = (Millis, u32, String);

struct Wait {
    reason: String,
    until: Option<Millis>,
}

impl Model {
    pub fn new(verbosity: Verbosity, zone: TimeZone) -> Self {
        Self {
            verbosity,
            zone,
            entries: 0,
            ended: 0,
            changed: 0,
            unchanged: 0,
            waiting: HashSet::new(),
            failed: 0,
            stopping: false,
            live: HashMap::new(),
            begun: 0,
            waits: IndexMap::new(),
            told: HashMap::new(),
            stopped: HashSet::new(),
        }
    }

    /// Takes an event in; gives the lines to print for it.
    pub fn apply(&mut self, event: Event) -> Vec<Line> {
        match event {
            Event::Begun { entries, ended } => {
                (self.entries, self.ended) = (entries, ended);
                Vec::new()
            }
            Event::StepBegun { entry, step } => {
                self.goes_on(&entry, step);
                self.move_on(entry, step, None);
                Vec::new()
            }
            Event::StepDone {
                entry,
                step,
                changed,
            } => {
                let written = if changed { ", changed" } else { "" };
                self.from(Verbosity::Steps, || {
                    format!("{}: {} done{written}", named(&entry), titled(step))
                })
            }
            Event::Retrying {
                entry,
                error,
                attempts,
                next_at,
            } => self.retrying(entry, &error, attempts, next_at),
            Event::Ended {
                entry,
                state,
                changed,
                error,
            } => self.ended(&entry, state, changed, error.as_ref()),
            Event::Looked => {
                self.ended += 1;
                Vec::new()
            }
            Event::OrgWaits {
                org,
                reason,
                for_how_long,
                until,
            } => self.org_waits(&org, &reason, for_how_long, until),
            Event::OrgGoesOn { org } => {
                self.waits.shift_remove(&org);
                self.told.remove(&org);
                Vec::new()
            }
            Event::OrgStopped { org, message, hint } => {
                self.org_stopped(&org, &message, hint.as_deref())
            }
            Event::Stopping { in_flight, answers } => {
                self.stopping = true;
                let calls = counted(
                    in_flight as u64,
                    "call in flight finishes",
                    "calls in flight finish",
                );
                news(match answers {
                    Answers::Kept => format!("stopping: {calls}, then everything is checkpointed"),
                    Answers::Lost => format!(
                        "stopping: {calls}, but their answers cannot be stored; the next run looks at what they did"
                    ),
                })
            }
        }
    }

    /// What the screen shows at this time.
    pub fn view(&self, now: Millis) -> View {
        let mut live = self.wait_lines(now);
        let free = LIVE_LINES - live.len();
        let mut longest: Vec<_> = self.live.iter().collect();
        longest.sort_unstable_by_key(|(_, live)| live.no);
        live.extend(
            longest
                .into_iter()
                .take(free)
                .map(|(entry, live)| self.live_line(entry, live)),
        );
        View {
            entries: self.entries,
            ended: self.ended,
            message: self.message(),
            live,
        }
    }

    fn message(&self) -> String {
        let mut parts: Vec<String> = [
            (self.changed, "changed"),
            (self.unchanged, "unchanged"),
            (self.waiting.len() as u64, "waiting for consent"),
            (self.failed, "failed"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
        if !self.stopped.is_empty() {
            let stopped = self.stopped.len() as u64;
            parts.push(counted(stopped, "org stopped", "orgs stopped"));
        }
        if self.stopping {
            parts.push("stopping".to_owned());
        }
        parts.join(", ")
    }

    fn wait_lines(&self, now: Millis) -> Vec<String> {
        let line = |(org, wait): (&Arc<str>, &Wait)| {
            format!("{org} waits{}: {}", self.span(now, wait.until), wait.reason)
        };
        if self.waits.len() <= WAIT_LINES {
            return self.waits.iter().map(line).collect();
        }
        let shown = WAIT_LINES - 1;
        let mut lines: Vec<String> = self.waits.iter().take(shown).map(line).collect();
        lines.push(format!("and {} more orgs wait", self.waits.len() - shown));
        lines
    }

    fn live_line(&self, entry: &EntryName, live: &Live) -> String {
        match &live.retry {
            None => format!("{}: {}", named(entry), titled(live.step)),
            Some((next_at, attempts, why)) => format!(
                "{}: {} again at {} (attempt {}): {why}",
                named(entry),
                titled(live.step),
                self.clock(*next_at),
                attempts + 1
            ),
        }
    }

    fn retrying(
        &mut self,
        entry: EntryName,
        error: &EntryError,
        attempts: u32,
        next_at: Millis,
    ) -> Vec<Line> {
        let at = self.clock(next_at);
        let lines = self.from(Verbosity::Attempts, || {
            format!(
                "{}: {}: {}; again at {at}",
                named(&entry),
                titled(error.step),
                told(error)
            )
        });
        let retry = (next_at, attempts, error.message.clone());
        self.move_on(entry, error.step, Some(retry));
        lines
    }

    fn move_on(&mut self, entry: EntryName, step: Step, retry: Option<Retry>) {
        let before = self.live.get(&entry);
        let no = before.map_or(self.begun, |live| live.no);
        self.begun += u64::from(before.is_none());
        self.live.insert(entry, Live { no, step, retry });
    }

    // An entry that was counted as waiting is under way again, now that its consent came.
    fn goes_on(&mut self, entry: &EntryName, step: Step) {
        let waited_before = step == Step::CompleteConsent && !self.live.contains_key(entry);
        if self.waiting.remove(entry) || waited_before {
            self.ended = self.ended.saturating_sub(1);
        }
    }

    fn ended(
        &mut self,
        entry: &EntryName,
        state: Stored,
        changed: bool,
        error: Option<&EntryError>,
    ) -> Vec<Line> {
        self.live.remove(entry);
        self.ended += 1;
        let name = named(entry);
        match state {
            Stored::Done if changed => {
                self.changed += 1;
                news(format!("{name}: done, changed"))
            }
            Stored::Done => {
                self.unchanged += 1;
                news(format!("{name}: done, unchanged"))
            }
            Stored::Waiting => {
                self.waiting.insert(entry.clone());
                news(format!("{name}: waiting for consent"))
            }
            Stored::Failed => {
                self.failed += 1;
                let why = error.map_or_else(String::new, |error| {
                    format!(": {}: {}", titled(error.step), told(error))
                });
                failure(
                    format!("{name}: failed{why}"),
                    error.and_then(|error| error.hint.as_deref()),
                )
            }
            // Not at rest: the run does not send this.
            Stored::Pending | Stored::Started => {
                self.ended -= 1;
                Vec::new()
            }
        }
    }

    fn org_waits(
        &mut self,
        org: &Arc<str>,
        reason: &str,
        for_how_long: Option<Duration>,
        until: Option<Millis>,
    ) -> Vec<Line> {
        let wait = Wait {
            reason: reason.to_owned(),
            until,
        };
        self.waits.insert(Arc::clone(org), wait);
        if for_how_long.is_some_and(|wait| wait.as_millis() < SHORT_WAIT_MS) {
            return Vec::new();
        }
        let this = (reason.to_owned(), until);
        if self.told.get(org) == Some(&this) {
            return Vec::new();
        }
        let span = match (for_how_long, until) {
            (Some(wait), Some(until)) => {
                format!(" {}, until {}", short(wait), self.clock(until))
            }
            (Some(wait), None) => format!(" {}", short(wait)),
            (None, Some(until)) => format!(" until {}", self.clock(until)),
            (None, None) => String::new(),
        };
        let lines = news(format!("{org}: waits{span}: {reason}"));
        self.told.insert(Arc::clone(org), this);
        lines
    }

    fn org_stopped(&mut self, org: &Arc<str>, message: &str, hint: Option<&str>) -> Vec<Line> {
        self.waits.shift_remove(org);
        self.live.retain(|entry, _| entry.org != *org);
        if !self.stopped.insert(Arc::clone(org)) {
            return Vec::new();
        }
        failure(
            format!("{org}: stopped: {message}; its entries stay pending"),
            hint,
        )
    }

    fn from(&self, verbosity: Verbosity, text: impl FnOnce() -> String) -> Vec<Line> {
        if self.verbosity >= verbosity {
            news(text())
        } else {
            Vec::new()
        }
    }

    /// ` 42 s, until 14:03:10`.
    fn span(&self, now: Millis, until: Option<Millis>) -> String {
        let Some(until) = until else {
            return String::new();
        };
        let left = u64::try_from(until.saturating_sub(now)).unwrap_or(0);
        // Whole seconds: tenths that flicker once a second say nothing.
        let left = Duration::from_secs(left.div_ceil(1000));
        let left = match left.as_secs() {
            seconds @ 0..60 => format!("{seconds} s"),
            _ => short(left),
        };
        format!(" {left}, until {}", self.clock(until))
    }

    /// Time of day in the person's time zone.
    fn clock(&self, at: Millis) -> String {
        let Ok(at) = Timestamp::from_millisecond(at) else {
            return "some time".to_owned();
        };
        let time = self.zone.to_datetime(at).time();
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _infallible = write!(
            text,
            "{:02}:{:02}:{:02}",
            time.hour(),
            time.minute(),
            time.second()
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::Feature;

    /// 2026-01-02T03:04:05Z.
    const NOW: Millis = 1_767_323_045_000;

    fn entry(org: &str, row: u64) -> EntryName {
        EntryName {
            org: org.into(),
            app: "google",
            which: "Google Workspace".into(),
            row,
        }
    }

    fn error() -> EntryError {
        EntryError {
            step: Step::SetConnection,
            message: "Verification failed: Not authorized".to_owned(),
            okta_error_code: Some("E0000001".to_owned()),
            http_status: Some(400),
            request_id: Some("abc".to_owned()),
            hint: Some("check the value behind env:ACME_GOOGLE".to_owned()),
        }
    }

    fn waits(org: &str, until: Millis) -> Event {
        Event::OrgWaits {
            org: org.into(),
            reason: "budget of /api/v1/apps: 0 of 45 left".to_owned(),
            for_how_long: u64::try_from(until - NOW).ok().map(Duration::from_millis),
            until: Some(until),
        }
    }

    fn ended(row: u64, state: Stored, changed: bool) -> Event {
        Event::Ended {
            entry: entry("acme", row),
            state,
            changed,
            error: (state == Stored::Failed).then(error),
        }
    }

    fn story() -> Vec<Event> {
        let step = |step| Event::StepBegun {
            entry: entry("acme", 14),
            step,
        };
        vec![
            Event::Begun {
                entries: 6,
                ended: 1,
            },
            step(Step::FindApp),
            Event::StepDone {
                entry: entry("acme", 14),
                step: Step::FindApp,
                changed: false,
            },
            step(Step::SetFeature(Feature::UserProvisioning)),
            Event::StepBegun {
                entry: entry("initech", 15),
                step: Step::SetConnection,
            },
            waits("acme", NOW + 42_000),
            waits("acme", NOW + 42_000),
            waits("initech", NOW + 900),
            Event::Retrying {
                entry: entry("initech", 15),
                error: EntryError {
                    message: "no answer within 60 s".to_owned(),
                    okta_error_code: None,
                    http_status: None,
                    request_id: None,
                    ..error()
                },
                attempts: 1,
                next_at: NOW + 3_000,
            },
            ended(2, Stored::Done, true),
            ended(3, Stored::Done, false),
            ended(4, Stored::Waiting, true),
            ended(5, Stored::Failed, false),
            Event::OrgStopped {
                org: "globex".into(),
                message: "Okta refused the API token (E0000011)".to_owned(),
                hint: Some("check the value behind env:GLOBEX".to_owned()),
            },
            Event::OrgStopped {
                org: "globex".into(),
                message: "Okta refused the API token (E0000011)".to_owned(),
                hint: None,
            },
            Event::Stopping {
                in_flight: 2,
                answers: Answers::Kept,
            },
        ]
    }

    fn play(verbosity: Verbosity, events: Vec<Event>) -> (Model, Vec<Line>) {
        let mut model = Model::new(verbosity, TimeZone::UTC);
        let lines = events
            .into_iter()
            .flat_map(|event| model.apply(event))
            .collect();
        (model, lines)
    }

    fn text(lines: &[Line]) -> String {
        let lines: Vec<String> = lines
            .iter()
            .map(|line| format!("{:?} {}", line.weight, line.text))
            .collect();
        lines.join("\n")
    }

    fn screen(model: &Model) -> String {
        let view = model.view(NOW);
        format!(
            "{}\n[{}/{}] {}",
            view.live.join("\n"),
            view.ended,
            view.entries,
            view.message
        )
    }

    #[test]
    fn an_entry_whose_consent_came_is_counted_once() {
        let mut model = Model::new(Verbosity::Normal, TimeZone::UTC);
        model.apply(Event::Begun {
            entries: 2,
            ended: 1,
        });
        model.apply(ended(2, Stored::Waiting, true));
        assert_eq!(model.view(NOW).ended, 2);
        for row in [2, 3] {
            // Row 2 waited in this process, row 3 since an earlier one.
            let (entry, step) = (entry("acme", row), Step::CompleteConsent);
            model.apply(Event::StepBegun {
                entry: entry.clone(),
                step,
            });
            model.apply(Event::StepBegun { entry, step });
        }
        assert_eq!(model.view(NOW).ended, 0);
        model.apply(ended(2, Stored::Done, true));
        model.apply(ended(3, Stored::Done, true));
        assert_eq!(model.view(NOW).ended, 2);
    }

    #[test]
    fn plain_lines_tell_what_ended_what_waits_and_what_stopped() {
        let (_, lines) = play(Verbosity::Normal, story());
        insta::assert_snapshot!(text(&lines), @r#"
        News acme: waits 42 s, until 03:04:47: budget of /api/v1/apps: 0 of 45 left
        News acme/google (row 2): done, changed
        News acme/google (row 3): done, unchanged
        News acme/google (row 4): waiting for consent
        Error acme/google (row 5): failed: set_connection: Verification failed: Not authorized (E0000001, HTTP 400, request abc)
        Error   hint: check the value behind env:ACME_GOOGLE
        Error globex: stopped: Okta refused the API token (E0000011); its entries stay pending
        Error   hint: check the value behind env:GLOBEX
        News stopping: 2 calls in flight finish, then everything is checkpointed
        "#);
    }

    #[test]
    fn more_verbose_adds_steps_and_then_attempts() {
        let (_, normal) = play(Verbosity::Normal, story());
        let (_, steps) = play(Verbosity::Steps, story());
        let (_, attempts) = play(Verbosity::Attempts, story());
        let added = |more: &[Line], less: &[Line]| {
            let added: Vec<Line> = more
                .iter()
                .filter(|line| !less.contains(line))
                .cloned()
                .collect();
            text(&added)
        };
        insta::assert_snapshot!(added(&steps, &normal), @r#"News acme/google (row 14): find_app done"#);
        insta::assert_snapshot!(added(&attempts, &steps), @r#"News initech/google (row 15): set_connection: no answer within 60 s; again at 03:04:08"#);
    }

    #[test]
    fn the_screen_shows_waits_first_then_entries_and_the_sum() {
        let (model, _) = play(Verbosity::Normal, story());
        insta::assert_snapshot!(screen(&model), @r#"
        acme waits 42 s, until 03:04:47: budget of /api/v1/apps: 0 of 45 left
        initech waits 1 s, until 03:04:05: budget of /api/v1/apps: 0 of 45 left
        acme/google (row 14): set_feature USER_PROVISIONING
        initech/google (row 15): set_connection again at 03:04:08 (attempt 2): no answer within 60 s
        [5/6] 1 changed, 1 unchanged, 1 waiting for consent, 1 failed, 1 org stopped, stopping
        "#);
    }

    #[test]
    fn there_are_never_more_than_eight_live_lines() {
        let mut events: Vec<Event> = (0..50)
            .map(|row| Event::StepBegun {
                entry: entry("acme", row),
                step: Step::SetConnection,
            })
            .collect();
        events.extend((0..20).map(|org| waits(&format!("org{org}"), NOW + 5_000)));
        let (model, _) = play(Verbosity::Normal, events);
        let live = model.view(NOW).live;
        assert_eq!(live.len(), LIVE_LINES);
        assert_eq!(live[2], "and 18 more orgs wait");
        assert_eq!(live[3], "acme/google (row 0): set_connection");
    }

    #[test]
    fn a_command_that_only_looks_shows_how_far_it_is() {
        let begun = Event::Begun {
            entries: 3,
            ended: 0,
        };
        let events = vec![
            begun,
            Event::Looked,
            waits("acme", NOW + 5_000),
            Event::Looked,
        ];
        let (model, lines) = play(Verbosity::Normal, events);
        insta::assert_snapshot!(text(&lines), @"News acme: waits 5.0 s, until 03:04:10: budget of /api/v1/apps: 0 of 45 left");
        insta::assert_snapshot!(screen(&model), @r"
        acme waits 5 s, until 03:04:10: budget of /api/v1/apps: 0 of 45 left
        [2/3]
        ");
    }

    #[test]
    fn a_wait_that_is_over_is_gone_and_the_next_one_is_told() {
        let mut model = Model::new(Verbosity::Normal, TimeZone::UTC);
        assert_eq!(model.apply(waits("acme", NOW + 5_000)).len(), 1);
        assert_eq!(model.view(NOW).live.len(), 1);
        model.apply(Event::OrgGoesOn { org: "acme".into() });
        assert!(model.view(NOW).live.is_empty());
        assert_eq!(model.apply(waits("acme", NOW + 65_000)).len(), 1);
    }

    #[test]
    fn a_wait_counts_down_to_zero_and_not_below() {
        let (model, _) = play(Verbosity::Normal, vec![waits("acme", NOW + 61_000)]);
        for (now, wanted) in [
            (NOW, "acme waits 1 min 1 s, until 03:05:06: budget"),
            (NOW + 20_500, "acme waits 41 s, until 03:05:06: budget"),
            (NOW + 99_000, "acme waits 0 s, until 03:05:06: budget"),
        ] {
            let live = model.view(now).live;
            assert!(live[0].starts_with(wanted), "{}", live[0]);
        }
    }
}
