//! What a run says to the outside while it works. Progress, log, notices and the desk listen to it; nothing in the run
//! depends on who does. No secret, no consent link and no `state` travels here.
//!
//! All listeners hear the same events, from a buffer of fixed size: sending never waits for one of them. Who is too
//! slow is told how many events it lost ([`News::Lagged`]) and looks into the ledger for what became of them.

mod wave;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{Receiver, Sender};
use tokio_util::sync::CancellationToken;

pub use wave::WaveEvent;

use crate::model::{Changed, EntryError, EntryNo, EntryState, RunId, Step, Stopped, UnixMillis};

/// Events that a listener may be behind before it loses some: seconds of the fastest run, in which an event takes less
/// than 1 KB.
const BUFFER: usize = 8_192;

/// Names an entry, for programs and for people.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryName {
    /// Its number in the run.
    pub no: EntryNo,
    /// Org's name.
    pub org: Arc<str>,
    /// App's name.
    pub app: &'static str,
    /// `appId` or label, whichever the manifest gave.
    pub which: Arc<str>,
    /// Row in the manifest.
    pub row: u64,
}

/// Something happened.
#[derive(Debug)]
pub struct Event {
    /// The run, if it is one's.
    pub run: Option<Arc<RunId>>,
    /// Its number among the events of the process, from 1, without gaps.
    pub seq: u64,
    /// When, by the local clock.
    pub at: UnixMillis,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    /// The entry it is about.
    pub const fn entry(&self) -> Option<&EntryName> {
        match &self.kind {
            EventKind::Entry(entry, _) => Some(entry),
            EventKind::Run(_) | EventKind::Org(..) => None,
        }
    }

    /// The name of the org it is about.
    pub fn org(&self) -> Option<&str> {
        match &self.kind {
            EventKind::Entry(entry, _) => Some(&entry.org),
            EventKind::Org(org, _) => Some(org),
            EventKind::Run(_) => None,
        }
    }
}

/// What an event is about, and what happened to it.
#[derive(Debug)]
pub enum EventKind {
    /// A run, or another command that works on many entries.
    Run(RunEvent),
    /// An org, by its name.
    Org(Arc<str>, OrgEvent),
    /// An entry.
    Entry(EntryName, EntryEvent),
}

/// What happens to a run.
#[derive(Debug)]
pub enum RunEvent {
    /// It began or is continued.
    Started {
        /// Entries in all.
        entries: u64,
        /// Entries that had ended before (done, failed, waiting).
        ended: u64,
    },
    /// How long what is left will take by what budgets allow, as far as that is known by now.
    Expected {
        /// The end by the local clock.
        ends_at: Option<UnixMillis>,
    },
    /// A command that only reads has read what there is of an entry.
    Looked {
        /// Entries that were read by now.
        entries: u64,
    },
    /// It is being stopped: no new work, calls in flight finish.
    Stopping {
        /// Calls still in flight.
        in_flight: usize,
        /// What becomes of their answers.
        answers: Answers,
    },
    /// Something happens to one of its waves.
    Wave {
        /// What people call it.
        name: Arc<str>,
        /// Which it is, from 1.
        no: u64,
        /// How many there are.
        waves: u64,
        /// What happens.
        what: WaveEvent,
    },
    /// Nothing of it moves any more.
    Ended,
}

/// What happens to an org.
#[derive(Debug)]
pub enum OrgEvent {
    /// Its calls wait.
    Waits {
        /// What for, e.g. `budget of /api/v1/apps: 0 of 45 left`.
        reason: String,
        /// For how long, if known.
        for_how_long: Option<Duration>,
        /// Until when by the local clock, if known.
        until: Option<UnixMillis>,
    },
    /// Its calls continue.
    Continues,
    /// It refused a call with a 429; the call is made again.
    RateLimited {
        /// Method and path, e.g. `POST /api/v1/apps/{id}/connections/default`.
        call: String,
        /// `x-okta-request-id`.
        request_id: Option<String>,
    },
    /// Whether secrets of waiting entries changed cannot be found out.
    NotCompared {
        /// How many entries.
        entries: u64,
        /// Why they cannot be compared.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// It was stopped; its entries stay pending.
    Stopped(Stopped),
}

/// What happens to an entry.
#[derive(Debug)]
pub enum EntryEvent {
    /// A step's attempt began.
    StepStarted {
        /// The step.
        step: Step,
    },
    /// A step ended well.
    StepDone {
        /// The step.
        step: Step,
        /// Whether it wrote something.
        changed: bool,
        /// HTTP status of its last call, if it made any.
        http_status: Option<u16>,
        /// `x-okta-request-id` of its last call.
        request_id: Option<String>,
    },
    /// A step will be tried again.
    Retrying {
        /// What made the attempt fail.
        error: EntryError,
        /// Attempts so far.
        attempts: u32,
        /// When it is tried again.
        next_at: UnixMillis,
    },
    /// It waited and is to get a fresh link.
    Renews,
    /// It came to rest in this process: done, failed or waiting.
    Ended {
        /// `Done`, `Failed` or `Waiting`.
        state: EntryState,
        /// Whether anything was written.
        changed: bool,
        /// What was, in this run.
        changes: Vec<Changed>,
        /// `x-okta-request-id` of the last call that ended a step of it.
        request_id: Option<String>,
        /// Why it failed.
        error: Option<EntryError>,
    },
}

/// What becomes of the answers to calls in flight when a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// They are checkpointed.
    Kept,
    /// They cannot be: the ledger takes no more.
    Lost,
}

