//! What happens, as pages hear it: numbered, kept for a while so that who was away hears what was missed, and the same
//! bytes for everybody. Several changes within a moment are one batch, so that streams cost a run next to nothing. No
//! link, `state` or code is ever in it: it names runs, orgs, entries and how they stand.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use indexmap::IndexMap;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::event::{EntryEvent, Event, EventKind, Listener, News, OrgEvent, RunEvent, WaveEvent};
use crate::model::{EntryState, RunId, State};

/// Events that are kept for who was away: some minutes of a fast run.
const KEPT: usize = 2_000;

/// How long changes are gathered: faster than people look.
const MOMENT: Duration = Duration::from_millis(250);

/// Entries of a run that are named in a moment; of more only their run is, and how many they are.
const NAMED: usize = 50;

/// How often a stream says something although nothing happens: a proxy takes silence for an end.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// See the first lines of this file.
pub(super) struct Feed {
    /// Tells the events of this process from those of others.
    boot: String,
    kept: Mutex<Kept>,
    last: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    last: u64,
    events: VecDeque<(u64, Bytes)>,
}

impl Feed {
    pub fn new() -> Self {
        Self {
            boot: hex::encode(rand::random::<[u8; 4]>()),
            kept: Mutex::default(),
            last: watch::Sender::new(0),
        }
    }

    /// Says that something happened.
    pub fn say(&self, event: &str, data: &Value) {
        let mut kept = self.kept.lock();
        kept.last += 1;
        let last = kept.last;
        let text = self.event(last, event, data);
        if kept.events.len() == KEPT {
            kept.events.pop_front();
        }
        kept.events.push_back((last, text));
        drop(kept);
        self.last.send_replace(last);
    }

    fn event(&self, id: u64, event: &str, data: &Value) -> Bytes {
        let boot = &self.boot;
        Bytes::from(format!("id: {boot}-{id}\nevent: {event}\ndata: {data}\n\n"))
    }

    /// What a stream begins with, and the number of the last event in it.
    fn begin(&self, last_heard: Option<&str>) -> (Bytes, u64) {
        let kept = self.kept.lock();
        let heard = last_heard.map(|heard| {
            let (boot, id) = heard.rsplit_once('-')?;
            let id = id.parse().ok().filter(|id| *id <= kept.last)?;
            let is_kept = kept
                .events
                .front()
                .is_none_or(|(first, _)| *first <= id + 1);
            (boot == self.boot && is_kept).then_some(id)
        });
        match heard {
            Some(Some(id)) => (Bytes::from_static(b"retry: 2000\n\n"), id),
            // What was missed is not known any more: whoever shows something looks again.
            Some(None) => (self.event(kept.last, "reset", &json!({})), kept.last),
            None => {
                let hello = self.event(kept.last, "hello", &json!({}));
                (
                    Bytes::from([&b"retry: 2000\n"[..], &hello].concat()),
                    kept.last,
                )
            }
        }
    }

    /// What came after this number; `None` in it = some of that is not kept any more.
    fn after(&self, heard: u64) -> (Option<Bytes>, u64) {
        let kept = self.kept.lock();
        let new = kept.last - heard;
        let count = usize::try_from(new).unwrap_or(usize::MAX);
        if count > kept.events.len() {
            return (None, kept.last);
        }
        let from = kept.events.len() - count;
        let new: Vec<u8> = kept
            .events
            .range(from..)
            .flat_map(|(_, text)| text.iter().copied())
            .collect();
        (Some(new.into()), kept.last)
    }

    /// All that happens from now on or since the event with this id, until `end`. `held` is dropped with the stream.
    pub fn stream<T: Send + 'static>(
        self: &Arc<Self>,
        last_heard: Option<&str>,
        end: CancellationToken,
        held: T,
    ) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + 'static {
        let (first, heard) = self.begin(last_heard);
        let told = Told {
            feed: Arc::clone(self),
            last: self.last.subscribe(),
            heard,
            first: Some(first),
            end,
            has_ended: false,
            _held: held,
        };
        stream::unfold(told, async |mut told| {
            let next = told.next().await?;
            Some((Ok(next), told))
        })
    }

    /// Says what a process' listener hears, until nobody is left to say anything.
    pub async fn hear(&self, mut news: Listener) {
        while let Some(first) = news.next().await {
            let mut moment = Moment::default();
            moment.add(&first);
            let over = tokio::time::sleep(MOMENT);
            let mut over = std::pin::pin!(over);
            let is_last = loop {
                tokio::select! {
                    biased;
                    () = &mut over => break false,
                    more = news.next() => match more {
                        Some(more) => moment.add(&more),
                        None => break true,
                    }
                }
            };
            moment.say(self);
            if is_last {
                break;
            }
        }
    }
}

