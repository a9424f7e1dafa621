//! The org's apps, listed once a run, not once an entry.

use std::collections::HashMap;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::{Context, StepError};
use crate::apps::App;
use crate::okta::apps::{self, AppInstance};
use crate::run::{CallLog, Reader};

/// The org's apps, as far as they were listed; one entry lists, the others of the org wait for it.
pub type Listing = Mutex<Pages>;

/// The org's instances of an app, listed once more because answers to `create_app` were lost: one list for all
/// entries that need it by the time it begins.
#[derive(Debug, Default)]
pub struct Relisting(Mutex<HashMap<App, (Instant, Pages)>>);

impl Relisting {
    /// The instances with the entry's app and label, by a list that was begun from now on.
    pub(super) async fn matching(
        &self,
        context: &mut Context<'_>,
    ) -> Result<Vec<String>, StepError> {
        let needed_since = Instant::now();
        let app = context.row.entry.app;
        let mut listed = self.0.lock().await;
        let fresh = || (Instant::now(), Pages::default());
        let (begun, pages) = listed.entry(app).or_insert_with(fresh);
        if *begun < needed_since {
            (*begun, *pages) = fresh();
        }
        let rank = context.rank();
        let reader = &context.access.reader;
        let extent = Extent::all(Some(app));
        pages.read(extent, reader, rank, context.log).await?;
        Ok(pages.matching(app, context.row.entry.label.as_deref()))
    }
}

/// The org's listing, made now if it was not.
pub(super) async fn listed<'a>(
    context: &mut Context<'a>,
) -> Result<MutexGuard<'a, Pages>, StepError> {
    let access = context.access;
    // One entry lists, the others of the org wait for it.
    let mut pages = access.listing.lock().await;
    if !pages.complete {
        let wanted = context.ledger.labels(context.run, context.row.org).await?;
        let only = match wanted.as_slice() {
            [app] => Some(*app),
            _ => None,
        };
        let rank = context.rank();
        let extent = Extent::all(only);
        pages
            .read(extent, &access.reader, rank, context.log)
            .await?;
    }
    Ok(pages)
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

/// Pages of a listing. A page that fails is asked for again, not the whole list.
#[derive(Debug, Default)]
pub struct Pages {
    /// What was listed.
    pub apps: Vec<AppInstance>,
    /// How many were read for it.
    pub pages: u64,
    /// Where the list goes on; `None` before the first page.
    pub next: Option<String>,
    /// Whether the last page was read.
    pub complete: bool,
}

impl Pages {
    /// Reads on, as far as wanted.
    pub async fn read(
        &mut self,
        extent: Extent,
        reader: &Reader,
        rank: usize,
        log: &mut CallLog,
    ) -> Result<(), StepError> {
        let mut restarted = false;
        while !self.complete && self.pages < extent.pages {
            let page = self
                .next
                .as_deref()
                .map_or_else(|| apps::list(extent.only), apps::next);
            match reader.read_page(&page, rank, log).await {
                Ok((mut listed, next)) => {
                    // A server that goes round in circles must not keep us busy for ever.
                    self.complete = next.is_none() || next == self.next || listed.is_empty();
                    self.apps.append(&mut listed);
                    self.pages += 1;
                    self.next = next;
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

    /// What the instance with this id is, if it was listed.
    pub fn name_of(&self, id: &str) -> Option<&str> {
        let found = self.apps.iter().find(|instance| instance.id == id)?;
        Some(&found.name)
    }

    /// The ids of the instances with this app name and label.
    pub fn matching(&self, app: App, label: Option<&str>) -> Vec<String> {
        self.apps
            .iter()
            .filter(|instance| {
                instance.name == app.name() && Some(instance.label.as_str()) == label
            })
            .map(|instance| instance.id.clone())
            .collect()
    }
}
