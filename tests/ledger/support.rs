//! A ledger in a folder of its own, and the smallest things to put into it.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;

use okta_rollout::apps::{App, AuthScheme};
use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{
    AsStored, Attempt, Checkpoint, Consent, ConsentRight, Drift, EntryRow, ImportEntry, Ledger,
    LedgerError, NewRun, OpenMode, OpenOptions, OrgRow, OrgStats, Owner, Pending, Progress,
    RunLock,
};
use okta_rollout::manifest::{Auth, Connection, Entry, Features, Limits, OrgSpec, Profile, Status};
use okta_rollout::model::{EntryNo, EntryState, OrgNo, RunId, Step, UnixMillis};
use serde_json::json;
use tempfile::TempDir;

/// Where ledgers are kept.
#[derive(Clone, Copy, Debug)]
pub enum Backend {
    /// In a file of SQLite's, each in a folder of its own.
    Sqlite,
    /// In a database of a PostgreSQL that the tests start.
    #[cfg(feature = "postgres")]
    Postgres,
}

pub struct Fixture {
    pub folder: TempDir,
    pub ledger: Ledger,
    pub url: LedgerUrl,
}

impl Fixture {
    /// A new ledger of a backend.
    pub async fn new(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::with(OpenOptions::default()).await,
            #[cfg(feature = "postgres")]
            Backend::Postgres => Self::on_postgres().await,
        }
    }

    pub async fn at(folder: TempDir, url: LedgerUrl, options: OpenOptions) -> Self {
        let ledger = Ledger::open_with(&url, options).await.unwrap();
        Self {
            folder,
            ledger,
            url,
        }
    }

    pub async fn with(options: OpenOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = LedgerUrl::file(folder.path().join("ledger.db"));
        Self::at(folder, url, options).await
    }

    pub async fn reopen(self) -> Self {
        let Self {
            folder,
            ledger,
            url,
        } = self;
        drop(ledger);
        Self::at(folder, url, OpenOptions::default()).await
    }

    /// The same ledger, opened once more.
    pub async fn another(&self) -> Ledger {
        Ledger::open(&self.url(), OpenMode::ReadWrite)
            .await
            .unwrap()
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    pub fn url(&self) -> LedgerUrl {
        self.url.clone()
    }

    /// Rows of a table.
    pub fn count(&self, table: &str) -> i64 {
        let count = format!("SELECT count(*) FROM {table}");
        #[cfg(feature = "postgres")]
        if matches!(self.url, LedgerUrl::Postgres(_)) {
            return self.sql(&count).parse().unwrap();
        }
        let sql = rusqlite::Connection::open(self.path()).unwrap();
        sql.query_row(&count, [], |row| row.get(0)).unwrap()
    }

    pub async fn import(&self, file: &str, entries: &[Entry]) -> RunId {
        import(&self.ledger, file, entries).await
    }
}

pub async fn import(ledger: &Ledger, file: &str, entries: &[Entry]) -> RunId {
    // Of the entries, as that of a file is of its bytes.
    let digest = serde_json::to_string(entries).unwrap();
    let run = NewRun {
        digest,
        ..new_run(file)
    };
    let mut import = ledger.import(run).await.unwrap();
    let mut orgs: Vec<String> = Vec::new();
    for (row, entry) in (2..).zip(entries) {
        let no = orgs
            .iter()
            .position(|name| *name == entry.org)
            .unwrap_or_else(|| {
                let url = format!("https://{}.okta.com", entry.org);
                import.push_org(&entry.org, &url, &org(&entry.org)).unwrap();
                orgs.push(entry.org.clone());
                orgs.len() - 1
            });
        let org = OrgNo::at(no);
        import.push_entry(ImportEntry { row, org, entry }).unwrap();
    }
    tokio::task::spawn_blocking(|| import.finish())
        .await
        .unwrap()
        .unwrap()
}

/// A field that had drifted.
pub fn drift(field: &str) -> Drift {
    Drift {
        field: field.into(),
        live: None,
        wanted: json!(true),
    }
}

pub fn new_run(file: &str) -> NewRun {
    NewRun {
        file: file.into(),
        file_key: format!("/abs/{file}"),
        digest: "00".into(),
        context: json!({ "orgs": "orgs.csv" }),
        started_at: UnixMillis(1_000),
    }
}

