//! Entries with steps in two orgs, over simulated ones: handed from one org's queue to the other's and back, by processes
//! that are killed at any checkpoint.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::apps::App;
use crate::job::LedgerUrl;
use crate::ledger::{Counts, ImportEntry, NewRun, OpenMode, OpenOptions, OrgRow, Owner, Progress};
use crate::manifest::{Entry, Limits, OrgSpec, Secrets};
use crate::model::{EntryState, RunId, Step};
use crate::okta::{Credentials, HttpSettings};
use crate::plan::tests::entry;
use crate::sandbox::{Sandbox, SandboxSettings, SeedApp};
use crate::selection::Selection;

const SPOKE: OrgNo = OrgNo(0);
const HUB: OrgNo = OrgNo(1);

/// The folder of a process that dies, and after how many checkpoints.
const FOLDER: &str = "ENGINE_TEST_FOLDER";
const ABORT_AFTER: &str = "ENGINE_TEST_ABORT_AFTER";

/// Two entries of a spoke with three steps in the hub each, which has no entries of its own.
struct World {
    folder: TempDir,
    sandbox: Sandbox,
    run: RunId,
}

fn to_hub(app_id: Option<&str>, label: Option<&str>, client_name: &str) -> Entry {
    entry(
        json!({ "org": "acme", "app": "okta_org2org", "appId": app_id, "label": label,
        "hub": { "org": "hub", "clientName": client_name, "roles": ["USER_ADMIN"], "scopes": ["okta.users.manage"] },
        "connection": { "profile": { "authScheme": "OAUTH2" } } }),
    )
}

