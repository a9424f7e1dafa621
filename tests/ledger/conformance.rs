//! What any ledger must do, told through its public interface only.

use std::borrow::Cow;
use std::pin::pin;

use futures_util::stream::StreamExt as _;
use okta_rollout::apps::{App, Feature};
use okta_rollout::ledger::{
    AppClient, AppMemory, AppName, Attempt, ConsentKey, ConsentState, Counts, Federation,
    Fingerprint, FoundBy, HubClient, ImportEntry, InFlight, LastApplied, LastAppliedChange,
    LastAppliedUpdate, LedgerError, OrgStats, Owner, Progress, Standing, StepRecord, Target,
};
use okta_rollout::manifest::{Auth, Limits, OrgSpec};
use okta_rollout::model::{
    Changed, EntryError, EntryNo, EntryState, ErrorDetails, OrgNo, RunId, Step, Stopped,
    UnixMillis, Why,
};
use serde_json::json;

use crate::support::{
    Backend, Fixture, OfRun, Store as _, call, calls, checkpoint, consent, drift, entry, labelled,
    lock_of, new_run, org, right, waiting_on, waiting_progress,
};

on_each_backend! {
    a_run_is_read_back_as_it_was_imported,
    nothing_of_an_unfinished_import_is_seen,
    a_run_without_entries_is_a_run,
    runs_are_found_by_prefix_and_file,
    a_checkpoint_stores_all_it_says,
    what_was_applied_and_what_it_was_set_with_are_kept_apart,
    a_checkpoint_on_a_changed_entry_stores_nothing_and_harms_no_neighbour,
    counts_follow_every_transition,
    windows_hold_one_org_and_state_in_order,
    a_consent_is_that_of_its_org_app_and_id_only,
    a_consent_is_found_until_it_is_settled_or_replaced,
    a_new_run_carries_over_what_still_waits_unchanged,
    a_fresh_link_replaces_the_one_another_run_waits_for,
    one_waiting_entry_is_carried_over_once,
    failed_entries_are_set_back_to_where_they_stopped,
    apps_found_by_label_are_known_per_org,
    what_apps_are_is_known_once_it_was_seen,
    the_service_app_of_an_app_is_known_with_its_hub,
    orgs_and_runs_are_updated,
    checkpoints_that_build_on_each_other_store_the_same_as_those_that_look,
    only_the_failed_entries_that_are_wanted_are_tried_again,
    calls_that_no_process_saw_end_are_known_over_all_runs,
    what_an_org_s_entries_refer_to_is_known_however_many_stand_before_them,
    two_handles_may_commit_to_one_run,
    a_run_is_checkpointed_by_whoever_holds_it,
    runs_that_something_is_left_to_do_in_are_the_last_of_their_files,
    what_made_an_app_so_is_named_by_run_and_number,
    what_another_process_changes_is_noticed,
    who_submits_a_consent_here_is_noticed_once_the_entry_is_free,
}

async fn a_run_is_read_back_as_it_was_imported(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let mut entries = [
        entry("acme", "0oa1"),
        labelled("umlaut \"ö\"", App::Google, "Google Workspace"),
        entry("acme", "0oa3"),
    ];
    entries[0].connection.as_mut().unwrap().base_url = Some("https://x/\u{1F600}?q=1".into());
    let run = fixture.import("a.csv", &entries).await;
    let row = fixture.ledger.run(&run).await.unwrap();
    assert_eq!(row.id, run);
    assert_eq!(
        (row.file.as_str(), row.file_key.as_str()),
        ("a.csv", "/abs/a.csv")
    );
    assert_eq!(row.context, json!({ "orgs": "orgs.csv" }));
    assert_eq!((row.started_at, row.finished_at), (UnixMillis(1_000), None));

    let mut read = Vec::new();
    fixture
        .ledger
        .for_each_entry(&run, |row| read.push(row))
        .await
        .unwrap();
    assert_eq!(read.len(), 3);
    for (no, (row, entry)) in (0..).zip(read.iter().zip(&entries)) {
        assert_eq!(&row.entry, entry);
        assert_eq!(
            (row.no, row.row),
            (EntryNo(no), u64::try_from(no).unwrap() + 2)
        );
        assert_eq!((row.state, row.version), (EntryState::Pending, 0));
        assert_eq!(row.progress, Progress::default());
        assert_eq!(fixture.ledger.entry(&run, EntryNo(no)).await.unwrap(), *row);
    }
    let orgs = fixture.ledger.orgs(&run).await.unwrap();
    assert_eq!(orgs.len(), 2);
    assert_eq!(
        (orgs[1].no, orgs[1].name.as_str()),
        (OrgNo(1), "umlaut \"ö\"")
    );
    assert_eq!(orgs[0].url, "https://acme.okta.com");
    assert_eq!(orgs[0].spec, org("acme"));
    assert!(fixture.ledger.entry(&run, EntryNo(3)).await.is_err());
    assert!(fixture.ledger.entry(&run, EntryNo(-1)).await.is_err());
}

async fn nothing_of_an_unfinished_import_is_seen(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let mut import = fixture.ledger.import(new_run("a.csv")).await.unwrap();
    let no = import
        .push_org("acme", "https://acme.okta.com", &org("acme"))
        .unwrap();
    let one = entry("acme", "0oa1");
    import
        .push_entry(ImportEntry {
            row: 2,
            org: no,
            entry: &one,
        })
        .unwrap();
    drop(import);
    assert_eq!(fixture.ledger.runs().await.unwrap(), []);
    let error = fixture.ledger.find_run(None).await.unwrap_err();
    assert!(
        matches!(error, LedgerError::NotFound { run: None, .. }),
        "{error}"
    );
    let mut import = fixture.ledger.import(new_run("a.csv")).await.unwrap();
    import
        .push_entry(ImportEntry {
            row: 2,
            org: OrgNo(7),
            entry: &one,
        })
        .expect_err("org 7 was never added");
}

async fn a_run_without_entries_is_a_run(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = fixture.import("empty.csv", &[]).await;
    assert_eq!(
        fixture.ledger.counts(&run).await.unwrap(),
        Counts::default()
    );
    assert_eq!(fixture.ledger.find_run(None).await.unwrap().id, run);
}

async fn runs_are_found_by_prefix_and_file(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let mut ids = Vec::new();
    for n in 0..40 {
        ids.push(
            fixture
                .import(if n % 2 == 0 { "a" } else { "b" }, &[])
                .await,
        );
    }
    let newest_first: Vec<RunId> = ids.iter().rev().cloned().collect();
    let runs = fixture.ledger.runs().await.unwrap();
    assert_eq!(
        runs.iter().map(|run| run.id.clone()).collect::<Vec<_>>(),
        newest_first
    );
    for id in &ids {
        assert!(id.0.len() >= 4, "{id:?}");
        assert!(
            id.0.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        );
        let found = fixture.ledger.find_run(Some(&id.0)).await.unwrap();
        assert_eq!(&found.id, id);
        let upper = fixture.ledger.find_run(Some(&id.0.to_uppercase())).await;
        assert_eq!(&upper.unwrap().id, id);
    }
    assert_eq!(fixture.ledger.find_run(None).await.unwrap().id, ids[39]);
    let last = |key: &'static str| fixture.ledger.last_run_of(key);
    assert_eq!(last("/abs/a").await.unwrap().unwrap().id, ids[38]);
    assert_eq!(last("/abs/b").await.unwrap().unwrap().id, ids[39]);
    assert_eq!(last("/abs/c").await.unwrap(), None);
    // 40 ids over 23 first letters: some letter has two.
    let ambiguous = ('a'..='z').map(|letter| {
        let fits = |id: &&RunId| id.0.starts_with(letter);
        (
            letter,
            newest_first
                .iter()
                .filter(fits)
                .cloned()
                .collect::<Vec<_>>(),
        )
    });
    let (letter, fitting) = ambiguous
        .into_iter()
        .find(|(_, ids)| ids.len() > 1)
        .unwrap();
    let error = fixture
        .ledger
        .find_run(Some(&letter.to_string()))
        .await
        .unwrap_err();
    let LedgerError::Ambiguous { runs, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*runs, fitting);
    for unknown in ["0000", "", " ", "%", "_", "k'--"] {
        let error = fixture.ledger.find_run(Some(unknown)).await.unwrap_err();
        assert!(
            matches!(error, LedgerError::NotFound { .. }),
            "{unknown}: {error}"
        );
    }
}

