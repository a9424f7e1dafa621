//! What left a file is found by comparing runs that looked at all of it, and is stored with the run.

use okta_rollout::apps::App;
use okta_rollout::ledger::Removed;
use okta_rollout::model::{Changed, EntryState, Why};

use crate::support::{Backend, Fixture, Store as _, checkpoint, entry, labelled, lock_of};

on_each_backend! {
    what_left_the_file_is_that_of_the_last_whole_run,
    an_app_that_was_found_by_its_label_may_be_given_by_its_id,
    what_may_still_be_in_the_file_is_not_said_to_be_gone,
    what_is_gone_is_known_once_labels_have_led_to_their_apps,
    deactivations_are_counted_among_what_was_changed,
}

fn gone(id: &str) -> Removed {
    Removed {
        org: "acme".into(),
        app: "google".into(),
        app_id: Some(id.into()),
        label: None,
    }
}

async fn what_left_the_file_is_that_of_the_last_whole_run(backend: Backend) {
    let fixture = Fixture::new(backend).await;
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
            ledger
                .note_whole(&lock_of(ledger, &run).await)
                .await
                .unwrap();
            // A second look finds the same.
            ledger
                .note_whole(&lock_of(ledger, &run).await)
                .await
                .unwrap();
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

async fn an_app_that_was_found_by_its_label_may_be_given_by_its_id(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let mut by_label = entry("acme", "");
    (by_label.app_id, by_label.label) = (None, Some("Z".into()));
    let run = fixture.import("a.csv", &[by_label]).await;
    fixture
        .ledger
        .note_whole(&lock_of(&fixture.ledger, &run).await)
        .await
        .unwrap();
    let mut found = checkpoint(&run, 0, 0, EntryState::Done);
    found.progress.to_mut().app_id = Some("1".into());
    fixture.ledger.store(found).await.unwrap();
    let run = fixture.import("a.csv", &[entry("acme", "1")]).await;
    fixture
        .ledger
        .note_whole(&lock_of(&fixture.ledger, &run).await)
        .await
        .unwrap();
    assert_eq!(fixture.ledger.removed(&run).await.unwrap(), []);
}

/// How a row says which app it means.
#[derive(Clone, Copy, Debug)]
enum Row {
    /// By its id.
    Id(&'static str),
    /// By a label that led to this app.
    Found(&'static str, &'static str),
    /// By a label that led to none yet: its org was stopped.
    Unresolved(&'static str),
    /// By a label that no app has.
    Nowhere(&'static str),
    /// Another app, which has nothing to do with the others.
    Slack(&'static str),
}

impl Row {
    /// Runs a file of these rows as far as each of them says; what was gone from it.
    async fn run(fixture: &Fixture, rows: &[Self]) -> Vec<String> {
        let entries: Vec<_> = rows
            .iter()
            .map(|row| match row {
                Self::Id(id) => entry("acme", id),
                Self::Found(label, _) | Self::Unresolved(label) | Self::Nowhere(label) => {
                    labelled("acme", App::Google, label)
                }
                Self::Slack(label) => labelled("acme", App::Slack, label),
            })
            .collect();
        let run = fixture.import("a.csv", &entries).await;
        for (no, row) in (0..).zip(rows) {
            let mut ended = match row {
                Self::Found(..) | Self::Id(_) => checkpoint(&run, no, 0, EntryState::Done),
                Self::Nowhere(_) => checkpoint(&run, no, 0, EntryState::Failed),
                Self::Unresolved(_) | Self::Slack(_) => continue,
            };
            if let Self::Found(_, id) = row {
                ended.progress.to_mut().app_id = Some((*id).into());
            }
            fixture.ledger.store(ended).await.unwrap();
        }
        fixture
            .ledger
            .note_whole(&lock_of(&fixture.ledger, &run).await)
            .await
            .unwrap();
        let removed = fixture.ledger.removed(&run).await.unwrap();
        let name = |gone: Removed| gone.app_id.or(gone.label).unwrap();
        removed.into_iter().map(name).collect()
    }
}

async fn what_may_still_be_in_the_file_is_not_said_to_be_gone(backend: Backend) {
    use Row::{Found, Id, Nowhere, Slack, Unresolved};
    for (before, now, gone) in [
        // From its label to its id and back.
        (&[Found("Z", "1")][..], &[Id("1")][..], &[][..]),
        (&[Id("1")], &[Found("Z", "1")], &[]),
        (&[Unresolved("Z")], &[Id("1")], &[]),
        (&[Id("1")], &[Unresolved("Z")], &[]),
        (&[Id("1")], &[Nowhere("Z")], &["1"]),
        // A label that was corrected, or may have been.
        (&[Found("Z", "1")], &[Found("Y", "1")], &[]),
        (&[Found("Z", "1")], &[Unresolved("Y")], &[]),
        (&[Unresolved("Z")], &[Unresolved("Y")], &[]),
        (&[Unresolved("Z")], &[Found("Y", "1")], &[]),
        (&[Nowhere("Z")], &[Id("1")], &[]),
        // Two ids are two apps.
        (&[Id("1")], &[Id("2")], &["1"]),
        (&[Found("Z", "1")], &[Id("2")], &["1"]),
        (&[Id("1")], &[Found("Z", "2")], &["1"]),
        // What was there before is nobody's newcomer.
        (&[Unresolved("Z"), Id("1")], &[Id("1")], &["Z"]),
        (&[Unresolved("Z"), Id("1")], &[Unresolved("Z")], &["1"]),
        (
            &[Unresolved("Z"), Unresolved("Y")],
            &[Unresolved("Y")],
            &["Z"],
        ),
        (&[Id("1"), Id("2")], &[Id("2"), Unresolved("Z")], &[]),
        // Another app is not this one.
        (&[Id("1")], &[Slack("Z")], &["1"]),
        (&[Unresolved("Z")], &[Slack("Z")], &["Z"]),
    ] {
        let fixture = Fixture::new(backend).await;
        assert_eq!(Row::run(&fixture, before).await, [""; 0]);
        assert_eq!(Row::run(&fixture, now).await, gone, "{before:?} {now:?}");
    }
}

async fn what_is_gone_is_known_once_labels_have_led_to_their_apps(backend: Backend) {
    // What became of the label first, what once the run was continued, and whether its app was there before.
    for (first, then, gone) in [
        (None, "2", &["1"][..]),
        (None, "1", &[]),
        (Some(EntryState::Failed), "2", &["1"]),
        (Some(EntryState::Failed), "1", &[]),
    ] {
        let fixture = Fixture::new(backend).await;
        let ledger = &fixture.ledger;
        let before = fixture.import("a.csv", &[entry("acme", "1")]).await;
        ledger
            .note_whole(&lock_of(ledger, &before).await)
            .await
            .unwrap();
        let label = labelled("acme", App::Google, "Z");
        let run = fixture.import("a.csv", &[label]).await;
        let mut version = 0;
        if let Some(state) = first {
            ledger.store(checkpoint(&run, 0, 0, state)).await.unwrap();
            version = 1;
        }
        ledger
            .note_whole(&lock_of(ledger, &run).await)
            .await
            .unwrap();
        let mut found = checkpoint(&run, 0, version, EntryState::Done);
        found.progress.to_mut().app_id = Some(then.into());
        ledger.store(found).await.unwrap();
        ledger
            .note_whole(&lock_of(ledger, &run).await)
            .await
            .unwrap();
        let removed = ledger.removed(&run).await.unwrap();
        let ids: Vec<_> = removed.into_iter().filter_map(|gone| gone.app_id).collect();
        assert_eq!(ids, gone, "{first:?} {then}");
        // Without a run before, nothing is known better.
        assert_eq!(ledger.removed(&before).await.unwrap(), []);
    }
}

async fn deactivations_are_counted_among_what_was_changed(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let entries = [entry("acme", "1"), entry("acme", "2"), entry("acme", "3")];
    let run = fixture.import("a.csv", &entries).await;
    let off = Changed {
        field: "connection.status".into(),
        why: Why::Manifest,
        values: Some((Some("ENABLED".into()), "DISABLED".into())),
    };
    for (no, state, changed) in [
        (0, EntryState::Done, true),
        (1, EntryState::Failed, true),
        (2, EntryState::Done, false),
    ] {
        let mut cp = checkpoint(&run, no, 0, state);
        cp.progress.to_mut().changed = changed;
        cp.progress
            .to_mut()
            .changes
            .extend(changed.then(|| off.clone()));
        fixture.ledger.store(cp).await.unwrap();
    }
    let counts = fixture.ledger.counts(&run).await.unwrap();
    assert_eq!((counts.changed, counts.deactivated), (1, 1));
}