/// One who hears.
struct Told<T> {
    feed: Arc<Feed>,
    last: watch::Receiver<u64>,
    heard: u64,
    first: Option<Bytes>,
    end: CancellationToken,
    has_ended: bool,
    _held: T,
}

impl<T> Told<T> {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if self.has_ended {
            return None;
        }
        loop {
            let is_over = self.end.is_cancelled();
            let (new, last) = self.feed.after(self.heard);
            self.heard = last;
            match new {
                Some(new) if new.is_empty() => {}
                Some(new) => return Some(new),
                None => return Some(self.feed.event(last, "reset", &json!({}))),
            }
            // What came last is said before the end is.
            if is_over {
                self.has_ended = true;
                return Some(self.feed.event(self.heard, "end", &json!({})));
            }
            let heard = self.heard;
            tokio::select! {
                biased;
                () = self.end.cancelled() => {}
                _ = self.last.wait_for(|last| *last > heard) => {}
                () = tokio::time::sleep(HEARTBEAT) => return Some(Bytes::from_static(b": here\n\n")),
            }
        }
    }
}

/// What happened within a moment. What an entry comes to is written out only when it is said: of a fast run most is not.
#[derive(Default)]
struct Moment {
    runs: IndexMap<Arc<RunId>, IndexMap<u64, Standing>>,
    others: IndexMap<(&'static str, String), Value>,
    has_lost: bool,
}

/// How an entry stands, and in which step.
struct Standing {
    org: Arc<str>,
    app: &'static str,
    state: State,
    step: Option<&'static str>,
}

impl Moment {
    fn add(&mut self, news: &News) {
        let event = match news {
            News::Event(event) => event,
            News::Lagged(_) => {
                self.has_lost = true;
                return;
            }
        };
        let run = || event.run.as_ref().map_or("", |run| &run.0);
        match &event.kind {
            EventKind::Entry(name, what) => {
                let Some(run) = &event.run else { return };
                let (state, step) = standing(what);
                let (org, app) = (Arc::clone(&name.org), name.app);
                let entries = self.runs.entry(Arc::clone(run)).or_default();
                entries.insert(
                    name.row,
                    Standing {
                        org,
                        app,
                        state,
                        step,
                    },
                );
            }
            EventKind::Org(org, what) => self.add_org(run(), org, what),
            EventKind::Run(what) => self.add_run(run().to_owned(), event, what),
        }
    }

    fn add_org(&mut self, run: &str, org: &str, what: &OrgEvent) {
        let (doing, until) = match what {
            OrgEvent::Waits { until, .. } => ("waits", *until),
            OrgEvent::Continues => ("continues", None),
            OrgEvent::RateLimited { .. } => ("rateLimited", None),
            OrgEvent::Stopped(_) => ("stopped", None),
            OrgEvent::NotCompared { .. } => return,
        };
        let key = format!("{run}/{org}");
        let until = until.map(|until| until.0);
        let value = json!({ "run": run, "org": org, "is": doing, "until": until });
        self.others.insert(("org", key), value);
    }

    fn add_run(&mut self, run: String, event: &Event, what: &RunEvent) {
        match what {
            RunEvent::Wave { name, what, .. } => {
                let doing = match what {
                    WaveEvent::Began { .. } => "running",
                    WaveEvent::Ended { .. } => "done",
                    WaveEvent::Soaks { .. } => "soaking",
                    WaveEvent::AwaitsApproval => "awaitingApproval",
                    WaveEvent::Halted { .. } => "halted",
                };
                let key = format!("{run}/{name}");
                let value = json!({ "run": run, "wave": &**name, "state": doing });
                self.others.insert(("wave", key), value);
            }
            RunEvent::Started { .. } | RunEvent::Stopping { .. } | RunEvent::Ended => {
                let doing = match what {
                    RunEvent::Started { .. } => "running",
                    RunEvent::Stopping { .. } => "stopping",
                    _ => "ended",
                };
                let value = json!({ "run": run, "is": doing, "at": event.at.0 });
                self.others.insert(("run", run), value);
            }
            RunEvent::Expected { .. } | RunEvent::Looked { .. } => {}
        }
    }

