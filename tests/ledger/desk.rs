//! What the desk asks of a ledger, and what is kept beside one for it.

use std::borrow::Cow;

use okta_rollout::ledger::{Consent, Ledger, LedgerError, Progress, StepRecord};
use okta_rollout::model::{EntryNo, EntryState, RunId, Step, UnixMillis};

use crate::support::{
    Backend, Fixture, Store as _, call, checkpoint, consent as consent_of, entry,
};

on_each_backend! {
    what_waits_is_listed_briefly_and_read_as_long_as_it_waits,
    what_was_answered_and_did_not_come_to_rest_is_found,
    entries_are_counted_by_when_they_came_to_rest,
    a_desk_is_found_as_long_as_it_is_there,
    links_for_an_org_are_taken_back_for_good,
}

/// Has an entry wait since then.
async fn waits(ledger: &Ledger, run: &RunId, no: i64, since: i64) {
    let mut cp = checkpoint(run, no, 0, EntryState::Waiting);
    cp.progress.to_mut().consent = Some(Consent {
        authorize_url: format!("https://accounts.google.com/?state={}-{no}", run.0),
        state: format!("{}-{no}", run.0),
        since: UnixMillis(since),
    });
    ledger.store(cp).await.unwrap();
}

async fn what_waits_is_listed_briefly_and_read_as_long_as_it_waits(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ledger = &fixture.ledger;
    assert_eq!(ledger.waiting().await.unwrap(), []);
    assert_eq!(ledger.oldest_consent(None).await.unwrap(), None);
    let entries = [
        entry("acme", "0oa1"),
        entry("globex", "0oa2"),
        entry("acme", "0oa3"),
    ];
    let first = fixture.import("a.csv", &entries[..2]).await;
    let second = fixture.import("b.csv", &entries[2..]).await;
    waits(ledger, &first, 1, 5_000).await;
    waits(ledger, &second, 0, 3_000).await;
    let waiting = ledger.waiting().await.unwrap();
    let brief = waiting
        .iter()
        .map(|one| (one.run.0.as_str(), one.no.0, one.org.as_str()));
    let brief: Vec<_> = brief.collect();
    assert_eq!(
        brief,
        [
            (first.0.as_str(), 1, "globex"),
            (second.0.as_str(), 0, "acme")
        ]
    );
    assert!(
        waiting
            .iter()
            .all(|one| one.org_url.starts_with("https://")),
        "{waiting:?}"
    );
    for (run, since) in [(None, 3_000), (Some(&first), 5_000), (Some(&second), 3_000)] {
        let oldest = ledger.oldest_consent(run).await.unwrap();
        assert_eq!(oldest, Some(UnixMillis(since)), "{run:?}");
    }
    // In the order that is asked for; what does not wait is left out.
    let places = [(&second, 0), (&first, 0), (&first, 1), (&second, 9)];
    let places = || places.map(|(run, no)| (run.clone(), EntryNo(no))).to_vec();
    let read = ledger.still_waiting(places()).await.unwrap();
    let rows: Vec<_> = read.iter().map(|one| (&one.run, one.entry.no.0)).collect();
    assert_eq!(rows, [(&second, 0), (&first, 1)]);
    assert_eq!(read[1].org.name, "globex");
    let done = checkpoint(&second, 0, 1, EntryState::Done);
    ledger.store(done).await.unwrap();
    assert_eq!(ledger.still_waiting(places()).await.unwrap().len(), 1);
    assert_eq!(ledger.waiting().await.unwrap().len(), 1);
    let gone = vec![(RunId("zzzz".to_owned()), EntryNo(0))];
    let error = ledger.still_waiting(gone).await.unwrap_err();
    assert!(matches!(error, LedgerError::NotFound { .. }), "{error}");
}

