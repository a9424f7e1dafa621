//! A hub and its spokes from one CSV: what the hub lets through is what the first run waits for, and the second changes
//! nothing.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use okta_rollout::sandbox::{Bucket, Latency, Period, Sandbox, SandboxSettings, SeedApp};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::runtime::Handle;

use crate::support::fleet::number;
use crate::support::journal::KEPT;
use crate::support::table::Table;

const HUB: &str = "hub";

const SPOKES: usize = 200;

/// The app of each spoke.
const APP: &str = "0oaspoke";

/// A twelfth of Okta's window, and calls a window of the hub's busiest bucket, as recorded (API.md §10.1).
const WINDOW: Duration = Duration::from_secs(5);
const LIMIT: u32 = 50;

/// The program's defaults.
const SHARE: f64 = 0.9;
const IN_FLIGHT: f64 = 20.0;

/// Of every call.
const LATENCY: Duration = Duration::from_millis(100);

/// Calls of a pair in the bucket that the hub has least of: a service app and its two roles. One list serves all.
const BUSIEST: usize = 1 + SPOKES * 3;

/// Calls of a pair after its last one there: two scopes, a look and a write for what tokens are bound to, and then the
/// spoke's connection and feature.
const AFTER: f64 = 6.0;

/// Calls of an entry that is already right, at most.
const IN_HUB: usize = 3;
const IN_SPOKE: usize = 2;

/// The rows.
pub async fn rows(server: &Handle) -> anyhow::Result<Table> {
    let settings = SandboxSettings {
        limits: [(Bucket::Clients, LIMIT)].into(),
        limit: LIMIT,
        window: Period(WINDOW),
        latency: Latency::Fixed(Period(LATENCY)),
        concurrency: 0,
        journal: KEPT,
        ..SandboxSettings::default()
    };
    let sandbox = server.spawn(Sandbox::start(settings, None, None));
    let sandbox = sandbox.await??;
    let folder = write(&sandbox)?;
    let first = run(folder.path()).await?;
    let set_up = Asked::of(&sandbox, &Asked::default())?;
    anyhow::ensure!(first.changed == SPOKES, "{} were changed", first.changed);
    let second = run(folder.path()).await?;
    let again = Asked::of(&sandbox, &set_up)?;
    anyhow::ensure!(second.changed == 0, "{} were changed again", second.changed);

    let mut table = Table::default();
    let what = format!("a hub with {SPOKES} spokes, window {} s", WINDOW.as_secs());
    table.row(what, first.wall_s, ..=bound_s(), "s");
    let count = |count: usize| number(count as u64);
    table.row("the hub: 429s", count(set_up.limited), ..=0.0, "");
    table.row("the second run: writes", count(again.writes), ..=0.0, "");
    let of_hub = count(again.in_hub) / count(SPOKES);
    table.row(
        "the second run: calls an entry in the hub",
        of_hub,
        ..=count(IN_HUB),
        "",
    );
    let most = count(again.most_in_spoke);
    table.row(
        "the second run: calls in a spoke, at most",
        most,
        ..=count(IN_SPOKE),
        "",
    );
    table.baseline(
        format!("a hub with {SPOKES} spokes, the two runs"),
        format!(
            "{:.1} s, {} calls in the hub; {:.1} s, {}",
            first.wall_s, set_up.in_hub, second.wall_s, again.in_hub
        ),
    );
    Ok(table)
}

/// 1.05 × the floor of the busiest bucket, and a second for each window that is waited for.
fn bound_s() -> f64 {
    let usable = (f64::from(LIMIT) * SHARE).floor();
    let calls = number(BUSIEST as u64);
    let waits = (calls / usable).ceil() - 1.0;
    let rounds = ((calls - waits * usable) / IN_FLIGHT).ceil();
    let last = (rounds + AFTER) * LATENCY.as_secs_f64();
    1.05 * (waits * WINDOW.as_secs_f64() + last) + waits
}

