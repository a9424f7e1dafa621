//! What processes tell each other of orgs: windows that are used up, and waits.

use okta_rollout::ledger::{LedgerError, Note, OrgWait, OtherSpenders, SpentWindow};
use okta_rollout::model::{EntryState, OrgNo, RunId, UnixMillis};
use tokio::sync::oneshot;

use crate::support::{Backend, Fixture, Store as _, checkpoint, entry};

on_each_backend! {
    spent_windows_are_kept_by_org_and_bucket_until_they_end,
    what_others_take_is_kept_by_org_and_bucket_as_long_as_it_counts,
    an_orgs_wait_is_replaced_and_cleared,
    a_note_is_durable_before_the_checkpoint_that_follows_it,
    notes_of_an_unknown_run_are_refused_whole,
}

pub fn window(bucket: &str, until: i64) -> SpentWindow {
    SpentWindow {
        org_url: "https://acme.okta.com".to_owned(),
        bucket: bucket.to_owned(),
        limit: Some(50),
        until: UnixMillis(until),
        left_ms: 42_000,
    }
}

fn waits(run: &RunId, org: i64, reason: Option<&str>) -> Note {
    let wait = reason.map(|reason| OrgWait {
        reason: reason.to_owned(),
        bucket: Some("/api/v1/apps".to_owned()),
        left: Some(0),
        limit: Some(45),
        others_per_second: Some(1.9),
        until: UnixMillis(1_000),
    });
    let run = run.clone();
    Note::Waits {
        run,
        org: OrgNo(org),
        wait,
    }
}

pub async fn note(fixture: &Fixture, notes: Vec<Note>) -> Result<(), LedgerError> {
    let (tell, told) = oneshot::channel();
    fixture.ledger.note(|| notes, |end| tell.send(end).unwrap());
    told.await.unwrap()
}

async fn spent_windows_are_kept_by_org_and_bucket_until_they_end(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    assert_eq!(
        fixture.ledger.spent_windows(UnixMillis(0)).await.unwrap(),
        []
    );
    let limitless = SpentWindow {
        limit: None,
        ..window("PUT /api/v1/apps", 70)
    };
    let notes = [window("/api/v1/apps", 60), limitless.clone()];
    let notes = notes.map(Note::Spent).to_vec();
    note(&fixture, notes).await.unwrap();
    // The same bucket's next window.
    let next = window("/api/v1/apps", 120);
    note(&fixture, vec![Note::Spent(next.clone())])
        .await
        .unwrap();
    let fixture = fixture.reopen().await;
    let kept = fixture.ledger.spent_windows(UnixMillis(69)).await.unwrap();
    assert_eq!(kept, [next.clone(), limitless]);
    assert_eq!(
        fixture.ledger.spent_windows(UnixMillis(70)).await.unwrap(),
        [next]
    );
    assert_eq!(
        fixture.ledger.spent_windows(UnixMillis(120)).await.unwrap(),
        []
    );
}

async fn what_others_take_is_kept_by_org_and_bucket_as_long_as_it_counts(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let seen = |bucket: &str, per_second, until| OtherSpenders {
        org_url: "https://acme.okta.com".to_owned(),
        bucket: bucket.to_owned(),
        per_second,
        unsure: until > UnixMillis(100),
        until,
        left_ms: 42_000,
    };
    let elsewhere = OtherSpenders {
        org_url: "https://hub.okta.com".to_owned(),
        ..seen("/api/v1/apps", 7.0, UnixMillis(120))
    };
    let puts = seen("PUT /api/v1/apps", 0.25, UnixMillis(70));
    let apps = seen("/api/v1/apps", 1.9, UnixMillis(60));
    let notes = [apps, puts.clone(), elsewhere.clone()];
    let notes = notes.map(Note::Others).to_vec();
    note(&fixture, notes).await.unwrap();
    // The same bucket's next window.
    let next = seen("/api/v1/apps", 2.5, UnixMillis(119));
    note(&fixture, vec![Note::Others(next.clone())])
        .await
        .unwrap();
    let fixture = fixture.reopen().await;
    for (now, counts) in [
        (69, vec![next.clone(), puts, elsewhere.clone()]),
        (70, vec![next, elsewhere.clone()]),
        (119, vec![elsewhere]),
        (120, vec![]),
    ] {
        let kept = fixture
            .ledger
            .other_spenders(UnixMillis(now))
            .await
            .unwrap();
        assert_eq!(kept, counts, "{now}");
    }
    assert_eq!(
        fixture.ledger.spent_windows(UnixMillis(0)).await.unwrap(),
        []
    );
}

async fn an_orgs_wait_is_replaced_and_cleared(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = fixture
        .import("m.json", &[entry("x", "0oa1"), entry("y", "0oa2")])
        .await;
    let reasons = async || {
        let orgs = fixture.ledger.orgs(&run).await.unwrap();
        let reason = |org: okta_rollout::ledger::OrgRow| org.wait.map(|wait| wait.reason);
        orgs.into_iter().map(reason).collect::<Vec<_>>()
    };
    assert_eq!(reasons().await, [None, None]);
    let both = vec![waits(&run, 1, Some("a")), waits(&run, 1, Some("b"))];
    note(&fixture, both).await.unwrap();
    assert_eq!(reasons().await, [None, Some("b".to_owned())]);
    note(&fixture, vec![waits(&run, 1, None)]).await.unwrap();
    assert_eq!(reasons().await, [None, None]);
}

async fn a_note_is_durable_before_the_checkpoint_that_follows_it(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = fixture.import("m.json", &[entry("x", "0oa1")]).await;
    let noted = window("/api/v1/apps", 60);
    let (what, (tell, mut told)) = (noted.clone(), oneshot::channel());
    fixture
        .ledger
        .note(|| vec![Note::Spent(what)], |end| tell.send(end).unwrap());
    let checkpoint = checkpoint(&run, 0, 0, EntryState::Started);
    fixture.ledger.store(checkpoint).await.unwrap();
    assert_eq!(told.try_recv(), Ok(Ok(())));
    assert_eq!(
        fixture.ledger.spent_windows(UnixMillis(0)).await.unwrap(),
        [noted]
    );
}

async fn notes_of_an_unknown_run_are_refused_whole(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let unknown = RunId("none".to_owned());
    let notes = vec![
        Note::Spent(window("/api/v1/apps", 60)),
        waits(&unknown, 0, None),
    ];
    let error = note(&fixture, notes).await.unwrap_err();
    assert!(matches!(error, LedgerError::NotFound { .. }), "{error}");
    assert_eq!(
        fixture.ledger.spent_windows(UnixMillis(0)).await.unwrap(),
        []
    );
}
