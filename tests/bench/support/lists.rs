//! The lists by which an org's apps are seen to be what they should be, as somebody would read them who does just that.

use std::time::{Duration, Instant};

use okta_rollout::apps::App;
use okta_rollout::okta::OrgClient;
use okta_rollout::okta::apps;
use tokio::task::JoinSet;

use super::fleet::Fleet;

/// Reads the lists by which the apps are seen to be what they should be, all orgs at once; how long that took.
pub async fn read(fleet: &Fleet, clients: &[OrgClient]) -> anyhow::Result<Duration> {
    let mut tasks = JoinSet::new();
    let begun = Instant::now();
    for (client, apps) in clients.iter().zip(&fleet.apps) {
        let (client, apps) = (client.clone(), *apps);
        tasks.spawn(async move { anyhow::Ok((list(&client).await?, apps)) });
    }
    while let Some(ended) = tasks.join_next().await {
        let (listed, apps) = ended??;
        anyhow::ensure!(listed == apps, "{listed} of {apps} apps were listed");
    }
    Ok(begun.elapsed())
}

async fn list(client: &OrgClient) -> anyhow::Result<usize> {
    let mut next = Some(apps::first_page(Some(App::Zscalerbyz)));
    let mut listed = 0;
    while let Some(path) = next.take() {
        let page = apps::next(&path);
        let body = client.exchange(page.request()).await.outcome;
        let body = body.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        next.clone_from(&body.next);
        listed += page
            .decode(body)
            .map_err(|error| anyhow::anyhow!("{error:?}"))?
            .len();
    }
    Ok(listed)
}
