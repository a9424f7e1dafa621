//! The org's apps, listed once a run, not once an entry.

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Context, StepError};
use crate::apps::App;
use crate::okta::apps::{self, AppInstance};
use crate::run::{CallLog, Reader};

/// The org's apps, as far as they were listed; one entry lists, the others of the org wait for it.
pub type Listing = Mutex<Pages>;

/// The org's apps, listed once more because answers to `create_app` were lost: one list for all entries that
/// need it by the time it begins.
#[derive(Debug, Default)]
pub struct Relisting(Mutex<Option<(Instant, Pages)>>);

impl Relisting {
    /// The instances with the entry's app and label, by a list that was begun from now on.
    pub(super) async fn matching(
        &self,
        context: &mut Context<'_>,
    ) -> Result<Vec<String>, StepError> {
        let needed_since = Instant::now();
        let mut listed = self.0.lock().await;
        let (_, pages) = match &mut *listed {
            Some(fresh) if fresh.0 >= needed_since => fresh,
            stale => stale.insert((Instant::now(), Pages::default())),
        };
        pages.read_wanted(context).await?;
        let entry = &context.row.entry;
        Ok(pages.matching(entry.app, entry.label.as_deref()))
    }
}

/// Pages of a listing. A page that fails is asked for again, not the whole list.
#[derive(Debug, Default)]
pub struct Pages {
    /// What was listed.
    pub apps: Vec<AppInstance>,
    /// Pages read for it.
    pub read: u64,
    /// Where the list goes on; `None` before the first page.
    pub next: Option<String>,
    /// Whether the last page was read.
    pub complete: bool,
}

impl Pages {
    /// Reads the rest of the org's apps, as far as entries still look for theirs.
    pub(super) async fn read_wanted(&mut self, context: &mut Context<'_>) -> Result<(), StepError> {
        if self.complete {
            return Ok(());
        }
        let wanted = context.ledger.labels(context.run, context.row.org).await?;
        let only = match wanted.as_slice() {
            [app] => Some(*app),
            _ => None,
        };
        let rank = context.rank();
        let access = context.access;
        self.read_all(only, &access.reader, rank, context.log).await
    }

    /// Reads the rest of the org's apps, or of those with this name.
    pub async fn read_all(
        &mut self,
        only: Option<App>,
        reader: &Reader,
        rank: usize,
        log: &mut CallLog,
    ) -> Result<(), StepError> {
        let mut restarted = false;
        while !self.complete {
            let page = self
                .next
                .as_deref()
                .map_or_else(|| apps::list(only), apps::next);
            match reader.read_page(&page, rank, log).await {
                Ok((mut listed, next)) => {
                    // A server that goes round in circles must not keep us busy for ever.
                    self.complete = next.is_none() || next == self.next || listed.is_empty();
                    self.apps.append(&mut listed);
                    self.read += 1;
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