async fn a_checkpoint_stores_all_it_says(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = fixture.import("a.csv", &[entry("acme", "0oa1")]).await;
    let mut cp = checkpoint(&run, 0, 0, EntryState::Failed);
    *cp.progress.to_mut() = Progress {
        steps: vec![StepRecord {
            step: Step::SetFeature(Feature::UserProvisioning),
            attempts: 2,
            changed: true,
            http_status: Some(200),
            request_id: Some("req1".into()),
        }],
        attempts: 3,
        elapsed_ms: 4_000,
        app_id: Some("0oa1".into()),
        client_id: Some("0oaClient".into()),
        rotation: None,
        idp: Some(Box::new(Federation {
            id: "0oaIdp".into(),
            client_id: Some("0oa1".into()),
        })),
        in_flight: Some(InFlight {
            step: Step::CreateApp,
            sent_at: UnixMillis(5),
            ended: false,
            link_before: None,
            credentials: None,
        }),
        changed: true,
        changes: vec![Changed {
            field: "connection.status".into(),
            why: Why::Drift,
            values: Some((Some("ENABLED".into()), "DISABLED".into())),
        }],
        changing: vec![Changed::unseen("connection", Why::New)],
        consent_lost: true,
        renewing: true,
        link_in_doubt: true,
        left_secrets: vec!["connection.profile.settings.adminPassword".into()],
        drift: vec![drift("baseUrl")],
        consent: None,
    };
    cp.due_at = Some(UnixMillis(77));
    cp.error = Some(EntryError {
        step: Step::SetConnection,
        details: ErrorDetails {
            message: "Verification failed".into(),
            okta_error_code: Some("E0000001".into()),
            http_status: Some(400),
            hint: Some("check it".into()),
            ..ErrorDetails::default()
        },
    });
    let attempt = Attempt {
        at: UnixMillis(10),
        step: Step::SetFeature(Feature::InboundProvisioning),
        call: "PUT /api/v1/apps/0oa1/features/INBOUND_PROVISIONING".into(),
        http_status: None,
        okta_error_code: None,
        request_id: None,
        duration_ms: 60_000,
        next_at: Some(UnixMillis(11)),
    };
    cp.attempts = vec![
        attempt.clone(),
        Attempt {
            at: UnixMillis(9),
            ..attempt.clone()
        },
    ];
    cp.stats = OrgStats {
        requests: 2,
        rate_limited: 1,
        retries: 1,
        waited_ms: 9,
    };
    cp.fingerprint = Some(Fingerprint {
        org_url: "https://acme.okta.com".into(),
        app_id: "0oa1".into(),
        hmac: Some([7; 32]),
        key_id: [8; 8],
    });
    fixture.ledger.store(cp.clone()).await.unwrap();

    let fixture = fixture.reopen().await;
    let row = fixture.ledger.entry(&run, EntryNo(0)).await.unwrap();
    assert_eq!(row.progress, *cp.progress);
    assert_eq!(
        (row.due_at, row.error, row.state),
        (cp.due_at, cp.error.clone(), cp.state)
    );
    assert_eq!(row.version, 1);
    let stored = calls(&fixture.ledger, &run).await;
    assert_eq!(stored[0], cp.attempts, "in the order given");
    assert_eq!(fixture.ledger.orgs(&run).await.unwrap()[0].stats, cp.stats);
    let memory = |url, app| fixture.ledger.app_memory(url, app);
    let known = memory("https://acme.okta.com", "0oa1").await.unwrap();
    assert_eq!((known.hmac, known.key_id), (Some([7; 32]), Some([8; 8])));
    let unknown = memory("https://other.okta.com", "0oa1").await.unwrap();
    assert_eq!(unknown, AppMemory::default());
}

async fn what_was_applied_and_what_it_was_set_with_are_kept_apart(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = fixture.import("a.csv", &[entry("acme", "0oa1")]).await;
    let (org_url, app_id) = ("https://acme.okta.com".to_owned(), "0oa1".to_owned());
    let applied = |byte, connected| LastAppliedUpdate {
        org_url: org_url.clone(),
        app_id: app_id.clone(),
        like: LastAppliedChange::AsWanted {
            digest: [byte; 16],
            connected,
        },
    };
    let left = |like| LastAppliedUpdate {
        org_url: org_url.clone(),
        app_id: app_id.clone(),
        like,
    };
    let fingerprint = Fingerprint {
        org_url: org_url.clone(),
        app_id: app_id.clone(),
        hmac: Some([7; 32]),
        key_id: [8; 8],
    };
    let d = |byte| LastApplied::Digest([byte; 16]);
    // What is known: secret, digest, connected, by whom it is wanted or changed.
    let story = [
        (None, Some(applied(1, true)), (None, d(1), true, 1)),
        (
            Some(fingerprint),
            Some(left(LastAppliedChange::Moving)),
            (Some([7; 32]), d(1), true, 2),
        ),
        (
            None,
            Some(applied(2, false)),
            (Some([7; 32]), d(2), true, 1),
        ),
        (
            None,
            Some(left(LastAppliedChange::Unclear)),
            (Some([7; 32]), LastApplied::Unclear, true, 0),
        ),
    ];
    for (version, (fingerprint, applied, expected)) in (0..).zip(story) {
        let mut cp = checkpoint(&run, 0, version, EntryState::Started);
        (cp.fingerprint, cp.applied) = (fingerprint, applied);
        fixture.ledger.store(cp).await.unwrap();
        let known = fixture.ledger.app_memory(&org_url, &app_id).await.unwrap();
        let wishes = fixture.ledger.wishes(&known).await.unwrap();
        if let Some(wishes) = &wishes {
            assert!(wishes.iter().all(|wish| *wish == entry("acme", "0oa1")));
        }
        let found = (
            known.hmac,
            known.applied.unwrap(),
            known.connected,
            wishes.map_or(0, |wishes| wishes.len()),
        );
        assert_eq!(found, expected);
        let loaded = fixture
            .ledger
            .load(&run, OrgNo(0), EntryState::Started, None, 9)
            .await
            .unwrap();
        assert_eq!(loaded[0].known.as_ref().unwrap().app, known);
    }
}