impl World {
    async fn new() -> Self {
        let settings = SandboxSettings {
            limit: 0,
            ..SandboxSettings::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(settings, None, None).await.unwrap();
        for org in ["acme", "hub"] {
            sandbox.add_org(org).unwrap();
            std::fs::write(folder.path().join(org), sandbox.api_token(org)).unwrap();
        }
        for (id, label) in [("0oa1", "To the hub"), ("0oa2", "Another")] {
            let app = SeedApp {
                name: App::OktaOrg2Org.name().to_owned(),
                id: Some(id.to_owned()),
                label: Some(label.to_owned()),
            };
            sandbox.add_app("acme", &app).unwrap();
        }
        let ledger = open(folder.path(), None).await;
        let run = import(&ledger, &sandbox).await;
        Self {
            folder,
            sandbox,
            run,
        }
    }

    async fn ledger(&self) -> Ledger {
        open(self.folder.path(), None).await
    }

    async fn drive(&self) -> [Counts; 2] {
        let ledger = self.ledger().await;
        work(self.folder.path(), &ledger, Selected::default()).await;
        ledger
            .for_each_entry(&self.run, |row| {
                let failed = row.state == EntryState::Failed;
                assert!(!failed, "{:?}", row.error);
            })
            .await
            .unwrap();
        counts(&ledger, &self.run).await
    }

    /// In a process that is killed right after that many checkpoints; `false` = it ended before.
    fn dies_after(&self, checkpoints: u64) -> bool {
        let ended = Command::new(std::env::current_exe().unwrap())
            .args(["engine::tests::child", "--exact", "--test-threads=1"])
            .env(FOLDER, self.folder.path())
            .env(ABORT_AFTER, checkpoints.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        !ended.success()
    }

    /// How often each operation of an org was called.
    fn calls(&self, org: &str) -> BTreeMap<String, u64> {
        self.sandbox.counts(org).unwrap()
    }

    /// Every service app of the hub with its roles and scopes: each was made and given once.
    fn made(&self) -> Vec<String> {
        let state = self.sandbox.state("hub").unwrap();
        let mut made = Vec::new();
        find_clients(&state, &mut made);
        made.sort();
        made
    }
}

const MADE: [&str; 2] = [
    r#"spoke one: ["USER_ADMIN"], ["okta.users.manage"]"#,
    r#"spoke two: ["USER_ADMIN"], ["okta.users.manage"]"#,
];

fn find_clients(state: &Value, found: &mut Vec<String>) {
    match state {
        Value::Object(members) => {
            let label = members.get("label").and_then(Value::as_str);
            if let Some((label, service)) = label.zip(members.get("service")) {
                let (roles, grants) = (&service["roles"], &service["grants"]);
                found.push(format!("{label}: {roles}, {grants}"));
            }
            members
                .values()
                .for_each(|value| find_clients(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| find_clients(value, found)),
        _ => {}
    }
}

async fn open(folder: &Path, abort_after: Option<u64>) -> Ledger {
    let options = OpenOptions {
        mode: OpenMode::ReadWrite,
        abort_after,
        ..OpenOptions::default()
    };
    let url = LedgerUrl::file(folder.join("ledger.db"));
    Ledger::open_with(&url, options).await.unwrap()
}

async fn import(ledger: &Ledger, sandbox: &Sandbox) -> RunId {
    let run = NewRun {
        file: "m.json".into(),
        file_key: "/m.json".into(),
        digest: String::new(),
        context: Value::Null,
        started_at: crate::model::UnixMillis(1),
    };
    let mut import = ledger.import(run).await.unwrap();
    let orgs = ["acme", "hub"].map(|org| {
        let spec = OrgSpec {
            url: sandbox.url(org),
            auth: None,
            limits: Limits::default(),
            worker: std::collections::BTreeMap::new(),
            folder: None,
        };
        import.push_org(org, &sandbox.url(org), &spec).unwrap()
    });
    assert_eq!(orgs, [SPOKE, HUB]);
    import.note_hub(HUB);
    let entries = [
        to_hub(None, Some("To the hub"), "spoke one"),
        to_hub(Some("0oa2"), None, "spoke two"),
    ];
    for (row, entry) in (1..).zip(&entries) {
        let org = SPOKE;
        import.push_entry(ImportEntry { row, org, entry }).unwrap();
    }
    tokio::task::spawn_blocking(|| import.finish())
        .await
        .unwrap()
        .unwrap()
}

async fn work(folder: &Path, ledger: &Ledger, selected: Selected) {
    let run = ledger.find_run(None).await.unwrap().id;
    let access = |row: OrgRow| OrgAccess {
        is_elsewhere: false,
        origin: row.url.clone(),
        credentials: Credentials::Ssws(
            std::fs::read_to_string(folder.join(&row.name))
                .unwrap()
                .into(),
        ),
        secrets: Secrets::new(folder, false),
        next: Arc::default(),
        row,
    };
    let orgs = ledger.orgs(&run).await.unwrap();
    let orgs = orgs.into_iter().map(access).collect();
    let options = RunOptions {
        // So long a call that was under way may still land.
        http: HttpSettings {
            timeout: Duration::from_secs(1),
            ..HttpSettings::default()
        },
        selected,
        ..RunOptions::default()
    };
    let lock = ledger.lock_run(&run).await.unwrap();
    drive(
        &Engine::new(),
        (ledger, &lock),
        orgs,
        &options,
        async || false,
    )
    .await
    .unwrap();
}

async fn counts(ledger: &Ledger, run: &RunId) -> [Counts; 2] {
    let by_org = ledger.counts_by_org(run).await.unwrap();
    [by_org[0].1, by_org[1].1]
}

const DONE: Counts = Counts {
    pending: 0,
    started: 0,
    waiting: 0,
    changed: 2,
    unchanged: 0,
    failed: 0,
    carried_over: 0,
    held_back: 0,
    deactivated: 0,
};

async fn progress(ledger: &Ledger, run: &RunId) -> Vec<Progress> {
    let mut all = Vec::new();
    ledger
        .for_each_entry(run, |row| {
            assert_eq!(row.queue, None, "it ended at home");
            all.push(row.progress);
        })
        .await
        .unwrap();
    all
}

fn steps(progress: &Progress) -> Vec<Step> {
    progress.steps.iter().map(|record| record.step).collect()
}

const IN_HUB: [Step; 3] = [
    Step::CreateServiceApp,
    Step::AssignRole(0),
    Step::GrantScope(0),
];

/// What a process does that dies: this test binary again, told by its environment to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return; // the tests below are its parents
    };
    let abort_after = std::env::var(ABORT_AFTER).unwrap().parse().unwrap();
    let ledger = open(folder.as_ref(), Some(abort_after)).await;
    work(folder.as_ref(), &ledger, Selected::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_passes_to_the_hub_and_back_and_each_org_pays_for_its_calls() {
    let world = World::new().await;
    assert_eq!(world.drive().await, [DONE, Counts::default()]);
    assert_eq!(world.made(), MADE);
    let ledger = world.ledger().await;
    let ended = progress(&ledger, &world.run).await;
    let found = [&[Step::FindApp][..], &IN_HUB, &[Step::SetConnection]].concat();
    assert_eq!(ended.iter().map(steps).collect::<Vec<_>>(), [&*found; 2]);
    let hub = [
        ("GET /oauth2/v1/clients", 1),
        ("POST /api/v1/apps/{id}/grants", 2),
        ("POST /oauth2/v1/clients", 2),
        ("POST /oauth2/v1/clients/{id}/roles", 2),
    ];
    let hub = hub.map(|(call, times)| (call.to_owned(), times));
    assert_eq!(world.calls("hub"), BTreeMap::from(hub));
    for org in ledger.orgs(&world.run).await.unwrap() {
        let calls: u64 = world.calls(&org.name).values().sum();
        assert_eq!(org.stats.requests, calls, "{}", org.name);
    }
    // Told by the step that they were made for.
    let mut in_hub = 0;
    ledger
        .for_each_entry_with_calls(&world.run, |_, calls| {
            let there = calls.iter().filter(|call| IN_HUB.contains(&call.step));
            in_hub += there.count();
        })
        .await
        .unwrap();
    assert_eq!(in_hub, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_checkpoint_a_process_dies_after_the_next_one_continues() {
    let mut deaths = 0;
    loop {
        let world = World::new().await;
        let died = tokio::task::block_in_place(|| world.dies_after(deaths + 1));
        let counted = world.drive().await;
        assert_eq!(counted, [DONE, Counts::default()], "after {deaths}");
        // No once-only call was carried out twice, in whichever org.
        assert_eq!(world.made(), MADE, "after {deaths}");
        let ledger = world.ledger().await;
        progress(&ledger, &world.run).await;
        for org in ledger.orgs(&world.run).await.unwrap() {
            let calls: u64 = world.calls(&org.name).values().sum();
            // But for those whose answers died with their process.
            let unseen = calls - org.stats.requests;
            assert!(unseen <= 6, "{} after {deaths}: {unseen}", org.name);
        }
        if !died {
            break;
        }
        deaths += 1;
    }
    // Of each: one to find the app, three or more in the hub, one to connect.
    assert!(deaths >= 10, "{deaths}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_is_stopped_holds_back_what_stands_in_its_queue() {
    let world = World::new().await;
    let token = world.folder.path().join("hub");
    std::fs::write(&token, "revoked").unwrap();
    let [spoke, hub] = world.drive().await;
    assert_eq!((spoke.started, spoke.held_back, spoke.movable()), (2, 2, 0));
    assert_eq!(hub, Counts::default());
    let ledger = world.ledger().await;
    let orgs = ledger.orgs(&world.run).await.unwrap();
    let stopped = orgs.iter().map(|org| org.stopped.is_some());
    assert_eq!(stopped.collect::<Vec<_>>(), [false, true]);
    let queue = ledger.load(&world.run, HUB, EntryState::Started, None, 9);
    assert_eq!(queue.await.unwrap().len(), 2);
    // Of what `--only` selects it is the same, and it selects by the entries' own orgs.
    for (only, held_back) in [("org=acme", 2), ("org=hub", 0)] {
        let selection = Selection::of(&[only.parse().unwrap()]);
        let selected = Selected::of(&ledger, &world.run, &orgs, &selection).await;
        let selected = selected.unwrap();
        let counts = selected.counts(&ledger, &world.run).await.unwrap();
        assert_eq!(counts.held_back, held_back, "{only}");
        work(world.folder.path(), &ledger, selected).await;
        assert_eq!(world.made(), [""; 0]);
    }
    drop(ledger);
    std::fs::write(&token, world.sandbox.api_token("hub")).unwrap();
    assert_eq!(world.drive().await, [DONE, Counts::default()]);
    assert_eq!(world.made(), MADE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_is_worked_on_where_its_next_step_happens_wherever_it_is_found() {
    let world = World::new().await;
    let ledger = world.ledger().await;
    let lock = ledger.lock_run(&world.run).await.unwrap();
    let rows = ledger.load(&world.run, SPOKE, EntryState::Pending, None, 9);
    for row in rows.await.unwrap() {
        let failed = crate::ledger::Checkpoint {
            no: row.no,
            version: row.version,
            stored: row.stored,
            queue: Some(HUB),
            state: EntryState::Failed,
            progress: std::borrow::Cow::Borrowed(&row.progress),
            due_at: None,
            error: None,
            attempts: Vec::new(),
            looked_at: None,
            stats: crate::ledger::OrgStats::default(),
            fingerprint: None,
            applied: None,
            name: None,
            client: None,
            settled_consent: None,
        };
        ledger.commit(Owner::Run(&lock), failed).await.unwrap();
    }
    assert_eq!(ledger.retry_failed(&lock, |_| true).await.unwrap(), 2);
    drop((lock, ledger));
    // The first has its first step in its own org: whoever finds it elsewhere sends it home.
    assert_eq!(world.drive().await, [DONE, Counts::default()]);
    assert_eq!(world.made(), MADE);
}
