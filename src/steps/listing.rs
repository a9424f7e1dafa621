//! The org's apps, listed once a run, not once an entry.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use tokio::sync::Mutex;
use tokio::time::Instant;
use url::form_urlencoded;

use super::StepError;
use super::reader::{Reader, again};
use super::sending::Caller;
use crate::apps::App;
use crate::okta::apps::{self, AppInstance};
use crate::okta::error::endless_list;
use crate::pacing::{CallLog, Idempotency, RetryLoop};
use crate::text::Told;

/// The org's apps, as far as they were listed; one entry lists, the others of the org wait for it.
pub type Listing = Mutex<Pages>;

/// The org's instances of an app, listed once more because answers to `create_app` were lost: one list for all
/// entries that need it by the time it begins.
#[derive(Debug, Default)]
pub struct Relisting(Mutex<HashMap<App, (Instant, Pages)>>);

impl Relisting {
    /// The instances of an app with this label, by a list that was begun from now on. `caller`: who makes it if nobody did.
    pub(super) async fn matching(
        &self,
        (app, label): (App, Option<&str>),
        reader: &Reader,
        priority: usize,
        caller: &mut impl Caller,
    ) -> Result<Vec<String>, StepError> {
        let needed_since = Instant::now();
        let mut listed = self.0.lock().await;
        let fresh = || (Instant::now(), Pages::default());
        let (begun, pages) = listed.entry(app).or_insert_with(fresh);
        if *begun < needed_since {
            (*begun, *pages) = fresh();
        }
        pages
            .read(Extent::all(Some(app)), reader, priority, caller)
            .await?;
        Ok(pages.matching(app, label))
    }
}

/// How much of an org's apps is listed.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Only those with this name.
    pub only: Option<App>,
    /// Pages at most.
    pub pages: u64,
}

impl Extent {
    /// To the last page.
    pub const fn all(only: Option<App>) -> Self {
        Self {
            only,
            pages: u64::MAX,
        }
    }
}

/// Pages of one list at most: Okta's largest org has fewer, and at 45 calls a minute they take three quarters of an
/// hour. A list that is longer has no end, and its org is stopped.
const MOST_PAGES: u64 = 2_000;

/// Apps of one list at most; they take some 40 MB.
const MOST_APPS: usize = 200_000;

/// Pages of a listing. A page that fails is asked for again, not the whole list.
#[derive(Debug, Default)]
pub struct Pages {
    /// What was listed.
    pub apps: Vec<AppInstance>,
    /// How many were read for it.
    pub pages: u64,
    /// Where the list continues; `None` before the first page.
    pub next: Option<String>,
    /// Whether the last page was read.
    pub complete: bool,
    /// Where each app stands, by its id: thousands of entries may ask.
    by_id: HashMap<String, usize>,
    /// Pages that were read: what tells a list that goes round in circles from one that ends.
    trail: HashSet<String>,
}

impl Pages {
    /// Reads on, as far as wanted; every page is asked for again as the gate's retry policy allows.
    ///
    /// # Errors
    /// As [`Reader::read_with_retry`].
    pub async fn read_with_retry(
        &mut self,
        reader: &Reader,
        extent: Extent,
        priority: usize,
        log: &mut CallLog,
    ) -> Result<(), StepError> {
        let mut retries = RetryLoop::new(reader.gate(), log);
        loop {
            let read = self.pages;
            match self.read(extent, reader, priority, log).await {
                Err(error) => {
                    if self.pages > read {
                        // Another page than the one that failed before.
                        retries = RetryLoop::new(reader.gate(), log);
                    }
                    again(&mut retries, error, log).await?;
                }
                listed => return listed,
            }
        }
    }