async fn a_checkpoint_on_a_changed_entry_stores_nothing_and_harms_no_neighbour(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let entries: Vec<_> = (0..50).map(|n| entry("acme", &format!("0oa{n}"))).collect();
    let run = fixture.import("a.csv", &entries).await;
    let loaded = fixture
        .ledger
        .load(&run, OrgNo(0), EntryState::Pending, None, 50)
        .await
        .unwrap();
    let mut started = checkpoint(&run, 7, 0, EntryState::Started);
    started.attempts = vec![call(207)];
    let as_started = fixture.ledger.store(started).await.unwrap();
    let commits = loaded.iter().map(|row| {
        let no = row.no.0;
        let mut cp = checkpoint(&run, no, row.version, EntryState::Done);
        // Those who loaded the entry know what is stored of it, others have the ledger look.
        cp.stored = row.stored.filter(|_| no % 3 > 0);
        cp.stats.requests = 1;
        cp.attempts = vec![call(no), call(100 + no)];
        cp.settled_consent = Some((format!("s{no}"), true));
        fixture.ledger.store(cp)
    });
    let outcomes = futures_util::future::join_all(commits).await;
    for (no, outcome) in (0..).zip(outcomes) {
        let expected = if no == 7 {
            Err(LedgerError::Moved {
                run: run.clone(),
                no: EntryNo(no),
            })
        } else {
            Ok(())
        };
        assert_eq!(outcome.map(drop), expected);
    }
    // One that brings no call takes none away, and counts for nothing either.
    let mut empty = checkpoint(&run, 7, 0, EntryState::Done);
    empty.stored = Some(as_started);
    let outcome = fixture.ledger.store(empty).await;
    assert!(matches!(outcome, Err(LedgerError::Moved { .. })));
    for (no, stored) in (0..).zip(calls(&fixture.ledger, &run).await) {
        let expected = if no == 7 {
            vec![call(207)]
        } else {
            vec![call(no), call(100 + no)]
        };
        assert_eq!(stored, expected, "{no}");
    }
    let counts = fixture.ledger.counts(&run).await.unwrap();
    assert_eq!((counts.unchanged, counts.started), (49, 1));
    assert_eq!(
        fixture.ledger.orgs(&run).await.unwrap()[0].stats.requests,
        49
    );
    assert_eq!(
        fixture
            .ledger
            .consent(&consent_of("0oa7", "s7"))
            .await
            .unwrap(),
        ConsentState::Unknown
    );
    assert_eq!(
        fixture
            .ledger
            .consent(&consent_of("0oa8", "s8"))
            .await
            .unwrap(),
        ConsentState::Settled(true)
    );
    // An entry, a run that do not exist.
    let error = fixture
        .ledger
        .store(checkpoint(&run, 50, 0, EntryState::Done))
        .await;
    assert!(matches!(error, Err(LedgerError::Moved { .. })));
    let error = fixture
        .ledger
        .store(checkpoint(&RunId("none".into()), 0, 0, EntryState::Done))
        .await;
    assert!(matches!(error, Err(LedgerError::NotFound { .. })));
    // And the ledger continues.
    fixture
        .ledger
        .store(checkpoint(&run, 7, 1, EntryState::Done))
        .await
        .unwrap();
}

async fn counts_follow_every_transition(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let entries: Vec<_> = (0..6)
        .map(|n| entry(["x", "y"][n % 2], &format!("0oa{n}")))
        .collect();
    let run = fixture.import("a.csv", &entries).await;
    let all = Counts {
        pending: 6,
        ..Counts::default()
    };
    assert_eq!(fixture.ledger.counts(&run).await.unwrap(), all);
    for (no, state, changed) in [
        (0, EntryState::Started, false),
        (1, EntryState::Waiting, false),
        (2, EntryState::Done, true),
        (3, EntryState::Done, false),
        (4, EntryState::Failed, true),
    ] {
        let mut cp = checkpoint(&run, no, 0, state);
        cp.progress.to_mut().changed = changed;
        fixture.ledger.store(cp).await.unwrap();
    }
    fixture
        .ledger
        .store(checkpoint(&run, 0, 1, EntryState::Done))
        .await
        .unwrap();
    let expected = Counts {
        pending: 1,
        started: 0,
        waiting: 1,
        changed: 1,
        unchanged: 2,
        failed: 1,
        carried_over: 0,
        held_back: 0,
        deactivated: 0,
    };
    assert_eq!(fixture.ledger.counts(&run).await.unwrap(), expected);
    assert_eq!(expected.entries(), 6);
    let x = Counts {
        changed: 1,
        unchanged: 1,
        failed: 1,
        ..Counts::default()
    };
    let y = Counts {
        pending: 1,
        waiting: 1,
        unchanged: 1,
        ..Counts::default()
    };
    assert_eq!(
        fixture.ledger.counts_by_org(&run).await.unwrap(),
        [(OrgNo(0), x), (OrgNo(1), y)]
    );
}

async fn windows_hold_one_org_and_state_in_order(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let entries: Vec<_> = (0..20)
        .map(|n| entry(["x", "y"][n % 2], &format!("0oa{n}")))
        .collect();
    let run = fixture.import("a.csv", &entries).await;
    let other = fixture.import("b.csv", &entries).await;
    for no in [2, 6, 10] {
        let mut cp = checkpoint(&run, no, 0, EntryState::Done);
        cp.progress.to_mut().changed = no == 6;
        fixture.ledger.store(cp).await.unwrap();
    }
    let load = async |run: &RunId, state, after, limit| {
        let rows = fixture
            .ledger
            .load(run, OrgNo(0), state, after, limit)
            .await
            .unwrap();
        rows.into_iter().map(|row| row.no.0).collect::<Vec<_>>()
    };
    assert_eq!(load(&run, EntryState::Pending, None, 3).await, [0, 4, 8]);
    assert_eq!(
        load(&run, EntryState::Pending, Some(EntryNo(8)), 3).await,
        [12, 14, 16]
    );
    assert_eq!(
        load(&run, EntryState::Pending, Some(EntryNo(16)), 3).await,
        [18]
    );
    assert_eq!(
        load(&run, EntryState::Pending, Some(EntryNo(18)), 3).await,
        [0; 0]
    );
    assert_eq!(load(&run, EntryState::Done, None, 10).await, [2, 6, 10]);
    assert_eq!(load(&run, EntryState::Done, Some(EntryNo(2)), 1).await, [6]);
    assert_eq!(load(&run, EntryState::Failed, None, 10).await, [0; 0]);
    assert_eq!(
        load(&other, EntryState::Pending, Some(EntryNo(15)), 10).await,
        [16, 18]
    );
    // Numbers no run has.
    assert_eq!(
        load(&run, EntryState::Pending, Some(EntryNo(i64::MAX)), 9).await,
        [0; 0]
    );
    assert_eq!(
        load(&run, EntryState::Pending, Some(EntryNo(i64::MIN)), 1).await,
        [0]
    );
    for no in [-1, 1 << 32, i64::MAX, i64::MIN] {
        assert!(
            fixture.ledger.entry(&run, EntryNo(no)).await.is_err(),
            "{no}"
        );
        let outcome = fixture
            .ledger
            .store(checkpoint(&run, no, 0, EntryState::Done))
            .await;
        assert!(
            matches!(outcome, Err(LedgerError::Moved { .. })),
            "{outcome:?}"
        );
    }
}

/// What an answer for a google app of acme is matched by.
fn consent_of(app_id: &str, state: &str) -> ConsentKey {
    ConsentKey {
        org_url: "https://acme.okta.com".into(),
        app: App::Google,
        app_id: app_id.into(),
        state: state.into(),
    }
}

