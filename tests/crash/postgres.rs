//! A run whose ledger is on PostgreSQL, and whose process, or the session of that, goes through what both may meet.

use std::io::{BufReader, Read as _};
use std::process::{Child, ChildStderr, Output};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fleet::{Fleet, SMALL};
use crate::interrupts::{LATENCY, held_in_the_middle, in_the_middle, send};
use crate::kills::ATTEMPTS;
use crate::postgres_server::{Server, server};
use crate::silence::{Relay, Silence};
use crate::support::{PATIENTLY, Report, Rollout, SOON, told};
use crate::world::World;

/// The sessions that own runs: no other one holds an advisory lock for longer than a moment.
const OWNERS: &str = "FROM pg_locks WHERE locktype = 'advisory'
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// What each process has committed.
const COMMITS: &str = "SELECT process, n FROM okta_rollout.change ORDER BY process";

/// So long another process may have to wait for the run of one whose session ended.
const FREED: Duration = Duration::from_secs(2);

/// So long for that of one that stands still.
const NOTICED: Duration = Duration::from_secs(6);

/// Some orgs, and the rollout in them, with a ledger on PostgreSQL.
pub struct Story<'s> {
    pub world: World,
    pub rollout: Rollout,
    pub server: &'s Server,
    database: String,
}

impl<'s> Story<'s> {
    fn new(fleet: Fleet, latency: &str) -> Self {
        let server = server();
        Self::by(server, server.port(), fleet, latency)
    }

    /// On this server, reached by this port.
    fn by(server: &'s Server, port: u16, fleet: Fleet, latency: &str) -> Self {
        let world = World::new(fleet, latency);
        let rollout = world.rollout(SOON, ATTEMPTS);
        Self::of(server, port, (world, rollout))
    }

    /// With a ledger on this server, reached by this port.
    pub fn of(server: &'s Server, port: u16, (world, rollout): (World, Rollout)) -> Self {
        let address = server.empty();
        let database = address.rsplit('/').next().unwrap().to_owned();
        let rollout = rollout.on_ledger(&by_port(server, port, &address));
        Self {
            world,
            rollout,
            server,
            database,
        }
    }

    pub fn sql(&self, sql: &str) -> String {
        self.server.sql(&self.database, sql)
    }

    /// The sessions that own runs now.
    fn owners(&self) -> String {
        self.sql(&format!("SELECT array_agg(DISTINCT pid) {OWNERS}"))
    }

    /// Waits until these own nothing any more, whoever does then; gives what each process has committed by then.
    fn when_freed(&self, owners: &str, within: Duration) -> String {
        let begun = Instant::now();
        let still = format!("SELECT count(*) {OWNERS} AND pid = ANY('{owners}')");
        while self.sql(&still) != "0" {
            assert!(begun.elapsed() < within, "still held");
        }
        self.sql(COMMITS)
    }

    /// Works on as others do who meet nothing.
    fn carry_on(&self) -> Report {
        let act = |command: &[&str]| self.rollout.output(command).status.code();
        self.world.carry_on(&self.rollout, act)
    }

    /// The run ended as it must, whatever became of those who worked on it.
    pub fn assert_ended(&self, report: &Report, wanted: &Wanted) {
        assert_eq!(report.essence(), wanted.essence);
        assert_eq!(self.world.holds(), wanted.holds);
        self.world.assert_once_only();
    }

    /// What this many processes committed before is all that they ever did.
    pub fn assert_nothing_more_of(&self, before: &str) {
        let now = self.sql(COMMITS);
        for process in before.lines() {
            assert!(now.lines().any(|line| line == process), "{before}\n{now}");
        }
    }
}

/// The address of a ledger on this server, as it is reached by another port.
pub fn by_port(server: &Server, port: u16, address: &str) -> String {
    address.replace(&format!(":{}/", server.port()), &format!(":{port}/"))
}

/// What comes of a run that meets nothing.
pub struct Wanted {
    essence: Value,
    holds: Vec<Value>,
}

pub fn wanted(fleet: Fleet) -> Wanted {
    let world = World::new(fleet, "");
    let rollout = world.rollout(PATIENTLY, ATTEMPTS);
    let report = world.carry_on(&rollout, |command| rollout.output(command).status.code());
    Wanted {
        essence: report.essence(),
        holds: world.holds(),
    }
}

/// It could reach its ledger again, and ended so.
fn assert_went_on(mut run: Child, mut said: BufReader<ChildStderr>, code: i32) {
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(code), "{rest}");
    for what in [
        "everything stops here until it can be used again",
        " can be used again\n",
    ] {
        assert!(rest.contains(what), "{what}: {rest}");
    }
}

/// Entries wait for consent.
const WAITS: i32 = 4;

