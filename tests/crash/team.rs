//! Three workers that share a run over many orgs, in windows that a few calls use up. Something befalls one of them,
//! which alone has the tokens of two orgs: whatever these are asked it asks.

#![expect(
    clippy::print_stdout,
    reason = "how long it took is told, and not asserted"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use okta_rollout::ledger::partition_of;
use okta_rollout::pacing::unix_millis;
use serde_json::Value;

use crate::fleet::Fleet;
use crate::live::Live;
use crate::postgres::{Story, Wanted, by_port, wanted};
use crate::postgres_server::Server;
use crate::support::{PATIENTLY, SECRET, told, until};
use crate::world::World;

const MANY: Fleet = Fleet { orgs: 12, apps: 20 };

/// The orgs whose tokens one worker has alone.
const OWN: [&str; 2] = ["org-01", "org-02"];

/// The others' folder of secrets.
const OTHERS: &str = "others";

/// How long a call takes at least.
const LATENCY_MS: i64 = 40;

const SANDBOX: &str = "window = '2s'\nlatency = '40ms'\n";

/// Calls of a window, and before each worker has its share: until then no org comes to rest.
const LIMIT: u32 = 10;
const FIRST_LIMIT: u32 = 2;

/// How old the last answer of a session may be when a call is sent (`FRESH` of the ledger's owner), and as long again for
/// that call to be answered.
pub const SENT: Duration = Duration::from_secs(2);

/// So long somebody may have to wait for what others do, on the slowest machine.
const SOON: Duration = Duration::from_mins(1);

/// So long the rest of the run takes at most.
const LONG: Duration = Duration::from_mins(4);

/// The three.
pub struct Team<'s> {
    pub story: Story<'s>,
    /// To whom it happens.
    pub one: Live,
    pub others: [Live; 2],
}

pub fn now_ms() -> i64 {
    unix_millis().0
}

impl<'s> Team<'s> {
    /// In the middle of a run that each has its share of. The one worker reaches the ledger by this port.
    pub fn at_work(server: &'s Server, port: u16) -> Self {
        let world = worlds().find(is_spread).unwrap();
        world.limit(FIRST_LIMIT);
        let rollout = world.rollout(PATIENTLY, "");
        let story = Story::of(server, server.port(), (world, rollout));
        story.rollout.write(&format!("{OTHERS}/token.txt"), SECRET);
        for org in shared() {
            let token = story.world.api_token(&org);
            story.rollout.write(&format!("{OTHERS}/{org}.txt"), &token);
        }
        let other = || worker(&story, server.port(), &["--secrets", OTHERS]);
        let (one, others) = (worker(&story, port, &[]), [other(), other()]);
        // A session ends whose machine has no time for it for three seconds; the same command goes on.
        let mut stored = story.rollout.output(&["run", "job.toml", "--detach"]);
        for _ in 0..3 {
            if stored.status.success() {
                break;
            }
            println!("{}", told(&stored));
            stored = story.rollout.output(&["run", "job.toml", "--detach"]);
        }
        assert!(stored.status.success(), "{}", told(&stored));
        let team = Self { story, one, others };
        let mut workers = Vec::new();
        let begun = Instant::now();
        while !is_shared(&workers) {
            assert!(begun.elapsed() < SOON, "a share for each: {workers:?}");
            workers = team.workers();
        }
        team.story.world.limit(LIMIT);
        let calls = team.all_calls();
        until("the middle", SOON, || {
            team.all_calls() > calls + 2 * MANY.orgs
        });
        team
    }

    fn workers(&self) -> Vec<Value> {
        let workers = self.story.rollout.json(&["workers", "--format", "json"]);
        serde_json::from_value(workers).unwrap()
    }

    /// Waits until each of them says this to people.
    pub fn all_say(&mut self, what: &str) {
        let workers = self.others.iter_mut().chain([&mut self.one]);
        workers.for_each(|worker| worker.says(what));
    }