pub fn org(name: &str) -> OrgSpec {
    OrgSpec {
        url: format!("https://{name}.okta.com"),
        auth: Some(Auth::ApiToken("env:TOKEN".to_owned().try_into().unwrap())),
        limits: Limits::default(),
        worker: std::collections::BTreeMap::new(),
        folder: None,
    }
}

pub fn entry(org: &str, app_id: &str) -> Entry {
    Entry {
        org: org.into(),
        app: App::Google,
        app_id: Some(app_id.into()),
        label: None,
        create: None,
        hub: None,
        connection: Some(Connection {
            base_url: None,
            profile: Profile {
                auth_scheme: AuthScheme::Oauth2,
                token: None,
                client_id: None,
                settings: None,
                signing: None,
            },
        }),
        features: Features::default(),
        status: Status::Enabled,
        rotation: None,
    }
}

pub fn labelled(org: &str, app: App, label: &str) -> Entry {
    Entry {
        app,
        app_id: None,
        label: Some(label.into()),
        ..entry(org, "")
    }
}

/// A checkpoint and the run that it is of.
#[derive(Clone)]
pub struct OfRun(pub RunId, pub Checkpoint<'static>);

impl Deref for OfRun {
    type Target = Checkpoint<'static>;

    fn deref(&self) -> &Self::Target {
        &self.1
    }
}

impl DerefMut for OfRun {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.1
    }
}

pub trait Store {
    /// Stores it by the right of one who hands in consents: whoever holds the run, the version alone decides.
    fn store(
        &self,
        checkpoint: OfRun,
    ) -> impl Future<Output = Result<AsStored, LedgerError>> + Send;
}

impl Store for Ledger {
    fn store(
        &self,
        OfRun(run, checkpoint): OfRun,
    ) -> impl Future<Output = Result<AsStored, LedgerError>> + Send {
        let right = right(&run, checkpoint.no);
        self.commit(Owner::Consent(&right), checkpoint)
    }
}

/// The right of one who submits an entry's consent.
pub fn right(run: &RunId, no: EntryNo) -> ConsentRight {
    let entry = entry("acme", "0oa1");
    let spec = org("acme");
    let pending = Pending {
        run: run.clone(),
        org: OrgRow {
            no: OrgNo(0),
            name: entry.org.clone(),
            url: spec.url.clone(),
            spec,
            stopped: None,
            stats: OrgStats::default(),
            wait: None,
        },
        entry: EntryRow {
            no,
            org: OrgNo(0),
            queue: None,
            row: 1,
            entry,
            state: EntryState::Waiting,
            progress: Progress::default(),
            due_at: None,
            error: None,
            checked_at: None,
            version: 0,
            carried_over_by: None,
            known: None,
            stored: None,
        },
    };
    ConsentRight::of(&pending)
}

pub fn checkpoint(run: &RunId, no: i64, version: i64, state: EntryState) -> OfRun {
    let checkpoint = Checkpoint {
        no: EntryNo(no),
        version,
        stored: None,
        queue: None,
        state,
        progress: Cow::default(),
        due_at: None,
        error: None,
        attempts: Vec::new(),
        looked_at: None,
        stats: OrgStats::default(),
        fingerprint: None,
        applied: None,
        name: None,
        client: None,
        settled_consent: None,
    };
    OfRun(run.clone(), checkpoint)
}

pub fn consent(state: &str) -> Consent {
    Consent {
        authorize_url: format!("https://accounts.example/?state={state}"),
        state: state.into(),
        since: UnixMillis(3),
    }
}

pub fn waiting_progress(state: &str) -> Progress {
    Progress {
        consent: Some(consent(state)),
        ..Progress::default()
    }
}

pub fn waiting_on(run: &RunId, no: i64, version: i64, state: &str) -> OfRun {
    let mut waiting = checkpoint(run, no, version, EntryState::Waiting);
    waiting.progress = Cow::Owned(waiting_progress(state));
    waiting
}

/// Makes a ledger's tables those of format 15 again.
pub const FORMAT_15: &str =
    "DROP TABLE ledger; DROP TABLE schedule; ALTER TABLE run DROP COLUMN failed; DROP TABLE wave; DROP TABLE notice;
    DROP INDEX entry_away; ALTER TABLE entry DROP COLUMN queue; ALTER TABLE org DROP COLUMN hub;
    ALTER TABLE app DROP COLUMN hub; ALTER TABLE app DROP COLUMN client;";

