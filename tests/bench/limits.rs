//! How near to the limits a run comes (README, "How fast it is"), against simulated orgs with short
//! windows and latencies scaled to them, and once with Okta's window of a minute and recorded latencies.
//! Baselines: a script as people write it, and a bare loop that knows no limits.
//!
//! `cargo bench --bench limits`; takes some six minutes, nearly all of it waiting. `-- window neighbour` measures
//! these rows only, of `trouble window many capped neighbour webhook rehearsed hub`.

mod rows {
    pub mod capped;
    pub mod hub;
    pub mod many;
    pub mod neighbour;
    pub mod rehearsed;
    pub mod trouble;
    pub mod unlimited;
    pub mod webhook;
    pub mod window;
}
mod support {
    pub mod bare;
    pub mod engine;
    pub mod fleet;
    pub mod job;
    pub mod journal;
    pub mod script;
    pub mod table;
}

use tokio::runtime::Runtime;
use tokio::try_join;

use rows::{capped, hub, many, neighbour, rehearsed, trouble, webhook, window};
use support::table::{Table, say};

fn main() -> anyhow::Result<()> {
    // Those of `cargo bench` itself begin with a dash.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let known = [
        "trouble",
        "window",
        "many",
        "capped",
        "neighbour",
        "webhook",
        "rehearsed",
        "hub",
    ];
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
        anyhow::bail!("no rows are called {unknown}: {}", known.join(", "));
    }
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let server = Runtime::new()?;
    let handle = server.handle();
    Runtime::new()?.block_on(async {
        let mut trouble = Table::default();
        if wants("trouble") {
            say("the others of an org in trouble: half a minute");
            trouble = trouble::rows(handle).await?;
        }
        let mut webhook = Table::default();
        if wants("webhook") {
            say("a webhook that is of no use: a minute");
            webhook = webhook::rows(handle).await?;
        }
        let mut of_hub = Table::default();
        if wants("hub") {
            say("a hub with its spokes: a minute and a half");
            of_hub = hub::rows(handle).await?;
        }
        say("windows, many orgs, concurrency caps, neighbours: three minutes at most");
        // They wait most of the time, so they do not disturb each other.
        let (window, many, capped, neighbour, rehearsed, beside) = try_join!(
            only(wants("window"), window::rows(handle)),
            only(wants("many"), many::rows(handle)),
            only(wants("capped"), capped::rows(handle)),
            only(wants("neighbour"), neighbour::rows(handle)),
            only(wants("rehearsed"), rehearsed::rows()),
            only(wants("trouble"), trouble::baselines(handle)),
        )?;
        Table::print(&[
            window, many, neighbour, trouble, beside, webhook, capped, rehearsed, of_hub,
        ]);
        Ok(())
    })
}

async fn only(
    wanted: bool,
    rows: impl Future<Output = anyhow::Result<Table>>,
) -> anyhow::Result<Table> {
    if wanted {
        rows.await
    } else {
        Ok(Table::default())
    }
}
