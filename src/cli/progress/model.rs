//! What progress says and shows, decided from events alone. Pure: the clock and the time zone are
//! given.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::clock::{Clock, seconds, whole};
use super::line::{
    Line, Weight, colour, failure, line, named, not_compared, painted, titled, told,
};
use super::totals::Totals;
use super::waits::Waits;
use super::wave::wave;
use crate::event::{Answers, EntryEvent, EntryName, EventKind, OrgEvent, RunEvent};
use crate::ledger::{Counts, OrgRow};
use crate::model::{Changed, EntryError, EntryState, Step, UnixMillis};
use crate::report::{counted, told as change_text};
use crate::settings::Verbosity;

/// Live lines at most: more of them move too fast to be read.
const LIVE_LINES: usize = 8;

/// Of these, lines about waiting orgs at most; the others are summed up in the last of them.
const WAIT_LINES: usize = 3;

/// What moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub entries: u64,
    pub ended: u64,
    /// How long it has taken and, where that is known, will take.
    pub time: String,
    pub message: String,
    pub live: Vec<String>,
}

/// What is known from the events so far.
pub(super) struct Model {
    verbosity: Verbosity,
    clock: Clock,
    began: UnixMillis,
    ends_at: Option<UnixMillis>,
    totals: Totals,
    stopping: bool,
    /// Entries under way.
    live: HashMap<EntryName, Live>,
    /// How many were under way so far.
    begun: u64,
    waits: Waits,
    stopped: HashSet<Arc<str>>,
    /// What the wave that counts is doing, if there are waves.
    wave: Option<String>,
}

struct Live {
    /// In the order in which they began.
    no: u64,
    step: Step,
    retry: Option<Retry>,
}

/// When it is tried again, after how many attempts, and why.
type Retry = (UnixMillis, u32, String);

impl Model {
    pub fn new(verbosity: Verbosity, zone: TimeZone, began: UnixMillis) -> Self {
        Self {
            verbosity,
            clock: Clock(zone),
            began,
            ends_at: None,
            totals: Totals::default(),
            stopping: false,
            live: HashMap::new(),
            begun: 0,
            waits: Waits::default(),
            stopped: HashSet::new(),
            wave: None,
        }
    }

    /// Takes in what happened; gives the lines to print for it.
    pub fn apply(&mut self, kind: &EventKind) -> Vec<Line> {
        match kind {
            EventKind::Run(what) => self.apply_to_run(what),
            EventKind::Org(org, what) => self.apply_to_org(org, what),
            EventKind::Entry(entry, what) => self.apply_to_entry(entry, what),
        }
    }

    fn apply_to_run(&mut self, what: &RunEvent) -> Vec<Line> {
        match what {
            RunEvent::Started { entries, ended } => self.totals.start(*entries, *ended),
            RunEvent::Expected { ends_at } => self.ends_at = *ends_at,
            RunEvent::Looked { entries } => {
                // Of several orgs at once: the later word may come first.
                self.totals.ended = self.totals.ended.max(*entries);
            }
            RunEvent::Stopping { in_flight, answers } => {
                self.stopping = true;
                return line(Weight::Notice, stopping(*in_flight as u64, *answers));
            }
            RunEvent::Wave {
                name,
                no,
                waves,
                what,
            } => {
                let (shown, said) = wave(name, (*no, *waves), *what, &self.clock);
                self.wave = Some(shown);
                return said;
            }
            RunEvent::Ended => {}
        }
        Vec::new()
    }

    fn apply_to_org(&mut self, org: &Arc<str>, what: &OrgEvent) -> Vec<Line> {
        match what {
            OrgEvent::Waits {
                reason,
                for_how_long,
                until,
            } => self
                .waits
                .begin(org, reason, *for_how_long, *until, &self.clock),
            OrgEvent::Continues => {
                self.waits.end(org);
                Vec::new()
            }
            // The wait that follows is what people see.
            OrgEvent::RateLimited { .. } => Vec::new(),
            OrgEvent::NotCompared {
                entries,
                message,
                hint,
            } => failure(not_compared(org, *entries, message), hint.as_deref()),
            OrgEvent::Stopped(why) => self.org_stopped(org, &why.message, why.hint.as_deref()),
        }
    }

