//! How near to the limits a run comes (README, "How fast it is"), against simulated orgs with short
//! windows and latencies scaled to them, and once with Okta's window of a minute and recorded latencies.
//! Baselines: a script as people write it, and a bare loop that knows no limits.
//!
//! `cargo bench --bench limits`; takes some four minutes, nearly all of it waiting.

mod rows {
    pub mod capped;
    pub mod many;
    pub mod neighbour;
    pub mod trouble;
    pub mod unlimited;
    pub mod window;
}
mod support {
    pub mod bare;
    pub mod engine;
    pub mod fleet;
    pub mod journal;
    pub mod script;
    pub mod table;
}

use tokio::runtime::Runtime;
use tokio::try_join;

use rows::{capped, many, neighbour, trouble, window};
use support::table::{Table, say};

fn main() -> anyhow::Result<()> {
    let server = Runtime::new()?;
    let handle = server.handle();
    Runtime::new()?.block_on(async {
        say("the others of an org in trouble: half a minute");
        let trouble = trouble::rows(handle).await?;
        say("windows, many orgs, concurrency caps: three minutes");
        // They wait most of the time, so they do not disturb each other.
        let (window, many, capped, neighbour, beside) = try_join!(
            window::rows(handle),
            many::rows(handle),
            capped::rows(handle),
            neighbour::rows(handle),
            trouble::baselines(handle),
        )?;
        Table::print(&[window, many, neighbour, trouble, beside, capped]);
        Ok(())
    })
}
