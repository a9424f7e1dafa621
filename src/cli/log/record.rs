//! A line of the log, from what happened to text or JSON.

use jiff::Timestamp;
use serde::Serializer as _;
use serde_json::Value;

use crate::apps::Feature;
use crate::event::{EntryEvent, EntryName, Event, EventKind, News, OrgEvent, RunEvent, WaveEvent};
use crate::model::{Changed, EntryState, ErrorDetails, Step, UnixMillis};
use crate::settings::LogFormat;
use crate::text::{self, Guard, Syntax};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// What a line says.
#[derive(Debug)]
pub(super) struct Record {
    pub at: UnixMillis,
    pub level: Level,
    pub event: &'static str,
    /// In the order in which they are shown; names as in a report for programs.
    pub fields: Vec<(&'static str, Value)>,
}

impl Record {
    /// Of what a listener heard.
    pub fn of(news: &News) -> Self {
        match news {
            News::Event(event) => Self::of_event(event),
            News::Lagged(lost) => {
                let mut record = Self::new(now(), Level::Warn, "lagged");
                record.add("lost", *lost);
                record
            }
        }
    }

    /// One that says no more than this yet.
    pub const fn new(at: UnixMillis, level: Level, event: &'static str) -> Self {
        Self {
            at,
            level,
            event,
            fields: Vec::new(),
        }
    }

    fn of_event(event: &Event) -> Self {
        let (level, name) = named(&event.kind);
        let mut record = Self::new(event.at, level, name);
        record.add_if("run", event.run.as_ref().map(|run| run.0.as_str()));
        record.add("seq", event.seq);
        record.add_if("org", event.org());
        match &event.kind {
            EventKind::Run(what) => record.add_run(what),
            EventKind::Org(_, what) => record.add_org(what),
            EventKind::Entry(entry, what) => record.add_entry(entry, what),
        }
        record
    }

    fn add(&mut self, name: &'static str, value: impl Into<Value>) {
        self.fields.push((name, value.into()));
    }

    fn add_if(&mut self, name: &'static str, value: Option<impl Into<Value>>) {
        self.fields.extend(value.map(|value| (name, value.into())));
    }

    fn add_run(&mut self, what: &RunEvent) {
        match what {
            RunEvent::Started { entries, ended } => {
                self.add("entries", *entries);
                self.add("ended", *ended);
            }
            RunEvent::Expected { ends_at } => self.add_if("endsAt", ends_at.map(rfc3339)),
            RunEvent::Looked { entries } => self.add("entries", *entries),
            RunEvent::Stopping { in_flight, .. } => self.add("inFlight", *in_flight),
            RunEvent::Wave { name, what, .. } => self.add_wave(name, *what),
            RunEvent::Ended => {}
        }
    }

    fn add_wave(&mut self, name: &str, what: WaveEvent) {
        self.add("wave", name);
        match what {
            WaveEvent::Began { orgs, entries } => {
                self.add("orgs", orgs);
                self.add("entries", entries);
            }
            WaveEvent::Ended { failed } => self.add("failed", failed),
            WaveEvent::Soaks { until } => self.add("until", rfc3339(until)),
            WaveEvent::AwaitsApproval => {}
            WaveEvent::Halted {
                failed,
                allowed,
                entries,
            } => {
                self.add("failed", failed);
                self.add("allowed", allowed);
                self.add("entries", entries);
            }
        }
    }

    fn add_org(&mut self, what: &OrgEvent) {
        match what {
            OrgEvent::Waits { reason, until, .. } => {
                self.add_if("until", until.map(rfc3339));
                self.add("message", reason.as_str());
            }
            OrgEvent::Continues => {}
            OrgEvent::RateLimited { call, request_id } => {
                self.add("call", call.as_str());
                self.add("httpStatus", 429);
                self.add_if("requestId", request_id.as_deref());
            }
            OrgEvent::NotCompared {
                entries,
                message,
                hint,
            } => {
                self.add("entries", *entries);
                self.add("message", message.as_str());
                self.add_if("hint", hint.as_deref());
            }
            OrgEvent::Stopped(stopped) => self.add_error(stopped),
        }
    }