    fn apply_to_entry(&mut self, entry: &EntryName, what: &EntryEvent) -> Vec<Line> {
        match what {
            EntryEvent::StepStarted { step } => {
                let is_live = self.live.contains_key(entry);
                self.totals.continues(entry, *step, is_live);
                self.move_on(entry, *step, None);
                Vec::new()
            }
            EntryEvent::StepDone { step, changed, .. } => self.step_done(entry, *step, *changed),
            EntryEvent::Retrying {
                error,
                attempts,
                next_at,
            } => self.retrying(entry, error, *attempts, *next_at),
            EntryEvent::Renews => {
                self.totals.waits_no_more(entry);
                Vec::new()
            }
            EntryEvent::Ended {
                state,
                changed,
                changes,
                error,
                ..
            } => {
                self.live.remove(entry);
                self.totals.ended(entry, *state, *changed, changes);
                let mut lines = ended(entry, *state, *changed, changes, error.as_ref());
                lines.extend(changes.iter().flat_map(|change| self.change(change)));
                lines
            }
        }
    }

    /// Events were lost. What was under way may have ended; what still is will be heard of again.
    pub fn forget_live(&mut self) {
        self.live.clear();
        self.waits = Waits::default();
    }

    /// Takes over what the ledger knows of the run.
    pub fn recount(&mut self, counts: &Counts, orgs: &[OrgRow], now: UnixMillis) {
        self.totals.recount(counts);
        for org in orgs {
            let name: Arc<str> = org.name.as_str().into();
            if org.stopped.is_some() {
                self.stopped.insert(name);
            } else if let Some(wait) = org.wait.as_ref().filter(|wait| wait.until > now) {
                self.waits.restore(name, &wait.reason, wait.until);
            }
        }
    }

    /// What the screen shows at this time, with so many live lines at most.
    pub fn view(&self, now: UnixMillis, room: usize) -> View {
        let room = room.min(LIVE_LINES);
        let mut live: Vec<String> = self.wave.iter().take(room).cloned().collect();
        let left = room - live.len();
        live.extend(self.waits.lines(now, left.min(WAIT_LINES), &self.clock));
        let free = room - live.len();
        let mut longest: Vec<_> = self.live.iter().collect();
        longest.sort_unstable_by_key(|(_, live)| live.no);
        live.extend(
            longest
                .into_iter()
                .take(free)
                .map(|(entry, live)| self.live_line(entry, live)),
        );
        View {
            entries: self.totals.entries,
            ended: self.totals.ended,
            time: self.time(now),
            message: self
                .totals
                .message(self.stopped.len() as u64, self.stopping),
            live,
        }
    }

    fn time(&self, now: UnixMillis) -> String {
        let elapsed = seconds(whole(now.ahead_of(self.began)));
        match self.ends_at.filter(|end| *end > now) {
            Some(end) => format!(
                "{elapsed}, about {} left",
                seconds(whole(end.ahead_of(now)))
            ),
            None => elapsed,
        }
    }

    fn live_line(&self, entry: &EntryName, live: &Live) -> String {
        match &live.retry {
            None => format!("{}: {}", named(entry), titled(live.step)),
            Some((next_at, attempts, why)) => format!(
                "{}: {} again at {} (attempt {}): {why}",
                named(entry),
                titled(live.step),
                self.clock.time(*next_at),
                attempts + 1
            ),
        }
    }

