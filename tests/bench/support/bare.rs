//! What somebody would write in an afternoon: the calls, so many at once per org, each sent once, and nothing
//! else: no limits, no retries, no checkpoints, no look at what the answers show.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use okta_rollout::okta::OrgClient;
use tokio::task::JoinSet;

use super::fleet::{Fleet, calls};

/// Sends the calls of every app, `in_flight` at once per org; how long that took, and how many were not
/// accepted.
pub async fn round(
    fleet: &Fleet,
    clients: &[OrgClient],
    in_flight: usize,
) -> anyhow::Result<(Duration, u64)> {
    let mut tasks = JoinSet::new();
    let begun = Instant::now();
    for (org, (client, apps)) in clients.iter().zip(&fleet.apps).enumerate() {
        let (client, apps) = (Arc::new(client.clone()), *apps);
        tasks.spawn(async move {
            let lost = stream::iter(0..apps).map(|app| one_app(Arc::clone(&client), org, app));
            let lost = lost.buffer_unordered(in_flight);
            lost.fold(0, |sum, lost| std::future::ready(sum + lost))
                .await
        });
    }
    let mut lost = 0;
    while let Some(ended) = tasks.join_next().await {
        lost += ended?;
    }
    Ok((begun.elapsed(), lost))
}

async fn one_app(client: Arc<OrgClient>, org: usize, app: usize) -> u64 {
    let (set, put) = calls(org, app);
    let mut lost = 0;
    for request in [set.request(), put.request()] {
        lost += u64::from(client.exchange(request).await.outcome.is_err());
    }
    lost
}