    fn add_entry(&mut self, entry: &EntryName, what: &EntryEvent) {
        self.add("app", entry.app);
        self.add("entry", entry.no.0);
        self.add("row", entry.row);
        match what {
            EntryEvent::StepStarted { step } => self.add_step(*step),
            EntryEvent::StepDone {
                step,
                changed,
                http_status,
                request_id,
            } => {
                self.add_step(*step);
                self.add("changed", *changed);
                self.add_answer(None, *http_status, request_id.as_deref());
            }
            EntryEvent::Retrying {
                error,
                attempts,
                next_at,
            } => {
                self.add_step(error.step);
                self.add("attempts", *attempts);
                self.add("nextAt", rfc3339(*next_at));
                self.add_error(error);
            }
            EntryEvent::Renews => {}
            EntryEvent::Ended {
                changed,
                changes,
                request_id,
                error,
                ..
            } => {
                self.add_if("step", error.as_ref().map(|error| error.step.name()));
                self.add("changed", *changed);
                self.add_changes(changes);
                match error {
                    Some(error) => self.add_error(error),
                    None => self.add_if("requestId", request_id.as_deref()),
                }
            }
        }
    }

    fn add_step(&mut self, step: Step) {
        self.add("step", step.name());
        self.add_if("feature", step.feature().map(Feature::name));
        self.add_if("index", step.index());
    }

    // The fields and not their values: these are in the report.
    fn add_changes(&mut self, changes: &[Changed]) {
        let fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
        if !fields.is_empty() {
            self.add("changes", fields);
        }
    }

    fn add_error(&mut self, error: &ErrorDetails) {
        self.add_answer(
            error.okta_error_code.as_deref(),
            error.http_status,
            error.request_id.as_deref(),
        );
        self.add("message", error.message.as_str());
        self.add_if("hint", error.hint.as_deref());
    }

    fn add_answer(&mut self, code: Option<&str>, status: Option<u16>, request_id: Option<&str>) {
        self.add_if("httpStatus", status);
        self.add_if("oktaErrorCode", code);
        self.add_if("requestId", request_id);
    }

    /// The line, with its end.
    pub fn line(&self, format: LogFormat) -> String {
        match format {
            LogFormat::Text => self.text(),
            LogFormat::Json => self.json(),
        }
    }

    fn text(&self) -> String {
        let mut line = format!(
            "{} {:5} {}",
            rfc3339(self.at),
            self.level.name(),
            self.event
        );
        for (name, value) in &self.fields {
            line.push(' ');
            line.push_str(name);
            line.push('=');
            match value {
                Value::String(text) if is_bare(text) => line.push_str(text),
                value => line.push_str(&value.to_string()),
            }
        }
        let mut line = text::line(&line).into_owned();
        line.push('\n');
        line
    }