    /// The orgs that the one worker has, and the others the tokens of, too.
    pub fn has(&self) -> Vec<String> {
        let name = format!("pid {} on ", self.one.id());
        let workers = self.workers();
        let is_it = |worker: &&Value| worker["worker"].as_str().unwrap().starts_with(&name);
        let mut orgs = orgs_of(workers.iter().find(is_it).unwrap());
        orgs.retain(|org| !OWN.contains(&&**org));
        assert!(!orgs.is_empty(), "{workers:?}");
        orgs
    }

    /// When the session began that holds what the one worker has; `None` = it holds nothing.
    pub fn session(&self) -> Option<i64> {
        let sql = format!(
            "SELECT (extract(epoch FROM a.backend_start) * 1000)::bigint FROM okta_rollout.holder h
             JOIN pg_locks l ON (l.classid::bigint << 32) | l.objid::bigint = h.lock AND l.locktype = 'advisory'
                 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
             JOIN pg_stat_activity a ON a.pid = l.pid WHERE h.name LIKE 'pid {} on %' LIMIT 1",
            self.one.id()
        );
        self.story.sql(&sql).parse().ok()
    }

    /// What the one worker has committed, by each process number that it has had: a lock names a worker by its number.
    pub fn commits(&self) -> String {
        let lock = "('x' || left(encode(sha256(convert_to('okta-rollout worker ' || c.process, 'UTF8')), 'hex'), 16))";
        let sql = format!(
            "SELECT c.process, c.n FROM okta_rollout.change c
             JOIN okta_rollout.holder h ON h.lock = {lock}::bit(64)::bigint WHERE h.name LIKE 'pid {} on %'",
            self.one.id()
        );
        let commits = self.story.sql(&sql);
        assert!(!commits.is_empty(), "it has committed nothing");
        commits
    }

    /// How many calls of the orgs that only the one worker can ask were answered.
    pub fn own_calls(&self) -> usize {
        OWN.iter().map(|org| self.calls(org)).sum()
    }

    /// Since then the one worker has sent nothing before it had the session that it has now.
    pub fn assert_asked_nothing_between_sessions(&self, since_ms: i64) {
        let begun_ms = self.session().unwrap();
        let (_, answered) = self.own_calls_around(since_ms + LATENCY_MS);
        let sent = answered.unwrap() - LATENCY_MS;
        assert!(
            begun_ms > since_ms && sent > begun_ms,
            "{since_ms} {begun_ms} {sent}"
        );
        println!(
            "it had a session {} ms and sent a call {} ms after that",
            begun_ms - since_ms,
            sent - since_ms
        );
    }

    /// When the first call of these was answered after this time, and before it the last one.
    pub fn own_calls_around(&self, ms: i64) -> (Option<i64>, Option<i64>) {
        let calls = OWN.iter().flat_map(|org| self.story.world.calls_of(org));
        let (before, after): (Vec<_>, Vec<_>) =
            calls.map(|call| call.at_ms).partition(|at| *at <= ms);
        (before.into_iter().max(), after.into_iter().min())
    }

    fn calls(&self, org: &str) -> usize {
        self.story.world.calls_of(org).len()
    }

    /// Calls of all orgs.
    pub fn all_calls(&self) -> usize {
        let names = self.story.world.fleet.names();
        names.iter().map(|org| self.calls(org)).sum()
    }

    /// Waits until each of these orgs was called again or has come to rest. It happened then, and calls of the one worker
    /// were answered for so long after that.
    pub fn others_go_on(&self, orgs: &[String], (happened_ms, answered): (i64, Duration)) {
        let since = happened_ms + i64::try_from(answered.as_millis()).unwrap();
        let mut latest = 0;
        let mut again = |org: &String| {
            let calls = self.story.world.calls_of(org);
            let again = calls.iter().map(|call| call.at_ms).find(|at| *at > since);
            latest = latest.max(again.unwrap_or(0));
            again.is_some() || self.left(org) == 0
        };
        let mut left = orgs.to_vec();
        until("its orgs are called again", SOON, || {
            left.retain(|org| !again(org));
            left.is_empty()
        });
        println!(
            "others called its orgs {} ms after that",
            latest - happened_ms
        );
    }

