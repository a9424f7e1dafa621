//! A scenario: a folder with a manifest and a job, the simulated orgs they speak of, and the program
//! run in that folder as a person would. Orgs count from the outside what they were asked.

mod announced;
mod company;
mod desk;
mod entries;
#[path = "../../support/hunter.rs"]
mod hunter;
mod liar;
#[path = "../../support/live.rs"]
mod live;
mod ran;
mod receiver;
mod terminal;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use okta_rollout::okta::connections::{self, Activate, ConnectionBody};
use okta_rollout::okta::{Credentials, Http, HttpSettings, OrgClient};
use okta_rollout::sandbox::{Call, Sandbox, SandboxSettings, SeedApp, Switches};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub use desk::{Desk, Page};
pub use entries::{
    Entry, google, inbound, office365, org2org, partly_user, slack, spoke, user, zoomus, zscaler,
};
pub use hunter::{Hunter, forms};
pub use liar::{Asked, Distorted, Honest, Liar, Lie, lie, page};
pub use live::Live;
use live::PATIENCE;
pub use ran::Ran;
pub use receiver::{Posted, Receiver, Reply};
pub use terminal::Terminal;

/// The secret that TOKEN entries refer to.
pub const APP_TOKEN: &str = "tell-tale-app-token";
/// The password that office365 entries refer to.
pub const ADMIN_PASSWORD: &str = "tell-tale-admin-password";

/// Retries at once, so that stories of failures are short.
const JOB: &str = "manifest = 'm.json'\n[retry]\nmaxAttempts = 3\ninitial = '1ms'\nmax = '5ms'\n";

/// The folder and the simulated orgs of one story.
pub struct Scenario {
    folder: TempDir,
    sandbox: Sandbox,
    /// Addresses of orgs that are not the sandbox's, by name.
    elsewhere: BTreeMap<String, String>,
    /// Variables that are set, or not set, besides those of the orgs' tokens.
    environment: BTreeMap<String, Option<String>>,
    /// How many calls of an org a story has looked at.
    seen: RefCell<BTreeMap<String, usize>>,
    /// Looks at the end whether a secret got out.
    hunter: Hunter,
    // Dropped last: it serves the sandbox.
    runtime: Runtime,
}

