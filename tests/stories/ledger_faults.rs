//! PostgreSQL that is there and does not do what it is asked: workers and runs stop, say why, and go on when it does again.

use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::detach::stored;
use crate::ledger_lost::{assert_done, begun, many, posts};
use crate::postgres_server::{Server, USER};
use crate::support::{Live, Scenario};
use crate::work::{status, until, worker};

const AT_ONCE: usize = 6;

/// A database of a server of its own, whose name is the same as that of its owner.
struct Database {
    server: Server,
    name: String,
}

impl Database {
    fn of(story: &mut Scenario) -> Self {
        let server = Server::start();
        let url = server.empty();
        let (_, name) = url.rsplit_once('/').unwrap();
        let name = name.to_owned();
        let owner = format!("CREATE ROLE {name} LOGIN; ALTER DATABASE {name} OWNER TO {name}");
        server.sql("postgres", &owner);
        story.set(
            "OKTA_ROLLOUT_LEDGER",
            &url.replace(&format!("{USER}@"), &format!("{name}@")),
        );
        Self { server, name }
    }

    fn sql(&self, sql: &str) {
        self.server.sql(&self.name, sql);
    }

    fn end_sessions(&self) {
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_database()");
    }

    /// What every change of an entry does first.
    fn before_each_change(&self, does: &str) {
        self.sql(&format!(
            "CREATE FUNCTION public.fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {does}; RETURN NEW; END $$;
             CREATE TRIGGER fault BEFORE UPDATE ON okta_rollout.entry FOR EACH ROW EXECUTE FUNCTION public.fault()"
        ));
    }

    fn as_before(&self) {
        self.sql("DROP FUNCTION public.fault() CASCADE");
    }
}

/// A worker, or a person's run, in the middle of its work.
fn at_work(story: &Scenario, is_worker: bool) -> Live {
    let live = if is_worker {
        let worker = worker(story);
        stored(story, &[]);
        worker
    } else {
        story.begin(&["run", "job.toml"])
    };
    begun(story, AT_ONCE);
    live
}

/// Both, through a fault that begins and ends so, and is told so.
fn through(begins: impl Fn(&Database), told: &str, ends: impl Fn(&Database)) {
    for is_worker in [true, false] {
        let (mut story, _) = many();
        let database = Database::of(&mut story);
        let mut live = at_work(&story, is_worker);
        begins(&database);
        live.says("everything stops here until it can be used again");
        let stopped = posts(&story);
        std::thread::sleep(Duration::from_secs(2));
        assert!(posts(&story) <= stopped + AT_ONCE, "{}", live.said());
        if !live.said().contains(told) {
            live.says(told);
        }
        ends(&database);
        live.says("can be used again");
        // Nothing was stored of the calls under way, twice at most: when it began, and when it was tried in vain.
        assert_ends_well(&mut live, &story, (is_worker, 2));
    }
}

fn assert_ends_well(live: &mut Live, story: &Scenario, (is_worker, lost): (bool, usize)) {
    if is_worker {
        until("all", Duration::from_mins(2), || {
            status(story)["state"] == "settled"
        });
        live.signal("TERM");
    }
    assert_eq!(live.ends(), Some(0), "{}", live.said());
    assert_done(story, lost);
}

#[test]
fn one_that_takes_no_writes_any_more_is_waited_for() {
    let set = |value: &'static str| {
        move |database: &Database| {
            let settings = database.server.data().join("postgresql.conf");
            let mut settings = File::options().append(true).open(settings).unwrap();
            writeln!(settings, "default_transaction_read_only = {value}").unwrap();
            database.server.run("pg_ctl", &["reload", "-s", "-D"]);
        }
    };
    through(set("on"), "read-only", set("off"));
}

#[test]
fn one_without_connections_left_is_waited_for() {
    let limit = |of: i32| {
        move |database: &Database| {
            let sql = format!("ALTER ROLE {} CONNECTION LIMIT {of}", database.name);
            database.sql(&sql);
            database.end_sessions();
        }
    };
    through(limit(0), "too many connections", |database| {
        let sql = format!("ALTER ROLE {} CONNECTION LIMIT -1", database.name);
        database.sql(&sql);
    });
}

#[test]
fn one_whose_disk_is_full_is_waited_for() {
    let full = "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'";
    through(
        |database| database.before_each_change(full),
        "the disk is full",
        Database::as_before,
    );
}

#[test]
fn one_that_takes_its_time_is_given_it() {
    for is_worker in [true, false] {
        let (mut story, _) = many();
        let database = Database::of(&mut story);
        let mut live = at_work(&story, is_worker);
        database.before_each_change("PERFORM pg_sleep(0.5)");
        let slow = Instant::now();
        std::thread::sleep(Duration::from_secs(8));
        assert!(!live.said().contains("everything stops"), "{}", live.said());
        database.as_before();
        println!("slow for {:?}", slow.elapsed());
        assert_ends_well(&mut live, &story, (is_worker, 0));
    }
}