    /// How many entries of an org can move.
    fn left(&self, org: &str) -> u64 {
        let sql = format!(
            "SELECT count(*) FROM okta_rollout.entry e JOIN okta_rollout.org o ON o.run = e.run AND o.no = e.org
             WHERE o.name = '{org}' AND e.state IN (0, 1)"
        );
        self.story.sql(&sql).parse().unwrap()
    }

    /// Waits until all that is left waits for people. Up to then an org was refused a call for the number of calls no more
    /// often than it was taken over by force.
    pub fn until_consents_are_waited_for(&self, forced: &BTreeMap<String, usize>) {
        let names = self.story.world.fleet.names();
        until("the consents", LONG, || {
            names.iter().all(|org| self.left(org) == 0)
        });
        let mut refused = BTreeMap::new();
        for org in names {
            let calls = self.story.world.calls_of(&org);
            let too_many = calls.iter().filter(|call| call.status == Some(429)).count();
            let allowed = forced.get(&org).copied().unwrap_or(0);
            if too_many > 0 {
                refused.insert(org, (too_many, allowed));
            }
        }
        println!("refused for their number: {refused:?}");
        let is_allowed = |(times, allowed): &(usize, usize)| times <= allowed;
        assert!(refused.values().all(is_allowed), "{refused:?}");
    }

    /// Consents to whatever waits, until the run has ended as it must, and the workers when they are told to.
    pub fn assert_ended(self) {
        let story = &self.story;
        // Whoever hands a consent in spends, too.
        story.world.limit(0);
        until("the end", LONG, || {
            if story.world.consent(&story.rollout) {
                let complete = ["consent", "complete", "--file", "answers.txt"];
                story.rollout.output(&complete);
            }
            story.rollout.status().is_settled()
        });
        story.assert_ended(&story.rollout.status(), undisturbed());
        for mut worker in [self.one].into_iter().chain(self.others) {
            worker.signal("TERM");
            assert_eq!(worker.ends(), Some(0), "{}", worker.said());
        }
    }
}

fn worlds() -> impl Iterator<Item = World> {
    std::iter::repeat_with(|| World::new(MANY, SANDBOX))
}

/// Whether each org is in a partition of its own: where they are by their addresses, which have a port, and so the three
/// have as many each.
fn is_spread(world: &World) -> bool {
    let partition = |org: &String| partition_of(&world.url(org));
    let partitions: BTreeSet<_> = MANY.names().iter().map(partition).collect();
    partitions.len() == MANY.orgs
}

/// By force, once: these, and those that only the one worker has.
pub fn once(had: Vec<String>) -> BTreeMap<String, usize> {
    let own = OWN.map(str::to_owned);
    had.into_iter().chain(own).map(|org| (org, 1)).collect()
}

/// All orgs, so many times.
pub fn all(times: usize) -> BTreeMap<String, usize> {
    MANY.names().into_iter().map(|org| (org, times)).collect()
}

/// Nobody passes anything on any more before an org comes to rest.
fn is_shared(workers: &[Value]) -> bool {
    let orgs: Vec<usize> = workers.iter().map(|worker| orgs_of(worker).len()).collect();
    orgs == [MANY.orgs / 3; 3]
}

fn shared() -> Vec<String> {
    let mut names = MANY.names();
    names.retain(|org| !OWN.contains(&&**org));
    names
}

fn orgs_of(worker: &Value) -> Vec<String> {
    serde_json::from_value(worker["orgs"].clone()).unwrap()
}

/// One more worker, which reaches the ledger by this port.
pub fn worker(story: &Story<'_>, port: u16, flags: &[&str]) -> Live {
    let mut command = story.rollout.command(&[&["work"], flags].concat());
    let ledger = story.rollout.ledger().unwrap();
    command.env("OKTA_ROLLOUT_LEDGER", by_port(story.server, port, ledger));
    let mut worker = story.rollout.begin(command);
    worker.says("works on the runs of");
    worker
}

/// What becomes of the run when nothing happens. Made once, whoever asks.
fn undisturbed() -> &'static Wanted {
    static UNDISTURBED: LazyLock<Wanted> = LazyLock::new(|| wanted(MANY));
    &UNDISTURBED
}