/// Where events are sent. Cheap to clone; sending never blocks and never fails.
#[derive(Clone, Debug, Default)]
pub struct Events {
    bus: Option<Arc<Bus>>,
    run: Option<Arc<RunId>>,
}

#[derive(Debug)]
struct Bus {
    sender: Sender<Arc<Event>>,
    /// The number of the last event; held while one is sent, so that all hear them in order.
    last: Mutex<u64>,
    /// How many listen: asked before each event, by all who work.
    listeners: Arc<AtomicUsize>,
}

impl Events {
    /// Events that can be listened to.
    pub fn new() -> Self {
        Self::with_buffer(BUFFER)
    }

    /// As [`Self::new`], of which so many are kept for a listener that is behind.
    pub fn with_buffer(events: usize) -> Self {
        let bus = Bus {
            sender: Sender::new(events),
            last: Mutex::new(0),
            listeners: Arc::default(),
        };
        Self {
            bus: Some(Arc::new(bus)),
            run: None,
        }
    }

    /// Events nobody hears.
    pub const fn nowhere() -> Self {
        Self {
            bus: None,
            run: None,
        }
    }

    /// The same, for what happens in this run.
    #[must_use]
    pub fn for_run(&self, run: &RunId) -> Self {
        Self {
            bus: self.bus.clone(),
            run: self.bus.is_some().then(|| Arc::new(run.clone())),
        }
    }

    /// Whether whoever hears these hears the others, as of the same run.
    pub fn are(&self, others: &Self) -> bool {
        let (bus, other) = (self.bus.as_ref(), others.bus.as_ref());
        bus.map(Arc::as_ptr) == other.map(Arc::as_ptr) && self.run == others.run
    }

    /// Hears what is sent from now on.
    pub fn listen(&self) -> Listener {
        self.listen_until(CancellationToken::new())
    }

    /// As [`Self::listen`], but for what is sent after this end.
    pub fn listen_until(&self, end: CancellationToken) -> Listener {
        let (receiver, listeners) = match &self.bus {
            Some(bus) => (bus.sender.subscribe(), Arc::clone(&bus.listeners)),
            // The sender is dropped here: there is no news.
            None => (Sender::new(1).subscribe(), Arc::default()),
        };
        listeners.fetch_add(1, Ordering::Relaxed);
        Listener {
            receiver,
            end,
            left: None,
            listeners,
        }
    }

    /// Sends what happened to whoever listens; it is not even made when nobody does.
    pub fn send(&self, what: impl FnOnce() -> EventKind) {
        let Some(bus) = &self.bus else { return };
        if bus.listeners.load(Ordering::Relaxed) == 0 {
            return;
        }
        let (run, at, kind) = (self.run.clone(), now(), what());
        let mut last = bus.last.lock();
        *last += 1;
        let seq = *last;
        // The last listener may have gone meanwhile, which must not stop the run.
        drop(bus.sender.send(Arc::new(Event { run, seq, at, kind })));
    }

    /// As [`Self::send`], of a run.
    pub fn run(&self, what: impl FnOnce() -> RunEvent) {
        self.send(|| EventKind::Run(what()));
    }

    /// As [`Self::send`], of an org.
    pub fn org(&self, org: &Arc<str>, what: impl FnOnce() -> OrgEvent) {
        self.send(|| EventKind::Org(Arc::clone(org), what()));
    }

    /// As [`Self::send`], of an entry.
    pub fn entry(&self, entry: &EntryName, what: impl FnOnce() -> EntryEvent) {
        self.send(|| EventKind::Entry(entry.clone(), what()));
    }
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixMillis(0).after(since.unwrap_or_default())
}

/// What a listener hears.
#[derive(Debug)]
pub enum News {
    /// An event.
    Event(Arc<Event>),
    /// It was too slow, and so many events are lost to it. What comes next is the oldest that is left.
    Lagged(u64),
}

/// Hears events, in order.
#[derive(Debug)]
pub struct Listener {
    receiver: Receiver<Arc<Event>>,
    end: CancellationToken,
    /// How many are still to be heard once the end has come.
    left: Option<u64>,
    listeners: Arc<AtomicUsize>,
}

