//! The ledgers that the desk looks into: those it was given, opened when they are first there, and those of runs that this
//! process works on. Pages are made from them, never from memory. What is wrong with one is told beside what the others
//! hold.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use indexmap::IndexSet;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

use super::asked::{Asked, Doer};
use super::feed::Feed;
use crate::engine::Engine;
use crate::event::{EventKind, Listener, News, RunEvent};
use crate::job::LedgerUrl;
use crate::ledger::{DeskMark, Ledger, LedgerError, OpenMode, RunRow, WaitingEntry};
use crate::model::{RunId, UnixMillis};

/// The least time between two looks at a ledger that others write to all the time.
const PAUSE: Duration = Duration::from_secs(1);

/// How often it is looked whether a ledger is there now that another process makes.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long a ledger may take to say something before the others go on without it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked in a ledger that nobody writes to whether entries are past their consent and go no further.
const NOW_AND_THEN: Duration = Duration::from_mins(1);

/// Of which consents a desk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Of all that its ledgers wait for.
    Everything,
    /// Of the runs that this process works on.
    LiveRuns,
    /// Of all, to be counted: nobody works at it.
    Numbers,
}

/// See the first lines of this file.
pub(crate) struct Shelves {
    engine: Engine,
    scope: Scope,
    /// Where the desk is.
    base: String,
    feed: Arc<Feed>,
    doer: Doer,
    urls: Mutex<Vec<LedgerUrl>>,
    /// Notified when there may be others than were opened.
    others: Notify,
    /// By the one name of each, whatever jobs call it.
    open: tokio::sync::Mutex<HashMap<LedgerUrl, Shelf>>,
    /// Whether all could be opened when it was last looked for them.
    looked: watch::Sender<Option<bool>>,
}

/// A ledger that is open.
struct Shelf {
    ledger: Ledger,
    // `None` where another desk was faster, or it cannot be said.
    mark: Option<DeskMark>,
    watch: AbortOnDropHandle<()>,
}

/// What is there.
#[derive(Default)]
pub(super) struct Looked {
    pub ledgers: Vec<Ledger>,
    pub faults: Vec<Fault>,
}

/// What is wrong with a ledger.
pub(super) struct Fault {
    pub ledger: LedgerUrl,
    pub why: LedgerError,
}

impl Fault {
    pub fn of(ledger: &Ledger, why: LedgerError) -> Self {
        let ledger = ledger.url().clone();
        Self { ledger, why }
    }
}

/// What was read of each ledger.
pub(super) struct Read<T> {
    pub of: Vec<(Ledger, T)>,
    pub faults: Vec<Fault>,
}

impl Looked {
    /// This one alone.
    pub fn at(ledger: &Ledger) -> Self {
        Self {
            ledgers: vec![ledger.clone()],
            faults: Vec::new(),
        }
    }

    /// What is wrong with those that are not open.
    pub fn unread(&self) -> impl Iterator<Item = &Fault> {
        let is_open = |fault: &Fault| {
            let mut urls = self.ledgers.iter().map(Ledger::url);
            urls.any(|url| *url == fault.ledger)
        };
        self.faults.iter().filter(move |fault| !is_open(fault))
    }

    /// Reads of each. That one cannot be read is wrong with that one.
    pub async fn read<T>(self, read: impl AsyncFn(&Ledger) -> Result<T, LedgerError>) -> Read<T> {
        let Self {
            ledgers,
            mut faults,
        } = self;
        let mut of = Vec::with_capacity(ledgers.len());
        for ledger in ledgers {
            match in_time(ledger.url(), read(&ledger)).await {
                Ok(found) => of.push((ledger, found)),
                Err(why) => faults.push(Fault::of(&ledger, why)),
            }
        }
        Read { of, faults }
    }
}

/// A run, and the ledger that has it.
pub(super) struct Placed {
    pub ledger: Ledger,
    pub run: RunRow,
}

impl Shelves {
    pub(super) fn new(
        (engine, doer): (Engine, Doer),
        scope: Scope,
        base: String,
        feed: Arc<Feed>,
    ) -> Self {
        Self {
            engine,
            scope,
            base,
            feed,
            doer,
            urls: Mutex::default(),
            others: Notify::new(),
            open: tokio::sync::Mutex::default(),
            looked: watch::Sender::new(None),
        }
    }

    /// From now on these are looked into, besides those of live runs.
    pub fn set(&self, mut urls: Vec<LedgerUrl>) {
        let mut seen = HashSet::new();
        urls.retain(|url| seen.insert(url.clone()));
        let is_news = {
            let mut known = self.urls.lock();
            let is_news = *known != urls;
            *known = urls;
            is_news
        };
        if is_news {
            self.others.notify_one();
        }
    }

