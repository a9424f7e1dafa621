//! Two runs at once.

use okta_rollout::engine::Engine;
use okta_rollout::event::{Answers, EventKind, Listener, News, RunEvent};
use okta_rollout::ledger::LedgerError;
use okta_rollout::model::RunId;

use crate::world::{World, entries};

/// The runs that were told to stop, and whether answers to their calls are lost.
fn stopping(listener: &mut Listener) -> Vec<(RunId, bool)> {
    let mut found = Vec::new();
    while let Some(news) = listener.now() {
        let News::Event(event) = news else {
            panic!("{news:?}")
        };
        if let EventKind::Run(RunEvent::Stopping { answers, .. }) = event.kind {
            let run = event.run.as_deref().unwrap().clone();
            found.push((run, answers == Answers::Lost));
        }
    }
    found
}

#[tokio::test]
async fn a_ledger_that_takes_nothing_ends_its_run_and_no_other() {
    let world = World::of(120, "limit = 0").await;
    let broken = world
        .run("broken", entries(0..40))
        .await
        .with_full_disk()
        .await;
    let whole = world.run("whole", entries(40..120)).await;
    let engine = Engine::new();
    let mut listener = engine.events().listen();
    let (failed, went_on) = tokio::join!(broken.drive(&engine), whole.drive(&engine));
    let error = failed.unwrap_err();
    let error: &LedgerError = error.downcast_ref().unwrap();
    assert!(matches!(error, LedgerError::DiskFull { .. }), "{error}");
    went_on.unwrap();
    assert_eq!(whole.counts().await.changed, 80);
    // Nothing is said of a stop to who listens to the other.
    assert!(
        stopping(&mut listener)
            .iter()
            .all(|(run, lost)| *run == broken.id && *lost)
    );
    // The engine can be used as before, for the same run as well.
    let broken = broken.with_room().await;
    assert!(broken.counts().await.changed < 40);
    broken.drive(&engine).await.unwrap();
    assert_eq!(broken.counts().await.changed, 40);
    assert_eq!(stopping(&mut listener), []);
}

#[tokio::test]
async fn an_engine_that_is_stopped_stops_every_run() {
    let world = World::of(80, "limit = 0\nlatency = \"50ms\"").await;
    let runs = [
        world.run("one", entries(0..40)).await,
        world.run("other", entries(40..80)).await,
    ];
    let engine = Engine::new();
    let mut listener = engine.events().listen();
    let mut begun = engine.events().listen();
    let stop = async {
        // Both are under way.
        let mut answered = [0; 2];
        while answered.contains(&0) || answered.iter().sum::<usize>() < 8 {
            let Some(News::Event(event)) = begun.next().await else {
                panic!("nothing is heard any more")
            };
            let of = usize::from(event.run.as_deref() == Some(&runs[1].id));
            answered[of] += usize::from(event.entry().is_some());
        }
        engine.cancellation().cancel();
    };
    let [one, other] = &runs;
    let (one, other, ()) = tokio::join!(one.drive(&engine), other.drive(&engine), stop);
    one.unwrap();
    other.unwrap();
    for run in &runs {
        let counts = run.counts().await;
        assert!(counts.unfinished() > 0 && counts.failed == 0, "{counts:?}");
    }
    let mut stopped = stopping(&mut listener);
    stopped.sort_by_key(|(run, _)| run.0 != runs[0].id.0);
    assert_eq!(stopped, runs.map(|run| (run.id, false)));
}

/// Two names, one address, one token: the runs share what the org allows, and neither is refused a call.
#[tokio::test]
async fn two_names_of_one_org_have_one_budget() {
    let settings = "limit = 0\nconcurrency = 20\nlatency = \"20ms\"\njournal = 10000";
    let world = World::of(80, settings).await;
    let runs = [
        world.run("acme", entries(0..40)).await,
        world.run("acme-prod", entries(40..80)).await,
    ];
    let engine = Engine::new();
    let [one, other] = &runs;
    let (one, other) = tokio::join!(one.drive(&engine), other.drive(&engine));
    one.unwrap();
    other.unwrap();
    for run in &runs {
        assert_eq!(run.counts().await.changed, 40);
    }
    // Each may have 20 calls in flight by itself, and so may both.
    let calls = world.sandbox.journal("acme").unwrap();
    let refused = calls.iter().filter(|call| call.status == Some(429));
    assert_eq!((calls.len() >= 80, refused.count()), (true, 0));
}
