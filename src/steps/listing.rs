//! The org's apps, or its service apps, listed once a run, not once an entry.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use tokio::sync::Mutex;
use tokio::time::Instant;
use url::form_urlencoded;

use super::StepError;
use super::reader::{Reader, again};
use super::sending::Caller;
use crate::apps::App;
use crate::okta::Read;
use crate::okta::apps::{self, AppInstance};
use crate::okta::clients::{self, ServiceClient};
use crate::okta::error::endless_list;
use crate::okta::idps::{self, IdentityProvider};
use crate::pacing::{CallLog, Idempotency, RetryLoop};
use crate::text::Told;

/// The org's apps, as far as they were listed; one entry lists, the others of the org wait for it.
pub type Listing = Mutex<Pages>;

/// What an org lists in pages.
pub trait Paged: Sized {
    /// What it is called, if the list has no end.
    const PLURAL: &'static str;

    /// Its id.
    fn id(&self) -> &str;

    /// Where the list begins; `only`: of one kind of app.
    fn first_page(only: Option<App>) -> String;

    /// Reads a page.
    fn page(path: &str) -> Read<Vec<Self>>;
}

impl Paged for AppInstance {
    const PLURAL: &'static str = "apps";

    fn id(&self) -> &str {
        &self.id
    }

    fn first_page(only: Option<App>) -> String {
        apps::first_page(only)
    }

    fn page(path: &str) -> Read<Vec<Self>> {
        apps::next(path)
    }
}

impl Paged for ServiceClient {
    const PLURAL: &'static str = "service apps";

    fn id(&self) -> &str {
        &self.id
    }

    fn first_page(_: Option<App>) -> String {
        clients::first_page()
    }

    fn page(path: &str) -> Read<Vec<Self>> {
        clients::next(path)
    }
}

/// What an org lists of a kind, listed once more because answers to once-only calls were lost: one list for all
/// entries that need it by the time it begins.
#[derive(Debug)]
pub struct Relisting<T = AppInstance>(Mutex<ByKind<T>>);

/// Lists, all or of one kind of app, and when they were begun.
type ByKind<T> = HashMap<Option<App>, (Instant, Pages<T>)>;