async fn a_consent_is_that_of_its_org_app_and_id_only(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let entries = [
        entry("acme", "0oa1"),
        entry("globex", "0oa1"),
        entry("acme", "0oa2"),
    ];
    let run = fixture.import("a.csv", &entries).await;
    let right = consent_of("0oa1", "same");
    let globex = ConsentKey {
        org_url: "https://globex.okta.com".into(),
        ..right.clone()
    };
    let slack = ConsentKey {
        app: App::Slack,
        ..right.clone()
    };
    let keys = [&right, &globex, &consent_of("0oa2", "same"), &slack];
    let strangers = [
        consent_of("0oa3", "same"),
        consent_of("0oa1", "other"),
        ConsentKey {
            org_url: "https://evil.example".into(),
            ..right.clone()
        },
    ];
    // Whoever gives the same `state` to several links: each answer finds its own entry.
    for no in 0..3 {
        let waiting = waiting_on(&run, no, 0, "same");
        fixture.ledger.store(waiting).await.unwrap();
    }
    let found = async |key: &ConsentKey| match fixture.ledger.consent(key).await.unwrap() {
        ConsentState::Waiting(pending) => format!("waits {}", pending.entry.no),
        ConsentState::Settled(accepted) => format!("settled {accepted}"),
        ConsentState::Unknown => "unknown".to_owned(),
    };
    for (key, expected) in keys
        .iter()
        .zip(["waits 0", "waits 1", "waits 2", "unknown"])
    {
        assert_eq!(found(key).await, expected, "{key:?}");
    }
    assert!(fixture.ledger.waits_for("same").await.unwrap().is_some());
    assert!(fixture.ledger.waits_for("other").await.unwrap().is_none());
    let mut cp = checkpoint(&run, 0, 1, EntryState::Started);
    cp.settled_consent = Some(("same".into(), true));
    fixture.ledger.store(cp).await.unwrap();
    for (key, expected) in keys
        .iter()
        .zip(["settled true", "waits 1", "waits 2", "unknown"])
    {
        assert_eq!(found(key).await, expected, "{key:?}");
    }
    for key in &strangers {
        assert_eq!(found(key).await, "unknown", "{key:?}");
    }
    let newest = async |app: App, id: &str| {
        let url = "https://acme.okta.com";
        let found = fixture.ledger.newest_of_app(url, app, id).await.unwrap();
        found.map(|found| (found.entry.no.0, found.entry.state))
    };
    assert_eq!(
        newest(App::Google, "0oa1").await,
        Some((0, EntryState::Started))
    );
    assert_eq!(
        newest(App::Google, "0oa2").await,
        Some((2, EntryState::Waiting))
    );
    assert_eq!(newest(App::Slack, "0oa2").await, None);
    assert_eq!(newest(App::Google, "0oa3").await, None);
}

async fn a_consent_is_found_until_it_is_settled_or_replaced(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let entries = [entry("acme", "0oa1"), entry("acme", "0oa2")];
    let run = fixture.import("a.csv", &entries).await;
    fixture
        .ledger
        .store(waiting_on(&run, 0, 0, "first"))
        .await
        .unwrap();
    fixture
        .ledger
        .store(waiting_on(&run, 1, 0, "other"))
        .await
        .unwrap();
    let ConsentState::Waiting(pending) = fixture
        .ledger
        .consent(&consent_of("0oa1", "first"))
        .await
        .unwrap()
    else {
        panic!("not waiting")
    };
    assert_eq!((&pending.run, pending.entry.no.0), (&run, 0));
    assert_eq!(pending.org.url, "https://acme.okta.com");
    assert_eq!(pending.entry.progress.consent, Some(consent("first")));
    assert_eq!(
        fixture.ledger.pending_consents(None).await.unwrap().len(),
        2
    );
    let unknown = RunId("none".into());
    assert!(
        fixture
            .ledger
            .pending_consents(Some(&unknown))
            .await
            .is_err()
    );

    // A fresh link: the old one is as good as never seen.
    fixture
        .ledger
        .store(waiting_on(&run, 0, 1, "second"))
        .await
        .unwrap();
    assert_eq!(
        fixture
            .ledger
            .consent(&consent_of("0oa1", "first"))
            .await
            .unwrap(),
        ConsentState::Unknown
    );
    assert!(matches!(
        fixture
            .ledger
            .consent(&consent_of("0oa1", "second"))
            .await
            .unwrap(),
        ConsentState::Waiting(_)
    ));

    // Being handed in: found, but not listed.
    let mut cp = checkpoint(&run, 0, 2, EntryState::Started);
    cp.progress = Cow::Owned(waiting_progress("second"));
    cp.progress.to_mut().in_flight = Some(InFlight {
        step: Step::CompleteConsent,
        sent_at: UnixMillis(1),
        ended: false,
        link_before: None,
        credentials: None,
    });
    fixture.ledger.store(cp).await.unwrap();
    let found = fixture
        .ledger
        .consent(&consent_of("0oa1", "second"))
        .await
        .unwrap();
    assert!(matches!(found, ConsentState::Waiting(p) if p.entry.progress.in_flight.is_some()));
    assert_eq!(
        fixture
            .ledger
            .pending_consents(Some(&run))
            .await
            .unwrap()
            .len(),
        1
    );

    let mut cp = checkpoint(&run, 0, 3, EntryState::Started);
    cp.settled_consent = Some(("second".into(), true));
    fixture.ledger.store(cp).await.unwrap();
    let mut cp = waiting_on(&run, 1, 1, "fresh");
    cp.settled_consent = Some(("other".into(), false));
    fixture.ledger.store(cp).await.unwrap();
    let fixture = fixture.reopen().await;
    assert_eq!(
        fixture
            .ledger
            .consent(&consent_of("0oa1", "second"))
            .await
            .unwrap(),
        ConsentState::Settled(true)
    );
    assert_eq!(
        fixture
            .ledger
            .consent(&consent_of("0oa2", "other"))
            .await
            .unwrap(),
        ConsentState::Settled(false)
    );
    assert_eq!(
        fixture
            .ledger
            .consent(&consent_of("0oa1", "never"))
            .await
            .unwrap(),
        ConsentState::Unknown
    );
    let pending = fixture.ledger.pending_consents(None).await.unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].entry.progress.consent, Some(consent("fresh")));
}

