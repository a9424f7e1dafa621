//! A client as people write it: ten workers over all entries; on a 429 one sleeps until `x-rate-limit-reset` and
//! tries again.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use okta_rollout::model::UnixMillis;
use okta_rollout::okta::OrgClient;
use okta_rollout::pacing::unix_millis;

use super::fleet::{Fleet, calls};

const WORKERS: usize = 10;

/// In which order the entries stand in the script's list.
#[derive(Clone, Copy)]
pub enum Order {
    /// All of an org, then all of the next: as a manifest usually is.
    OrgByOrg,
    /// One of each org in turn.
    InTurn,
}

/// What the script did.
#[derive(Clone, Copy, Default)]
pub struct Did {
    /// How long it took.
    pub took: Duration,
    /// Calls it sent.
    pub calls: u64,
    /// Of those, answered with 429.
    pub limited: u64,
    /// Of those, given up.
    pub lost: u64,
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            took,
            calls,
            limited,
            lost,
        } = self;
        let took = took.as_secs_f64();
        write!(
            f,
            "{took:.1} s, {calls} calls, {limited} of them 429, {lost} lost"
        )
    }
}

/// Sets all apps of a fleet up.
pub async fn run(fleet: &Fleet, order: Order) -> anyhow::Result<Did> {
    let clients = fleet.clients()?;
    let mut entries: Vec<_> = (0..fleet.apps.len())
        .flat_map(|org| (0..fleet.apps[org]).map(move |app| (org, app)))
        .collect();
    if matches!(order, Order::InTurn) {
        entries.sort_by_key(|(org, app)| (*app, *org));
    }
    let entries = Mutex::new(entries.into_iter());
    let begun = Instant::now();
    let workers = (0..WORKERS).map(|_| work(&clients, &entries));
    let mut did = Did::default();
    for one in join_all(workers).await {
        did.calls += one.calls;
        did.limited += one.limited;
        did.lost += one.lost;
    }
    did.took = begun.elapsed();
    Ok(did)
}

async fn work(clients: &[OrgClient], entries: &Mutex<impl Iterator<Item = (usize, usize)>>) -> Did {
    let mut did = Did::default();
    // Nothing panics while it holds the lock.
    let next = || entries.lock().ok().and_then(|mut entries| entries.next());
    while let Some((org, app)) = next() {
        let (set, put) = calls(org, app);
        for request in [set.request(), put.request()] {
            loop {
                let exchange = clients[org].exchange(request).await;
                did.calls += 1;
                if exchange.status != Some(429) {
                    did.lost += u64::from(exchange.outcome.is_err());
                    break;
                }
                did.limited += 1;
                let reset = exchange.rate.reset.unwrap_or_default();
                let pause = UnixMillis(reset.saturating_mul(1_000)).ahead_of(unix_millis());
                tokio::time::sleep(pause).await;
            }
        }
    }
    did
}