    /// Opens ledgers as they come: who asks where their desk is, and who listens to what happens, need not wait for
    /// somebody to look at a page.
    pub(super) async fn keep(&self, mut news: Listener) {
        loop {
            // What is wrong, whoever looks at a page is told.
            self.close_broken().await;
            self.all().await;
            let begins = async {
                while let Some(news) = news.next().await {
                    let News::Event(event) = news else { break };
                    if matches!(event.kind, EventKind::Run(RunEvent::Started { .. })) {
                        break;
                    }
                }
            };
            tokio::select! {
                () = begins => {}
                () = self.others.notified() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Those that are there; what was open and is none of them any more is closed.
    pub(super) async fn all(&self) -> Looked {
        let (urls, live) = (self.urls.lock().clone(), self.engine.live().all());
        let mut open = self.open.lock().await;
        let (mut places, mut faults) = (IndexSet::new(), Vec::new());
        for url in urls {
            let place = url.clone().absolute();
            if !open.contains_key(&place) {
                match in_time(&place, Ledger::open(&url, OpenMode::Existing)).await {
                    Ok(ledger) => drop(open.insert(place.clone(), self.shelf(ledger))),
                    // No run has begun yet.
                    Err(LedgerError::Missing { .. }) => continue,
                    Err(why) => {
                        faults.push(Fault { ledger: place, why });
                        continue;
                    }
                }
            }
            places.insert(place);
        }
        for (_, ledger) in live {
            let place = ledger.url().clone().absolute();
            open.entry(place.clone())
                .or_insert_with(|| self.shelf(ledger));
            places.insert(place);
        }
        open.retain(|place, _| places.contains(place));
        let mut ledgers = Vec::with_capacity(places.len());
        for place in places {
            let Some(known) = open.get_mut(&place) else {
                continue;
            };
            ledgers.push(known.ledger.clone());
            // The ledger is of use without, and whoever had the mark may be gone.
            if self.scope != Scope::Numbers
                && known.mark.is_none()
                && !matches!(known.ledger.desk().await, Ok(Some(_)))
            {
                match known.ledger.announce_desk(&self.base).await {
                    Ok(mark) => known.mark = mark,
                    Err(why) => faults.push(Fault::of(&known.ledger, why)),
                }
            }
        }
        let looked = Looked { ledgers, faults };
        self.looked
            .send_replace(Some(looked.unread().next().is_none()));
        looked
    }

    fn shelf(&self, ledger: Ledger) -> Shelf {
        let watch = tokio::spawn(self.watch(ledger.clone()));
        Shelf {
            ledger,
            mark: None,
            watch: AbortOnDropHandle::new(watch),
        }
    }

    /// Says that others have written to a ledger, and has entries of it go on that are past their consent.
    fn watch(&self, ledger: Ledger) -> impl Future<Output = ()> + Send + use<> {
        let (feed, doer) = (Arc::clone(&self.feed), self.doer.clone());
        let is_everything = self.scope == Scope::Everything;
        async move {
            let Ok(changes) = ledger.changes().await else {
                return;
            };
            let mut changes = std::pin::pin!(changes);
            loop {
                if is_everything {
                    let ledger = ledger.clone();
                    // Nobody is there any more when the program is ending.
                    drop(doer.send(Asked::GoOn { ledger }).await);
                }
                tokio::select! {
                    next = changes.next() => match next {
                        Some(Ok(())) => feed.say("ledger", &json!({})),
                        // What cannot be read any more is opened anew.
                        Some(Err(_)) | None => break,
                    },
                    () = tokio::time::sleep(NOW_AND_THEN) => {}
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Those that are open, and whether these are all: who has no part in them opens none.
    pub(super) async fn opened(&self) -> (Vec<Ledger>, bool) {
        // Who comes at once waits for the first look.
        let mut looked = self.looked.subscribe();
        let looked = looked.wait_for(Option::is_some).await;
        let are_all = looked.is_ok_and(|looked| *looked == Some(true));
        let open = self.open.lock().await;
        let ledgers = open.values().map(|shelf| shelf.ledger.clone());
        (ledgers.collect(), are_all)
    }

    /// Closes what cannot be read any more; it is opened anew when it is next asked for.
    pub(super) async fn close_broken(&self) {
        let open = self.open.lock().await;
        let all = open
            .iter()
            .map(|(place, shelf)| (place.clone(), shelf.ledger.clone()));
        let all: Vec<_> = all.collect();
        drop(open);
        let mut broken = Vec::new();
        for (place, ledger) in all {
            let read = in_time(&place, ledger.find_run(None)).await;
            let is_well = match read {
                // It is slow, not broken.
                Ok(_) | Err(LedgerError::NotFound { .. } | LedgerError::Locked { .. }) => true,
                Err(_) => false,
            };
            if !is_well {
                broken.push(place);
            }
        }
        let mut open = self.open.lock().await;
        open.retain(|place, shelf| !broken.contains(place) && !shelf.watch.is_finished());
    }

    /// Whether a consent of this run is this desk's.
    pub fn has(&self, run: &RunId) -> bool {
        self.scope != Scope::LiveRuns || self.engine.live().has(run)
    }

    /// What waits for a consent of this desk's.
    pub(super) async fn waiting(&self, looked: Looked) -> Read<Vec<WaitingEntry>> {
        let mut waiting = looked.read(async |ledger| ledger.waiting().await).await;
        for (_, of_ledger) in &mut waiting.of {
            of_ledger.retain(|waiting| self.has(&waiting.run));
        }
        waiting
    }

    /// Since when the consent is waited for that is waited for longest, of those that are this desk's.
    pub(super) async fn oldest(&self, ledger: &Ledger) -> Result<Option<UnixMillis>, LedgerError> {
        if self.scope != Scope::LiveRuns {
            return ledger.oldest_consent(None).await;
        }
        let mut oldest = None;
        for (run, of) in self.engine.live().all() {
            if of.url().clone().absolute() == ledger.url().clone().absolute() {
                let of_run = match ledger.oldest_consent(Some(&run)).await {
                    // It has not begun yet.
                    Err(LedgerError::NotFound { .. }) => None,
                    of_run => of_run?,
                };
                oldest = oldest.into_iter().chain(of_run).min();
            }
        }
        Ok(oldest)
    }

    /// The run whose id begins so.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`], [`LedgerError::Ambiguous`]; or what is wrong with a ledger that may have it.
    pub(super) async fn run(&self, prefix: &str) -> Result<Placed, LedgerError> {
        let looked = self.all().await;
        let mut failed = looked.unread().next().map(|fault| fault.why.clone());
        for ledger in looked.ledgers {
            match ledger.find_run(Some(prefix)).await {
                Ok(run) => return Ok(Placed { ledger, run }),
                Err(LedgerError::NotFound { .. }) => {}
                Err(why) => failed = Some(why),
            }
        }
        Err(failed.unwrap_or_else(|| LedgerError::NotFound {
            location: "any ledger".to_owned(),
            run: Some(prefix.to_owned()),
        }))
    }
}

/// What a ledger says, if it does in time: others may keep it locked for longer.
async fn in_time<T>(
    place: &LedgerUrl,
    said: impl Future<Output = Result<T, LedgerError>>,
) -> Result<T, LedgerError> {
    let said = tokio::time::timeout(PATIENCE, said).await;
    said.unwrap_or_else(|_| {
        Err(LedgerError::Locked {
            location: place.to_string(),
        })
    })
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    const BASE: &str = "http://127.0.0.1:1";

    /// Shelves, what they ask for, and two ledgers.
    async fn shelves(folder: &std::path::Path) -> (Shelves, mpsc::Receiver<Asked>, [LedgerUrl; 2]) {
        let urls = ["a.db", "b.db"].map(|name| LedgerUrl::file(folder.join(name)));
        for url in &urls {
            Ledger::open(url, OpenMode::ReadWrite).await.unwrap();
        }
        let (doer, asked) = mpsc::channel(8);
        let means = (Engine::new(), doer);
        let feed = Arc::new(Feed::new());
        let shelves = Shelves::new(means, Scope::Everything, BASE.to_owned(), feed);
        (shelves, asked, urls)
    }

    async fn desk(url: &LedgerUrl) -> Option<String> {
        let ledger = Ledger::open(url, OpenMode::ReadOnly).await.unwrap();
        ledger.desk().await.unwrap()
    }

    #[tokio::test]
    async fn a_ledger_has_one_shelf_whatever_jobs_call_it_and_as_long_as_one_does() {
        let folder = tempfile::tempdir().unwrap();
        let (shelves, mut asked, [a, b]) = shelves(folder.path()).await;
        std::os::unix::fs::symlink(folder.path(), folder.path().join("link")).unwrap();
        let other = LedgerUrl::file(folder.path().join("link/a.db"));
        shelves.set(vec![a.clone(), other.clone(), b.clone()]);
        assert_eq!(shelves.all().await.ledgers.len(), 2);
        assert_eq!(desk(&a).await.as_deref(), Some(BASE));
        assert_eq!(desk(&b).await.as_deref(), Some(BASE));
        // Each is looked through as soon as it is there.
        for _ in 0..2 {
            assert!(matches!(asked.recv().await, Some(Asked::GoOn { .. })));
        }
        shelves.set(vec![other]);
        assert_eq!(shelves.all().await.ledgers.len(), 1);
        assert_eq!(desk(&a).await.as_deref(), Some(BASE));
        assert_eq!(desk(&b).await, None);
    }

    #[tokio::test]
    async fn the_place_of_a_desk_that_has_ended_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (shelves, _asked, [a, _]) = shelves(folder.path()).await;
        let other = Ledger::open(&a, OpenMode::Existing).await.unwrap();
        let mark = other.announce_desk("http://127.0.0.1:2").await.unwrap();
        shelves.set(vec![a.clone()]);
        shelves.all().await;
        assert_eq!(desk(&a).await.as_deref(), Some("http://127.0.0.1:2"));
        drop(mark);
        shelves.all().await;
        assert_eq!(desk(&a).await.as_deref(), Some(BASE));
    }
}