impl<T> Default for Relisting<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Paged> Relisting<T> {
    /// What `found` finds in a list that was begun from now on. `caller`: who makes it if nobody did.
    pub(super) async fn find<R>(
        &self,
        only: Option<App>,
        (reader, priority): (&Reader, usize),
        caller: &mut impl Caller,
        found: impl FnOnce(&Pages<T>) -> R,
    ) -> Result<R, StepError> {
        let needed_since = Instant::now();
        let mut listed = self.0.lock().await;
        let fresh = || (Instant::now(), Pages::default());
        let (begun, pages) = listed.entry(only).or_insert_with(fresh);
        if *begun < needed_since {
            (*begun, *pages) = fresh();
        }
        pages
            .read(Extent::all(only), reader, priority, caller)
            .await?;
        Ok(found(pages))
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
const MOST_LISTED: usize = 200_000;

/// Pages of a listing. A page that fails is asked for again, not the whole list.
#[derive(Debug)]
pub struct Pages<T = AppInstance> {
    /// What was listed.
    pub listed: Vec<T>,
    /// How many were read for it.
    pub pages: u64,
    /// Where the list continues; `None` before the first page.
    pub next: Option<String>,
    /// Whether the last page was read.
    pub complete: bool,
    /// Where each stands, by its id: thousands of entries may ask.
    by_id: HashMap<String, usize>,
    /// Pages that were read: what tells a list that goes round in circles from one that ends.
    trail: HashSet<String>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self {
            listed: Vec::new(),
            pages: 0,
            next: None,
            complete: false,
            by_id: HashMap::new(),
            trail: HashSet::new(),
        }
    }
}

impl<T: Paged> Pages<T> {
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
            let path = path.unwrap_or_else(|| T::first_page(extent.only));
            match reader.read_by(&T::page(&path), priority, caller).await {
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
    fn add(&mut self, path: &str, listed: Vec<T>, next: Option<String>) -> Result<(), String> {
        self.pages += 1;
        self.trail.insert(address(path));
        for one in listed {
            // A page that shifted while the list was read shows one twice.
            if let Entry::Vacant(place) = self.by_id.entry(one.id().to_owned()) {
                place.insert(self.listed.len());
                self.listed.push(one);
            }
        }
        let back = next
            .as_ref()
            .is_some_and(|next| !self.trail.insert(address(next)));
        if back {
            return Err(format!("page {} leads back to one before it", self.pages));
        }
        if self.listed.len() > MOST_LISTED {
            return Err(format!("it has more than {MOST_LISTED} {}", T::PLURAL));
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

    /// Gives up what was listed, but for where the list continues.
    pub fn take(&mut self) -> Vec<T> {
        self.by_id = HashMap::new();
        std::mem::take(&mut self.listed)
    }
}

impl Pages {
    /// What the instance with this id is, if it was listed.
    pub fn name_of(&self, id: &str) -> Option<&Told> {
        Some(&self.listed.get(*self.by_id.get(id)?)?.name)
    }

    /// The labels of the org's instances of an app.
    pub fn labels(&self, app: App) -> impl Iterator<Item = &Told> {
        let of_app = move |instance: &&AppInstance| instance.name == *app.name();
        self.listed
            .iter()
            .filter(of_app)
            .map(|instance| &instance.label)
    }

    /// The ids of the instances with this app name and label.
    pub fn matching(&self, app: App, label: Option<&str>) -> Vec<String> {
        self.listed
            .iter()
            .filter(|instance| instance.name == *app.name() && Some(instance.label.raw()) == label)
            .map(|instance| instance.id.clone())
            .collect()
    }
}

impl Paged for IdentityProvider {
    const PLURAL: &'static str = "identity providers";

    fn id(&self) -> &str {
        &self.id
    }

    fn first_page(_: Option<App>) -> String {
        idps::first_page()
    }

    fn page(path: &str) -> Read<Vec<Self>> {
        idps::next(path)
    }
}

impl Pages<IdentityProvider> {
    /// Those of which this is true.
    pub fn that_are(&self, is_one: impl Fn(&IdentityProvider) -> bool) -> Vec<IdentityProvider> {
        let them = self.listed.iter().filter(|idp| is_one(idp));
        them.cloned().collect()
    }
}

impl Pages<ServiceClient> {
    /// Those with this name.
    pub fn named(&self, name: &str) -> Vec<ServiceClient> {
        let named = self
            .listed
            .iter()
            .filter(|client| client.name.raw() == name);
        named.cloned().collect()
    }
}

/// What a hub has of a kind, as far as it was listed; one entry lists, the others with theirs there wait for it.
#[derive(Debug)]
pub struct InHubList<T> {
    /// Listed once a run.
    listing: Mutex<Pages<T>>,
    /// The same once more, for entries of which something may have been made without our knowing.
    relisting: Relisting<T>,
    /// The ids of those that this process made, which are as they were made.
    made: parking_lot::Mutex<HashSet<String>>,
}

/// The org's service apps.
pub type ClientList = InHubList<ServiceClient>;

/// The org's identity providers.
pub type IdpList = InHubList<IdentityProvider>;

impl<T> Default for InHubList<T> {
    fn default() -> Self {
        Self {
            listing: Mutex::default(),
            relisting: Relisting::default(),
            made: parking_lot::Mutex::default(),
        }
    }
}

impl<T> InHubList<T> {
    /// This process made this one.
    pub(super) fn note_made(&self, id: &str) {
        self.made.lock().insert(id.to_owned());
    }

    /// Whether it did.
    pub(super) fn was_made(&self, id: &str) -> bool {
        self.made.lock().contains(id)
    }
}

/// Whether something may have been made without our knowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// The list of this run will do.
    Run,
    /// A list that is begun from now on.
    Now,
}

impl<T: Paged> InHubList<T> {
    /// What `found` finds.
    pub(super) async fn find<R>(
        &self,
        since: Since,
        (reader, priority): (&Reader, usize),
        caller: &mut impl Caller,
        found: impl FnOnce(&Pages<T>) -> R,
    ) -> Result<R, StepError> {
        if since == Since::Now {
            let by = (reader, priority);
            return self.relisting.find(None, by, caller, found).await;
        }
        let mut pages = self.listing.lock().await;
        pages
            .read(Extent::all(None), reader, priority, caller)
            .await?;
        Ok(found(&pages))
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
        let mut pages: Pages = Pages::default();
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
            .listed
            .iter()
            .map(|instance| pages.name_of(&instance.id));
        assert!(names.eq(pages.listed.iter().map(|instance| Some(&instance.name))));
        assert!(pages.name_of("0oa").is_none());
        assert_eq!(
            pages.listed.len(),
            cursors.len().max(1),
            "an id stands once"
        );
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
            let mut pages: Pages = Pages::default();
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
