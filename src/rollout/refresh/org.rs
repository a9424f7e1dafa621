//! Looks at one org: its apps once, if labels have to be found, then each entry's connection and, where it is
//! active and the entry has features, those. Nothing here holds a client that can send anything but a GET.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::json;

use super::find::{Found, find_app};
use super::gather::Kept;
use super::hub;
use super::seen::digest;
use super::view::{Looked, OrgRefresh};
use crate::engine::Unread;
use crate::event::RunEvent;
use crate::ledger::{AppMemory, LedgerError};
use crate::manifest::{Entry, SecretError};
use crate::model::Site;
use crate::pacing::CallLog;
use crate::plan::{Cost, Earlier, EntryPlan, Forecast, Obstacle, OrgPlan, Pace, Seen, Which};
use crate::rollout::access::Shut;
use crate::rollout::needs::Needs;
use crate::steps::forecast;

/// The plan of an org whose credentials cannot be read: nothing of it can be told.
pub(super) fn unseen(shut: Shut, entries: Vec<Kept>) -> OrgPlan {
    let Shut { row, why } = shut;
    let error = Obstacle::new(why.to_string(), why.remedy);
    let seen = digest(&row.url, &json!("stopped"));
    let planned = entries.into_iter().filter(|kept| kept.selected);
    let plan = |kept: Kept| {
        let which = Which::of(&kept.entry(), kept.row);
        EntryPlan::new(which, Forecast::failed(error.clone(), Vec::new()), seen)
    };
    OrgPlan {
        entries: planned.map(plan).collect(),
        name: row.name,
        cost: Cost::default(),
        elsewhere: BTreeMap::new(),
        pace: Pace::default(),
        error: Some(error),
        scopes: None,
    }
}

impl OrgRefresh {
    /// Looks at everything that is wanted of the org.
    ///
    /// # Errors
    /// When the ledger cannot be read. What goes wrong at Okta is in the plan.
    pub async fn run(self, entries: Vec<Kept>) -> Result<OrgPlan, LedgerError> {
        let connections = entries.iter().filter_map(|kept| kept.entry().connection);
        let secrets: HashSet<_> = connections
            .flat_map(|connection| connection.secrets())
            .collect();
        self.secrets.cover(secrets).await;
        let mut log = CallLog::default();
        let found = self.find(&entries, &mut log).await?;
        let needs = self.needs(&entries);
        let mut cost = Cost::default();
        let mut elsewhere: BTreeMap<String, Cost> = BTreeMap::new();
        cost.add_listing(found.pages.as_ref().map_or(0, |pages| pages.pages));
        let gate = self.means.reader.gate();
        let (mut plans, mut unread) = (Vec::new(), Unread::default());
        let mut waiting = entries.into_iter().filter(|kept| kept.selected);
        let mut at_work = FuturesUnordered::new();
        let (mut busy, mut requests) = (log.busy, log.stats.requests);
        let (refresh, found_apps) = (&self, &found);
        loop {
            while at_work.len() < gate.concurrency() {
                let Some(kept) = waiting.next() else { break };
                at_work.push(async move {
                    let mut log = CallLog::default();
                    let entry = kept.entry();
                    let (which, looked, unread) =
                        refresh.entry(&entry, &kept, found_apps, &mut log).await?;
                    Ok::<_, LedgerError>((which, entry.hub, looked, unread, log))
                });
            }
            let Some(looked) = at_work.next().await else {
                break;
            };
            let (mut which, hub, looked, not_read, log) = looked?;
            if let Some(error) = not_read {
                unread.add(error.to_string(), Some(error.remedy()));
            }
            self.notify_looked();
            busy += log.busy;
            requests += log.stats.requests;
            cost.add(&looked.forecast, Site::Own);
            if let Some(hub) = hub {
                let there = elsewhere.entry(hub.org).or_default();
                there.add(&looked.forecast, Site::Hub);
            }
            which.app_id = which.app_id.or(looked.app_id.map(Into::into));
            plans.push(EntryPlan::new(
                which,
                looked.forecast,
                digest(&self.means.url, &looked.seen),
            ));
        }
        drop(at_work);
        unread.tell(&self.means.name, &self.events);
        cost.add_listing(found.directory.pages().await);
        plans.sort_by_key(|plan| plan.which.row);
        Ok(OrgPlan {
            pace: self.means.pace(busy, requests),
            error: self.means.stopped(),
            scopes: self.means.scopes(&needs),
            entries: plans,
            name: self.means.name,
            cost,
            elsewhere,
        })
    }

    /// What the selected entries need of a service app.
    fn needs(&self, entries: &[Kept]) -> Needs {
        let mut needs = Needs::default();
        if self.means.asked.is_some() {
            let selected = entries.iter().filter(|kept| kept.selected);
            selected.for_each(|kept| needs.add(&kept.entry()));
        }
        needs
    }

    fn notify_looked(&self) {
        let entries = 1 + self.looked.fetch_add(1, Ordering::Relaxed);
        self.events.run(|| RunEvent::Looked { entries });
    }

    async fn entry(
        &self,
        entry: &Entry,
        kept: &Kept,
        found: &Found,
        log: &mut CallLog,
    ) -> Result<(Which, Looked, Option<SecretError>), LedgerError> {
        let which = Which::of(entry, kept.row);
        if let Some(link) = self.remembered.waits(&self.means.url, kept.text()) {
            let (looked, unread) = self.waiting(entry, link, found, log).await?;
            return Ok((which, looked, unread));
        }
        let looked = match find_app(entry, found) {
            Err((obstacle, seen)) => Looked {
                seen,
                ..Looked::failed(obstacle, Vec::new())
            },
            Ok(None) => self.absent(entry).await,
            Ok(Some(app_id)) => self.app(entry, app_id, found, log).await?,
        };
        Ok((which, looked, None))
    }

    /// An app that is still to be created; its service app may be there.
    async fn absent(&self, entry: &Entry) -> Looked {
        let nothing = (&AppMemory::default(), &Earlier::Never);
        let hub = match self.see_hub(entry, "", nothing).await {
            Ok(hub) => hub,
            Err(why) => return Looked::hidden(why, None),
        };
        let shown = match entry.hub {
            Some(_) => json!(["absent", hub::shown(&hub)]),
            None => json!("absent"),
        };
        let seen = Seen {
            hub,
            ..Seen::default()
        };
        Looked {
            forecast: forecast(entry, &seen),
            app_id: None,
            seen: shown,
        }
    }
}