    fn say(self, feed: &Feed) {
        for (run, entries) in &self.runs {
            if entries.len() > NAMED {
                feed.say(
                    "entries",
                    &json!({ "run": run.0, "entries": entries.len() }),
                );
                continue;
            }
            for (row, entry) in entries {
                let Standing {
                    org,
                    app,
                    state,
                    step,
                } = entry;
                let value = json!({ "run": run.0, "org": &**org, "app": app, "row": row, "state": state.name(), "step": step });
                feed.say("entry", &value);
            }
        }
        for ((event, _), value) in &self.others {
            feed.say(event, value);
        }
        if self.has_lost {
            feed.say("reset", &json!({}));
        }
    }
}

fn standing(what: &EntryEvent) -> (State, Option<&'static str>) {
    match what {
        EntryEvent::StepStarted { step } | EntryEvent::StepDone { step, .. } => {
            (State::Running, Some(step.name()))
        }
        EntryEvent::Retrying { error, .. } => (State::Running, Some(error.step.name())),
        EntryEvent::Renews => (State::Pending, None),
        EntryEvent::Ended { state, .. } => (
            match state {
                EntryState::Waiting => State::Waiting,
                EntryState::Failed => State::Failed,
                EntryState::Done => State::Done,
                EntryState::Pending | EntryState::Started => State::Pending,
            },
            None,
        ),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;
    use crate::event::Events;

    async fn text(feed: &Arc<Feed>, last: Option<&str>, parts: usize) -> String {
        let stream = feed.stream(last, CancellationToken::new(), ());
        let parts = stream.take(parts).map(|part| part.unwrap());
        let parts: Vec<Bytes> = parts.collect().await;
        String::from_utf8(parts.concat()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_away_hears_what_was_missed_first() {
        let feed = Arc::new(Feed::new());
        let boot = feed.boot.clone();
        let hello = text(&feed, None, 1).await;
        assert!(
            hello.contains(&format!("id: {boot}-0\nevent: hello")),
            "{hello}"
        );
        for no in 1..=3 {
            feed.say("entry", &json!({ "row": no }));
        }
        let missed = text(&feed, Some(&format!("{boot}-1")), 2).await;
        assert!(!missed.contains("\"row\":1"), "{missed}");
        let (two, three) = (missed.find("\"row\":2"), missed.find("\"row\":3"));
        assert!(two.is_some() && two < three, "{missed}");
        for unknown in ["other-1", "nonsense", &format!("{boot}-9")] {
            let told = text(&feed, Some(unknown), 1).await;
            assert!(told.contains("event: reset"), "{unknown}: {told}");
            assert!(told.contains(&format!("id: {boot}-3")), "{unknown}: {told}");
        }
        for no in 0..KEPT {
            feed.say("entry", &json!({ "row": no }));
        }
        let told = text(&feed, Some(&format!("{boot}-1")), 1).await;
        assert!(told.contains("event: reset"), "{told}");
        let here = text(&feed, None, 2).await;
        assert!(here.ends_with(": here\n\n"), "{here}");
        let end = CancellationToken::new();
        end.cancel();
        let stream = feed.stream(None, end, ());
        assert_eq!(stream.collect::<Vec<_>>().await.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_last_is_told_before_the_end() {
        let (feed, end) = (Arc::new(Feed::new()), CancellationToken::new());
        let heard = feed.stream(None, end.clone(), ()).collect::<Vec<_>>();
        let (heard, ()) = tokio::join!(heard, async {
            feed.say("run", &json!({ "run": "k3f9" }));
            end.cancel();
        });
        let events = ["event: hello", "event: run", "event: end"];
        assert_eq!(heard.len(), events.len());
        for (heard, event) in heard.into_iter().zip(events) {
            let heard = String::from_utf8(heard.unwrap().to_vec()).unwrap();
            assert!(heard.contains(event), "{event}: {heard}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_moment_of_many_is_told_in_few_words() {
        let (feed, events) = (Arc::new(Feed::new()), Events::new());
        let listener = events.listen();
        for (run, entries) in [("k3f9", 1_000), ("m2x4", 2)] {
            let of_run = events.for_run(&RunId(run.to_owned()));
            // What is said of one twice counts once.
            for row in (0..entries).chain(0..entries) {
                let name = crate::event::EntryName {
                    no: crate::model::EntryNo(row),
                    org: "acme".into(),
                    app: "google",
                    which: "0oa1".into(),
                    row: row.unsigned_abs(),
                };
                of_run.entry(&name, || EntryEvent::Renews);
            }
        }
        drop(events);
        feed.hear(listener).await;
        let kept = feed.kept.lock();
        let told = kept.events.iter();
        let told = told.map(|(_, text)| String::from_utf8(text.to_vec()).unwrap());
        let told: Vec<_> = told.collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("event: entries\n"), "{}", told[0]);
        assert!(
            told[0].contains("\"entries\":1000") && told[0].contains("k3f9"),
            "{}",
            told[0]
        );
        for (row, told) in told[1..].iter().enumerate() {
            assert!(
                told.contains("event: entry\n") && told.contains("m2x4"),
                "{told}"
            );
            let (org, row) = ("\"org\":\"acme\"", format!("\"row\":{row}"));
            assert!(told.contains(org) && told.contains(&row), "{told}");
        }
    }
}