impl Scenario {
    /// Orgs without limits that have the apps of these entries.
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        Self::with("limit = 0", entries)
    }

    /// As [`Self::of`], with these settings of the sandbox.
    pub fn with(settings: &str, entries: impl IntoIterator<Item = Entry>) -> Self {
        let settings: SandboxSettings = toml::from_str(settings).unwrap();
        let settings = SandboxSettings {
            journal: 100_000,
            ..settings
        };
        let runtime = Runtime::new().unwrap();
        let started = runtime.block_on(Sandbox::start(settings, None, None));
        let scenario = Self {
            folder: tempfile::tempdir().unwrap(),
            sandbox: started.unwrap(),
            elsewhere: BTreeMap::new(),
            environment: BTreeMap::new(),
            seen: RefCell::default(),
            hunter: Hunter::default(),
            runtime,
        };
        scenario.write("secrets/app-token", &format!("{APP_TOKEN}\n"));
        scenario.write("secrets/admin-password", &format!("{ADMIN_PASSWORD}\n"));
        scenario.job("");
        scenario.manifest(entries);
        scenario
    }

    /// Puts an org at another address than the sandbox's; takes effect with the next manifest.
    pub fn org_at(&mut self, org: &str, url: &str) {
        self.elsewhere.insert(org.to_owned(), url.to_owned());
    }

    /// Sets a variable for the commands that follow.
    pub fn set(&mut self, variable: &str, value: &str) {
        if variable.contains("TOKEN") || variable.contains("PASSWORD") {
            self.hunter.secret(variable, value);
        }
        let value = Some(value.to_owned());
        self.environment.insert(variable.to_owned(), value);
    }

    /// Leaves a variable out for the commands that follow.
    pub fn unset(&mut self, variable: &str) {
        self.environment.insert(variable.to_owned(), None);
    }

    /// Writes the manifest `m.json`, and gives the orgs the apps it speaks of.
    pub fn manifest(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut orgs = serde_json::Map::new();
        let mut apps = Vec::new();
        for entry in entries {
            let hub = entry.json["hub"]["org"].as_str();
            for org in [entry.org()].into_iter().chain(hub) {
                self.sandbox.add_org(org).unwrap();
                let url = self.elsewhere.get(org).cloned();
                let url = url.unwrap_or_else(|| self.sandbox.url(org));
                let auth = json!({ "apiToken": format!("env:{}", token_of(org)) });
                orgs.insert(org.to_owned(), json!({ "url": url, "auth": auth }));
            }
            if let Some(seed) = &entry.seed {
                self.sandbox.add_app(entry.org(), seed).unwrap();
            }
            apps.push(entry.json);
        }
        let manifest = json!({ "orgs": orgs, "apps": apps });
        self.write("m.json", &manifest.to_string());
    }

    /// Writes `job.toml`, with more than the manifest and short retries in it.
    pub fn job(&self, more: &str) {
        self.write("job.toml", &format!("{JOB}{more}"));
    }

    /// Writes a file of the folder; what is in `secrets/` is one.
    pub fn write(&self, name: &str, text: &str) {
        self.write_bytes(name, text.as_bytes());
        if name.starts_with("secrets/") {
            self.hunter.secret(name, text);
        }
    }

    /// Copies a folder of the project.
    pub fn copy(&self, folder: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                self.copy(&name);
            } else {
                self.write(&name, &std::fs::read_to_string(entry.path()).unwrap());
            }
        }
    }

    /// As [`Self::write`], if it is no text.
    pub fn write_bytes(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        self.hunter.input(&path, content);
    }

    /// From now on this is a secret of the story.
    pub fn secret(&self, name: &str, value: &str) {
        self.hunter.secret(name, value);
    }

    /// Where a file of the folder is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The ledger of the folder.
    pub fn ledger(&self) -> PathBuf {
        self.path(".okta-rollout/ledger.db")
    }

    /// Lets so much time pass for what the ledger holds; less than none is a clock that was set back.
    pub fn time_passes(&self, ms: i64) {
        let sql = rusqlite::Connection::open(self.ledger()).unwrap();
        sql.execute_batch(&format!(
            "UPDATE run SET started_at = started_at - {ms}, finished_at = finished_at - {ms},
                 continued_at = continued_at - {ms};
             UPDATE entry SET due_at = due_at - {ms}, checked_at = checked_at - {ms};
             UPDATE entry SET progress = json_set(progress, '$.inFlight.sentAt',
                 progress ->> '$.inFlight.sentAt' - {ms}) WHERE progress ->> '$.inFlight.sentAt' IS NOT NULL;
             UPDATE entry SET progress = json_set(progress, '$.consent.since',
                 progress ->> '$.consent.since' - {ms}) WHERE progress ->> '$.consent.since' IS NOT NULL;
             UPDATE call SET at = at - {ms}, next_at = next_at - {ms};
             UPDATE wave SET started_at = started_at - {ms}, finished_at = finished_at - {ms};
             UPDATE budget SET until = until - {ms};
             UPDATE others SET until = until - {ms};
             UPDATE schedule SET until = until - {ms}, queued = queued - {ms}, started_at = started_at - {ms};"
        ))
        .unwrap();
    }

    /// Somebody else makes a call to the first app of an org so often, until the story ends.
    pub fn beside(&self, org: &str, app_id: &str, every: Duration) {
        let http = Http::new(&HttpSettings::default()).unwrap();
        let token = Credentials::Ssws(self.sandbox.api_token(org).into());
        let client = OrgClient::new(http, &self.sandbox.url(org), token).unwrap();
        let read = connections::get(app_id);
        self.runtime.spawn(async move {
            let mut turn = tokio::time::interval(every);
            loop {
                turn.tick().await;
                client.exchange(read.request()).await;
            }
        });
    }

    /// A call that asks for a consent's link arrives at an org, and nobody waits for its answer.
    pub fn lands(&self, org: &str, app_id: &str) {
        let http = Http::new(&HttpSettings::default()).unwrap();
        let token = Credentials::Ssws(self.sandbox.api_token(org).into());
        let client = OrgClient::new(http, &self.sandbox.url(org), token).unwrap();
        let call = connections::set(app_id, &ConnectionBody::Oauth2, Activate::No);
        let answer = self.runtime.block_on(client.exchange(call.request()));
        assert!(answer.outcome.is_ok());
    }

    /// Every file of the folder.
    pub fn files(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, found);
                } else {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        walk(self.folder.path(), &mut found);
        found
    }

    /// Runs the job.
    pub fn run(&self) -> Ran {
        self.okta_rollout(&["run", "job.toml"])
    }

    /// Runs any command in the folder.
    pub fn okta_rollout(&self, arguments: &[&str]) -> Ran {
        self.fed(arguments, "")
    }

    /// As [`Self::okta_rollout`], in a folder of the folder, and with more in the environment.
    pub fn elsewhere(&self, folder: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        std::fs::create_dir_all(self.path(folder)).unwrap();
        let mut command = self.command(arguments);
        command
            .current_dir(self.path(folder))
            .envs(variables.iter().copied());
        self.ran(arguments, command.output().unwrap())
    }

    /// As [`Self::okta_rollout`], with something on standard input.
    pub fn fed(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = assert_cmd::Command::from_std(self.command(arguments));
        command.timeout(PATIENCE).write_stdin(input);
        self.ran(arguments, command.output().unwrap())
    }

    /// Runs a command that dies right after so many checkpoints, as from a power cut.
    pub fn dies_after(&self, checkpoints: u32, arguments: &[&str]) {
        let mut command = self.command(arguments);
        command.env("OKTA_ROLLOUT_ABORT_AFTER", checkpoints.to_string());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), None, "a signal ended it");
    }

    /// Runs a line of bash in the folder, in which `okta-rollout` is the program.
    pub fn shell(&self, line: &str) -> Ran {
        self.shell_fed(line, "")
    }

    /// As [`Self::shell`], with something on standard input.
    pub fn shell_fed(&self, line: &str, input: &str) -> Ran {
        let direct = self.command(&[]);
        let program = direct.get_program().to_string_lossy();
        let mut command = std::process::Command::new("bash");
        command
            .args(["-c", &line.replace("okta-rollout ", &format!("{program} "))])
            .current_dir(self.folder.path());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap());
        command.envs(
            direct
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let mut command = assert_cmd::Command::from_std(command);
        command.timeout(PATIENCE).write_stdin(input);
        self.ran(&[line], command.output().unwrap())
    }

    /// Runs a command in the folder after a shell set its limits.
    pub fn limited(&self, limits: &str, arguments: &[&str]) -> Ran {
        let mut command = self.after(limits, arguments);
        self.ran(arguments, command.output().unwrap())
    }

    /// Starts a command in the folder after a shell set its limits, and leaves it alone.
    pub fn begin_limited(&self, limits: &str, arguments: &[&str]) -> Live {
        Live::of(self.after(limits, arguments), self.hunter.ear.clone())
    }

    fn ran(&self, arguments: &[&str], output: std::process::Output) -> Ran {
        let typed = arguments.join(" ");
        self.hunter.hear(&typed, &output.stdout);
        self.hunter.hear(&typed, &output.stderr);
        Ran::new(arguments, output)
    }

    fn after(&self, limits: &str, arguments: &[&str]) -> std::process::Command {
        let direct = self.command(arguments);
        let mut command = std::process::Command::new("bash");
        let program = direct.get_program().to_string_lossy();
        command
            .args([
                "-c",
                &format!("{limits}; exec {program} {}", arguments.join(" ")),
            ])
            .current_dir(self.folder.path())
            .env_clear();
        command.envs(
            direct
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        command
    }

    /// Starts a command in the folder and leaves it alone.
    pub fn begin(&self, arguments: &[&str]) -> Live {
        Live::of(self.command(arguments), self.hunter.ear.clone())
    }

    /// Starts a command that prints the link to its desk, and leaves it alone.
    pub fn desk(&self, arguments: &[&str]) -> Desk {
        let ear = self.hunter.ear.clone();
        let (live, link) = Live::talking(self.command(arguments), ear.clone());
        Desk::of(live, &link, None, ear)
    }

    /// As [`Self::desk`], of one whose link is another's address.
    pub fn desk_at(&self, address: &str, arguments: &[&str]) -> Desk {
        let ear = self.hunter.ear.clone();
        let (live, link) = Live::talking(self.command(arguments), ear.clone());
        Desk::of(live, &link, Some(address), ear)
    }

    /// Starts a command whose standard input is a terminal; what it says to people is for the story.
    pub fn at_terminal(&self, arguments: &[&str], terminal: std::fs::File) -> std::process::Child {
        self.command(arguments)
            .stdin(terminal)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_okta-rollout"));
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .env_clear();
        for org in self.sandbox.orgs() {
            command.env(token_of(&org), self.sandbox.api_token(&org));
        }
        for (variable, value) in &self.environment {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
        command
    }

    /// Starts a command that is typed and read at this terminal.
    pub fn wholly_at_terminal(
        &self,
        arguments: &[&str],
        terminal: &std::fs::File,
    ) -> std::process::Child {
        let mut command = self.command(arguments);
        command
            .stdin(terminal.try_clone().unwrap())
            .stderr(terminal.try_clone().unwrap())
            .stdout(std::process::Stdio::null());
        command.spawn().unwrap()
    }

    /// The report of the newest run.
    pub fn report(&self) -> Value {
        self.okta_rollout(&["report", "--format", "json"])
            .exits(0)
            .json()
    }

    /// What waits for consent, as `consent list` tells programs.
    pub fn consents(&self) -> Vec<Value> {
        let list = self.okta_rollout(&["consent", "list", "--format", "json"]);
        serde_json::from_value(list.exits(0).json()).unwrap()
    }

    /// The only link that waits for consent.
    pub fn link(&self) -> String {
        let consents = self.consents();
        assert_eq!(consents.len(), 1, "{consents:?}");
        consents[0]["authorizeUrl"].as_str().unwrap().to_owned()
    }

    /// Gives consent as an administrator does; what Okta's page then shows.
    pub fn approve(&self, link: &str) -> String {
        let shown = self.runtime.block_on(self.sandbox.approve(link)).unwrap();
        let code = shown.split("code=").nth(1).unwrap_or_default();
        let code = code.split(['&', '"', '\n']).next().unwrap_or_default();
        self.secret("code of a consent", &code.replace("%2F", "/"));
        shown
    }

    /// The calls an org got since a story last asked, but for those that only look what an app is, which have a
    /// bucket of their own: `GET …/connections/default`, and so on, where `…` stands for an app.
    pub fn calls(&self, org: &str) -> Vec<String> {
        let mut calls = self.all_calls(org);
        calls.retain(|call| call != LOOK);
        calls
    }

    /// As [`Self::calls`], with every call.
    pub fn all_calls(&self, org: &str) -> Vec<String> {
        let journal = self.sandbox.journal(org).unwrap();
        let calls: Vec<_> = journal
            .iter()
            .map(|call| format!("{} {}", call.method, shortened(&call.path)))
            .collect();
        let seen = self.seen.borrow_mut().insert(org.to_owned(), calls.len());
        calls[seen.unwrap_or_default()..].to_vec()
    }

    /// The apps that calls of an org wrote to since a story last asked for its calls.
    pub fn written_apps(&self, org: &str) -> BTreeSet<String> {
        let journal = self.sandbox.journal(org).unwrap();
        let seen = self.seen.borrow_mut().insert(org.to_owned(), journal.len());
        let new = journal[seen.unwrap_or_default()..].iter();
        new.filter(|call| call.method != "GET")
            .map(|call| call.path.split('/').nth(4).unwrap_or_default().to_owned())
            .collect()
    }

    /// The statuses of the calls an org ever got, but for looks what an app is: they have a bucket of their own.
    pub fn statuses(&self, org: &str) -> Vec<Option<u16>> {
        let journal = self.sandbox.journal(org).unwrap();
        let counted = |call: &&Call| shortened(&call.path) != "…";
        let counted = journal.iter().filter(counted);
        counted.map(|call| call.status).collect()
    }

    /// Every call of an org so far, and what became of it.
    pub fn answered(&self, org: &str) -> Vec<(String, Option<u16>)> {
        let journal = self.sandbox.journal(org).unwrap();
        let answered = |call: &Call| {
            let name = format!("{} {}", call.method, shortened(&call.path));
            (name, call.status)
        };
        journal.iter().map(answered).collect()
    }

    /// What became of the calls of somebody beside us.
    pub fn statuses_beside(&self, org: &str) -> Vec<Option<u16>> {
        let journal = self.sandbox.journal(org).unwrap();
        let theirs =
            |call: &&Call| call.method == "GET" && call.path.ends_with("/connections/default");
        journal
            .iter()
            .filter(theirs)
            .map(|call| call.status)
            .collect()
    }

    /// An app as its org holds it.
    pub fn app(&self, org: &str, id: &str) -> Value {
        self.find_app(org, id).unwrap()
    }

    /// As [`Self::app`], if it is there.
    pub fn find_app(&self, org: &str, id: &str) -> Option<Value> {
        let state = self.sandbox.state(org).unwrap();
        let apps = state["apps"].as_array().unwrap();
        apps.iter().find(|app| app["id"] == id).cloned()
    }

    /// The service apps of an org, by name, each with what it is.
    pub fn service_apps(&self, org: &str) -> Vec<(String, Value)> {
        let state = self.sandbox.state(org).unwrap();
        let apps = state["apps"].as_array().unwrap().iter();
        let of_service = apps.filter(|app| app.get("service").is_some());
        let mut named: Vec<_> = of_service
            .map(|app| (app["label"].as_str().unwrap().to_owned(), app.clone()))
            .collect();
        named.sort_by(|(one, _), (other, _)| one.cmp(other));
        named
    }

    /// Makes an org special from now on.
    pub fn switch(&self, org: &str, switches: Switches) {
        self.sandbox.switch(org, switches).unwrap();
    }

    /// Adds an app that no entry speaks of.
    pub fn add_app(&self, org: &str, app: &SeedApp) {
        self.sandbox.add_org(org).unwrap();
        self.sandbox.add_app(org, app).unwrap();
    }

    /// The orgs there are.
    pub fn orgs(&self) -> Vec<String> {
        self.sandbox.orgs()
    }

    /// The address of an org of the sandbox.
    pub fn url(&self, org: &str) -> String {
        self.sandbox.url(org)
    }

    /// The API token of an org of the sandbox.
    pub fn api_token(&self, org: &str) -> String {
        self.sandbox.api_token(org)
    }

    /// Serves something of a story's own on loopback; its address.
    pub fn serve(&self, router: axum::Router) -> String {
        let listener = self
            .runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        self.runtime.spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        format!("http://{address}")
    }

    /// Changes an org's app with a call of somebody else's.
    pub fn somebody_else(&self, org: &str, method: &str, path: &str, body: &Value) {
        self.somebody_calls(org, method, path, body);
    }

    /// What somebody else is shown.
    pub fn somebody_looks(&self, org: &str, path: &str) -> Value {
        let answer = self.somebody_calls(org, "GET", path, &Value::Null);
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(body).unwrap()
    }

    fn somebody_calls(&self, org: &str, method: &str, path: &str, body: &Value) -> String {
        let address = self.sandbox.address().to_string();
        let host = self.sandbox.url(org).replace("http://", "");
        let body = body.to_string();
        let token = self.sandbox.api_token(org);
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: SSWS {token}\r\n\
             accept: application/json\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let answer = std::io::read_to_string(stream).unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
        self.calls(org);
        answer
    }
}

/// Every story ends with a look whether a secret got out.
impl Drop for Scenario {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for org in self.sandbox.orgs() {
            let token = self.sandbox.api_token(&org);
            self.hunter.secret(&format!("API token of {org}"), &token);
        }
        self.hunter.assert_nothing_leaked(self.folder.path());
    }
}

/// The environment variable with an org's API token.
pub fn token_of(org: &str) -> String {
    format!("{}_TOKEN", org.to_uppercase())
}

/// A look what an app is.
pub const LOOK: &str = "GET …";

/// A path with `…` for an app.
fn shortened(path: &str) -> String {
    let Some(below) = path.strip_prefix("/api/v1/apps/") else {
        return path.to_owned();
    };
    match below.split_once("oauth2/") {
        Some(_) => "…/oauth2/callback".to_owned(),
        None => below
            .split_once('/')
            .map_or_else(|| "…".to_owned(), |(_, rest)| format!("…/{rest}")),
    }
}