    fn retrying(
        &mut self,
        entry: &EntryName,
        error: &EntryError,
        attempts: u32,
        next_at: UnixMillis,
    ) -> Vec<Line> {
        let at = self.clock.time(next_at);
        let lines = self.from(Verbosity::Attempts, || {
            format!(
                "{}: {}: {}; again at {at}",
                named(entry),
                titled(error.step),
                told(error)
            )
        });
        let retry = (next_at, attempts, error.message.clone());
        self.move_on(entry, error.step, Some(retry));
        lines
    }

    fn step_done(&self, entry: &EntryName, step: Step, changed: bool) -> Vec<Line> {
        let written = if changed { ", changed" } else { "" };
        self.from(Verbosity::Steps, || {
            format!("{}: {} done{written}", named(entry), titled(step))
        })
    }

    fn move_on(&mut self, entry: &EntryName, step: Step, retry: Option<Retry>) {
        if let Some(live) = self.live.get_mut(entry) {
            (live.step, live.retry) = (step, retry);
            return;
        }
        let no = self.begun;
        self.begun += 1;
        self.live.insert(entry.clone(), Live { no, step, retry });
    }

    fn change(&self, change: &Changed) -> Vec<Line> {
        self.from(Verbosity::Steps, || format!("  {}", change_text(change)))
    }

    fn org_stopped(&mut self, org: &Arc<str>, message: &str, hint: Option<&str>) -> Vec<Line> {
        self.waits.end(org);
        self.live.retain(|entry, _| entry.org != *org);
        if !self.stopped.insert(Arc::clone(org)) {
            return Vec::new();
        }
        failure(
            format!(
                "{org}: {}: {message}; its entries stay pending",
                painted(colour::FAILED, "stopped")
            ),
            hint,
        )
    }

    fn from(&self, verbosity: Verbosity, text: impl FnOnce() -> String) -> Vec<Line> {
        if self.verbosity >= verbosity {
            line(Weight::News, text())
        } else {
            Vec::new()
        }
    }
}

/// Said of an entry that came to rest.
fn ended(
    entry: &EntryName,
    state: EntryState,
    changed: bool,
    written: &[Changed],
    error: Option<&EntryError>,
) -> Vec<Line> {
    let name = named(entry);
    let change = |style, said| line(Weight::Change, format!("{name}: {}", painted(style, said)));
    match state {
        EntryState::Done if written.iter().any(Changed::is_deactivation) => {
            change(colour::CHANGED, "done, deactivated")
        }
        EntryState::Done if changed => change(colour::CHANGED, "done, changed"),
        EntryState::Done => line(Weight::News, format!("{name}: done, unchanged")),
        EntryState::Waiting => change(colour::WAITING, "waiting for consent"),
        EntryState::Failed => {
            let why = error.map_or_else(String::new, |error| {
                format!(": {}: {}", titled(error.step), told(error))
            });
            failure(
                format!("{name}: {}{why}", painted(colour::FAILED, "failed")),
                error.and_then(|error| error.hint.as_deref()),
            )
        }
        // Not at rest: the run does not send this.
        EntryState::Pending | EntryState::Started => Vec::new(),
    }
}

