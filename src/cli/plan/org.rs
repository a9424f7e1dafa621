//! Looks at one org: its apps once, if labels have to be found, then each entry's connection and, where it is
//! active and the entry has features, those. Nothing here holds a client that can send anything but a GET.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::{Value, json};

use super::find::{Found, Known, find_app};
use super::gather::Kept;
use super::remembered::{Instance, Remembered};
use super::seen::{digest, shown};
use crate::cli::access::Shut;
use crate::engine::Unread;
use crate::event::{Event, Events};
use crate::job::OnDrift;
use crate::ledger::{AppMemory, LedgerError};
use crate::manifest::{Entry, Limits, SecretError, Secrets, Status};
use crate::model::{Step, Stopped};
use crate::okta::{Bucket, Method, connections, features};
use crate::pacing::CallLog;
use crate::plan::{
    Call, Cost, EntryPlan, Forecast, Identity, LiveStatus, Look, Obstacle, OrgPlan, Pace, Past,
    Seen, SeenApp, Which, first_call, forecast, steps,
};
use crate::report::codes;
use crate::steps::{Reader, StepError, has_link, live_connection};
use crate::text::Told;

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
        calls_a_minute: None,
        time: Duration::ZERO,
        error: Some(error),
    }
}

/// An org that is looked at.
pub(super) struct OrgSurvey {
    /// Who is told how far it is.
    pub events: Events,
    /// Its name.
    pub name: String,
    /// Its URL as the ledger knows it.
    pub url: String,
    /// Its limits, the job's defaults applied.
    pub limits: Limits,
    /// Reads it.
    pub reader: Reader,
    /// Reads the secrets its entries refer to.
    pub secrets: Secrets,
    /// What the ledger knows.
    pub remembered: Arc<Remembered>,
    /// What a run would do about changes by hand.
    pub on_drift: OnDrift,
    /// Whether a run would post TOKEN connections anyway.
    pub force: bool,
    /// Whether a run would renew consents.
    pub reconnect: bool,
}

// An entry that was looked at.
pub(super) struct Looked {
    pub forecast: Forecast,
    pub app_id: Option<String>,
    pub seen: Value,
}

impl Looked {
    fn failed(obstacle: Obstacle, calls: Vec<Call>) -> Self {
        let seen = json!(obstacle.message);
        Self {
            forecast: Forecast::failed(obstacle, calls),
            app_id: None,
            seen,
        }
    }
}

impl OrgSurvey {
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
        let mut cost = Cost::default();
        cost.add_listing(found.pages.as_ref().map_or(0, |pages| pages.pages));
        let lane = self.reader.lane();
        let (mut plans, mut unread) = (Vec::new(), Unread::default());
        let mut waiting = entries.into_iter().filter(|kept| kept.selected);
        let mut at_work = FuturesUnordered::new();
        let (mut busy, mut requests) = (log.busy, log.stats.requests);
        loop {
            while at_work.len() < lane.width() {
                let Some(kept) = waiting.next() else { break };
                at_work.push(async {
                    let mut log = CallLog::default();
                    let (which, looked, unread) = self.entry(kept, &found, &mut log).await?;
                    Ok::<_, LedgerError>((which, looked, unread, log))
                });
            }
            let Some(looked) = at_work.next().await else {
                break;
            };
            let (mut which, looked, not_read, log) = looked?;
            if let Some(error) = not_read {
                unread.add(error.to_string(), Some(error.remedy()));
            }
            self.events.send(Event::Looked);
            busy += log.busy;
            requests += log.stats.requests;
            cost.add(&looked.forecast);
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
        let pace = self.pace(busy, requests);
        let busiest = cost.calls.iter().max_by_key(|(_, calls)| **calls);
        Ok(OrgPlan {
            calls_a_minute: busiest.and_then(|(bucket, _)| pace.allowances.get(bucket).copied()),
            time: cost.time(&pace),
            error: lane.stopped().map(|stopped| stopped_by(&stopped)),
            entries: plans,
            name: self.name,
            cost,
        })
    }

    fn pace(&self, busy: Duration, requests: u64) -> Pace {
        let lane = self.reader.lane();
        let shown = |bucket| Some((bucket, lane.allowance(bucket)?));
        Pace {
            allowances: Bucket::ALL.into_iter().filter_map(shown).collect(),
            at_once: lane.width() as u64,
            max_rps: self.limits.max_rps,
            call: busy / u32::try_from(requests.max(1)).unwrap_or(u32::MAX),
        }
    }

    async fn entry(
        &self,
        kept: Kept,
        found: &Found,
        log: &mut CallLog,
    ) -> Result<(Which, Looked, Option<SecretError>), LedgerError> {
        let entry = kept.entry();
        let which = Which::of(&entry, kept.row);
        if let Some(link) = self.remembered.waits(&self.url, kept.text()) {
            let (looked, unread) = self.waiting(&entry, link, found, log).await?;
            return Ok((which, looked, unread));
        }
        let looked = match find_app(&entry, found) {
            Err((obstacle, seen)) => Looked {
                seen,
                ..Looked::failed(obstacle, Vec::new())
            },
            Ok(None) => Looked {
                forecast: forecast(&entry, &Seen::default()),
                app_id: None,
                seen: json!("absent"),
            },
            Ok(Some(app_id)) => self.app(&entry, app_id, found, log).await?,
        };
        Ok((which, looked, None))
    }