async fn a_new_run_carries_over_what_still_waits_unchanged(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let same = entry("acme", "0oa1");
    let changed = entry("acme", "0oa2");
    let moved = entry("acme", "0oa3");
    let old = fixture
        .import("a.csv", &[same.clone(), changed.clone(), moved.clone()])
        .await;
    let others = entry("acme", "0oa4");
    let elsewhere = fixture.import("b.csv", std::slice::from_ref(&others)).await;
    for (no, state) in [(0, "s0"), (1, "s1"), (2, "s2")] {
        fixture
            .ledger
            .store(waiting_on(&old, no, 0, state))
            .await
            .unwrap();
    }
    fixture
        .ledger
        .store(waiting_on(&elsewhere, 0, 0, "else"))
        .await
        .unwrap();

    // Another row, a renamed org, and an answer that comes in while the manifest is read.
    let mut different = changed;
    different.connection.as_mut().unwrap().base_url = Some("https://new".into());
    let mut import = fixture.ledger.import(new_run("a.csv")).await.unwrap();
    let org_no = import
        .push_org("renamed", "https://acme.okta.com", &org("acme"))
        .unwrap();
    let mut renamed = same.clone();
    renamed.org = "renamed".into();
    let mut moved_renamed = moved;
    moved_renamed.org = "renamed".into();
    let mut of_another_file = others;
    of_another_file.org = "renamed".into();
    for (row, entry) in (20..).zip([&different, &renamed, &moved_renamed, &of_another_file]) {
        import
            .push_entry(ImportEntry {
                row,
                org: org_no,
                entry,
            })
            .unwrap();
    }
    fixture
        .ledger
        .store(checkpoint(&old, 2, 1, EntryState::Done))
        .await
        .unwrap();
    let new = tokio::task::spawn_blocking(|| import.finish())
        .await
        .unwrap()
        .unwrap();

    let states: Vec<EntryState> = {
        let mut states = Vec::new();
        fixture
            .ledger
            .for_each_entry(&new, |row| states.push(row.state))
            .await
            .unwrap();
        states
    };
    assert_eq!(
        states,
        [
            EntryState::Pending,
            EntryState::Waiting,
            EntryState::Pending,
            EntryState::Waiting
        ]
    );
    let counts = fixture.ledger.counts(&new).await.unwrap();
    assert_eq!((counts.pending, counts.waiting), (2, 2));
    let row = fixture.ledger.entry(&new, EntryNo(1)).await.unwrap();
    assert_eq!(row.progress.consent, Some(consent("s0")));
    assert_eq!((row.row, row.entry.org.as_str()), (21, "renamed"));
    let ConsentState::Waiting(pending) = fixture
        .ledger
        .consent(&consent_of("0oa1", "s0"))
        .await
        .unwrap()
    else {
        panic!("not waiting")
    };
    assert_eq!((pending.run, pending.entry.no.0), (new.clone(), 1));
    let listed = fixture.ledger.pending_consents(None).await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|p| (p.run.clone(), p.entry.no.0))
        .collect();
    assert_eq!(
        listed,
        [(old.clone(), 1), (new.clone(), 1), (new.clone(), 3)],
        "{elsewhere:?} lets go of its own, too"
    );
    // The old run lets go of it.
    let left = fixture
        .ledger
        .load(&old, OrgNo(0), EntryState::Waiting, None, 10)
        .await
        .unwrap();
    assert_eq!(left.iter().map(|row| row.no.0).collect::<Vec<_>>(), [1]);
    for version in [1, 2] {
        let error = fixture
            .ledger
            .store(checkpoint(&old, 0, version, EntryState::Done))
            .await;
        assert!(matches!(error, Err(LedgerError::Moved { .. })), "{version}");
    }
    fixture
        .ledger
        .store(checkpoint(&new, 1, 0, EntryState::Done))
        .await
        .unwrap();
}

async fn a_fresh_link_replaces_the_one_another_run_waits_for(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let [same, other] = [entry("acme", "0oa1"), entry("acme", "0oa2")];
    let old = fixture.import("a.csv", &[same.clone(), other]).await;
    let new = fixture.import("b.csv", &[same]).await;
    for (run, no, state) in [(&old, 0, "dead"), (&old, 1, "other"), (&new, 0, "fresh")] {
        fixture
            .ledger
            .store(waiting_on(run, no, 0, state))
            .await
            .unwrap();
    }
    let pending = fixture.ledger.pending_consents(None).await.unwrap();
    let pending: Vec<_> = pending
        .iter()
        .map(|pending| (pending.run.clone(), pending.entry.no.0))
        .collect();
    assert_eq!(pending, [(old, 1), (new, 0)]);
    assert_eq!(
        fixture
            .ledger
            .consent(&consent_of("0oa1", "dead"))
            .await
            .unwrap(),
        ConsentState::Unknown
    );
}

async fn one_waiting_entry_is_carried_over_once(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let same = entry("acme", "0oa1");
    let mut before = fixture.import("a.csv", std::slice::from_ref(&same)).await;
    fixture
        .ledger
        .store(waiting_on(&before, 0, 0, "s"))
        .await
        .unwrap();
    for _ in 0..3 {
        let new = fixture.import("a.csv", std::slice::from_ref(&same)).await;
        let pending = fixture.ledger.pending_consents(None).await.unwrap();
        assert_eq!(pending.len(), 1);
        assert_eq!(pending[0].run, new);
        assert!(
            fixture
                .ledger
                .load(&before, OrgNo(0), EntryState::Waiting, None, 9)
                .await
                .unwrap()
                .is_empty()
        );
        before = new;
    }
    // Two imports at once: one of them gets it.
    let start = async || {
        let mut import = fixture.ledger.import(new_run("a.csv")).await.unwrap();
        let no = import
            .push_org("acme", "https://acme.okta.com", &org("acme"))
            .unwrap();
        import
            .push_entry(ImportEntry {
                row: 2,
                org: no,
                entry: &same,
            })
            .unwrap();
        import
    };
    let (first, second) = (start().await, start().await);
    let second = second.finish().unwrap();
    let first = first.finish().unwrap();
    assert_eq!(
        fixture
            .ledger
            .entry(&second, EntryNo(0))
            .await
            .unwrap()
            .state,
        EntryState::Waiting
    );
    assert_eq!(
        fixture
            .ledger
            .entry(&first, EntryNo(0))
            .await
            .unwrap()
            .state,
        EntryState::Pending
    );
}

async fn failed_entries_are_set_back_to_where_they_stopped(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let entries: Vec<_> = (0..4)
        .map(|n| entry(["x", "y"][n % 2], &format!("0oa{n}")))
        .collect();
    let run = fixture.import("a.csv", &entries).await;
    for no in [0, 1] {
        let mut cp = checkpoint(&run, no, 0, EntryState::Failed);
        cp.progress.to_mut().attempts = 8;
        cp.progress.to_mut().elapsed_ms = 1_000;
        cp.due_at = Some(UnixMillis(5));
        cp.error = Some(EntryError {
            step: Step::FindApp,
            details: ErrorDetails {
                message: "gone".into(),
                ..ErrorDetails::default()
            },
        });
        if no == 1 {
            cp.progress.to_mut().app_id = Some("0oa1".into());
        }
        fixture.ledger.store(cp).await.unwrap();
    }
    fixture
        .ledger
        .store(checkpoint(&run, 2, 0, EntryState::Done))
        .await
        .unwrap();
    assert_eq!(
        fixture
            .ledger
            .retry_failed(&lock_of(&fixture.ledger, &run).await, |_| true)
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        fixture
            .ledger
            .retry_failed(&lock_of(&fixture.ledger, &run).await, |_| true)
            .await
            .unwrap(),
        0
    );
    let pending = fixture.ledger.entry(&run, EntryNo(0)).await.unwrap();
    assert_eq!(
        (pending.state, pending.error, pending.due_at),
        (EntryState::Pending, None, None)
    );
    assert_eq!(
        (pending.progress, pending.version),
        (Progress::default(), 2)
    );
    let started = fixture.ledger.entry(&run, EntryNo(1)).await.unwrap();
    assert_eq!(
        (started.state, started.progress.attempts),
        (EntryState::Started, 0)
    );
    assert_eq!(started.progress.app_id.as_deref(), Some("0oa1"));
    let counts = fixture.ledger.counts(&run).await.unwrap();
    assert_eq!(
        (
            counts.pending,
            counts.started,
            counts.failed,
            counts.unchanged
        ),
        (2, 1, 0, 1)
    );
}