    fn json(&self) -> String {
        let head = [
            ("time", rfc3339(self.at)),
            ("level", self.level.name().to_owned()),
            ("event", self.event.to_owned()),
        ];
        let head = head.map(|(name, value)| (name, Value::String(value)));
        let mut line = Vec::new();
        let guard = Guard::new(&mut line, Syntax::Json);
        let pairs = head.iter().chain(&self.fields);
        let written = serde_json::Serializer::new(guard)
            .collect_map(pairs.map(|(name, value)| (name, value)));
        // Names and values are text, and memory takes everything.
        debug_assert!(written.is_ok());
        line.push(b'\n');
        String::from_utf8_lossy(&line).into_owned()
    }
}

/// How much an event matters, and its name.
const fn named(kind: &EventKind) -> (Level, &'static str) {
    match kind {
        EventKind::Run(what) => match what {
            RunEvent::Started { .. } => (Level::Info, "run_started"),
            RunEvent::Expected { .. } => (Level::Debug, "run_expected"),
            RunEvent::Looked { .. } => (Level::Debug, "run_looked"),
            RunEvent::Stopping { .. } => (Level::Warn, "run_stopping"),
            RunEvent::Wave { what, .. } => match what {
                WaveEvent::Began { .. } => (Level::Info, "wave_began"),
                WaveEvent::Ended { .. } => (Level::Info, "wave_ended"),
                WaveEvent::Soaks { .. } => (Level::Info, "wave_soaks"),
                WaveEvent::AwaitsApproval => (Level::Info, "wave_awaits_approval"),
                WaveEvent::Halted { .. } => (Level::Error, "wave_halted"),
            },
            RunEvent::Ended => (Level::Info, "run_ended"),
        },
        EventKind::Org(_, what) => match what {
            OrgEvent::Waits { .. } => (Level::Info, "org_waits"),
            OrgEvent::Continues => (Level::Info, "org_continues"),
            OrgEvent::RateLimited { .. } => (Level::Warn, "org_rate_limited"),
            OrgEvent::NotCompared { .. } => (Level::Warn, "org_not_compared"),
            OrgEvent::Stopped(_) => (Level::Error, "org_stopped"),
        },
        EventKind::Entry(_, what) => match what {
            EntryEvent::StepStarted { .. } => (Level::Debug, "step_started"),
            EntryEvent::StepDone { .. } => (Level::Info, "step_done"),
            EntryEvent::Retrying { .. } => (Level::Warn, "step_retrying"),
            EntryEvent::Renews => (Level::Info, "entry_renews"),
            EntryEvent::Ended { state, .. } => match state {
                EntryState::Failed => (Level::Error, "entry_failed"),
                EntryState::Waiting => (Level::Info, "entry_waiting"),
                _ => (Level::Info, "entry_done"),
            },
        },
    }
}

/// Now, by the local clock.
pub(super) fn now() -> UnixMillis {
    UnixMillis(Timestamp::now().as_millisecond())
}

/// In UTC, with milliseconds.
fn rfc3339(at: UnixMillis) -> String {
    // A time that no calendar has is as good as none.
    let at = Timestamp::from_millisecond(at.0).unwrap_or_default();
    format!("{at:.3}")
}

/// Whether a text needs no quotes.
fn is_bare(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/@+".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::Answers;
    use crate::failure::Remedy;
    use crate::model::{EntryError, EntryNo, RunId, Stopped, Why};

    /// 2026-01-02T03:04:05.006Z.
    const AT: UnixMillis = UnixMillis(1_767_323_045_006);

    fn of_entry(what: EntryEvent) -> EventKind {
        let entry = EntryName {
            no: EntryNo(3),
            org: "acme".into(),
            app: "google",
            which: "Google Workspace".into(),
            row: 5,
        };
        EventKind::Entry(entry, what)
    }

    fn of_org(what: OrgEvent) -> EventKind {
        EventKind::Org("acme".into(), what)
    }

    fn error() -> EntryError {
        EntryError {
            step: Step::SetConnection,
            details: ErrorDetails {
                message: "Verification failed: \"Not authorized\"".to_owned(),
                okta_error_code: Some("E0000001".to_owned()),
                http_status: Some(400),
                request_id: Some("abc".to_owned()),
                hint: Some("check the value behind env:ACME".to_owned()),
            },
        }
    }

    fn kinds() -> Vec<EventKind> {
        let ended = |state, error| {
            of_entry(EntryEvent::Ended {
                state,
                changed: state != EntryState::Failed,
                changes: match state {
                    EntryState::Done => vec![Changed::unseen("connection", Why::New)],
                    _ => Vec::new(),
                },
                request_id: Some("abd".to_owned()),
                error,
            })
        };
        vec![
            EventKind::Run(RunEvent::Started {
                entries: 6,
                ended: 1,
            }),
            EventKind::Run(RunEvent::Expected { ends_at: Some(AT) }),
            EventKind::Run(RunEvent::Looked { entries: 2 }),
            of_org(OrgEvent::Waits {
                reason: "budget of /api/v1/apps: 0 of 45 left".to_owned(),
                for_how_long: None,
                until: Some(UnixMillis(AT.0 + 1_000)),
            }),
            of_org(OrgEvent::RateLimited {
                call: "PUT /api/v1/apps/0oa1".to_owned(),
                request_id: Some("abc".to_owned()),
            }),
            of_org(OrgEvent::Continues),
            of_org(OrgEvent::NotCompared {
                entries: 2,
                message: "env:A: not set".to_owned(),
                hint: None,
            }),
            of_org(OrgEvent::Stopped(Stopped {
                remedy: Remedy::default(),
                details: ErrorDetails {
                    message: "the API token is invalid".to_owned(),
                    hint: Some("check it".to_owned()),
                    okta_error_code: Some("E0000011".to_owned()),
                    http_status: Some(401),
                    ..ErrorDetails::default()
                },
            })),
            of_entry(EntryEvent::StepStarted {
                step: Step::SetFeature(Feature::UserProvisioning),
            }),
            of_entry(EntryEvent::StepDone {
                step: Step::SetConnection,
                changed: true,
                http_status: Some(200),
                request_id: Some("abc-1_2".to_owned()),
            }),
            of_entry(EntryEvent::Retrying {
                error: error(),
                attempts: 2,
                next_at: UnixMillis(AT.0 + 500),
            }),
            of_entry(EntryEvent::Renews),
            ended(EntryState::Done, None),
            ended(EntryState::Waiting, None),
            ended(EntryState::Failed, Some(error())),
            EventKind::Run(RunEvent::Stopping {
                in_flight: 2,
                answers: Answers::Kept,
            }),
            EventKind::Run(RunEvent::Ended),
        ]
    }

    fn lines(format: LogFormat) -> String {
        let records = kinds().into_iter().zip(1..).map(|(kind, seq)| Event {
            run: Some(Arc::new(RunId("k3f9".into()))),
            seq,
            at: AT,
            kind,
        });
        let news = records.map(|event| News::Event(Arc::new(event)));
        news.map(|news| Record::of(&news).line(format)).collect()
    }

    #[test]
    fn every_event_is_a_line_of_text() {
        insta::assert_snapshot!(lines(LogFormat::Text), @r#"
        2026-01-02T03:04:05.006Z info  run_started run=k3f9 seq=1 entries=6 ended=1
        2026-01-02T03:04:05.006Z debug run_expected run=k3f9 seq=2 endsAt=2026-01-02T03:04:05.006Z
        2026-01-02T03:04:05.006Z debug run_looked run=k3f9 seq=3 entries=2
        2026-01-02T03:04:05.006Z info  org_waits run=k3f9 seq=4 org=acme until=2026-01-02T03:04:06.006Z message="budget of /api/v1/apps: 0 of 45 left"
        2026-01-02T03:04:05.006Z warn  org_rate_limited run=k3f9 seq=5 org=acme call="PUT /api/v1/apps/0oa1" httpStatus=429 requestId=abc
        2026-01-02T03:04:05.006Z info  org_continues run=k3f9 seq=6 org=acme
        2026-01-02T03:04:05.006Z warn  org_not_compared run=k3f9 seq=7 org=acme entries=2 message="env:A: not set"
        2026-01-02T03:04:05.006Z error org_stopped run=k3f9 seq=8 org=acme httpStatus=401 oktaErrorCode=E0000011 message="the API token is invalid" hint="check it"
        2026-01-02T03:04:05.006Z debug step_started run=k3f9 seq=9 org=acme app=google entry=3 row=5 step=set_feature feature=USER_PROVISIONING
        2026-01-02T03:04:05.006Z info  step_done run=k3f9 seq=10 org=acme app=google entry=3 row=5 step=set_connection changed=true httpStatus=200 requestId=abc-1_2
        2026-01-02T03:04:05.006Z warn  step_retrying run=k3f9 seq=11 org=acme app=google entry=3 row=5 step=set_connection attempts=2 nextAt=2026-01-02T03:04:05.506Z httpStatus=400 oktaErrorCode=E0000001 requestId=abc message="Verification failed: \"Not authorized\"" hint="check the value behind env:ACME"
        2026-01-02T03:04:05.006Z info  entry_renews run=k3f9 seq=12 org=acme app=google entry=3 row=5
        2026-01-02T03:04:05.006Z info  entry_done run=k3f9 seq=13 org=acme app=google entry=3 row=5 changed=true changes=["connection"] requestId=abd
        2026-01-02T03:04:05.006Z info  entry_waiting run=k3f9 seq=14 org=acme app=google entry=3 row=5 changed=true requestId=abd
        2026-01-02T03:04:05.006Z error entry_failed run=k3f9 seq=15 org=acme app=google entry=3 row=5 step=set_connection changed=false httpStatus=400 oktaErrorCode=E0000001 requestId=abc message="Verification failed: \"Not authorized\"" hint="check the value behind env:ACME"
        2026-01-02T03:04:05.006Z warn  run_stopping run=k3f9 seq=16 inFlight=2
        2026-01-02T03:04:05.006Z info  run_ended run=k3f9 seq=17
        "#);
    }

    #[test]
    fn every_line_of_json_says_the_same() {
        let (json, text) = (lines(LogFormat::Json), lines(LogFormat::Text));
        assert_eq!(json.lines().count(), text.lines().count());
        for (json, text) in json.lines().zip(text.lines()) {
            let object: serde_json::Map<String, Value> = serde_json::from_str(json).unwrap();
            for (name, value) in &object {
                let bare = value.as_str().unwrap_or_default();
                let is_said = match name.as_str() {
                    "time" | "level" | "event" => text.split(' ').any(|word| word == bare),
                    name => [value.to_string().as_str(), bare]
                        .map(|value| format!(" {name}={value}"))
                        .iter()
                        .any(|pair| text.contains(pair)),
                };
                assert!(is_said, "{name} of {json} is missing in {text}");
            }
        }
        let last = json.lines().last().unwrap();
        assert_eq!(
            last,
            r#"{"time":"2026-01-02T03:04:05.006Z","level":"info","event":"run_ended","run":"k3f9","seq":17}"#
        );
    }

    #[test]
    fn what_is_not_seen_neither_ends_a_line_nor_turns_it_round() {
        let waits = of_org(OrgEvent::Waits {
            reason: "a\nb\u{202e}c\u{1b}[2J \"d\" e=f".to_owned(),
            for_how_long: None,
            until: None,
        });
        let event = Event {
            run: None,
            seq: 1,
            at: AT,
            kind: waits,
        };
        let record = Record::of(&News::Event(Arc::new(event)));
        let (text, json) = (record.line(LogFormat::Text), record.line(LogFormat::Json));
        let message = r#" org_waits seq=1 org=acme message="a\nb\u{202e}c\u001b[2J \"d\" e=f""#;
        assert!(text.trim_end().ends_with(message), "{text}");
        for line in [&text, &json] {
            assert!(
                line.ends_with('\n') && text::is_seen(line.trim_end()),
                "{line}"
            );
        }
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["message"], "a\nb\u{202e}c\u{1b}[2J \"d\" e=f");
    }

    #[test]
    fn lost_events_are_a_line_of_their_own() {
        let line = Record::of(&News::Lagged(7)).line(LogFormat::Text);
        assert!(line.ends_with(" warn  lagged lost=7\n"), "{line}");
    }
}
