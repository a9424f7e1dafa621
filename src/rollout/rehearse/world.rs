//! The orgs of a rehearsal: what apps are in them, and how they answer.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::time::Instant;

use super::Assumptions;
use crate::failure::Failure;
use crate::ledger::{FoundBy, OrgRow};
use crate::model::{ErrorDetails, UnixMillis};
use crate::okta::{CallError, Class, Exchange, RateHeaders, Request};
use crate::rollout::refresh::{Gathering, Kept};
use crate::rollout::simulated::is_sandbox;
use crate::sandbox::{Latency, Period, Reply, SandboxSettings, Unserved, Verdict};
use crate::steps::{Answering, OrgApps};

/// When a rehearsal begins by the orgs' clocks: always the same, so that two rehearsals are.
const BEGIN: UnixMillis = UnixMillis(1_700_000_000_500);

/// What Okta answers while it cannot be written to.
const READ_ONLY: &str = "E0000010";

/// Settings of simulated orgs.
pub(super) struct World {
    /// Of those that the program serves itself.
    served: Arc<SandboxSettings>,
    /// Of all others.
    real: Arc<SandboxSettings>,
    faults: f64,
}

impl World {
    /// Orgs as they were recorded, but for what the job says of those that the program serves itself, and what is
    /// assumed.
    pub fn new(section: &toml::Table, assumptions: &Assumptions) -> Result<Self, Failure> {
        let settings = |mut table: toml::Table| {
            let recorded = || String::from(Latency::Recorded).into();
            table.entry("latency").or_insert_with(recorded);
            let mut settings: SandboxSettings = table
                .try_into()
                .context("the job's [sandbox] section")
                .map_err(Failure::usage)?;
            if let Some(limit) = assumptions.limit {
                settings.limit_all(limit);
            }
            settings.window = assumptions.window.map_or(settings.window, Period);
            if let Some(latency) = assumptions.latency {
                settings.delay_all(latency);
            }
            Ok::<_, Failure>(Arc::new(settings))
        };
        Ok(Self {
            served: settings(section.clone())?,
            real: settings(toml::Table::new())?,
            faults: assumptions.faults,
        })
    }

    /// How an org answers.
    pub fn answering(&self, org: &OrgRow) -> Answering {
        let settings = if is_sandbox(org) {
            &self.served
        } else {
            &self.real
        };
        let unserved = Unserved::new(&org.name, Arc::clone(settings), self.faults);
        let began = Instant::now();
        Arc::new(move |request| {
            let now = BEGIN.after(began.elapsed());
            answer(&unserved, request, now.0)
        })
    }
}

fn answer(org: &Unserved, request: &Request, now_ms: i64) -> Exchange {
    let label = request.label();
    let (method, path) = label.split_once(' ').unwrap_or((&label, ""));
    let reply = org.reply(method, path, now_ms);
    let (status, outcome) = match reply.verdict {
        Verdict::Done => (200, Ok(())),
        Verdict::TooMany => (429, Err(limited(false))),
        Verdict::TooManyAtOnce => (429, Err(limited(true))),
        Verdict::Failed => (503, Err(failed())),
    };
    Exchange::supposed(status, headers(&reply), reply.takes, outcome)
}

fn headers(reply: &Reply) -> (RateHeaders, i64) {
    let rate = RateHeaders {
        limit: Some(reply.limit.into()),
        remaining: Some(reply.remaining.into()),
        reset: Some(reply.reset),
    };
    (rate, reply.date)
}

fn limited(concurrency: bool) -> CallError {
    let class = Class::RateLimited {
        concurrency,
        retry_after: None,
    };
    CallError::new(class, "the rate limit is used up")
}

fn failed() -> CallError {
    let class = Class::Transient { retry_after: None };
    let mut error = CallError::new(class, "the org is in read-only mode");
    error.details = ErrorDetails {
        okta_error_code: Some(READ_ONLY.to_owned()),
        http_status: Some(503),
        ..error.details
    };
    error
}

/// What there is in an org, and what has to be found.
pub(super) fn apps(of: &Gathering) -> OrgApps {
    let mut apps = OrgApps::default();
    for entry in of.entries.iter().map(Kept::entry) {
        let found = match entry.app_id {
            Some(_) => FoundBy::UnseenId,
            None => FoundBy::Label,
        };
        apps.to_find.add(entry.app, found);
        apps.by_label[entry.app.index()] |= entry.app_id.is_none();
        apps.there[entry.app.index()] += u64::from(entry.create.is_none());
    }
    apps
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sandbox::Bucket;

    fn world(section: &str, assumptions: &Assumptions) -> World {
        World::new(&section.parse().unwrap(), assumptions).unwrap()
    }

    #[test]
    fn a_job_speaks_of_the_orgs_it_serves_and_assumptions_of_all() {
        let section = "limit = 7\nwindow = '3s'\n[limits]\n'/api/v1/apps' = 9\n'/api/v1/logs' = 2\n\
            [switches.slow]\nlimit = 3\nlatency = '9s'\nconcurrency = 5\n";
        let by_job = world(section, &Assumptions::default());
        assert_eq!((by_job.served.limit, by_job.real.limit), (7, 50));
        let slow = &by_job.served.switches["slow"];
        assert_eq!(slow.limit, Some(3));
        assert_eq!(
            slow.latency,
            Some(Latency::Fixed(Period(Duration::from_secs(9))))
        );
        assert_eq!(by_job.served.window.0, Duration::from_secs(3));
        assert_eq!(by_job.real.window.0, Duration::from_mins(1));
        assert_eq!(by_job.served.latency, Latency::Recorded);
        let given = world("latency = '5ms'", &Assumptions::default())
            .served
            .latency;
        assert_eq!(given, Latency::Fixed(Period(Duration::from_millis(5))));
        let assumed = Assumptions {
            limit: Some(4),
            window: Some(Duration::from_secs(2)),
            latency: Some(Latency::None),
            ..Assumptions::default()
        };
        let assumed = world(section, &assumed);
        for settings in [&assumed.served, &assumed.real] {
            assert_eq!((settings.limit, settings.window.0.as_secs()), (4, 2));
            assert_eq!(settings.latency, Latency::None);
            assert!(!settings.limits.contains_key(&Bucket::Apps));
            let slow = settings.switches.values();
            assert!(
                slow.into_iter()
                    .all(|org| (org.limit, org.latency) == (None, None))
            );
        }
        // What no flag speaks of stays as the job says.
        assert_eq!(assumed.served.switches["slow"].concurrency, Some(5));
        assert_eq!(assumed.served.limits[&Bucket::Logs], 2);
        let unlimited = Assumptions {
            limit: Some(0),
            ..Assumptions::default()
        };
        assert!(world(section, &unlimited).served.limits.is_empty());
        assert!(World::new(&"limt = 7".parse().unwrap(), &Assumptions::default()).is_err());
    }
}