async fn apps_found_by_label_are_known_per_org(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let entries = [
        labelled("x", App::Google, "G"),
        labelled("x", App::Google, "G2"),
        labelled("x", App::Slack, "S"),
        entry("x", "0oa9"),
        labelled("y", App::Zoomus, "Z"),
    ];
    let run = fixture.import("a.csv", &entries).await;
    let labels = |org| fixture.ledger.labels(&run, org);
    assert_eq!(labels(OrgNo(0)).await.unwrap(), [App::Google, App::Slack]);
    assert_eq!(labels(OrgNo(1)).await.unwrap(), [App::Zoomus]);
    let taken = |app_id, except| fixture.ledger.app_id_taken(&run, OrgNo(0), app_id, except);
    assert_eq!(
        taken("0oa9", EntryNo(0)).await.unwrap(),
        Some(5),
        "given by another entry"
    );
    assert_eq!(taken("0oa9", EntryNo(3)).await.unwrap(), None, "its own");
    let mut cp = checkpoint(&run, 2, 0, EntryState::Started);
    cp.progress.to_mut().app_id = Some("0oa7".into());
    fixture.ledger.store(cp).await.unwrap();
    fixture
        .ledger
        .store(checkpoint(&run, 0, 0, EntryState::Done))
        .await
        .unwrap();
    assert_eq!(
        taken("0oa7", EntryNo(0)).await.unwrap(),
        Some(4),
        "found by another entry"
    );
    assert_eq!(taken("0oa8", EntryNo(0)).await.unwrap(), None);
    assert_eq!(
        labels(OrgNo(0)).await.unwrap(),
        [App::Google],
        "slack was found, one google is left"
    );
}

async fn the_service_app_of_an_app_is_known_with_its_hub(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = fixture.import("a.csv", &[entry("x", "0oa0")]).await;
    let ledger = &fixture.ledger;
    let org_url = "https://x.okta.com";
    let client = |hub_url: &str, client_id: &str| HubClient {
        hub_url: hub_url.into(),
        client_id: client_id.into(),
    };
    assert_eq!(
        ledger.app_memory(org_url, "0oa0").await.unwrap().client,
        None
    );
    // Before anything else is remembered of the app, beside what is, and in the place of another one.
    for (version, hub, id) in [
        (0, "https://hub.okta.com", "0oaC1"),
        (2, "https://y.okta.com", "0oaC2"),
    ] {
        let mut cp = checkpoint(&run, 0, version, EntryState::Started);
        cp.client = Some(AppClient {
            org_url: org_url.into(),
            app_id: "0oa0".into(),
            client: client(hub, id),
        });
        ledger.store(cp).await.unwrap();
        let mut named = checkpoint(&run, 0, version + 1, EntryState::Started);
        named.name = Some(AppName {
            org_url: org_url.into(),
            app_id: "0oa0".into(),
            name: "okta_org2org".into(),
        });
        if version == 0 {
            ledger.store(named).await.unwrap();
        }
        let known = ledger.app_memory(org_url, "0oa0").await.unwrap();
        assert_eq!(known.client.as_deref(), Some(&client(hub, id)));
        assert_eq!(known.name.as_deref(), Some("okta_org2org"));
        assert_eq!(
            (known.hmac, known.applied, known.connected),
            (None, None, false)
        );
        // It is the app's, not the id's.
        assert_eq!(
            ledger.app_memory(hub, "0oa0").await.unwrap(),
            AppMemory::default()
        );
    }
}

async fn what_apps_are_is_known_once_it_was_seen(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let entries = [
        entry("x", "0oa0"),
        labelled("x", App::Slack, "S"),
        entry("x", "0oa2"),
        entry("y", "0oa0"),
        labelled("x", App::Zoomus, "Z"),
    ];
    let run = fixture.import("a.csv", &entries).await;
    let ledger = &fixture.ledger;
    let target = |no, app, found| Target { no, app, found };
    let (google, unseen) = (App::Google, FoundBy::UnseenId);
    assert_eq!(
        ledger.targets(&run, OrgNo(0)).await.unwrap(),
        [
            target(EntryNo(0), google, unseen),
            target(EntryNo(1), App::Slack, FoundBy::Label),
            target(EntryNo(2), google, unseen),
            target(EntryNo(4), App::Zoomus, FoundBy::Label),
        ]
    );
    assert_eq!(
        ledger.targets(&run, OrgNo(1)).await.unwrap(),
        [target(EntryNo(3), google, unseen)]
    );
    let seen = |app_id: &str| AppName {
        org_url: "https://x.okta.com".into(),
        app_id: app_id.into(),
        name: "okta_org2org".into(),
    };
    // Beside a fingerprint and what the app is like from now on, whichever comes first.
    let mut cp = checkpoint(&run, 0, 0, EntryState::Started);
    cp.name = Some(seen("0oa0"));
    cp.fingerprint = Some(Fingerprint {
        org_url: "https://x.okta.com".into(),
        app_id: "0oa0".into(),
        hmac: Some([7; 32]),
        key_id: [1; 8],
    });
    ledger.store(cp).await.unwrap();
    let mut cp = checkpoint(&run, 1, 0, EntryState::Started);
    cp.progress.to_mut().app_id = Some("0oa9".into());
    cp.name = Some(seen("0oa9"));
    ledger.store(cp).await.unwrap();
    ledger
        .store(checkpoint(&run, 4, 0, EntryState::Waiting))
        .await
        .unwrap();
    let memory = ledger
        .app_memory("https://x.okta.com", "0oa0")
        .await
        .unwrap();
    assert_eq!(memory.name.as_deref(), Some("okta_org2org"));
    assert_eq!(memory.hmac, Some([7; 32]));
    assert_eq!(
        ledger.targets(&run, OrgNo(0)).await.unwrap(),
        [
            target(EntryNo(0), google, FoundBy::Seen),
            target(EntryNo(1), App::Slack, FoundBy::Seen),
            target(EntryNo(2), google, unseen),
        ]
    );
    let ids = ledger.seen_apps("https://x.okta.com").await.unwrap();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert!(ids.contains("0oa0") && ids.contains("0oa9"));
    // Another org's app of the same id is another app.
    assert!(
        ledger
            .seen_apps("https://y.okta.com")
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        ledger.targets(&run, OrgNo(1)).await.unwrap(),
        [target(EntryNo(3), google, unseen)]
    );
}

async fn orgs_and_runs_are_updated(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = fixture
        .import("a.csv", &[entry("x", "0oa1"), entry("y", "0oa2")])
        .await;
    let spec = OrgSpec {
        url: "https://y.okta.com".into(),
        auth: Some(Auth::AccessToken(
            "file:token".to_owned().try_into().unwrap(),
        )),
        limits: Limits {
            share: Some(0.5),
            max_rps: None,
            max_in_flight: Some(4),
        },
        worker: std::collections::BTreeMap::new(),
        folder: None,
    };
    let stopped = Stopped {
        remedy: okta_rollout::failure::Remedy::Outside,
        details: ErrorDetails {
            message: "the API token is no longer valid".into(),
            hint: Some("renew it".into()),
            okta_error_code: Some("E0000011".into()),
            http_status: Some(401),
            ..ErrorDetails::default()
        },
    };
    let stats = OrgStats {
        requests: 1,
        rate_limited: 0,
        retries: 0,
        waited_ms: 70,
    };
    let ledger = &fixture.ledger;
    let lock = &lock_of(ledger, &run).await;
    ledger
        .set_orgs(lock, vec![(OrgNo(1), spec.clone())])
        .await
        .unwrap();
    ledger
        .set_stopped(lock, OrgNo(1), Some(stopped.clone()))
        .await
        .unwrap();
    ledger.add_stats(lock, OrgNo(1), stats).await.unwrap();
    ledger.add_stats(lock, OrgNo(1), stats).await.unwrap();

    ledger
        .set_finished(lock, Some(UnixMillis(9)))
        .await
        .unwrap();
    let orgs = ledger.orgs(&run).await.unwrap();
    assert_eq!((&orgs[1].spec, &orgs[1].stopped), (&spec, &Some(stopped)));
    assert_eq!((orgs[1].stats.requests, orgs[1].stats.waited_ms), (2, 140));
    assert_eq!((&orgs[0].spec, &orgs[0].stopped), (&org("x"), &None));
    assert_eq!(
        ledger.run(&run).await.unwrap().finished_at,
        Some(UnixMillis(9))
    );
    ledger.set_stopped(lock, OrgNo(1), None).await.unwrap();
    ledger.set_finished(lock, None).await.unwrap();
    assert_eq!(ledger.orgs(&run).await.unwrap()[1].stopped, None);
    assert_eq!(ledger.run(&run).await.unwrap().finished_at, None);
}

