//! The waves of a rehearsal, one after the other as in a run: what waits for a consent holds none up, too many failed
//! entries halt the run, and a wave that waits for an approval is approved at once.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::Instant;

use super::hub::{Hub, Hubs};
use super::org::{Moving, OrgTask, Worlds, open};
use super::{OrgRehearsed, OrgToRehearse, RehearsalPolicy, RunRehearsed, WaveRehearsed};
use crate::engine::process::Engine;
use crate::engine::waves::{Groups, Halting, InWave};
use crate::job::Wave;
use crate::model::OrgNo;
use crate::okta::{Http, HttpError, HttpSettings};
use crate::steps::{OrgApps, RehearsedOrg};

type Ended = (usize, Result<OrgRehearsed, HttpError>);

/// The orgs that were begun and have not ended.
type UnderWay<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Ended> + 'a>>>;

/// Orgs that are worked on at the same time: a wave, or all where there are none.
struct Part {
    orgs: Vec<usize>,
    entries: u64,
    /// How many may fail; `None` = all.
    allowed: Option<u64>,
    /// What is waited for before the next one begins.
    soak: Duration,
    in_wave: InWave,
    moving: Moving,
}

/// Rehearses a run with these orgs and waves.
///
/// # Errors
/// When no client can be made, which nothing is sent with.
pub async fn rehearse_run(
    engine: &Engine,
    orgs: Vec<OrgToRehearse<'_>>,
    waves: &[Wave],
    policy: &RehearsalPolicy,
) -> Result<RunRehearsed, HttpError> {
    let groups = Groups::of(waves, orgs.iter().map(|org| org.name));
    let halting = Arc::new(Halting::new(groups, false));
    let http = engine.http(&HttpSettings::default())?;
    let mut hubs = Hubs::new();
    for org in orgs.iter().filter(|org| org.is_hub) {
        let gate = open((engine, &http), policy, org.name, org.spec)?;
        let answering = Arc::clone(&org.answering);
        let hub = RehearsedOrg::new(gate, answering, OrgApps::default(), None);
        hubs.insert(org.name.to_owned(), Hub::new(hub));
    }
    let rehearsal = Rehearsal {
        engine,
        http: &http,
        hubs: &hubs,
        policy,
        worlds: &Worlds::new(policy.on_drift),
        parts: &parts(&halting, &orgs),
        halting: &halting,
    };
    rehearsal.play(orgs).await
}

fn parts(halting: &Arc<Halting>, orgs: &[OrgToRehearse<'_>]) -> Vec<Part> {
    let groups = halting.groups();
    let part = |(no, (orgs_in, wave)): (usize, (Vec<usize>, Option<&Wave>))| {
        let entries = orgs_in.iter().map(|org| orgs[*org].entries as u64);
        let entries = entries.sum();
        Part {
            entries,
            allowed: wave
                .and_then(|wave| wave.halt_when_failed)
                .map(|halts| halts.allowed(entries)),
            soak: wave.map_or(Duration::ZERO, |wave| wave.soak),
            in_wave: halting.wave(no),
            moving: Moving::new(orgs_in.len()),
            orgs: orgs_in,
        }
    };
    let waves = groups.waves.iter().enumerate();
    let mut parts: Vec<_> = waves
        .map(|(no, wave)| (groups.orgs_in(no).collect(), Some(wave)))
        .collect();
    if parts.is_empty() {
        parts.push(((0..orgs.len()).collect(), None));
    }
    parts.into_iter().enumerate().map(part).collect()
}

struct Rehearsal<'a> {
    engine: &'a Engine,
    http: &'a Http,
    hubs: &'a Hubs,
    policy: &'a RehearsalPolicy,
    worlds: &'a Worlds,
    parts: &'a [Part],
    halting: &'a Halting,
}