/// Makes a ledger's tables of format 15 those of format 8.
pub const FORMAT_8: &str =
    "DROP TABLE others;
    ALTER TABLE run DROP COLUMN holder; ALTER TABLE run DROP COLUMN mark;
    ALTER TABLE run DROP COLUMN removed; ALTER TABLE org DROP COLUMN deactivated;
    ALTER TABLE entry DROP COLUMN checked_at; ALTER TABLE run DROP COLUMN continued_at;
    ALTER TABLE run DROP COLUMN ended_before;
    CREATE TABLE fingerprint (
        org_url TEXT NOT NULL, app_id TEXT NOT NULL, hmac TEXT NOT NULL, applied TEXT, connected INTEGER NOT NULL DEFAULT 0,
        key_id TEXT, applied_by INTEGER, moving_by INTEGER, PRIMARY KEY (org_url, app_id)) STRICT, WITHOUT ROWID;
    INSERT INTO fingerprint
        SELECT url, id, lower(hex(hmac)), iif(applied IS NULL, NULL, lower(hex(applied))), connected,
            nullif(lower(hex(key_id)), ''), applied_by, moving_by
        FROM app JOIN org_url ON no = org;
    DROP TABLE app; DROP TABLE org_url;
    ALTER TABLE entry ADD COLUMN spec TEXT NOT NULL DEFAULT '';
    UPDATE entry SET spec = (SELECT json FROM spec WHERE entry = key);
    DROP TABLE spec;";

/// Makes a ledger's tables of format 8 those of format 6.
pub const FORMAT_6: &str =
    "CREATE TABLE attempt (
        entry INTEGER NOT NULL, at INTEGER NOT NULL, step TEXT NOT NULL, call TEXT NOT NULL, http_status INTEGER,
        okta_error_code TEXT, request_id TEXT, duration_ms INTEGER NOT NULL, next_at INTEGER) STRICT;
    INSERT INTO attempt SELECT entry, at, step, call, http_status, okta_error_code, request_id, duration_ms, next_at
        FROM call ORDER BY id;
    DROP TABLE call; ALTER TABLE entry DROP COLUMN last_call; CREATE INDEX attempt_entry ON attempt (entry);
    DROP INDEX entry_open; CREATE INDEX entry_window ON entry (run, org, state);";

/// The calls of each entry of a run, in order.
pub async fn calls(ledger: &Ledger, run: &RunId) -> Vec<Vec<Attempt>> {
    let mut calls = Vec::new();
    let each = |row: EntryRow, of_entry| {
        assert_eq!(
            usize::try_from(row.no.0),
            Ok(calls.len()),
            "in manifest order"
        );
        calls.push(of_entry);
    };
    ledger.for_each_entry_with_calls(run, each).await.unwrap();
    in_any_order(ledger, run, &calls).await;
    calls
}

/// Entries are read in the order that is asked for, each with its calls; one that there is not is left out.
async fn in_any_order(ledger: &Ledger, run: &RunId, calls: &[Vec<Attempt>]) {
    let last = i64::try_from(calls.len()).unwrap();
    let order: Vec<_> = (0..=last).rev().map(EntryNo).collect();
    let mut found = Vec::new();
    let each = |row: EntryRow, calls| found.push((row.no, calls));
    ledger
        .for_each_with_calls_of(run, &order, each)
        .await
        .unwrap();
    let wanted = order[1..].iter().copied().zip(calls.iter().rev().cloned());
    assert_eq!(found, wanted.collect::<Vec<_>>());
}

/// A call that is told from others by when it was sent.
pub fn call(at: i64) -> Attempt {
    Attempt {
        at: UnixMillis(at),
        step: Step::SetConnection,
        call: "POST /api/v1/apps/0oa1/connections/default".into(),
        http_status: Some(200),
        okta_error_code: None,
        request_id: Some(format!("req-{at}")),
        duration_ms: 1_200,
        next_at: None,
    }
}

/// What this process does by the right of a run's owner.
pub async fn lock_of(ledger: &Ledger, run: &RunId) -> RunLock {
    ledger.lock_run(run).await.unwrap()
}