    pub(super) async fn app(
        &self,
        entry: &Entry,
        app_id: String,
        found: &Found,
        log: &mut CallLog,
    ) -> Result<Looked, LedgerError> {
        let memory = self.remembered.app(&self.url, &app_id).await?;
        let known = Known {
            name: memory.name.as_deref(),
            found,
        };
        if let Some(obstacle) = known.refused(entry) {
            // A run fails it before its first call.
            return Ok(Looked {
                app_id: Some(app_id),
                ..Looked::failed(obstacle, Vec::new())
            });
        }
        let identity = known.identity(entry).unwrap_or_default();
        let acts = |step: &Step| !matches!(step, Step::FindApp | Step::CreateApp);
        if !steps(entry).iter().any(acts) {
            let seen = Seen {
                app: Some(SeenApp::default()),
                ..Seen::default()
            };
            return Ok(Looked {
                forecast: forecast(entry, &seen),
                seen: json!([app_id]),
                app_id: Some(app_id),
            });
        }
        let looked = self.look(entry, &app_id, log).await;
        let live_base_url = looked
            .as_ref()
            .ok()
            .and_then(|app| app.connection.base_url.as_ref().map(Told::raw));
        let instance = Instance {
            org_url: &self.url,
            app_id: &app_id,
            memory: &memory,
            live_base_url,
        };
        let (token, consent) = match self.secret_state(entry, instance).await {
            Ok(secrets) => secrets,
            Err(error) => {
                let obstacle = Obstacle::new(error.to_string(), "make the secret readable");
                return Ok(Looked::failed(obstacle, Vec::new()));
            }
        };
        let past = self.past(entry, &memory).await?;
        let mut seen = Seen {
            app: None,
            token,
            past,
            identity,
            consent,
        };
        let (forecast, seen) = match looked {
            Ok(app) => {
                let shown = shown(&app_id, &app, &seen, &memory);
                seen.app = Some(app);
                (self.foretell(entry, seen, known, log).await, shown)
            }
            Err(error) => {
                let (obstacle, shown) = self.describe(&error);
                let first = self.first_call(entry, &seen, known, log).await;
                (Forecast::failed(obstacle, vec![first]), shown)
            }
        };
        Ok(Looked {
            forecast,
            app_id: Some(app_id),
            seen,
        })
    }

    /// What a run would do, which makes a call to see what the app is only before it writes.
    async fn foretell(
        &self,
        entry: &Entry,
        mut seen: Seen,
        known: Known<'_>,
        log: &mut CallLog,
    ) -> Forecast {
        let foretold = forecast(entry, &seen);
        if !foretold.writes() {
            return foretold;
        }
        seen.identity = self.identity(entry, known, log).await;
        forecast(entry, &seen)
    }

    /// The call by which a run would find out that the app cannot be looked at.
    async fn first_call(
        &self,
        entry: &Entry,
        seen: &Seen,
        known: Known<'_>,
        log: &mut CallLog,
    ) -> Call {
        let first = first_call(entry, seen.token, seen.past.look);
        if first.method() == Method::Get {
            return first;
        }
        match self.identity(entry, known, log).await {
            Identity::Looked | Identity::LookedWrong(_) => Call::ReadApp,
            Identity::Right | Identity::Wrong(_) => first,
        }
    }

    pub(super) async fn past(
        &self,
        entry: &Entry,
        memory: &AppMemory,
    ) -> Result<Past, LedgerError> {
        Ok(Past {
            earlier: self.remembered.earlier(memory, entry).await?,
            look: Look::of(self.on_drift, memory),
            connected: memory.connected,
            on_drift: self.on_drift,
        })
    }

    async fn look(
        &self,
        entry: &Entry,
        app_id: &str,
        log: &mut CallLog,
    ) -> Result<SeenApp, StepError> {
        let call = connections::get(app_id);
        let found = self.reader.read_patiently(&call, 0, log).await?;
        let connection = live_connection(&found);
        let with_features = entry.status == Status::Enabled
            && !entry.features.is_empty()
            && connection.status == LiveStatus::Enabled;
        let features = if with_features {
            let call = features::list(app_id);
            // Further along than those whose connection is still to be read.
            Some(self.reader.read_patiently(&call, 1, log).await?)
        } else {
            None
        };
        Ok(SeenApp {
            connection,
            has_link: has_link(&found),
            features,
        })
    }

    // For people, and what of it is the same next time.
    pub(super) fn describe(&self, error: &StepError) -> (Obstacle, Value) {
        if let Some(stopped) = self.reader.lane().stopped() {
            return (stopped_by(&stopped), json!("stopped"));
        }
        // The step is not told: none was taken.
        let described = error.describe(Step::FindApp);
        let seen = json!([described.http_status, described.okta_error_code]);
        let codes = codes(
            described.okta_error_code.as_deref(),
            described.http_status,
            described.request_id.as_deref(),
        );
        let hint = described
            .hint
            .unwrap_or_else(|| "mend the cause".to_owned());
        let message = format!("{}{codes}", described.message);
        (Obstacle::new(message, hint), seen)
    }
}

fn stopped_by(stopped: &Stopped) -> Obstacle {
    let codes = codes(
        stopped.okta_error_code.as_deref(),
        stopped.http_status,
        stopped.request_id.as_deref(),
    );
    let hint = stopped.hint.clone();
    Obstacle::new(
        format!("{}{codes}", stopped.message),
        hint.unwrap_or_else(|| "check the org's credentials".to_owned()),
    )
}