    /// Reads on, as far as wanted.
    pub(super) async fn read(
        &mut self,
        extent: Extent,
        reader: &Reader,
        priority: usize,
        caller: &mut impl Caller,
    ) -> Result<(), StepError> {
        let mut restarted = false;
        while !self.complete && self.pages < extent.pages {
            let path = self.next.clone();
            let path = path.unwrap_or_else(|| apps::first_page(extent.only));
            match reader.read_by(&apps::next(&path), priority, caller).await {
                Ok((listed, next)) => {
                    self.add(&path, listed, next).map_err(|why| {
                        StepError::call(endless_list(&why), Idempotency::ReadOnly)
                    })?;
                }
                Err(error) if error.is_refused() && self.next.is_some() && !restarted => {
                    // The cursor is stale (E0000029): once more from the start.
                    restarted = true;
                    *self = Self::default();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    // Takes a page; `Err` = the list has no end, and why.
    fn add(
        &mut self,
        path: &str,
        listed: Vec<AppInstance>,
        next: Option<String>,
    ) -> Result<(), String> {
        self.pages += 1;
        self.trail.insert(address(path));
        for instance in listed {
            // A page that shifted while the list was read shows an instance twice.
            if let Entry::Vacant(place) = self.by_id.entry(instance.id.clone()) {
                place.insert(self.apps.len());
                self.apps.push(instance);
            }
        }
        let back = next
            .as_ref()
            .is_some_and(|next| !self.trail.insert(address(next)));
        if back {
            return Err(format!("page {} leads back to one before it", self.pages));
        }
        if self.apps.len() > MOST_APPS {
            return Err(format!("it has more than {MOST_APPS} apps"));
        }
        if next.is_some() && self.pages >= MOST_PAGES {
            return Err(format!("it has more than {MOST_PAGES} pages"));
        }
        self.complete = next.is_none();
        self.next = next;
        if self.complete {
            self.trail = HashSet::new();
        }
        Ok(())
    }

    /// What the instance with this id is, if it was listed.
    pub fn name_of(&self, id: &str) -> Option<&Told> {
        Some(&self.apps.get(*self.by_id.get(id)?)?.name)
    }

    /// Gives up what was listed, but for where the list continues.
    pub fn take(&mut self) -> Vec<AppInstance> {
        self.by_id = HashMap::new();
        std::mem::take(&mut self.apps)
    }

    /// The labels of the org's instances of an app.
    pub fn labels(&self, app: App) -> impl Iterator<Item = &Told> {
        let of_app = move |instance: &&AppInstance| instance.name == *app.name();
        self.apps
            .iter()
            .filter(of_app)
            .map(|instance| &instance.label)
    }

    /// The ids of the instances with this app name and label.
    pub fn matching(&self, app: App, label: Option<&str>) -> Vec<String> {
        self.apps
            .iter()
            .filter(|instance| instance.name == *app.name() && Some(instance.label.raw()) == label)
            .map(|instance| instance.id.clone())
            .collect()
    }
}

// What of a page's address tells it from others, in whatever order and encoding its parameters come.
fn address(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut parameters: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    parameters.sort();
    format!("{path} {parameters:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::okta::apps::AppStatus;

    fn page(ids: std::ops::Range<usize>) -> Vec<AppInstance> {
        let instance = |no| AppInstance {
            id: format!("0oa{no}"),
            name: "google".into(),
            label: "".into(),
            status: AppStatus::Active,
        };
        ids.map(instance).collect()
    }

    // Reads a list whose pages lead to these ones; `None` = it ended.
    fn read(cursors: &[&str]) -> Option<String> {
        let mut pages = Pages::default();
        let mut path = "/api/v1/apps?limit=200".to_owned();
        for (no, cursor) in cursors.iter().enumerate() {
            let next = format!("/api/v1/apps?{cursor}");
            match pages.add(&path, page(no..no + 1), Some(next.clone())) {
                Ok(()) => path = next,
                Err(why) => return Some(why),
            }
        }
        pages.add(&path, page(0..1), None).unwrap();
        assert!(pages.complete);
        let names = pages
            .apps
            .iter()
            .map(|instance| pages.name_of(&instance.id));
        assert!(names.eq(pages.apps.iter().map(|instance| Some(&instance.name))));
        assert!(pages.name_of("0oa").is_none());
        assert_eq!(pages.apps.len(), cursors.len().max(1), "an id stands once");
        None
    }

    #[test]
    fn a_list_ends_or_is_stopped() {
        for (cursors, wanted) in [
            (&[][..], None),
            (&["after=a&limit=200"], None),
            (&["after=a&limit=200", "after=b&limit=200"], None),
            // To itself, to the first page, to and fro.
            (&["limit=200"], Some("page 1 leads back to one before it")),
            (
                &["after=a", "after=a"],
                Some("page 2 leads back to one before it"),
            ),
            (
                &["after=a", "limit=200"],
                Some("page 2 leads back to one before it"),
            ),
            (
                &["after=a", "after=b", "after=a"],
                Some("page 3 leads back to one before it"),
            ),
            // The same page by another name.
            (
                &["after=a&limit=2", "limit=2&after=%61"],
                Some("page 2 leads back to one before it"),
            ),
        ] {
            assert_eq!(read(cursors).as_deref(), wanted, "{cursors:?}");
        }
    }

    #[test]
    fn a_list_has_no_more_pages_and_apps_than_there_can_be() {
        let endless = |apps: usize| {
            let mut pages = Pages::default();
            (0..).find_map(|no| {
                let (from, to) = (no * apps, (no + 1) * apps);
                let (path, next) = (format!("/a?after={no}"), format!("/a?after={}", no + 1));
                pages.add(&path, page(from..to), Some(next)).err()
            })
        };
        assert_eq!(endless(0).unwrap(), "it has more than 2000 pages");
        assert_eq!(endless(1).unwrap(), "it has more than 2000 pages");
        assert_eq!(endless(200).unwrap(), "it has more than 200000 apps");
    }
}
