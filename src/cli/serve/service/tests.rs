//! The shipped nightly job, served for weeks by a clock that a test sets: real runs of simulated orgs, each at the minute
//! that cron(8) says.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::{JoinHandle, LocalSet};

use super::*;
use crate::cli::serve::read;
use crate::desk::jobs::JobStatus;
use crate::job::LedgerUrl;
use crate::ledger::{Ledger, OpenMode, RunLock};
use crate::settings::{Environment, Flags, Terminals, Verbosity};

fn millis(text: &str) -> UnixMillis {
    UnixMillis(text.parse::<Timestamp>().unwrap().as_millisecond())
}

/// What the clock shows, and until when somebody waits for it.
struct Time {
    now: watch::Sender<UnixMillis>,
    waits: watch::Sender<Option<UnixMillis>>,
}

#[derive(Clone)]
struct Simulated(Rc<Time>);

impl Clock for Simulated {
    fn now(&self) -> UnixMillis {
        *self.0.now.borrow()
    }

    async fn wait(&self, pause: Duration) {
        let until = self.now().after(pause);
        self.0.waits.send_replace(Some(until));
        let _awake = Awake(self);
        let mut now = self.0.now.subscribe();
        now.wait_for(|now| *now >= until).await.unwrap();
    }
}

struct Awake<'a>(&'a Simulated);

impl Drop for Awake<'_> {
    fn drop(&mut self) {
        self.0.0.waits.send_replace(None);
    }
}