async fn what_was_answered_and_did_not_come_to_rest_is_found(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ledger = &fixture.ledger;
    let ids = ["0oa0", "0oa1", "0oa2", "0oa3", "0oa4", "0oa5"].map(|id| entry("acme", id));
    let run = fixture.import("a.csv", &ids).await;
    let completed = |attempts| StepRecord {
        attempts,
        ..StepRecord::unmade(Step::CompleteConsent)
    };
    for (no, state, consent, steps) in [
        (0, EntryState::Waiting, Some("s0"), vec![]),
        // Its answer is being handed in.
        (1, EntryState::Started, Some("s1"), vec![]),
        (2, EntryState::Started, None, vec![completed(1)]),
        // Begun, without a consent or with one that was given before.
        (3, EntryState::Started, None, vec![]),
        (4, EntryState::Started, None, vec![completed(0)]),
        (5, EntryState::Done, None, vec![completed(1)]),
    ] {
        let mut cp = checkpoint(&run, no, 0, state);
        cp.progress = Cow::Owned(Progress {
            consent: consent.map(consent_of),
            steps,
            ..Progress::default()
        });
        ledger.store(cp).await.unwrap();
    }
    let answered = async || {
        let found = ledger.answered().await.unwrap();
        let found = found.iter().map(|one| (one.run.clone(), one.entry.no.0));
        found.collect::<Vec<_>>()
    };
    assert_eq!(answered().await, [(run.clone(), 1), (run.clone(), 2)]);
    ledger
        .store(checkpoint(&run, 2, 1, EntryState::Done))
        .await
        .unwrap();
    assert_eq!(answered().await, [(run, 1)]);
}

async fn entries_are_counted_by_when_they_came_to_rest(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ids = ["0oa1", "0oa2", "0oa3", "0oa4", "0oa5"].map(|id| entry("x", id));
    let run = fixture.import("a.csv", &ids).await;
    for (no, at, state) in [
        (0, 1_000, EntryState::Done),
        (1, 1_999, EntryState::Failed),
        (2, 4_000, EntryState::Waiting),
        // Before, and not at rest.
        (3, 999, EntryState::Done),
        (4, 2_000, EntryState::Started),
    ] {
        let mut cp = checkpoint(&run, no, 0, state);
        cp.attempts = vec![call(at)];
        cp.looked_at = Some(UnixMillis(at));
        fixture.ledger.store(cp).await.unwrap();
    }
    let rests = fixture.ledger.rests(&run, UnixMillis(1_000), 1_000).await;
    assert_eq!(rests.unwrap(), [(0, 2), (3, 1)]);
}

async fn a_desk_is_found_as_long_as_it_is_there(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let other = fixture.another().await;
    assert_eq!(other.desk().await.unwrap(), None);
    let mark = fixture
        .ledger
        .announce_desk("http://127.0.0.1:1")
        .await
        .unwrap();
    assert!(mark.is_some());
    assert_eq!(
        other.desk().await.unwrap().as_deref(),
        Some("http://127.0.0.1:1")
    );
    assert!(
        other
            .announce_desk("http://127.0.0.1:2")
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        other.desk().await.unwrap().as_deref(),
        Some("http://127.0.0.1:1")
    );
    drop(mark);
    assert_eq!(other.desk().await.unwrap(), None);
    let mark = other.announce_desk("http://127.0.0.1:2").await.unwrap();
    assert!(mark.is_some());
    assert_eq!(
        fixture.ledger.desk().await.unwrap().as_deref(),
        Some("http://127.0.0.1:2")
    );
}

/// The generations of links for three orgs.
async fn generations(ledger: &Ledger) -> [u64; 3] {
    let mut generations = [0; 3];
    for (org, generation) in ORGS.iter().zip(&mut generations) {
        *generation = ledger.share_generation(org).await.unwrap();
    }
    generations
}

const ORGS: [&str; 3] = ["https://a", "https://b", "https://c"];

async fn links_for_an_org_are_taken_back_for_good(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let key = fixture.ledger.share_key().await.unwrap().id();
    assert_ne!(key, fixture.ledger.keys().await.unwrap().current.id());
    let other = fixture.another().await;
    assert_eq!(generations(&fixture.ledger).await, [0, 0, 0]);
    // Two processes at once: each raises what the other has left.
    for (org, ledger) in [(0, &fixture.ledger), (1, &fixture.ledger), (0, &other)] {
        ledger.take_back_shares(ORGS[org]).await.unwrap();
    }
    assert_eq!(generations(&fixture.ledger).await, [2, 1, 0]);
    drop(other);
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.ledger.share_key().await.unwrap().id(), key);
    assert_eq!(generations(&fixture.ledger).await, [2, 1, 0]);
    if matches!(backend, Backend::Sqlite) {
        // Something else in its place is told, and nobody's link is good by that.
        let file = fixture.folder.path().join("ledger.db.share.back");
        std::fs::write(file, "no list").unwrap();
        let error = fixture
            .ledger
            .share_generation("https://c")
            .await
            .unwrap_err();
        assert!(matches!(error, LedgerError::Corrupt { .. }), "{error}");
    }
}
