//! Workers that share a run, and what befalls one of them or their PostgreSQL in the middle of it: the others go on with
//! its orgs, it does nothing more that it has lost the right to, and goes on by itself once it can.

use std::time::{Duration, Instant};

use crate::live::PATIENCE;
use crate::postgres_server::{Server, server};
use crate::silence::{Relay, Silence};
use crate::support::until;
use crate::team::{SENT, Team, all, now_ms, once, worker};

/// What a worker says once it has lost the ledger, and once it has it again.
const LOST: &str = "everything stops here until it can be used again";
const BACK: &str = " can be used again";

/// So long a worker stands still.
const STILL: Duration = Duration::from_secs(20);

/// By then what was under way when a worker was gone has been answered.
const ANSWERED: Duration = Duration::from_millis(300);

/// So long it takes at most until nobody holds anything any more who does not answer.
const NOTICED: Duration = Duration::from_secs(10);

#[test]
fn one_that_stands_still_for_long_stores_nothing_of_it_and_goes_on_when_it_wakes() {
    let mut team = Team::at_work(server(), server().port());
    team.one.signal("STOP");
    let (stopped, stopped_ms) = (Instant::now(), now_ms());
    let had = team.has();
    let gone = until("its session ends", NOTICED, || team.session().is_none());
    println!("its session ended {gone:?} after the stop");
    let commits = team.commits();
    team.others_go_on(&had, (stopped_ms, ANSWERED));
    let own = team.own_calls();
    std::thread::sleep(STILL.saturating_sub(stopped.elapsed()));
    assert_eq!(team.own_calls(), own);
    let woken = now_ms();
    team.one.signal("CONT");
    team.one.says(LOST);
    team.one.says(BACK);
    until("it goes on", PATIENCE, || team.own_calls() > own);
    team.assert_asked_nothing_between_sessions(woken);
    team.until_consents_are_waited_for(&once(had));
    team.story.assert_nothing_more_of(&commits);
    team.assert_ended();
}

#[test]
fn one_that_is_killed_leaves_its_orgs_to_others_and_its_successor_does_the_rest() {
    let mut team = Team::at_work(server(), server().port());
    let had = team.has();
    let killed = now_ms();
    team.one.signal("KILL");
    assert_eq!(team.one.ends(), None);
    let commits = team.commits();
    team.others_go_on(&had, (killed, ANSWERED));
    team.one = worker(&team.story, server().port(), &[]);
    team.until_consents_are_waited_for(&once(had));
    team.story.assert_nothing_more_of(&commits);
    team.assert_ended();
}

#[test]
fn a_postgres_that_is_started_anew_is_waited_for_by_all() {
    let server = Server::start();
    let mut team = Team::at_work(&server, server.port());
    for how in ["fast", "immediate"] {
        server.run("pg_ctl", &["stop", "-s", "-m", how, "-D"]);
        std::thread::sleep(SENT);
        let calls = team.all_calls();
        team.all_say(LOST);
        std::thread::sleep(SENT);
        assert_eq!(team.all_calls(), calls, "without a ledger nothing is sent");
        server.go();
        server.wait();
        let back = Instant::now();
        team.all_say(BACK);
        let orgs = team.story.world.fleet.orgs;
        until("they go on", PATIENCE, || team.all_calls() > calls + orgs);
        println!(
            "stopped {how}: calls came {:?} after PostgreSQL was back",
            back.elapsed()
        );
    }
    team.until_consents_are_waited_for(&all(2));
    team.assert_ended();
}

#[expect(
    clippy::print_stdout,
    reason = "how long it took is told, and not asserted"
)]
fn survives(silence: Silence) {
    let relay = Relay::to(server().port());
    let mut team = Team::at_work(server(), relay.port());
    let had = team.has();
    let cut = now_ms();
    relay.cut(silence);
    let gone = until("its session ends", NOTICED, || team.session().is_none());
    println!("{silence:?}: its session ended {gone:?} after the cut");
    let commits = team.commits();
    team.others_go_on(&had, (cut, SENT));
    team.one.says(LOST);
    println!("it gave up {} ms after the cut", now_ms() - cut);
    // As long as others would need to be harmed.
    std::thread::sleep(SENT);
    let healed = now_ms();
    let (last, _) = team.own_calls_around(healed);
    let sent = last.unwrap() - cut;
    println!("its last call was answered {sent} ms after the cut");
    assert!(sent < i64::try_from(SENT.as_millis()).unwrap(), "{sent} ms");
    relay.heal();
    team.one.says(BACK);
    team.until_consents_are_waited_for(&once(had));
    team.story.assert_nothing_more_of(&commits);
    team.assert_ended();
}

#[test]
fn one_that_hears_no_answer_is_no_harm() {
    survives(Silence::ToClient);
}

#[test]
fn one_that_is_not_heard_is_no_harm() {
    survives(Silence::ToServer);
}

#[test]
fn one_that_is_cut_off_is_no_harm() {
    survives(Silence::Both);
}