/// What the orgs were asked.
#[derive(Default)]
struct Asked {
    in_hub: usize,
    limited: usize,
    writes: usize,
    most_in_spoke: usize,
    // By org, since the beginning.
    all: Vec<usize>,
}

impl Asked {
    /// Since what was seen before.
    fn of(sandbox: &Sandbox, before: &Self) -> anyhow::Result<Self> {
        let mut asked = Self::default();
        for (no, org) in orgs().enumerate() {
            let journal = sandbox.journal(&org)?;
            asked.all.push(journal.len());
            let seen = before.all.get(no).copied().unwrap_or_default();
            let calls = journal.get(seen..).context("a journal only grows")?;
            asked.writes += calls.iter().filter(|call| call.method != "GET").count();
            if org == HUB {
                asked.in_hub = calls.len();
                let refused = calls.iter().filter(|call| call.status == Some(429));
                asked.limited = refused.count();
            } else {
                asked.most_in_spoke = asked.most_in_spoke.max(calls.len());
            }
        }
        Ok(asked)
    }
}

fn orgs() -> impl Iterator<Item = String> {
    let spokes = (1..=SPOKES).map(|no| format!("spoke-{no:03}"));
    std::iter::once(HUB.to_owned()).chain(spokes)
}

/// The orgs, and a CSV of them and of what is to be so.
fn write(sandbox: &Sandbox) -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut all = String::from("org,url,auth.apiToken\n");
    let mut entries = String::from(
        "org,app,appId,connection.profile.authScheme,connection.profile.signing.rotationMode,hub.org,hub.clientName,\
         hub.roles,hub.scopes,hub.dpop,features.USER_PROVISIONING.create.lifecycleCreate.status,\
         features.USER_PROVISIONING.update.profile.status,features.USER_PROVISIONING.update.lifecycleDeactivate.status,\
         features.USER_PROVISIONING.update.password.status,features.USER_PROVISIONING.update.password.seed,\
         features.USER_PROVISIONING.update.password.change\n",
    );
    for org in orgs() {
        sandbox.add_org(&org)?;
        let token = format!("{org}.token");
        std::fs::write(folder.path().join(&token), sandbox.api_token(&org))?;
        writeln!(all, "{org},{},file:{token}", sandbox.url(&org))?;
        if org == HUB {
            continue;
        }
        let app = SeedApp {
            name: "okta_org2org".into(),
            id: Some(APP.into()),
            label: None,
        };
        sandbox.add_app(&org, &app)?;
        writeln!(
            entries,
            "{org},okta_org2org,{APP},OAUTH2,AUTO,{HUB},{org},USER_ADMIN;GROUP_MEMBERSHIP_ADMIN,\
             okta.users.manage;okta.groups.manage,true,ENABLED,ENABLED,ENABLED,DISABLED,RANDOM,KEEP_EXISTING"
        )?;
    }
    std::fs::write(folder.path().join("orgs.csv"), all)?;
    std::fs::write(folder.path().join("spokes.csv"), entries)?;
    Ok(folder)
}

/// What the program says of a run.
struct Ran {
    wall_s: f64,
    changed: usize,
}

async fn run(folder: &Path) -> anyhow::Result<Ran> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_okta-rollout"));
    command.args([
        "run",
        "spokes.csv",
        "--orgs",
        "orgs.csv",
        "--format",
        "json",
    ]);
    let ended = command.current_dir(folder).output().await?;
    let said = String::from_utf8_lossy(&ended.stderr);
    anyhow::ensure!(ended.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&ended.stdout)?;
    let at = |key: &str| {
        let at = report[key].as_str().context("when it began and ended")?;
        Ok::<_, anyhow::Error>(at.parse::<jiff::Timestamp>()?)
    };
    let took = at("finishedAt")?.duration_since(at("startedAt")?);
    let changed = report["totals"]["changed"].as_u64();
    Ok(Ran {
        wall_s: took.as_secs_f64(),
        changed: usize::try_from(changed.context("what was changed")?)?,
    })
}
