//! The ledgers that the desk looks into: those it was given, opened when they are first there, and those of runs that this
//! process works on. Pages are made from them, never from memory.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::feed::Feed;
use crate::engine::Engine;
use crate::event::{EventKind, Listener, News, RunEvent};
use crate::job::LedgerUrl;
use crate::ledger::{DeskMark, Ledger, LedgerError, OpenMode, RunRow, WaitingEntry};
use crate::model::RunId;

/// The least time between two looks at a ledger that others write to all the time.
const PAUSE: Duration = Duration::from_secs(1);

/// How often it is looked whether a ledger is there now that another process makes.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Of which consents a desk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Of all that its ledgers wait for.
    Everything,
    /// Of the runs that this process works on.
    LiveRuns,
}

/// See the first lines of this file.
pub(crate) struct Shelves {
    engine: Engine,
    scope: Scope,
    /// Where the desk is.
    base: String,
    feed: Arc<Feed>,
    urls: Mutex<Vec<LedgerUrl>>,
    /// Notified when there may be others than were opened.
    others: Notify,
    open: tokio::sync::Mutex<HashMap<PathBuf, Shelf>>,
}

/// A ledger that is open.
struct Shelf {
    ledger: Ledger,
    // `None` where another desk was faster.
    _mark: Option<DeskMark>,
    _watch: AbortOnDropHandle<()>,
}

/// A run, and the ledger that has it.
pub(super) struct Placed {
    pub ledger: Ledger,
    pub run: RunRow,
}

impl Shelves {
    pub(super) fn new(engine: Engine, scope: Scope, base: String, feed: Arc<Feed>) -> Self {
        Self {
            engine,
            scope,
            base,
            feed,
            urls: Mutex::default(),
            others: Notify::new(),
            open: tokio::sync::Mutex::default(),
        }
    }

    /// From now on these are looked into, besides those of live runs.
    pub fn set(&self, mut urls: Vec<LedgerUrl>) {
        let mut seen = HashSet::new();
        urls.retain(|url| seen.insert(url.path().to_owned()));
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
            // What cannot be opened, whoever looks at a page is told.
            drop(self.all().await);
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

    /// Those that are there.
    ///
    /// # Errors
    /// When one is there and cannot be opened.
    pub async fn all(&self) -> Result<Vec<Ledger>, LedgerError> {
        let (urls, live) = (self.urls.lock().clone(), self.engine.live().all());
        let mut open = self.open.lock().await;
        let mut found = Vec::new();
        for url in urls {
            let path = std::path::absolute(url.path()).unwrap_or_else(|_| url.path().to_owned());
            if let Some(shelf) = open.get(&path) {
                found.push(shelf.ledger.clone());
                continue;
            }
            match Ledger::open(&url, OpenMode::Existing).await {
                Ok(ledger) => {
                    open.insert(path, self.shelf(ledger.clone())?);
                    found.push(ledger);
                }
                // No run has begun yet.
                Err(LedgerError::Missing { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        for (_, ledger) in live {
            let path = ledger.file().map(ToOwned::to_owned).unwrap_or_default();
            if !open.contains_key(&path) {
                open.insert(path.clone(), self.shelf(ledger)?);
            }
            let is_found = |found: &Ledger| found.file() == Some(path.as_path());
            if !found.iter().any(is_found) {
                found.extend(open.get(&path).map(|shelf| shelf.ledger.clone()));
            }
        }
        Ok(found)
    }

    fn shelf(&self, ledger: Ledger) -> Result<Shelf, LedgerError> {
        let (watched, feed) = (ledger.clone(), Arc::clone(&self.feed));
        let watch = tokio::spawn(async move {
            let Ok(changes) = watched.changes().await else {
                return;
            };
            drop(watched);
            let mut changes = std::pin::pin!(changes);
            // What cannot be read any more, whoever looks at a page is told.
            while let Some(Ok(())) = changes.next().await {
                feed.say("ledger", &json!({}));
                tokio::time::sleep(PAUSE).await;
            }
        });
        Ok(Shelf {
            _mark: ledger.announce_desk(&self.base)?,
            _watch: AbortOnDropHandle::new(watch),
            ledger,
        })
    }

    /// Opens every ledger anew when it is next asked for: one could not be read.
    pub async fn forget(&self) {
        self.open.lock().await.clear();
    }

    /// Whether a consent of this run is this desk's.
    pub fn has(&self, run: &RunId) -> bool {
        self.scope == Scope::Everything || self.engine.live().has(run)
    }

    /// What waits for a consent, with the place of its ledger.
    pub(super) async fn waiting(
        &self,
    ) -> Result<(Vec<Ledger>, Vec<(usize, WaitingEntry)>), LedgerError> {
        let ledgers = self.all().await?;
        let mut all = Vec::new();
        for (place, ledger) in ledgers.iter().enumerate() {
            let waiting = ledger.waiting().await?.into_iter();
            let ours = waiting.filter(|waiting| self.has(&waiting.run));
            all.extend(ours.map(|waiting| (place, waiting)));
        }
        Ok((ledgers, all))
    }

    /// The run whose id begins so.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`], [`LedgerError::Ambiguous`].
    pub(super) async fn run(&self, prefix: &str) -> Result<Placed, LedgerError> {
        let mut failed = None;
        for ledger in self.all().await? {
            match ledger.find_run(Some(prefix)).await {
                Ok(run) => return Ok(Placed { ledger, run }),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| LedgerError::NotFound {
            location: "any ledger".to_owned(),
            run: Some(prefix.to_owned()),
        }))
    }
}
