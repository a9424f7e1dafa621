//! A webhook that hangs, answers 500 or is slow: the same run of the program with it and without, from its start until it
//! says what the run came to. Some orgs are stopped, so that there are more notices than are sent at once.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use axum::http::StatusCode;
use okta_rollout::sandbox::SandboxSettings;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::support::fleet::{Fleet, org_name};
use crate::support::job;
use crate::support::table::{Table, say};

/// Apps of each org: some seconds of work.
const APPS: [usize; 4] = [2_500; 4];

/// Orgs besides, whose token is wrong.
const STOPPED: usize = 12;

/// Of each kind, by turns. One differs from the next by a tenth on a quiet machine, so that three tell nothing.
const ROUNDS: usize = 9;

/// Of the run without a webhook, at most.
const MOST: f64 = 1.05;

/// How the webhook is.
#[derive(Clone, Copy)]
enum Webhook {
    Missing,
    Hangs,
    Refuses,
    Slow,
}

/// The rows.
pub async fn rows(server: &Handle) -> anyhow::Result<Table> {
    let kinds = [
        Webhook::Missing,
        Webhook::Hangs,
        Webhook::Refuses,
        Webhook::Slow,
    ];
    let mut took = [const { Vec::new() }; 4];
    for round in 1..=ROUNDS {
        for (kind, took) in kinds.into_iter().zip(&mut took) {
            took.push(kind.run(server).await?.as_secs_f64());
        }
        let last = took
            .each_ref()
            .map(|took| took.last().copied().unwrap_or_default());
        let [missing, hangs, refuses, slow] = last;
        say(&format!(
            "webhook, round {round}: without {missing:.2} s, hangs {hangs:.2} s, 500 {refuses:.2} s, slow {slow:.2} s"
        ));
    }
    let [without, hangs, refuses, slow] = took.map(|mut took| {
        took.sort_by(f64::total_cmp);
        took[ROUNDS / 2]
    });
    let mut table = Table::default();
    for (what, took) in [
        ("hangs", hangs),
        ("answers 500", refuses),
        ("is slow", slow),
    ] {
        let what = format!("a run whose webhook {what}");
        table.row(what, took, ..=MOST * without, "s");
    }
    table.baseline("the same run without a webhook", format!("{without:.2} s"));
    Ok(table)
}

impl Webhook {
    /// How long the run took.
    async fn run(self, server: &Handle) -> anyhow::Result<Duration> {
        let settings = SandboxSettings {
            limit: 0,
            concurrency: 0,
            journal: 0,
            ..SandboxSettings::default()
        };
        let mut apps = APPS.to_vec();
        apps.extend([1; STOPPED]);
        let fleet = Fleet::start(server, settings, &apps).await?;
        let folder = job(&fleet, self.serve(server).await?)?;
        tokio::task::spawn_blocking(move || until_settled(&folder)).await?
    }

    /// Its address.
    async fn serve(self, server: &Handle) -> anyhow::Result<Option<String>> {
        let answer = move || async move {
            match self {
                Self::Missing | Self::Hangs => std::future::pending().await,
                Self::Refuses => StatusCode::INTERNAL_SERVER_ERROR,
                Self::Slow => {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    StatusCode::OK
                }
            }
        };
        if matches!(self, Self::Missing) {
            return Ok(None);
        }
        let begun = server.spawn(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let router = Router::new().fallback(answer);
            tokio::spawn(async move { axum::serve(listener, router).await });
            anyhow::Ok(address)
        });
        Ok(Some(format!("http://{}/", begun.await??)))
    }
}

/// A folder with the job.
fn job(fleet: &Fleet, webhook: Option<String>) -> anyhow::Result<TempDir> {
    let token = |org: usize| {
        if org < APPS.len() {
            fleet.token(&org_name(org))
        } else {
            "not-this-one".to_owned()
        }
    };
    let notify = match &webhook {
        Some(_) => "[notify]\nwebhook = 'file:webhook'\n",
        None => "",
    };
    let folder = job::write(fleet, token, notify)?;
    if let Some(url) = webhook {
        std::fs::write(folder.path().join("webhook"), url)?;
    }
    Ok(folder)
}

/// How long the program takes until it says what became of all. It is not waited for while it waits for its webhook.
fn until_settled(folder: &TempDir) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_okta-rollout"))
        .args(["run", "job.toml", "--summary"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = BufReader::new(child.stderr.take().context("it is piped")?);
    let mut said = Vec::new();
    let mut took = None;
    for line in stderr.lines() {
        let line = line?;
        if line.contains("settled, begun ") {
            took = Some(begun.elapsed());
            break;
        }
        said.push(line);
    }
    child.kill()?;
    child.wait()?;
    took.with_context(|| said.join("\n"))
}