/// A process that serves the job, and what comes of it.
struct Nights {
    folder: TempDir,
    clock: Simulated,
    shown: Jobs,
    seen: JobStatus,
    serves: Option<JoinHandle<()>>,
    said: Vec<String>,
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

impl Nights {
    /// Before its first night; `changes` are made to what is shipped.
    fn from(begin: &str, changes: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["jobs", "samples"] {
            copy(&shipped.join(name), &folder.path().join(name));
        }
        let job = folder.path().join("jobs/nightly.toml");
        let mut text = std::fs::read_to_string(&job).unwrap();
        // Minutes by chance are another test's matter.
        let always = [
            ("jitter = \"5m\"", "jitter = \"0s\""),
            ("[ledger]\n", "[ledger]\npath = \"../n.db\"\n"),
        ];
        for (from, to) in always.iter().chain(changes) {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        std::fs::write(&job, text).unwrap();
        let time = Time {
            now: watch::Sender::new(millis(begin)),
            waits: watch::Sender::new(None),
        };
        Self {
            folder,
            clock: Simulated(Rc::new(time)),
            shown: Jobs::default(),
            seen: JobStatus::default(),
            serves: None,
            said: Vec::new(),
        }
        .served()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A process begins to serve it.
    fn served(mut self) -> Self {
        let args = args::Serve {
            labelled: args::Labelled::default(),
            jobs: ["jobs/nightly.toml", "jobs/other.toml"]
                .map(|job| self.path(job))
                .into_iter()
                .filter(|job| job.exists())
                .collect(),
            desk: args::DeskAt::default(),
            allow_exec: false,
        };
        let flags = Flags {
            verbosity: Verbosity::Quiet,
            ..Flags::default()
        };
        let settings = Settings::new(&flags, Environment::default(), Terminals::default());
        self.shown = Jobs::default();
        self.seen = JobStatus::default();
        let (clock, shown) = (self.clock.clone(), self.shown.clone());
        self.serves = Some(tokio::task::spawn_local(async move {
            let output = Output::new(&settings);
            let (_wants, nobody) = mpsc::channel(1);
            let jobs = read(&args.jobs, &settings, output).await.unwrap();
            let given = Given {
                args: &args,
                settings: &settings,
                output,
                longest: Duration::from_hours(6),
                shelves: None,
            };
            let service = Service::new(given, Engine::new(), clock, jobs, (shown, nobody));
            service.run(&Notify::new()).await;
        }));
        self
    }

    /// It is killed.
    async fn killed(mut self) -> Self {
        let serves = self.serves.take().unwrap();
        serves.abort();
        assert!(serves.await.unwrap_err().is_cancelled());
        self
    }

    /// Waits until it waits for its clock and nothing else; gives until when.
    async fn rests(&mut self) -> UnixMillis {
        let mut waits = self.clock.0.waits.subscribe();
        loop {
            let until = *waits.borrow_and_update();
            let job = self.shown.lock().first().cloned();
            if let (Some(until), Some(job)) = (until, job)
                && !job.runs
            {
                self.note(job);
                return until;
            }
            waits.changed().await.unwrap();
        }
    }

    /// What became of the job since.
    fn note(&mut self, job: JobStatus) {
        let what = [
            (job.starts > self.seen.starts, "start"),
            (job.failed_starts > self.seen.failed_starts, "failed"),
            (job.skipped > self.seen.skipped, "left out"),
        ];
        let what: Vec<_> = what
            .iter()
            .filter_map(|(is, what)| is.then_some(*what))
            .collect();
        if !what.is_empty() {
            let now = Timestamp::from_millisecond(self.clock.now().0).unwrap();
            let now = now.strftime("%d %H:%M:%S");
            self.said.push(format!("{now} {}", what.join(" ")));
        }
        self.seen = job;
    }

    /// It looks whenever it wants to, until then.
    async fn awake(mut self, until: &str) -> Self {
        let end = millis(until);
        loop {
            let next = self.rests().await;
            if next > end {
                self.clock.0.now.send_replace(end);
                return self;
            }
            self.jumps(next);
        }
    }

    /// The machine sleeps until then, or nothing serves it.
    async fn asleep(mut self, until: &str) -> Self {
        if self.serves.is_some() {
            self.rests().await;
        }
        self.jumps(millis(until));
        self
    }

    fn jumps(&self, to: UnixMillis) {
        // Whoever waits for it wakes up: what it waits for next is another time.
        self.clock.0.waits.send_replace(None);
        self.clock.0.now.send_replace(to);
    }

    async fn ledger(&self) -> Ledger {
        let url = LedgerUrl::file(self.path("n.db"));
        Ledger::open(&url, OpenMode::ReadWrite).await.unwrap()
    }

    /// Somebody else works on the job's last run.
    async fn held(&self) -> (Ledger, RunLock) {
        let ledger = self.ledger().await;
        let run = ledger.find_run(None).await.unwrap();
        let lock = ledger.lock_run(&run.id).await.unwrap();
        (ledger, lock)
    }

    fn write(self, name: &str, text: &str) -> Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    #[track_caller]
    fn are(mut self, wanted: &[&str]) -> Self {
        assert_eq!(std::mem::take(&mut self.said), wanted);
        self
    }
}

/// Two threads: tasks of the service are on this one, what they wait for on the other.
fn by_simulated_time(nights: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, nights);
}

#[test]
fn a_week_in_which_summer_time_begins() {
    by_simulated_time(async {
        // New York: on March 8th 02:00 (07:00Z) is 03:00.
        let nights = Nights::from("2026-03-04T17:00:00Z", &[])
            .awake("2026-03-07T16:00:00Z")
            .await
            // Seen for the first time, it has missed nothing.
            .are(&[
                "05 07:00:00 start",
                "06 07:00:00 start",
                "07 07:00:00 start",
            ]);
        // What is skipped comes right after the change; then somebody else works on its run until after the next night.
        let nights = nights.awake("2026-03-08T16:00:00Z").await;
        let held = nights.held().await;
        let nights = nights.awake("2026-03-09T06:30:00Z").await;
        let nights = nights.are(&["08 07:00:00 start", "09 06:00:00 left out"]);
        drop(held);
        // Killed by day, it goes on the next night. The machine sleeps through one: one start makes up for it.
        let nights = nights.killed().await.asleep("2026-03-09T20:00:00Z").await;
        let nights = nights.served().awake("2026-03-10T16:00:00Z").await;
        let nights = nights.asleep("2026-03-11T13:37:00Z").await;
        let nights = nights.awake("2026-03-11T16:00:00Z").await;
        nights.are(&["10 06:00:00 start", "11 13:37:00 start"]);
    });
}

#[test]
fn a_week_in_which_summer_time_ends() {
    by_simulated_time(async {
        // On November 1st 02:00 (06:00Z) is 01:00: half past one comes twice.
        let changes = [
            ("0 2 * * *", "30 1 * * *"),
            ("catchUp = true", "catchUp = false"),
        ];
        let nights = Nights::from("2026-10-29T17:00:00Z", &changes)
            .awake("2026-11-01T16:00:00Z")
            .await
            .are(&[
                "30 05:30:00 start",
                "31 05:30:00 start",
                "01 05:30:00 start",
            ]);
        // A broken manifest, then a broken job: nights that people see among the runs. Mended, it begins again.
        let (manifest, job) = ("samples/rollout.csv", "jobs/nightly.toml");
        let (rows, text) = (nights.text(manifest), nights.text(job));
        let nights = nights.write(manifest, &rows.replace("zscalerbyz", "zscaller"));
        let nights = nights.awake("2026-11-02T16:00:00Z").await;
        let nights = nights
            .write(manifest, &rows)
            .write(job, &text.replace("share = 0.5", "share = "));
        let nights = nights.awake("2026-11-03T16:00:00Z").await;
        let ledger = nights.ledger().await;
        let runs = ledger.runs().await.unwrap();
        let failed = runs.iter().map(|run| run.failed.is_some());
        assert_eq!(
            failed.collect::<Vec<_>>(),
            [true, true, false, false, false]
        );
        let why = |at: usize| runs[at].failed.as_ref().unwrap().message.clone();
        assert!(why(1).contains("zscaller"), "{}", why(1));
        assert!(why(0).contains("nightly.toml:"), "{}", why(0));
        let nights = nights.write(job, &text);
        let nights = nights.awake("2026-11-04T16:00:00Z").await;
        // A night that was slept through is not made up for here.
        let nights = nights.asleep("2026-11-05T08:00:00Z").await;
        nights.awake("2026-11-06T16:00:00Z").await.are(&[
            "02 06:30:00 start failed",
            "03 06:30:00 start failed",
            "04 06:30:00 start",
            "05 08:00:00 left out",
            "06 06:30:00 start",
        ]);
    });
}

#[test]
fn one_start_is_kept_while_the_run_before_works() {
    by_simulated_time(async {
        let changes = [("\"skip\"", "\"queue\""), ("0 2 * * *", "*/10 2 * * *")];
        let nights = Nights::from("2026-06-02T05:00:00Z", &changes)
            .awake("2026-06-02T06:05:00Z")
            .await
            .are(&["02 06:00:00 start"]);
        let held = nights.held().await;
        // Two were due meanwhile.
        let nights = nights.awake("2026-06-02T06:22:00Z").await.are(&[]);
        // It outlives its process.
        let nights = nights.killed().await.asleep("2026-06-02T06:23:00Z").await;
        drop(held);
        let nights = nights.served().awake("2026-06-02T06:31:00Z").await;
        nights.are(&["02 06:23:00 start", "02 06:30:00 start"]);
    });
}

#[test]
fn a_start_is_not_lost_with_what_the_ledger_had_of_it() {
    by_simulated_time(async {
        let nights = Nights::from("2026-06-01T17:00:00Z", &[])
            .awake("2026-06-02T16:00:00Z")
            .await;
        let ledger = nights.ledger().await;
        let [scheduled] = ledger.schedules().await.unwrap().try_into().unwrap();
        ledger.forget_schedule(&scheduled.job).await.unwrap();
        let nights = nights.awake("2026-06-03T16:00:00Z").await;
        nights.are(&["02 06:00:00 start", "03 06:00:00 start"]);
        assert_eq!(ledger.schedules().await.unwrap().len(), 1);
    });
}

#[test]
fn a_job_that_was_broken_when_it_was_first_seen_is_served_once_it_is_mended() {
    by_simulated_time(async {
        let job = "jobs/nightly.toml";
        let nights = Nights::from("2026-06-01T17:00:00Z", &[]).killed().await;
        let text = nights.text(job);
        let nights = nights.write(job, &text.replace("cron =", "corn ="));
        // Another job is well: without one there is nothing to serve.
        let nights = nights
            .write("jobs/other.toml", "manifest = \"m.csv\"\n")
            .served();
        let nights = nights.awake("2026-06-02T16:00:00Z").await.are(&[]);
        assert!(nights.seen.broken);
        let nights = nights.write(job, &text).awake("2026-06-03T16:00:00Z").await;
        assert!(!nights.seen.broken);
        nights.are(&["03 06:00:00 start"]);
    });
}