/// Its session ends by what is done, and it goes on in another one.
fn outlasts(story: &Story<'_>, within: Duration, disturb: impl FnOnce(&str)) {
    let (run, said) = in_the_middle(&story.rollout);
    let owners = story.owners();
    disturb(&owners);
    let before = story.when_freed(&owners, within);
    assert_went_on(run, said, WAITS);
    let report = story.carry_on();
    story.assert_nothing_more_of(&before);
    story.assert_ended(&report, &wanted(SMALL));
}

#[test]
fn a_process_whose_session_was_ended_goes_on_in_another_one() {
    let story = Story::new(SMALL, LATENCY);
    outlasts(&story, FREED, |owners| {
        let end = format!(
            "SELECT bool_and(pg_terminate_backend(pid)) FROM unnest('{owners}'::int[]) pid"
        );
        assert_eq!(story.sql(&end), "t");
    });
}

#[test]
fn what_a_killed_process_had_another_one_has_soon() {
    let story = Story::new(SMALL, LATENCY);
    let (mut run, _said) = in_the_middle(&story.rollout);
    let owners = story.owners();
    run.kill().unwrap();
    let begun = Instant::now();
    let before = story.when_freed(&owners, FREED);
    let taken = story.rollout.stopped_after(1, &["resume"]);
    assert!(begun.elapsed() < 2 * FREED, "{}", told(&taken));
    assert!(crate::support::was_killed(taken.status), "{}", told(&taken));
    run.wait().unwrap();
    let report = story.carry_on();
    story.assert_nothing_more_of(&before);
    story.assert_ended(&report, &wanted(SMALL));
}

#[test]
fn a_process_that_stood_still_while_others_did_its_work_does_nothing_more() {
    let story = Story::new(SMALL, LATENCY);
    let (run, said) = held_in_the_middle(&story.rollout);
    let before = story.when_freed(&story.owners(), NOTICED);
    let report = story.carry_on();
    let calls = story.world.calls();
    send("-CONT", &run);
    assert_went_on(run, said, 0);
    assert_eq!(story.world.calls(), calls);
    story.assert_nothing_more_of(&before);
    story.assert_ended(&report, &wanted(SMALL));
}

#[test]
fn a_run_whose_server_was_started_anew_goes_on() {
    let server = Server::start();
    let story = Story::by(&server, server.port(), SMALL, LATENCY);
    let (run, said) = in_the_middle(&story.rollout);
    // As a power cut would.
    server.run("pg_ctl", &["stop", "-s", "-m", "immediate", "-D"]);
    server.go();
    server.wait();
    assert_went_on(run, said, WAITS);
    let report = story.carry_on();
    story.assert_ended(&report, &wanted(SMALL));
}

/// What was connected hears nothing any more; another connection is as good as any.
fn survives_silence(silence: Silence) {
    let relay = Relay::to(server().port());
    let story = Story::by(server(), relay.port(), SMALL, LATENCY);
    outlasts(&story, NOTICED, |_| relay.fall_silent(silence));
}

#[test]
fn a_process_that_hears_no_answer_goes_on() {
    survives_silence(Silence::ToClient);
}

#[test]
fn a_process_that_is_not_heard_goes_on() {
    survives_silence(Silence::ToServer);
}

#[test]
fn a_process_that_is_cut_off_goes_on() {
    survives_silence(Silence::Both);
}

/// Each kind of app, those to be created included.
const ONE: Fleet = Fleet { orgs: 1, apps: 15 };

/// Of so many checkpoints one is the last before a death: a number that meets all kinds of them.
const STEP: u64 = 5;

/// Runs at a time.
const THREADS: u64 = 4;

#[test]
fn a_run_stopped_after_checkpoints_ends_as_one_left_alone() {
    let wanted = wanted(ONE);
    let stops = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (wanted, stops) = (&wanted, &stops);
            scope.spawn(move || {
                let mut first = 1 + thread * STEP;
                while survives(first, wanted) {
                    stops.fetch_add(1, Ordering::Relaxed);
                    first += THREADS * STEP;
                }
            });
        }
    });
    let stops = stops.into_inner();
    assert!(stops >= 7, "{stops}");
}

/// Of each command dies the process after that many checkpoints, and then the next one's after one more; `false` = there
/// were not so many.
fn survives(first: u64, wanted: &Wanted) -> bool {
    let story = Story::new(ONE, "");
    let mut stops = vec![first + 1, first];
    let mut died = false;
    let report = story.world.carry_on(&story.rollout, |command| {
        let output: Output = match stops.pop() {
            Some(checkpoints) => story.rollout.stopped_after(checkpoints, command),
            None => story.rollout.output(command),
        };
        died |= output.status.code().is_none();
        output.status.code()
    });
    story.assert_ended(&report, wanted);
    died
}
