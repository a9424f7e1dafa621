//! Rehearses the run of a file in simulated time: which calls it makes, how long it takes, and where it waits. Nothing is
//! sent, and no ledger is read or written.

mod advice;
mod world;

use std::time::Duration;

use super::access::no_calls;
use super::blocking::blocking;
use super::refresh::{Gathered, Gathering, gather_all};
use super::refused::Refused;
use super::target::Target;
use crate::engine::{Engine, OrgToRehearse, RehearsalPolicy, RunRehearsed, rehearse_run};
use crate::failure::{Failure, Kind};
use crate::manifest::OrgSpec;
use crate::okta::HttpError;
use crate::sandbox::Latency;
use crate::settings::Policy;
pub(crate) use advice::{Advice, Alone};
use world::World;

/// What is assumed of the orgs and of people.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assumptions {
    /// Calls per window.
    pub limit: Option<u32>,
    /// Length of a window.
    pub window: Option<Duration>,
    /// How long a call takes.
    pub latency: Option<Latency>,
    /// The part of all calls that fail and are made again.
    pub faults: f64,
    /// How long after it was asked for a consent is given; `None` = never.
    pub consent_after: Option<Duration>,
}

/// How a run would go.
pub(crate) struct Rehearsal {
    /// The names of its orgs, in order of first use.
    pub orgs: Vec<String>,
    /// What becomes of it.
    pub run: RunRehearsed,
    /// What would make it shorter.
    pub advice: Vec<Advice>,
}

/// Rehearses the run of a file.
///
/// # Errors
/// When the file has mistakes.
pub(crate) async fn rehearse(
    target: &Target,
    assumptions: Assumptions,
) -> Result<Rehearsal, Refused> {
    let gathered = gather_all(target).await?;
    let stage = Stage::new(gathered, target.policy.clone(), &assumptions)?;
    Ok(blocking(move || stage.play()).await?)
}

/// All that a rehearsal needs.
struct Stage {
    gathered: Gathered,
    policy: Policy,
    world: World,
    rehearsed_with: RehearsalPolicy,
}

impl Stage {
    fn new(gathered: Gathered, policy: Policy, assumptions: &Assumptions) -> Result<Self, Failure> {
        Ok(Self {
            world: World::new(&policy.sandbox, assumptions)?,
            rehearsed_with: RehearsalPolicy {
                retry: policy.retry,
                limits: policy.limits,
                on_drift: policy.on_drift,
                consent_after: assumptions.consent_after,
            },
            gathered,
            policy,
        })
    }

    fn play(&self) -> Result<Rehearsal, Failure> {
        let orgs = &self.gathered.orgs;
        let all = orgs.iter().map(|of| self.org(of, &of.org.spec));
        let run = in_simulated_time(async |engine| {
            let waves = &self.policy.waves;
            rehearse_run(&engine, all.collect(), waves, &self.rehearsed_with).await
        })?;
        Ok(Rehearsal {
            orgs: orgs.iter().map(|of| of.org.name.clone()).collect(),
            advice: self.advice(&run)?,
            run,
        })
    }

    /// An org with its entries, of which this is said.
    fn org<'a>(&'a self, of: &'a Gathering, spec: &'a OrgSpec) -> OrgToRehearse<'a> {
        OrgToRehearse {
            name: &of.org.name,
            spec,
            entries: of.entries.len(),
            entry: Box::new(|no| of.entries[no].entry()),
            apps: world::apps(of),
            answering: self.world.answering(&of.org),
            is_hub: self.gathered.hubs.contains_key(&of.org.name),
        }
    }
}

/// Does what takes time as if it took none.
fn in_simulated_time<T>(
    work: impl AsyncFnOnce(Engine) -> Result<T, HttpError>,
) -> Result<T, Failure> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| Failure {
        kind: Kind::Failed,
        error: error.into(),
        hint: None,
    })?;
    let worked = runtime.block_on(async { work(Engine::new()).await });
    worked.map_err(no_calls)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::sandbox::Period;

    /// Of an org with 30 entries of two calls each, whose apps are seen by one list.
    async fn one_org(limits: Value, assumptions: Assumptions) -> Rehearsal {
        let status = json!({ "status": "ENABLED" });
        let user = json!({ "create": { "lifecycleCreate": status }, "update": {
            "lifecycleDeactivate": status, "profile": status,
            "password": { "status": "ENABLED", "seed": "RANDOM", "change": "KEEP_EXISTING" },
        } });
        let entry = |no: u32| {
            let profile = json!({ "authScheme": "TOKEN", "token": "env:TOKEN" });
            let connection = json!({ "baseUrl": "https://a.example", "profile": profile });
            json!({ "org": "acme", "app": "zscalerbyz", "appId": format!("0oa{no}"),
                "connection": connection, "features": { "USER_PROVISIONING": user } })
        };
        let orgs = json!({ "acme": { "url": "sandbox", "limits": limits } });
        let apps: Vec<Value> = (0..30).map(entry).collect();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("m.json");
        std::fs::write(&file, json!({ "orgs": orgs, "apps": apps }).to_string()).unwrap();
        let policy = Policy {
            manifest: file.clone(),
            ..Policy::default()
        };
        let target = Target::new(&file, policy).unwrap();
        rehearse(&target, assumptions).await.unwrap()
    }

    fn assumed(limit: u32, latency_ms: u64) -> Assumptions {
        Assumptions {
            limit: Some(limit),
            window: Some(Duration::from_secs(3)),
            latency: Some(Latency::Fixed(Period(Duration::from_millis(latency_ms)))),
            ..Assumptions::default()
        }
    }

    #[tokio::test]
    async fn an_org_at_its_window_takes_little_more_than_the_windows_that_have_to_end() {
        let rehearsal = one_org(json!({}), assumed(20, 100)).await;
        let total = rehearsal.run.total();
        assert_eq!((total.entries, total.calls), (30, 61));
        // 18 of 20 calls a window.
        let windows = 61_u32.div_ceil(18) - 1;
        let floor = Duration::from_secs(3) * windows;
        let most = floor.mul_f64(1.05) + Duration::from_secs(1) * windows;
        let (wall, waited) = (rehearsal.run.wall, total.waited);
        assert!((floor..most).contains(&wall), "{wall:?} of {floor:?}");
        assert!(waited > floor.mul_f64(0.8) && waited < wall, "{waited:?}");
    }

    #[tokio::test]
    async fn caps_of_an_org_hold() {
        let capped = [
            // A call each, and one after the other.
            (json!({ "maxRps": 10 }), 10, 60.0 * 0.1),
            (json!({ "maxInFlight": 2 }), 150, 61.0 / 2.0 * 0.15),
            (json!({}), 150, 61.0 / 20.0 * 0.15),
        ];
        for (limits, latency_ms, wanted_s) in capped {
            let rehearsal = one_org(limits.clone(), assumed(0, latency_ms)).await;
            let wall_s = rehearsal.run.wall.as_secs_f64();
            let (least, most) = (0.95 * wanted_s, 1.1 * wanted_s + 0.3);
            assert!(
                (least..most).contains(&wall_s),
                "{limits}: {wall_s} of {wanted_s}"
            );
            let is_capped = !limits.as_object().unwrap().is_empty();
            assert_eq!(!rehearsal.advice.is_empty(), is_capped, "{limits}");
        }
    }
}