async fn checkpoints_that_build_on_each_other_store_the_same_as_those_that_look(backend: Backend) {
    let mut found = Vec::new();
    for carries in [true, false] {
        let fixture = Fixture::new(backend).await;
        let entries = [labelled("acme", App::Google, "x"), entry("acme", "0oa2")];
        let run = fixture.import("a.csv", &entries).await;
        let pending = fixture
            .ledger
            .load(&run, OrgNo(0), EntryState::Pending, None, 9);
        let mut stored = pending.await.unwrap()[0].stored;
        let known = |progress: Progress| Progress {
            app_id: Some("0oa1".into()),
            ..progress
        };
        let drifted = Progress {
            drift: vec![drift("connection.baseUrl")],
            ..known(Progress::default())
        };
        let story = [
            (EntryState::Started, known(Progress::default())),
            (EntryState::Started, drifted),
            (EntryState::Waiting, known(waiting_progress("s1"))),
            (EntryState::Waiting, known(waiting_progress("s2"))),
            (EntryState::Failed, known(Progress::default())),
            (EntryState::Done, known(Progress::default())),
        ];
        for (version, (state, progress)) in (0..).zip(story) {
            let mut cp = checkpoint(&run, 0, version, state);
            cp.stored = stored.filter(|_| carries);
            cp.progress = Cow::Owned(progress);
            cp.attempts = vec![call(version)];
            stored = Some(fixture.ledger.store(cp).await.unwrap());
            let (s1, s2) = (consent_of("0oa1", "s1"), consent_of("0oa1", "s2"));
            let consents = [
                fixture.ledger.consent(&s1).await,
                fixture.ledger.consent(&s2).await,
            ];
            let waits = consents.map(|found| matches!(found.unwrap(), ConsentState::Waiting(_)));
            let counts = fixture.ledger.counts(&run).await.unwrap();
            found.push((state, stored, waits, counts));
        }
        let chain: Vec<_> = (0..6).map(call).collect();
        assert_eq!(calls(&fixture.ledger, &run).await, [chain, vec![]]);
    }
    let (carried, looked) = found.split_at(6);
    assert_eq!(carried, looked);
    let waits: Vec<_> = carried.iter().map(|(_, _, waits, _)| *waits).collect();
    let (none, first, second) = ([false; 2], [true, false], [false, true]);
    assert_eq!(waits, [none, none, first, second, none, none]);
}

async fn only_the_failed_entries_that_are_wanted_are_tried_again(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let entries: Vec<_> = (0..6)
        .map(|n| entry(["x", "y"][n % 2], &format!("0oa{n}")))
        .collect();
    let run = fixture.import("a.csv", &entries).await;
    for no in 0..5 {
        let cp = checkpoint(&run, no, 0, EntryState::Failed);
        fixture.ledger.store(cp).await.unwrap();
    }
    let retried = fixture
        .ledger
        .retry_failed(&lock_of(&fixture.ledger, &run).await, |no| no.0 % 4 == 0)
        .await;
    assert_eq!(retried.unwrap(), 2);
    let mut failed = Vec::new();
    let mut apps = Vec::new();
    let each = |standing: Standing| {
        apps.push(standing.app);
        if standing.state == EntryState::Failed {
            failed.push(standing.no.0);
        }
    };
    fixture.ledger.for_each_standing(&run, each).await.unwrap();
    assert_eq!(failed, [1, 2, 3]);
    assert_eq!(apps, [App::Google; 6]);
    let counts = fixture.ledger.counts(&run).await.unwrap();
    assert_eq!((counts.failed, counts.entries()), (3, 6));
}

async fn calls_that_no_process_saw_end_are_known_over_all_runs(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let call = |sent_at, ended| InFlight {
        step: Step::CreateApp,
        sent_at,
        ended,
        link_before: None,
        credentials: None,
    };
    let mut runs = Vec::new();
    for (file, sent_at, ended, state) in [
        ("a.csv", 5, false, EntryState::Started),
        ("b.csv", 6, true, EntryState::Started),
        ("c.csv", 7, false, EntryState::Failed),
        ("d.csv", 8, false, EntryState::Started),
    ] {
        let run = fixture.import(file, &[entry("acme", "0oa1")]).await;
        let mut cp = checkpoint(&run, 0, 0, state);
        cp.progress.to_mut().in_flight = Some(call(UnixMillis(sent_at), ended));
        fixture.ledger.store(cp).await.unwrap();
        runs.push(run);
    }
    let calls = fixture.ledger.under_way().await.unwrap();
    let calls: Vec<_> = calls
        .iter()
        .map(|call| (&call.run, call.org_url.as_str(), call.sent_at))
        .collect();
    let url = "https://acme.okta.com";
    assert_eq!(
        calls,
        [
            (&runs[0], url, UnixMillis(5)),
            (&runs[3], url, UnixMillis(8))
        ]
    );
}

async fn what_an_org_s_entries_refer_to_is_known_however_many_stand_before_them(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let with_token = |org: &str, no: usize, token: &str| {
        let mut entry = entry(org, &format!("0oa{no}"));
        let connection = entry.connection.as_mut().unwrap();
        connection.profile.token = Some(token.to_owned().try_into().unwrap());
        entry
    };
    let mut entries: Vec<_> = (0..2_500)
        .map(|no| with_token("acme", no, "env:ACME"))
        .collect();
    entries.push(with_token("globex", 0, "env:GLOBEX"));
    let run = fixture.import("a.csv", &entries).await;
    let of = async |org| {
        let known = fixture.ledger.secrets(&run, org).await.unwrap();
        let mut known: Vec<_> = known
            .into_iter()
            .flat_map(|(no, all)| {
                all.into_iter()
                    .map(move |one| (no, one.as_str().to_owned()))
            })
            .collect();
        known.sort();
        known
    };
    assert_eq!(
        of(Some(OrgNo(0))).await,
        [(OrgNo(0), "env:ACME".to_owned())]
    );
    assert_eq!(
        of(Some(OrgNo(1))).await,
        [(OrgNo(1), "env:GLOBEX".to_owned())]
    );
    // Of all orgs those of the first entries.
    assert_eq!(of(None).await, [(OrgNo(0), "env:ACME".to_owned())]);
}

async fn two_handles_may_commit_to_one_run(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let entries: Vec<_> = (0..200).map(|n| entry("x", &format!("0oa{n}"))).collect();
    let run = fixture.import("a.csv", &entries).await;
    let second = fixture.another().await;
    let all = [&fixture.ledger, &second].map(|ledger| {
        let commits: Vec<_> = (0..200)
            .map(|no| {
                let (ledger, mut cp) = (ledger.clone(), checkpoint(&run, no, 0, EntryState::Done));
                // Both give the org its number; it gets one.
                cp.fingerprint = Some(Fingerprint {
                    org_url: "https://x.okta.com".into(),
                    app_id: format!("0oa{no}"),
                    hmac: Some([7; 32]),
                    key_id: [8; 8],
                });
                tokio::spawn(async move { ledger.store(cp).await })
            })
            .collect();
        futures_util::future::join_all(commits)
    });
    let mut won = vec![0; 200];
    for outcomes in futures_util::future::join_all(all).await {
        for (no, outcome) in outcomes.into_iter().enumerate() {
            match outcome.unwrap() {
                Ok(_) => won[no] += 1,
                Err(error) => assert!(matches!(error, LedgerError::Moved { .. }), "{error}"),
            }
        }
    }
    assert_eq!(won, vec![1; 200], "every entry moved once");
    for no in 0..200 {
        let id = format!("0oa{no}");
        let app = fixture.ledger.app_memory("https://x.okta.com", &id);
        assert_eq!(app.await.unwrap().hmac, Some([7; 32]));
    }
    assert_eq!(fixture.ledger.counts(&run).await.unwrap().unchanged, 200);
}

