//! One run, several processes.

use std::time::{Duration, Instant};

use crate::postgres_server::server;
use crate::silence::Relay;
use crate::world::World;

/// Windows that a few calls use up, and answers that take a while.
const PACED: &str = "limit = 40\nwindow = \"3s\"\nlatency = \"20ms\"\njournal = 100000";
/// No windows.
const QUICK: &str = "limit = 0\nlatency = \"30ms\"\njournal = 100000";

/// How many partitions each session holds.
fn held(world: &World) -> Vec<i64> {
    let sql = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY pid ORDER BY 1";
    let counts = server().sql(&world.database, sql);
    counts
        .lines()
        .map(|line| line.trim().parse().unwrap())
        .collect()
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_share_a_run_and_no_window_is_overrun() {
    let world = World::of(24, 10, PACED).await;
    let (one, two, three) = (
        world.process().await,
        world.process().await,
        world.process().await,
    );
    let (a, b, c) = tokio::join!(one.work(), two.work(), three.work());
    a.unwrap();
    b.unwrap();
    c.unwrap();
    world.assert_done(24, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_later_gets_a_share_and_what_it_leaves_goes_back() {
    let world = World::of(24, 60, QUICK).await;
    let (first, second) = (world.process().await, world.process().await);
    let alone = tokio::spawn(async move { first.work().await });
    until("the first begins", || world.all_calls(24) > 50).await;
    let joined = tokio::spawn(async move { second.work().await });
    until("both hold their share", || {
        let held = held(&world);
        held.len() == 2 && held.iter().all(|held| *held >= 9)
    })
    .await;
    // As if it was killed: what it holds is free at once.
    joined.abort();
    drop(joined.await);
    let all_left = world.all_calls(24);
    assert!(all_left < 24 * 60 * 2);
    alone.await.unwrap().unwrap();
    world.assert_done(24, 24 * 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_lost_ends_the_work_of_its_process_and_the_others_do_it() {
    let world = World::of(12, 60, QUICK).await;
    let (first, second) = (world.process().await, world.process().await);
    let leads = tokio::spawn(async move { first.work().await });
    until("the first begins", || world.all_calls(12) > 50).await;
    let joined = tokio::spawn(async move { (second.work().await, second) });
    until("both hold something", || held(&world).len() == 2).await;
    let sql = "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_locks WHERE locktype = 'advisory'
         AND mode = 'ExclusiveLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
         GROUP BY pid ORDER BY count(*) LIMIT 1) AS of";
    server().sql(&world.database, sql);
    let (ended, second) = joined.await.unwrap();
    let leads = if ended.is_err() {
        leads
    } else {
        // It was the first one's.
        assert!(leads.await.unwrap().is_err());
        tokio::spawn(async move { second.work().await })
    };
    leads.await.unwrap().unwrap();
    world.assert_done(12, 12 * 20).await;
}

/// As if it stood still right after it had stored what it was about to send, and had not read yet that this was stored.
#[tokio::test(flavor = "multi_thread")]
async fn who_hears_too_late_that_a_call_may_be_sent_sends_none() {
    let world = World::of_new(24, 30, QUICK).await;
    let relay = Relay::to(server().port());
    let one = world.process_by(relay.port()).await;
    let works = tokio::spawn(async move { one.work().await });
    until("it is in the middle", || world.all_calls(24) > 200).await;
    relay.hold_answers_to(r#""inFlight":{"step":"create_app""#);
    until("its session ends", || held(&world).is_empty()).await;
    let calls = world.all_calls(24);
    relay.pass_answers();
    assert!(works.await.unwrap().is_err());
    assert_eq!(world.all_calls(24), calls);
    world.process().await.work().await.unwrap();
    world.assert_done(24, 24 * 30).await;
    assert!((0..24).all(|org| world.created(org) == 30));
}
