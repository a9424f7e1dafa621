//! Rehearsals against the runs that they foretell, with short windows: the program's own word about both.

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::try_join;

use crate::support::fleet::{BASE_URL, capabilities, number};
use crate::support::table::Table;

/// How far off a rehearsal may be, in percent of what the run takes.
const OFF: f64 = 5.0;

const APPS: [&str; 6] = [
    "zscalerbyz",
    "okta_org2org",
    "google",
    "office365",
    "slack",
    "zoomus",
];

/// A run that is rehearsed first.
struct Case {
    what: &'static str,
    /// What its job says besides its manifest.
    job: &'static str,
    /// Its orgs with their limits, and how many entries of how many apps each has.
    orgs: Vec<(String, Value, usize, usize)>,
}

/// What a rehearsal or a run came to.
struct Outcome {
    wall_s: f64,
    /// By org.
    calls: Vec<u64>,
}

/// The rows.
pub async fn rows() -> anyhow::Result<Table> {
    let mut table = Table::default();
    let cases = [one_org(), all_apps(), waves()];
    let (one, apps, waves) = try_join!(cases[0].compare(), cases[1].compare(), cases[2].compare())?;
    for (case, (rehearsed, ran)) in cases.iter().zip([one, apps, waves]) {
        let off = (rehearsed.wall_s / ran.wall_s - 1.0).abs() * 100.0;
        let what = format!("rehearsed, {}: wall time is off by", case.what);
        table.row(what, off, ..=OFF, "%");
        let calls = rehearsed.calls.iter().zip(&ran.calls);
        let wrong = calls.filter(|(rehearsed, ran)| rehearsed != ran).count();
        let what = format!("rehearsed, {}: orgs whose calls are wrong", case.what);
        table.row(what, number(wrong as u64), ..=0.0, "");
        let sum: u64 = ran.calls.iter().sum();
        table.baseline(
            format!("the run, {}", case.what),
            format!(
                "{:.1} s, {sum} calls; rehearsed {:.1} s",
                ran.wall_s, rehearsed.wall_s
            ),
        );
    }
    Ok(table)
}

fn one_org() -> Case {
    Case {
        what: "one org, window 10 s",
        job: "[sandbox]\nwindow = '10s'\nlatency = '380ms'\nconsent = 'manual'\n",
        orgs: vec![("org-0".to_owned(), json!({}), 85, 1)],
    }
}

fn all_apps() -> Case {
    let orgs = (0..20).map(|no| (format!("org-{no}"), json!({}), 96 - 2 * no, APPS.len()));
    Case {
        what: "20 orgs, all apps, window 10 s",
        job: "[sandbox]\nwindow = '10s'\nlatency = '190ms'\nconsent = 'manual'\n",
        orgs: orgs.collect(),
    }
}

/// Caps, and an org whose calls take five times as long. So many of them that it is of little weight which entry is the
/// last to get its turn.
fn waves() -> Case {
    let org = |name: &str, limits, entries, apps| (name.to_owned(), limits, entries, apps);
    Case {
        what: "three waves, caps, a slow org",
        job: "[sandbox]\nlimit = 600\nlatency = '200ms'\nconsent = 'manual'\n\
              [sandbox.switches.slow]\nlatency = '1s'\n\
              [[waves]]\nname = 'canary'\norgs = ['canary-*']\nsoak = '2s'\n\
              [[waves]]\nname = 'early'\norgs = ['slow', 'early']\n",
        orgs: vec![
            org("canary-1", json!({ "maxRps": 4 }), 24, 6),
            org("canary-2", json!({ "maxInFlight": 2 }), 36, 3),
            org("slow", json!({ "maxInFlight": 4 }), 36, 6),
            org("early", json!({ "maxInFlight": 3 }), 60, 2),
            org("late", json!({ "maxRps": 10 }), 60, 6),
        ],
    }
}

impl Case {
    async fn compare(&self) -> anyhow::Result<(Outcome, Outcome)> {
        let folder = self.write()?;
        let rehearse = ["rehearse", "job.toml", "--format", "json"];
        let sheet = json_of(folder.path(), &rehearse).await?;
        let calls = |sheet: &Value, key: &str| {
            let orgs = sheet["orgs"].as_array().into_iter().flatten();
            let calls = orgs.map(|org| org[key].as_u64());
            calls.collect::<Option<Vec<_>>>().context("calls by org")
        };
        let rehearsed = Outcome {
            wall_s: number(sheet["wallMs"].as_u64().context("its wall time")?) / 1e3,
            calls: calls(&sheet, "calls")?,
        };
        let report = json_of(folder.path(), &["run", "job.toml", "--format", "json"]).await?;
        let at = |key: &str| {
            let at = report[key].as_str().context("when it began and ended")?;
            Ok::<_, anyhow::Error>(at.parse::<jiff::Timestamp>()?)
        };
        let ran = Outcome {
            wall_s: at("finishedAt")?
                .duration_since(at("startedAt")?)
                .as_secs_f64(),
            calls: calls(&report, "requests")?,
        };
        Ok((rehearsed, ran))
    }

    fn write(&self) -> anyhow::Result<TempDir> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let mut apps = Vec::new();
        let mut orgs = serde_json::Map::new();
        for (name, limits, entries, kinds) in &self.orgs {
            let org = json!({ "url": "sandbox", "limits": limits });
            orgs.insert(name.clone(), org);
            apps.extend((0..*entries).map(|no| entry(name, no, APPS[no % kinds])));
        }
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("m.json", &json!({ "orgs": orgs, "apps": apps }).to_string())?;
        write("job.toml", &format!("manifest = 'm.json'\n{}", self.job))?;
        write("token", "secret")?;
        Ok(folder)
    }
}

fn entry(org: &str, no: usize, app: &str) -> Value {
    let profile = match app {
        "zscalerbyz" | "okta_org2org" => json!({ "authScheme": "TOKEN", "token": "file:token" }),
        "office365" => json!({ "authScheme": "OAUTH2",
            "settings": { "adminUsername": "admin", "adminPassword": "file:token" } }),
        _ => json!({ "authScheme": "OAUTH2" }),
    };
    let mut connection = json!({ "profile": profile });
    if app == "zscalerbyz" {
        connection["baseUrl"] = json!(BASE_URL);
    }
    json!({ "org": org, "app": app, "appId": format!("0oa{no}"), "connection": connection,
        "features": { "USER_PROVISIONING": capabilities() } })
}

/// What the program prints, whatever its exit code says: entries wait for consents.
async fn json_of(folder: &Path, arguments: &[&str]) -> anyhow::Result<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_okta-rollout"));
    let ended = command.args(arguments).current_dir(folder).output().await?;
    let said = || String::from_utf8_lossy(&ended.stderr).into_owned();
    serde_json::from_slice(&ended.stdout).with_context(said)
}