/// Said when a stop was asked for, or the ledger takes no more.
fn stopping(in_flight: u64, answers: Answers) -> String {
    let calls = counted(in_flight, "call", "calls");
    match (in_flight, answers) {
        (0, Answers::Kept) => "stopping; Ctrl-C again to quit now".to_owned(),
        (_, Answers::Kept) => format!("finishing {calls}; Ctrl-C again to quit now"),
        (0, Answers::Lost) => "stopping, as nothing can be stored".to_owned(),
        (_, Answers::Lost) => format!(
            "stopping, as nothing can be stored: what {calls} under way {did} is looked at later",
            did = if in_flight == 1 { "does" } else { "do" }
        ),
    }
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;

    use super::*;
    use crate::apps::Feature;
    use crate::failure::Remedy;
    use crate::model::{EntryNo, ErrorDetails, Stopped};

    /// 2026-01-02T03:04:05Z.
    const NOW: UnixMillis = UnixMillis(1_767_323_045_000);

    fn at(ms: i64) -> UnixMillis {
        UnixMillis(NOW.0 + ms)
    }

    fn entry(org: &str, row: u64) -> EntryName {
        EntryName {
            no: EntryNo(i64::try_from(row).unwrap()),
            org: org.into(),
            app: "google",
            which: "Google Workspace".into(),
            row,
        }
    }

    fn error() -> EntryError {
        EntryError {
            step: Step::SetConnection,
            details: ErrorDetails {
                message: "Verification failed: Not authorized".to_owned(),
                okta_error_code: Some("E0000001".to_owned()),
                http_status: Some(400),
                request_id: Some("abc".to_owned()),
                hint: Some("check the value behind env:ACME_GOOGLE".to_owned()),
            },
        }
    }

    fn of_entry(org: &str, row: u64, what: EntryEvent) -> EventKind {
        EventKind::Entry(entry(org, row), what)
    }

    fn started(entries: u64, ended: u64) -> EventKind {
        EventKind::Run(RunEvent::Started { entries, ended })
    }

    fn waits(org: &str, until: UnixMillis) -> EventKind {
        let waits = OrgEvent::Waits {
            reason: "budget of /api/v1/apps: 0 of 45 left".to_owned(),
            for_how_long: Some(until.ahead_of(NOW)),
            until: Some(until),
        };
        EventKind::Org(org.into(), waits)
    }

    fn stopped(hint: Option<&str>) -> EventKind {
        let stopped = Stopped {
            remedy: Remedy::default(),
            details: ErrorDetails {
                message: "Okta refused the API token (E0000011)".to_owned(),
                hint: hint.map(str::to_owned),
                ..ErrorDetails::default()
            },
        };
        EventKind::Org("globex".into(), OrgEvent::Stopped(stopped))
    }

    fn ended(row: u64, state: EntryState, changed: bool) -> EventKind {
        let ended = EntryEvent::Ended {
            state,
            changed,
            changes: Vec::new(),
            request_id: None,
            error: (state == EntryState::Failed).then(error),
        };
        of_entry("acme", row, ended)
    }

    fn story() -> Vec<EventKind> {
        let step = |org, row, step| of_entry(org, row, EntryEvent::StepStarted { step });
        let done = EntryEvent::StepDone {
            step: Step::FindApp,
            changed: false,
            http_status: Some(200),
            request_id: None,
        };
        let retrying = EntryEvent::Retrying {
            error: EntryError {
                details: ErrorDetails::new("no answer within 60 s", error().hint.take()),
                ..error()
            },
            attempts: 1,
            next_at: at(3_000),
        };
        vec![
            started(6, 1),
            step("acme", 14, Step::FindApp),
            of_entry("acme", 14, done),
            step("acme", 14, Step::SetFeature(Feature::UserProvisioning)),
            step("initech", 15, Step::SetConnection),
            waits("acme", at(42_000)),
            waits("acme", at(42_000)),
            waits("initech", at(900)),
            of_entry("initech", 15, retrying),
            ended(2, EntryState::Done, true),
            ended(3, EntryState::Done, false),
            ended(4, EntryState::Waiting, true),
            ended(5, EntryState::Failed, false),
            stopped(Some("check the value behind env:GLOBEX")),
            stopped(None),
            EventKind::Run(RunEvent::Stopping {
                in_flight: 2,
                answers: Answers::Kept,
            }),
        ]
    }

    fn play(verbosity: Verbosity, events: &[EventKind]) -> (Model, Vec<Line>) {
        let mut model = Model::new(verbosity, TimeZone::UTC, at(-65_000));
        let lines = events.iter().flat_map(|event| model.apply(event)).collect();
        (model, lines)
    }

    fn text(lines: &[Line]) -> String {
        let lines: Vec<String> = lines
            .iter()
            .map(|line| format!("{:?} {}", line.weight, strip_str(&line.text)))
            .collect();
        lines.join("\n")
    }

    fn screen(model: &Model) -> String {
        let view = model.view(NOW, LIVE_LINES);
        format!(
            "{}\n[{}/{}] {}: {}",
            view.live.join("\n"),
            view.ended,
            view.entries,
            view.time,
            strip_str(&view.message)
        )
        .trim_end()
        .to_owned()
    }

    #[test]
    fn an_entry_that_gets_a_fresh_link_is_counted_once() {
        let renews = of_entry("acme", 1, EntryEvent::Renews);
        let (mut model, _) = play(Verbosity::Normal, &[started(2, 2)]);
        assert!(model.apply(&renews).is_empty());
        assert_eq!((model.totals.ended, model.totals.before), (1, 1));
        model.apply(&ended(1, EntryState::Waiting, false));
        assert_eq!(model.totals.ended, 2);
        let view = model.view(NOW, LIVE_LINES);
        let message = "in this session 1 waiting for consent; 1 before";
        assert_eq!(strip_str(&view.message).to_string(), message);
    }

    #[test]
    fn secrets_that_could_not_be_compared_are_reported_with_what_to_do() {
        for (entries, told) in [(1, "1 entry that waits"), (3, "3 entries that wait")] {
            let not_compared = OrgEvent::NotCompared {
                entries,
                message: "env:PW: the environment variable is not set".to_owned(),
                hint: Some("set PW".to_owned()),
            };
            let not_compared = EventKind::Org("acme".into(), not_compared);
            let (_, lines) = play(Verbosity::Normal, &[not_compared]);
            let told = format!(
                "Error acme: whether the credentials of {told} changed is not known: env:PW: the environment variable is \
                 not set\nError   hint: set PW"
            );
            assert_eq!(text(&lines).trim_end(), told);
        }
    }

    #[test]
    fn an_entry_whose_consent_came_is_counted_once() {
        let mut model = Model::new(Verbosity::Normal, TimeZone::UTC, NOW);
        model.apply(&started(2, 1));
        model.apply(&ended(2, EntryState::Waiting, true));
        assert_eq!(model.view(NOW, LIVE_LINES).ended, 2);
        for row in [2, 3] {
            // Row 2 waited in this process, row 3 since an earlier one.
            let step = Step::CompleteConsent;
            let step = of_entry("acme", row, EntryEvent::StepStarted { step });
            model.apply(&step);
            model.apply(&step);
        }
        assert_eq!(model.view(NOW, LIVE_LINES).ended, 0);
        model.apply(&ended(2, EntryState::Done, true));
        model.apply(&ended(3, EntryState::Done, true));
        assert_eq!(model.view(NOW, LIVE_LINES).ended, 2);
    }

    #[test]
    fn plain_lines_report_what_ended_what_waits_and_what_stopped() {
        let (_, lines) = play(Verbosity::Normal, &story());
        insta::assert_snapshot!(text(&lines), @r#"
        News acme: waits 42 s, until 03:04:47 UTC: budget of /api/v1/apps: 0 of 45 left
        Change acme/google (row 2): done, changed
        News acme/google (row 3): done, unchanged
        Change acme/google (row 4): waiting for consent
        Error acme/google (row 5): failed: set_connection: Verification failed: Not authorized (E0000001, HTTP 400, request abc)
        Error   hint: check the value behind env:ACME_GOOGLE
        Error globex: stopped: Okta refused the API token (E0000011); its entries stay pending
        Error   hint: check the value behind env:GLOBEX
        Notice finishing 2 calls; Ctrl-C again to quit now
        "#);
    }

    #[test]
    fn more_verbose_adds_steps_and_then_attempts() {
        let (_, normal) = play(Verbosity::Normal, &story());
        let (_, steps) = play(Verbosity::Steps, &story());
        let (_, attempts) = play(Verbosity::Attempts, &story());
        let added = |more: &[Line], less: &[Line]| {
            let added: Vec<Line> = more
                .iter()
                .filter(|line| !less.contains(line))
                .cloned()
                .collect();
            text(&added)
        };
        insta::assert_snapshot!(added(&steps, &normal), @r#"News acme/google (row 14): find_app done"#);
        insta::assert_snapshot!(added(&attempts, &steps), @r#"News initech/google (row 15): set_connection: no answer within 60 s; again at 03:04:08 UTC"#);
    }

    #[test]
    fn the_screen_shows_waits_first_then_entries_and_the_sum() {
        let (model, _) = play(Verbosity::Normal, &story());
        insta::assert_snapshot!(screen(&model), @r#"
        acme waits 42 s, until 03:04:47 UTC: budget of /api/v1/apps: 0 of 45 left
        initech waits 1 s, until 03:04:05 UTC: budget of /api/v1/apps: 0 of 45 left
        acme/google (row 14): set_feature USER_PROVISIONING
        initech/google (row 15): set_connection again at 03:04:08 UTC (attempt 2): no answer within 60 s
        [5/6] 1 min 5 s: in this session 1 changed, 1 unchanged, 1 waiting for consent, 1 failed, 1 org stopped, stopping; 1 before
        "#);
    }

    #[test]
    fn there_are_never_more_than_eight_live_lines() {
        let step = Step::SetConnection;
        let mut events: Vec<EventKind> = (0..50)
            .map(|row| of_entry("acme", row, EntryEvent::StepStarted { step }))
            .collect();
        events.extend((0..20).map(|org| waits(&format!("org{org}"), at(5_000))));
        let (model, _) = play(Verbosity::Normal, &events);
        let live = model.view(NOW, LIVE_LINES).live;
        assert_eq!(live.len(), LIVE_LINES);
        assert_eq!(live[2], "and 18 more orgs wait");
        assert_eq!(live[3], "acme/google (row 0): set_connection");
        for (room, wanted) in [
            (0, &[][..]),
            (1, &["20 orgs wait"]),
            (2, &["org0 waits", "and 19 more orgs wait"]),
            (
                4,
                &[
                    "org0 waits",
                    "org1 waits",
                    "and 18 more orgs wait",
                    "acme/google (row 0)",
                ],
            ),
        ] {
            let live = model.view(NOW, room).live;
            assert_eq!(live.len(), wanted.len(), "{live:?}");
            let begin = |(line, wanted): (&String, &&str)| line.starts_with(wanted);
            assert!(live.iter().zip(wanted).all(begin), "{live:?}");
        }
    }

    #[test]
    fn a_command_that_only_looks_shows_how_far_it_is() {
        let looked = |entries| EventKind::Run(RunEvent::Looked { entries });
        // The later word came first.
        let events = [
            started(3, 0),
            looked(2),
            waits("acme", at(5_000)),
            looked(1),
        ];
        let (model, lines) = play(Verbosity::Normal, &events);
        insta::assert_snapshot!(text(&lines), @"News acme: waits 5.0 s, until 03:04:10 UTC: budget of /api/v1/apps: 0 of 45 left");
        insta::assert_snapshot!(screen(&model), @r"
        acme waits 5 s, until 03:04:10 UTC: budget of /api/v1/apps: 0 of 45 left
        [2/3] 1 min 5 s:
        ");
    }

    #[test]
    fn a_wait_that_is_over_is_gone_and_the_next_one_is_reported() {
        let mut model = Model::new(Verbosity::Normal, TimeZone::UTC, NOW);
        assert_eq!(model.apply(&waits("acme", at(5_000))).len(), 1);
        assert_eq!(model.view(NOW, LIVE_LINES).live.len(), 1);
        model.apply(&EventKind::Org("acme".into(), OrgEvent::Continues));
        assert!(model.view(NOW, LIVE_LINES).live.is_empty());
        assert_eq!(model.apply(&waits("acme", at(65_000))).len(), 1);
    }

    #[test]
    fn a_wait_counts_down_to_zero_and_not_below() {
        let (model, _) = play(Verbosity::Normal, &[waits("acme", at(61_000))]);
        for (now, wanted) in [
            (NOW, "acme waits 1 min 1 s, until 03:05:06 UTC: budget"),
            (at(20_500), "acme waits 41 s, until 03:05:06 UTC: budget"),
            (at(99_000), "acme waits 0 s, until 03:05:06 UTC: budget"),
        ] {
            let live = model.view(now, LIVE_LINES).live;
            assert!(live[0].starts_with(wanted), "{}", live[0]);
        }
    }

    #[test]
    fn elapsed_time_counts_up_and_what_is_left_counts_down() {
        let mut model = Model::new(Verbosity::Normal, TimeZone::UTC, NOW);
        for (ends_at, now, wanted) in [
            (None, NOW, "0 s"),
            (None, at(-5_000), "0 s"),
            (None, at(59_999), "59 s"),
            (None, at(61_000), "1 min 1 s"),
            (Some(at(200_000)), at(17_000), "17 s, about 3 min 3 s left"),
            (Some(at(200_000)), at(199_000), "3 min 19 s, about 1 s left"),
            // It took longer than expected: nobody knows how much.
            (Some(at(200_000)), at(200_000), "3 min 20 s"),
            (Some(at(200_000)), at(300_000), "5 min 0 s"),
        ] {
            let expected = EventKind::Run(RunEvent::Expected { ends_at });
            assert!(model.apply(&expected).is_empty());
            assert_eq!(model.view(now, LIVE_LINES).time, wanted);
        }
    }

    #[test]
    fn a_session_counts_what_ended_in_it_and_what_had_ended_before() {
        let mut model = Model::new(Verbosity::Normal, TimeZone::UTC, NOW);
        let message = |model: &Model| strip_str(&model.view(NOW, LIVE_LINES).message).to_string();
        model.apply(&started(9, 5));
        assert_eq!(message(&model), "5 before this session");
        model.apply(&ended(7, EntryState::Done, true));
        assert_eq!(message(&model), "in this session 1 changed; 5 before");
        assert_eq!(model.view(NOW, LIVE_LINES).ended, 6);
    }

    #[test]
    fn who_asks_to_stop_is_notified_of_what_is_waited_for() {
        for (in_flight, answers, wanted) in [
            (0, Answers::Kept, "stopping; Ctrl-C again to quit now"),
            (
                1,
                Answers::Kept,
                "finishing 1 call; Ctrl-C again to quit now",
            ),
            (
                7,
                Answers::Kept,
                "finishing 7 calls; Ctrl-C again to quit now",
            ),
            (0, Answers::Lost, "stopping, as nothing can be stored"),
            (
                7,
                Answers::Lost,
                "stopping, as nothing can be stored: what 7 calls under way do is looked at later",
            ),
        ] {
            assert_eq!(stopping(in_flight, answers), wanted);
        }
    }

    #[test]
    fn states_are_in_colour() {
        for (state, changed, colour) in [
            (EntryState::Done, true, "\x1b[32mdone, changed\x1b[0m"),
            (EntryState::Done, false, "done, unchanged"),
            (
                EntryState::Waiting,
                false,
                "\x1b[36mwaiting for consent\x1b[0m",
            ),
            (EntryState::Failed, false, "\x1b[1m\x1b[31mfailed\x1b[0m"),
        ] {
            let (_, lines) = play(Verbosity::Normal, &[ended(2, state, changed)]);
            let wanted = format!("acme/google (row 2): {colour}");
            assert!(lines[0].text.starts_with(&wanted), "{:?}", lines[0].text);
        }
    }
}