impl Listener {
    /// Waits for the next; `None` = there are no more: its end has come, or nobody is left to send any.
    pub async fn next(&mut self) -> Option<News> {
        if self.left.is_none() {
            tokio::select! {
                biased;
                // Others may continue sending: what was sent before the end is heard, and no more.
                () = self.end.cancelled() => {
                    self.left = Some(self.receiver.len() as u64);
                }
                received = self.receiver.recv() => return heard(received),
            }
        }
        let left = self.left.filter(|left| *left > 0)?;
        let news = self.now()?;
        let heard = match news {
            News::Event(_) => 1,
            News::Lagged(lost) => lost,
        };
        self.left = Some(left.saturating_sub(heard));
        Some(news)
    }

    /// The next, if it is there already.
    pub fn now(&mut self) -> Option<News> {
        match self.receiver.try_recv() {
            Ok(event) => Some(News::Event(event)),
            Err(TryRecvError::Lagged(lost)) => Some(News::Lagged(lost)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

fn heard(received: Result<Arc<Event>, RecvError>) -> Option<News> {
    match received {
        Ok(event) => Some(News::Event(event)),
        Err(RecvError::Lagged(lost)) => Some(News::Lagged(lost)),
        Err(RecvError::Closed) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(events: &Events, numbers: std::ops::RangeInclusive<u64>) {
        for entries in numbers {
            events.run(|| RunEvent::Looked { entries });
        }
    }

    /// `5` = the fifth event, `-3` = three were lost.
    fn hear(listener: &mut Listener) -> Vec<i64> {
        let mut heard = Vec::new();
        while let Some(news) = listener.now() {
            heard.push(match news {
                News::Lagged(lost) => -i64::try_from(lost).unwrap(),
                News::Event(event) => {
                    let EventKind::Run(RunEvent::Looked { entries }) = event.kind else {
                        panic!("{event:?}")
                    };
                    assert_eq!(event.seq, entries);
                    i64::try_from(entries).unwrap()
                }
            });
        }
        heard
    }

    #[test]
    fn each_listener_hears_all_from_when_it_began_to_listen_and_is_notified_of_what_it_lost() {
        let events = Events::with_buffer(4);
        let mut first = events.listen();
        looked(&events, 1..=2);
        let mut second = events.listen();
        looked(&events, 3..=4);
        assert_eq!(hear(&mut second), [3, 4]);
        looked(&events, 5..=7);
        assert_eq!(hear(&mut first), [-3, 4, 5, 6, 7]);
        assert_eq!(hear(&mut second), [5, 6, 7]);
        drop(first);
        looked(&events, 8..=8);
        assert_eq!(hear(&mut second), [8]);
    }

    #[tokio::test]
    async fn it_ends_with_the_last_who_can_send() {
        let events = Events::new();
        let mut listener = events.listen();
        let for_run = events.for_run(&RunId("k3f9".into()));
        drop(events);
        looked(&for_run, 1..=1);
        let before = now();
        drop(for_run);
        let Some(News::Event(event)) = listener.next().await else {
            panic!("nothing heard")
        };
        assert_eq!(event.run.as_deref(), Some(&RunId("k3f9".into())));
        assert!((0..60_000).contains(&(before.0 - event.at.0)), "{event:?}");
        assert!(listener.next().await.is_none());
    }

    #[tokio::test]
    async fn it_ends_where_it_is_asked_to_and_hears_what_was_sent_before() {
        let (events, end) = (Events::new(), CancellationToken::new());
        let mut listener = events.listen_until(end.clone());
        let mut other = events.listen();
        looked(&events, 1..=2);
        end.cancel();
        for seq in 1..=2 {
            let news = listener.next().await;
            assert!(matches!(news, Some(News::Event(event)) if event.seq == seq));
            // Others continue all the time.
            looked(&events, seq + 2..=seq + 2);
        }
        assert!(listener.next().await.is_none());
        assert_eq!(hear(&mut other), [1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn nothing_is_made_when_nobody_listens() {
        let unheard = Events::new();
        drop(unheard.listen());
        for events in [
            Events::nowhere(),
            Events::default(),
            unheard.clone(),
            unheard,
        ] {
            events.send(|| panic!("made for nobody"));
        }
        assert!(Events::nowhere().listen().next().await.is_none());
    }

    #[test]
    fn events_of_many_threads_are_heard_in_the_order_of_their_numbers() {
        let events = Events::new();
        let mut listener = events.listen();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| looked(&events, 1..=500));
            }
        });
        drop(events);
        let mut heard = Vec::new();
        while let Some(News::Event(event)) = listener.now() {
            heard.push(event.seq);
        }
        assert_eq!(heard, (1..=2_000).collect::<Vec<_>>());
    }
}