async fn a_run_is_checkpointed_by_whoever_holds_it(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let entries = ["0oa1", "0oa2"].map(|id| entry("acme", id));
    let run = fixture.import("a.csv", &entries).await;
    let second = fixture.another().await;
    let lock = fixture.ledger.lock_run(&run).await.unwrap();
    assert_eq!((lock.run(), Owner::Run(&lock).run()), (&run, &run));
    let done = |no| checkpoint(&run, no, 0, EntryState::Done).1;
    let stored = fixture.ledger.commit(Owner::Run(&lock), done(0));
    stored.await.unwrap();
    let row = second.entry(&run, EntryNo(0)).await.unwrap();
    assert_eq!((row.state, row.version), (EntryState::Done, 1));
    // The right to one entry is none to another.
    let right = right(&run, EntryNo(0));
    let moved = second.commit(Owner::Consent(&right), done(1)).await;
    assert!(matches!(moved, Err(LedgerError::Moved { .. })), "{moved:?}");
    let row = second.entry(&run, EntryNo(1)).await.unwrap();
    assert_eq!((row.state, row.version), (EntryState::Pending, 0));
    // Whoever has a part in it keeps it.
    let part = lock.clone();
    drop(lock);
    let held = second.lock_run(&run).await.unwrap_err();
    assert!(matches!(held, LedgerError::Held { .. }), "{held}");
    drop(part);
    assert!(!second.is_locked(&run).await.unwrap());
    drop(second.lock_run(&run).await.unwrap());
}

async fn what_made_an_app_so_is_named_by_run_and_number(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ledger = &fixture.ledger;
    let entries = ["0oa1", "0oa2"].map(|id| entry("acme", id));
    let first = fixture.import("a.csv", &entries).await;
    let second = fixture.import("a.csv", &entries[..1]).await;
    let url = "https://acme.okta.com";
    let like = async |run: &RunId, no, app_id: &str, like| {
        let mut cp = checkpoint(run, no, 0, EntryState::Done);
        cp.applied = Some(LastAppliedUpdate {
            org_url: url.to_owned(),
            app_id: app_id.to_owned(),
            like,
        });
        ledger.store(cp).await.unwrap();
    };
    let as_wanted = || LastAppliedChange::AsWanted {
        digest: [7; 16],
        connected: true,
    };
    like(&first, 0, "0oa1", as_wanted()).await;
    like(&first, 1, "0oa2", as_wanted()).await;
    like(&second, 0, "0oa1", LastAppliedChange::Moving).await;
    let of = |run: &RunId, no| Some((run.clone(), EntryNo(no)));
    for (app_id, wanted) in [
        ("0oa1", [of(&first, 0), of(&second, 0)]),
        ("0oa2", [of(&first, 1), None]),
        ("0oa3", [None, None]),
    ] {
        let app = ledger.app_memory(url, app_id).await.unwrap();
        assert_eq!(ledger.wishers(&app).await.unwrap(), wanted, "{app_id}");
    }
}

async fn what_another_process_changes_is_noticed(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = fixture.import("a.csv", &[entry("acme", "0oa1")]).await;
    let mut changes = pin!(fixture.ledger.changes().await.unwrap());
    let rows = fixture
        .ledger
        .load(&run, OrgNo(0), EntryState::Pending, None, 1)
        .await;
    let known = rows.unwrap().remove(0).known.unwrap();
    assert!(fixture.ledger.is_current(&known));
    let second = fixture.another().await;
    let started = checkpoint(&run, 0, 0, EntryState::Started);
    second.store(started).await.unwrap();
    changes.next().await.unwrap().unwrap();
    assert!(!fixture.ledger.is_current(&known));
}

async fn who_submits_a_consent_here_is_noticed_once_the_entry_is_free(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ledger = &fixture.ledger;
    let run = fixture.import("a.csv", &[entry("acme", "0oa1")]).await;
    let lock = ledger.lock_run(&run).await.unwrap();
    let mut changes = pin!(ledger.changes().await.unwrap());
    let mut noticed = async || {
        let next = changes.next();
        futures_util::FutureExt::now_or_never(next).is_some()
    };
    let OfRun(_, waiting) = waiting_on(&run, 0, 0, "s");
    ledger.commit(Owner::Run(&lock), waiting).await.unwrap();
    assert!(!noticed().await, "the run's owner knows");
    let mut sending = waiting_on(&run, 0, 1, "s");
    sending.state = EntryState::Started;
    sending.progress.to_mut().in_flight = Some(InFlight {
        step: Step::CompleteConsent,
        sent_at: UnixMillis(1),
        ended: false,
        link_before: None,
        credentials: None,
    });
    ledger.store(sending).await.unwrap();
    assert!(!noticed().await, "it is being submitted");
    let mut claimed = checkpoint(&run, 0, 2, EntryState::Started);
    claimed.due_at = Some(UnixMillis(1));
    ledger.store(claimed).await.unwrap();
    assert!(!noticed().await, "a fresh link is asked for");
    let free = checkpoint(&run, 0, 3, EntryState::Started);
    ledger.store(free).await.unwrap();
    assert!(noticed().await);
    assert!(!noticed().await);
}

async fn runs_that_something_is_left_to_do_in_are_the_last_of_their_files(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let ledger = &fixture.ledger;
    let unfinished = async || {
        let runs = ledger.unfinished_runs().await.unwrap();
        runs.into_iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert!(unfinished().await.is_empty());
    fixture.import("a.csv", &[entry("acme", "0oa1")]).await;
    let of_a = fixture.import("a.csv", &[entry("acme", "0oa1")]).await;
    let of_b = fixture.import("b.csv", &[entry("acme", "0oa1")]).await;
    assert_eq!(unfinished().await, [of_b.clone(), of_a.clone()]);
    let lock = ledger.lock_run(&of_b).await.unwrap();
    let held = async |runs: &[RunId]| fixture.another().await.held(runs).await.unwrap();
    let all = [of_a.clone(), of_b.clone()];
    assert_eq!(held(&all).await, [of_b.clone()].into());
    assert!(held(&all[..1]).await.is_empty());
    // What a stopped org holds back nobody moves.
    let stopped = Stopped {
        details: ErrorDetails::default(),
        remedy: okta_rollout::failure::Remedy::Outside,
    };
    let set = ledger.set_stopped(&lock, OrgNo(0), Some(stopped));
    set.await.unwrap();
    assert_eq!(unfinished().await, std::slice::from_ref(&of_a));
    ledger.set_stopped(&lock, OrgNo(0), None).await.unwrap();
    drop(lock);
    assert!(held(&all).await.is_empty());
    let done = checkpoint(&of_a, 0, 0, EntryState::Done);
    ledger.store(done).await.unwrap();
    assert_eq!(unfinished().await, [of_b]);
}
