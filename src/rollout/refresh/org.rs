//! Looks at one org: its apps once, if labels have to be found, then each entry's connection and, where it is
//! active and the entry has features, those. Nothing here holds a client that can send anything but a GET.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::json;

use super::find::{Found, find_app};
use super::gather::Kept;
use super::seen::digest;
use super::view::{Looked, OrgRefresh, stopped_by};
use crate::engine::Unread;
use crate::event::RunEvent;
use crate::ledger::LedgerError;
use crate::manifest::{Entry, SecretError};
use crate::model::Site;
use crate::okta::Bucket;
use crate::pacing::CallLog;
use crate::plan::{Cost, EntryPlan, Forecast, Obstacle, OrgPlan, Pace, Scopes, Seen, Which};
use crate::rollout::access::Shut;
use crate::rollout::needs::{Needs, lacking};
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
        let gate = self.reader.gate();
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
                digest(&self.url, &looked.seen),
            ));
        }
        drop(at_work);
        unread.tell(&self.name, &self.events);
        cost.add_listing(found.directory.pages().await);
        plans.sort_by_key(|plan| plan.which.row);
        Ok(OrgPlan {
            pace: self.pace(busy, requests),
            error: gate.stopped().map(|stopped| stopped_by(&stopped)),
            scopes: self.scopes(&needs),
            entries: plans,
            name: self.name,
            cost,
            elsewhere,
        })
    }

    /// What the selected entries need of a service app.
    fn needs(&self, entries: &[Kept]) -> Needs {
        let mut needs = Needs::default();
        if self.asked.is_some() {
            let selected = entries.iter().filter(|kept| kept.selected);
            selected.for_each(|kept| needs.add(&kept.entry()));
        }
        needs
    }

    /// What of that its token has, as far as one was had.
    fn scopes(&self, needs: &Needs) -> Option<Scopes> {
        let asked = self.asked.as_ref()?;
        let missing = needs.missing(&self.reader.scopes()?);
        let lack = lacking(&missing, asked);
        Some(Scopes {
            needed: needs.scopes.iter().copied().collect(),
            missing,
            lack: lack.map(|(message, hint)| Obstacle::new(message, hint)),
        })
    }

    fn notify_looked(&self) {
        let entries = 1 + self.looked.fetch_add(1, Ordering::Relaxed);
        self.events.run(|| RunEvent::Looked { entries });
    }

    fn pace(&self, busy: Duration, requests: u64) -> Pace {
        let gate = self.reader.gate();
        let shown = |bucket| Some((bucket, gate.allowance(bucket)?));
        Pace {
            allowances: Bucket::ALL.into_iter().filter_map(shown).collect(),
            at_once: gate.concurrency() as u64,
            max_rps: self.limits.max_rps,
            call: busy / u32::try_from(requests.max(1)).unwrap_or(u32::MAX),
        }
    }

    async fn entry(
        &self,
        entry: &Entry,
        kept: &Kept,
        found: &Found,
        log: &mut CallLog,
    ) -> Result<(Which, Looked, Option<SecretError>), LedgerError> {
        let which = Which::of(entry, kept.row);
        if let Some(link) = self.remembered.waits(&self.url, kept.text()) {
            let (looked, unread) = self.waiting(entry, link, found, log).await?;
            return Ok((which, looked, unread));
        }
        let looked = match find_app(entry, found) {
            Err((obstacle, seen)) => Looked {
                seen,
                ..Looked::failed(obstacle, Vec::new())
            },
            Ok(None) => Looked {
                forecast: forecast(entry, &Seen::default()),
                app_id: None,
                seen: json!("absent"),
            },
            Ok(Some(app_id)) => self.app(entry, app_id, found, log).await?,
        };
        Ok((which, looked, None))
    }
}
