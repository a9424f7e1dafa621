//! A rollout in a folder of its own, the program run on it, and what its report says at the end.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
#[cfg(feature = "postgres")]
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::hunter::Hunter;
#[cfg(feature = "postgres")]
use crate::live::Live;

/// A call that was under way when a process died is soon looked after.
pub const SOON: &str = "500ms";

/// Nothing but a call that hangs takes so long, on the slowest machine.
pub const PATIENTLY: &str = "5s";

/// Short pauses. Ends inside of `[retry]`.
const POLICY: &str = "\
    [sandbox]\nlimit = 0\n\
    [retry]\ninitial = '10ms'\nmax = '100ms'\n";

/// What every entry's token and password is.
pub const SECRET: &str = "t0ps3cret";

/// A folder with a job, its manifest and a secret.
pub struct Rollout {
    folder: TempDir,
    hunter: Hunter,
    /// `None` = the default: a file in the folder.
    ledger: Option<String>,
}

impl Rollout {
    /// No call takes longer than `timeout`; `more` is what else the job says, after its [`POLICY`].
    pub fn new(manifest: &Value, timeout: &str, more: &str) -> Self {
        let rollout = Self::at(tempfile::tempdir().unwrap());
        rollout.write("token.txt", SECRET);
        rollout.write("m.json", &manifest.to_string());
        let http = format!("[http]\ntimeout = '{timeout}'\n");
        let job = format!("manifest = 'm.json'\n{http}{POLICY}{more}");
        rollout.write("job.toml", &job);
        rollout
    }

    fn at(folder: TempDir) -> Self {
        let hunter = Hunter::default();
        hunter.secret("token.txt", SECRET);
        hunter.input(&folder.path().join("token.txt"), SECRET.as_bytes());
        Self {
            folder,
            hunter,
            ledger: None,
        }
    }

    #[cfg(feature = "postgres")]
    /// Keeps its ledger at this address, and the key of that in its folder.
    pub fn on_ledger(mut self, address: &str) -> Self {
        let key = hex::encode(rand::random::<[u8; 32]>());
        self.write("ledger.key", &key);
        self.secret("key of the ledger", &key);
        let key = self.folder.path().join("ledger.key");
        self.ledger = Some(format!("{address}?key=file:{}", key.display()));
        self
    }

    /// Where its ledger is, if it has one of its own.
    #[cfg(feature = "postgres")]
    pub fn ledger(&self) -> Option<&str> {
        self.ledger.as_deref()
    }

    /// Begins a command that continues beside others.
    #[cfg(feature = "postgres")]
    pub fn begin(&self, command: Command) -> Live {
        Live::of(command, self.hunter.ear.clone())
    }

    /// From now on this is a secret.
    pub fn secret(&self, name: &str, value: &str) {
        self.hunter.secret(name, value);
    }

    /// A copy of all its files, the ledger and the state of its orgs included.
    pub fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(self.folder.path(), folder.path());
        Self::at(folder)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        self.hunter.input(&path, text.as_bytes());
    }

    /// Where simulated orgs keep their state.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join(".okta-rollout/ledger.sandbox")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_okta-rollout"));
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .env_clear()
            .envs(self.ledger.iter().map(|at| ("OKTA_ROLLOUT_LEDGER", at)))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn output(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        self.hear(arguments, &output);
        output
    }

    fn hear(&self, arguments: &[&str], output: &Output) {
        let typed = arguments.join(" ");
        self.hunter.hear(&typed, &output.stdout);
        self.hunter.hear(&typed, &output.stderr);
    }

    /// What a command that must succeed prints.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.output(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The job, to its end: every entry must be done.
    pub fn run(&self) -> Report {
        Report(self.json(&["run", "job.toml", "--format", "json"]))
    }

    /// The job, in a process that dies right after that many checkpoints; `true` = it did.
    pub fn dies_after(&self, checkpoints: u64) -> bool {
        let output = self.stopped_after(checkpoints, &["run", "job.toml"]);
        let died = was_killed(output.status);
        assert!(died || output.status.success(), "{}", told(&output));
        died
    }

    /// Runs a command in a process that dies right after that many checkpoints.
    pub fn stopped_after(&self, checkpoints: u64, arguments: &[&str]) -> Output {
        let output = self
            .command(arguments)
            .env("OKTA_ROLLOUT_ABORT_AFTER", checkpoints.to_string())
            .output()
            .unwrap();
        self.hear(arguments, &output);
        output
    }

    /// Where the last run stands.
    pub fn status(&self) -> Report {
        Report(self.json(&["status", "--format", "json"]))
    }
}

/// Every story ends with a look whether a secret got out.
impl Drop for Rollout {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.hunter.assert_nothing_leaked(self.folder.path());
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let copied = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            std::fs::create_dir(&copied).unwrap();
            copy(&file.path(), &copied);
        } else {
            std::fs::copy(file.path(), copied).unwrap();
        }
    }
}

/// What a command said.
pub fn told(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    format!("{}\n{said}", output.status)
}

/// Whether a signal ended it.
pub fn was_killed(status: ExitStatus) -> bool {
    status.code().is_none()
}

/// A report for programs.
pub struct Report(pub Value);

impl Report {
    pub fn id(&self) -> &str {
        self.0["run"].as_str().unwrap()
    }

    /// Whether nothing is left that moves by itself.
    pub fn is_settled(&self) -> bool {
        self.0["state"] == "settled"
    }

    /// What must be the same however often the run was stopped: everything but ids, times, and how
    /// often and by which call something was found to be right.
    pub fn essence(&self) -> Value {
        let entries: Vec<_> = self.entries().iter().map(essence).collect();
        json!({ "state": self.0["state"], "entries": entries })
    }

    /// What it found changed by hand, by entry: known to the run that fixed it only.
    pub fn drift(&self) -> Vec<&Value> {
        self.entries().iter().map(|entry| &entry["drift"]).collect()
    }

    /// The rows at which it wrote something.
    pub fn changed(&self) -> BTreeSet<u64> {
        let changed = |entry: &&Value| entry["changed"] == true;
        let row = |entry: &Value| entry["row"].as_u64().unwrap();
        self.entries().iter().filter(changed).map(row).collect()
    }

    /// How many entries are in a state.
    pub fn count(&self, state: &str) -> usize {
        let fits = |entry: &&Value| entry["state"] == state;
        self.entries().iter().filter(fits).count()
    }

    /// Of a figure of each org, the sum.
    pub fn sum(&self, figure: &str) -> u64 {
        let orgs = self.0["orgs"].as_array().unwrap();
        orgs.iter().map(|org| org[figure].as_u64().unwrap()).sum()
    }

    fn entries(&self) -> &[Value] {
        self.0["entries"].as_array().unwrap()
    }
}

fn essence(entry: &Value) -> Value {
    let steps: Vec<_> = entry["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| json!([step["step"], step["feature"], step["state"]]))
        .collect();
    let mut essence = entry.clone();
    essence["steps"] = steps.into();
    essence["changed"].take();
    essence["drift"].take();
    // When it was looked at differs, not whether.
    essence["checkedAt"] = essence["checkedAt"].is_string().into();
    essence["changes"].take();
    essence
}

/// Waits until something is so, which it is within this time; gives how long it took.
#[cfg(feature = "postgres")]
#[track_caller]
pub fn until(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < within, "{what} within {within:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    begun.elapsed()
}
