//! What left a file is found by comparing runs that looked at all of it, and is stored with the run.

use okta_rollout::ledger::{Changed, Removed, Stored, Why};

use crate::support::{Fixture, checkpoint, entry};

fn gone(id: &str) -> Removed {
    Removed {
        org: "acme".into(),
        app: "google".into(),
        app_id: Some(id.into()),
        label: None,
    }
}

#[tokio::test]
async fn what_left_the_file_is_that_of_the_last_whole_run() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let ids = |ids: &[&str]| -> Vec<_> { ids.iter().map(|id| entry("acme", id)).collect() };
    // File, entries, whether all of it is looked at, what is then found to be gone.
    for (file, entries, is_whole, expected) in [
        ("a.csv", &["1", "2", "3"][..], true, vec![]),
        ("b.csv", &["9"], true, vec![]),
        ("a.csv", &["1"], false, vec![]),
        ("a.csv", &["3", "4"], true, vec![gone("1"), gone("2")]),
        ("a.csv", &["3", "4"], true, vec![]),
        ("a.csv", &["5"], true, vec![gone("3"), gone("4")]),
    ] {
        let run = fixture.import(file, &ids(entries)).await;
        if is_whole {
            ledger.note_whole(&run).await.unwrap();
            // Once is enough, and a second look changes nothing.
            ledger.note_whole(&run).await.unwrap();
        }
        assert_eq!(
            ledger.removed(&run).await.unwrap(),
            expected,
            "{file} {entries:?}"
        );
    }
    let fixture = fixture.reopen().await;
    let last = fixture.ledger.find_run(None).await.unwrap();
    let removed = fixture.ledger.removed(&last.id).await.unwrap();
    assert_eq!(removed, [gone("3"), gone("4")]);
}

#[tokio::test]
async fn an_app_that_was_found_by_its_label_may_be_given_by_its_id() {
    let fixture = Fixture::new().await;
    let mut by_label = entry("acme", "");
    (by_label.app_id, by_label.label) = (None, Some("Z".into()));
    let run = fixture.import("a.csv", &[by_label]).await;
    fixture.ledger.note_whole(&run).await.unwrap();
    let mut found = checkpoint(&run, 0, 0, Stored::Done);
    found.progress.app_id = Some("1".into());
    fixture.ledger.commit(found).await.unwrap();
    let run = fixture.import("a.csv", &[entry("acme", "1")]).await;
    fixture.ledger.note_whole(&run).await.unwrap();
    assert_eq!(fixture.ledger.removed(&run).await.unwrap(), []);
}

#[tokio::test]
async fn deactivations_are_counted_among_what_was_changed() {
    let fixture = Fixture::new().await;
    let entries = [entry("acme", "1"), entry("acme", "2"), entry("acme", "3")];
    let run = fixture.import("a.csv", &entries).await;
    let off = Changed {
        field: "connection.status".into(),
        why: Why::Manifest,
        values: Some((Some("ENABLED".into()), "DISABLED".into())),
    };
    for (no, state, changed) in [
        (0, Stored::Done, true),
        (1, Stored::Failed, true),
        (2, Stored::Done, false),
    ] {
        let mut cp = checkpoint(&run, no, 0, state);
        cp.progress.changed = changed;
        cp.progress.changes.extend(changed.then(|| off.clone()));
        fixture.ledger.commit(cp).await.unwrap();
    }
    let counts = fixture.ledger.counts(&run).await.unwrap();
    assert_eq!((counts.changed, counts.deactivated), (1, 1));
}
