//! Which app an entry means, found out as a run does: by its label in a list of the org's apps, or by its id, of which
//! is looked what it is before anything would be written to it.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::gather::Kept;
use super::view::OrgRefresh;
use crate::apps::App;
use crate::ledger::{FoundBy, LedgerError};
use crate::manifest::Entry;
use crate::okta::apps;
use crate::pacing::CallLog;
use crate::plan::{Identity, Obstacle, app_taken, found_app, is_right_app};
use crate::steps::{AppsToFind, Directory, Extent, Pages};
use crate::text::Told;

/// What labels lead to.
pub(super) struct Found {
    /// The apps that were listed for it, or why they were not.
    pub pages: Result<Pages, (Obstacle, Value)>,
    // Rows by the app ids that they give: none of these apps may be another row's as well.
    given: HashMap<String, u64>,
    /// What the apps are whose ids are given.
    pub directory: Directory,
}

/// What is known of an app before it is looked at.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// What the ledger says it is.
    pub name: Option<&'a str>,
    /// What was listed.
    pub found: &'a Found,
}

impl Known<'_> {
    /// Why the ledger alone says that it is another app.
    pub fn refused(&self, entry: &Entry) -> Option<Obstacle> {
        is_right_app(entry, entry.app_id.as_ref()?, self.name?).err()
    }

    /// What that says, if anything, without a call.
    pub fn identity(&self, entry: &Entry) -> Option<Identity> {
        let app_id = entry.app_id.as_ref()?;
        let listed = self.found.pages.as_ref().ok();
        let listed = listed
            .and_then(|pages| pages.name_of(app_id))
            .map(Told::word);
        let name = self.name.or(listed.as_deref())?;
        Some(match is_right_app(entry, app_id, name) {
            Ok(()) => Identity::Right,
            Err(obstacle) => Identity::Wrong(obstacle),
        })
    }
}

impl OrgRefresh {
    /// Lists the org's apps as a run does: all, or those of the only kind that is looked for.
    pub(super) async fn find(
        &self,
        entries: &[Kept],
        log: &mut CallLog,
    ) -> Result<Found, LedgerError> {
        // Which apps are listed depends on all entries of a run, whether they are selected or not.
        let mut apps: BTreeSet<App> = BTreeSet::new();
        let mut given = HashMap::new();
        let mut wanted = AppsToFind::default();
        let seen = self.remembered.seen_apps(&self.means.url).await?;
        for kept in entries {
            let entry = kept.entry();
            let waits = self
                .remembered
                .waits(&self.means.url, kept.text())
                .is_some();
            let found = match &entry.app_id {
                None => FoundBy::Label,
                Some(id) if seen.contains(id.as_str()) => FoundBy::Seen,
                Some(_) => FoundBy::UnseenId,
            };
            if kept.selected && !waits {
                wanted.add(entry.app, found);
            }
            if let Some(id) = entry.app_id {
                given.insert(id, kept.row);
            } else if !waits {
                apps.insert(entry.app);
            }
        }
        let mut pages = Pages::default();
        let mut listed = Ok(());
        if wanted.labels {
            let only = if apps.len() == 1 { apps.first() } else { None };
            let extent = Extent::all(only.copied());
            listed = pages
                .read_with_retry(&self.means.reader, extent, 0, log)
                .await;
        } else {
            given.clear();
        }
        Ok(Found {
            pages: match listed {
                Ok(()) => Ok(pages),
                Err(error) => Err(self.describe(&error)),
            },
            given,
            directory: Directory::new(wanted),
        })
    }

    /// What a run finds out of an app before it writes to it, found out in the same way.
    pub(super) async fn identity(
        &self,
        entry: &Entry,
        known: Known<'_>,
        log: &mut CallLog,
    ) -> Identity {
        if let Some(identity) = known.identity(entry) {
            return identity;
        }
        let Some(app_id) = &entry.app_id else {
            return Identity::Right;
        };
        let (reader, rank) = (&self.means.reader, 0);
        let of_list = &mut *log;
        let list = async move |pages: &mut Pages, extent: Extent| {
            pages.read_with_retry(reader, extent, rank, of_list).await
        };
        match known.found.directory.has(entry.app, app_id, list).await {
            Ok(true) => return Identity::Right,
            Ok(false) => {}
            Err(error) => return Identity::Wrong(self.describe(&error).0),
        }
        match reader.read_with_retry(&apps::get(app_id), rank, log).await {
            Ok(found) => match is_right_app(entry, app_id, &found.name.word()) {
                Ok(()) => Identity::Looked,
                Err(obstacle) => Identity::LookedWrong(obstacle),
            },
            Err(error) => Identity::LookedWrong(self.describe(&error).0),
        }
    }
}

/// The app that an entry means; `None` = it is to be created.
pub(super) fn find_app(entry: &Entry, found: &Found) -> Result<Option<String>, (Obstacle, Value)> {
    if let Some(id) = &entry.app_id {
        return Ok(Some(id.clone()));
    }
    let pages = found.pages.as_ref().map_err(Clone::clone)?;
    let matching = pages.matching(entry.app, entry.label.as_deref());
    let plain = |obstacle: Obstacle| {
        let seen = json!(obstacle.message);
        (obstacle, seen)
    };
    match found_app(entry, &matching, pages.labels(entry.app)).map_err(plain)? {
        Some(id) => match found.given.get(id) {
            Some(row) => Err(plain(app_taken(entry, id, *row))),
            None => Ok(Some(id.to_owned())),
        },
        None => Ok(None),
    }
}