impl<'a> Rehearsal<'a> {
    async fn play(&self, orgs: Vec<OrgToRehearse<'a>>) -> Result<RunRehearsed, HttpError> {
        let began = Instant::now();
        let names: Vec<&str> = orgs.iter().map(|org| org.name).collect();
        let mut ended: Vec<_> = orgs.iter().map(unbegun).collect();
        let mut orgs: Vec<_> = orgs.into_iter().map(Some).collect();
        let mut under_way = UnderWay::new();
        let mut walls = Vec::with_capacity(self.parts.len());
        for (no, part) in self.parts.iter().enumerate() {
            let wave_began = Instant::now();
            // A run passes over a wave without entries.
            let begins = part.entries > 0 && !part.in_wave.is_halted();
            if begins {
                self.halting.begin(no, part.allowed);
                let tasks =
                    part.orgs.iter().filter_map(|&org| {
                        let task = self.task(part, wave_began, OrgNo::at(org));
                        let of = orgs[org].take()?;
                        // Boxed, so that orgs that wait for their turn take little memory.
                        Some(Box::pin(async move { (org, Box::pin(task.run(of)).await) })
                            as Pin<Box<_>>)
                    });
                under_way.extend(tasks);
                meanwhile(&mut under_way, &mut ended, part.moving.at_rest()).await?;
                if self.parts[no + 1..].iter().any(|later| later.entries > 0) {
                    meanwhile(&mut under_way, &mut ended, self.soak(part)).await?;
                }
            }
            walls.push(begins.then(|| wave_began.elapsed()));
        }
        while let Some((org, rehearsed)) = under_way.next().await {
            ended[org] = rehearsed?;
        }
        for (name, org) in names.iter().zip(&mut ended) {
            if let Some(hub) = self.hubs.get(*name) {
                hub.finish(org);
            }
        }
        Ok(self.sum_up(began.elapsed(), ended, &walls))
    }

    const fn task(&self, part: &'a Part, wave_began: Instant, org: OrgNo) -> OrgTask<'a> {
        OrgTask {
            engine: self.engine,
            http: self.http,
            policy: self.policy,
            worlds: self.worlds,
            in_wave: &part.in_wave,
            moving: &part.moving,
            hubs: self.hubs,
            wave_began,
            no: org,
        }
    }

    /// What waited for consents goes on meanwhile, and may halt the run.
    async fn soak(&self, part: &Part) {
        if !part.in_wave.is_halted() {
            tokio::select! {
                () = tokio::time::sleep(part.soak) => {}
                () = self.halting.halted.cancelled() => {}
            }
        }
    }

    fn sum_up(
        &self,
        wall: Duration,
        orgs: Vec<OrgRehearsed>,
        walls: &[Option<Duration>],
    ) -> RunRehearsed {
        let failed = |no| self.halting.failed(no);
        let is_too_many =
            |(no, part): (usize, &Part)| part.allowed.is_some_and(|allowed| failed(no) > allowed);
        let waves = self.halting.groups().waves.iter();
        let wave = |(no, wave): (usize, &Wave)| WaveRehearsed {
            wave: wave.clone(),
            orgs: self.parts[no].orgs.clone(),
            entries: self.parts[no].entries,
            failed: failed(no),
            began: walls[no].is_some(),
            wall: walls[no].unwrap_or_default(),
        };
        RunRehearsed {
            wall,
            orgs,
            waves: waves.enumerate().map(wave).collect(),
            halted: self.parts.iter().enumerate().position(is_too_many),
        }
    }
}

fn unbegun(org: &OrgToRehearse<'_>) -> OrgRehearsed {
    let entries = org.entries as u64;
    OrgRehearsed {
        entries,
        not_begun: entries,
        ..OrgRehearsed::default()
    }
}

/// Lets orgs go on until something else has happened.
async fn meanwhile(
    under_way: &mut UnderWay<'_>,
    ended: &mut [OrgRehearsed],
    until: impl Future<Output = ()>,
) -> Result<(), HttpError> {
    let mut until = pin!(until);
    loop {
        tokio::select! {
            biased;
            () = &mut until => return Ok(()),
            Some((org, rehearsed)) = under_way.next() => ended[org] = rehearsed?,
        }
    }
}
