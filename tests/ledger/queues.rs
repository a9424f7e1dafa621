//! Entries that stand in another org's queue: who finds them, whose line counts them, and who is charged for their calls.

use okta_rollout::ledger::{
    AppMemory, AppName, Counts, EntryRow, ImportEntry, InFlight, Ledger, OrgStats, Progress,
    UnderWay,
};
use okta_rollout::model::{
    EntryNo, EntryState, ErrorDetails, OrgNo, RunId, Step, Stopped, UnixMillis,
};

use crate::support::{Backend, Fixture, OfRun, Store as _, call, checkpoint, entry, new_run, org};

on_each_backend! {
    an_entry_is_in_one_queue_and_its_own_org_counts_it,
    calls_are_charged_to_the_org_that_was_called,
    what_an_org_holds_back_is_what_stands_in_its_queue,
    a_failed_entry_is_tried_again_where_it_failed,
    what_is_known_of_an_app_is_what_its_own_org_knows,
    a_call_under_way_is_in_the_org_that_was_called,
    a_checkpoint_that_comes_too_late_moves_nothing,
    hubs_are_known_from_the_import_on,
}

const OWN: OrgNo = OrgNo(0);
const HUB: OrgNo = OrgNo(1);

/// Entries 0 to 2 of `x`, and 3 of the hub.
async fn spokes(fixture: &Fixture) -> RunId {
    let entries = [
        entry("x", "0oa0"),
        entry("x", "0oa1"),
        entry("x", "0oa2"),
        entry("hub", "0oa3"),
    ];
    fixture.import("a.csv", &entries).await
}

fn moved(run: &RunId, no: i64, version: i64, to: Option<OrgNo>) -> OfRun {
    let mut moved = checkpoint(run, no, version, EntryState::Started);
    moved.queue = to;
    moved
}

async fn queue(ledger: &Ledger, run: &RunId, org: OrgNo, state: EntryState) -> Vec<i64> {
    let mut all = Vec::new();
    loop {
        // Two by two, so that pages end within each list.
        let page = ledger.load(run, org, state, all.last().copied().map(EntryNo), 2);
        let page = page.await.unwrap();
        if page.is_empty() {
            return all;
        }
        for row in &page {
            assert_eq!((row.stands_at(), row.state), (org, state));
        }
        all.extend(page.iter().map(|row| row.no.0));
    }
}

async fn counts(ledger: &Ledger, run: &RunId) -> [Counts; 2] {
    let by_org = ledger.counts_by_org(run).await.unwrap();
    assert_eq!([by_org[0].0, by_org[1].0], [OWN, HUB]);
    [by_org[0].1, by_org[1].1]
}

async fn an_entry_is_in_one_queue_and_its_own_org_counts_it(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = spokes(&fixture).await;
    for no in [0, 1, 3] {
        let to = (no != 3).then_some(HUB);
        fixture.ledger.store(moved(&run, no, 0, to)).await.unwrap();
    }
    // What is stored is not what a process remembers.
    let fixture = fixture.reopen().await;
    let ledger = &fixture.ledger;
    assert!(
        queue(ledger, &run, OWN, EntryState::Started)
            .await
            .is_empty()
    );
    assert_eq!(queue(ledger, &run, OWN, EntryState::Pending).await, [2]);
    assert_eq!(
        queue(ledger, &run, HUB, EntryState::Started).await,
        [0, 1, 3]
    );
    let [own, hub] = counts(ledger, &run).await;
    assert_eq!((own.started, own.pending, own.entries()), (2, 1, 3));
    assert_eq!((hub.started, hub.pending, hub.entries()), (1, 0, 1));
    let mut standings = Vec::new();
    let each = |standing: okta_rollout::ledger::Standing| {
        standings.push((standing.org, standing.queue));
    };
    ledger.for_each_standing(&run, each).await.unwrap();
    assert_eq!(
        standings,
        [(OWN, Some(HUB)), (OWN, Some(HUB)), (OWN, None), (HUB, None)]
    );
    // And back: loaded to be worked on, and looked up by the ledger itself.
    let loaded = ledger.load(&run, HUB, EntryState::Started, None, 1).await;
    let mut back = moved(&run, 0, 1, None);
    back.stored = loaded.unwrap()[0].stored;
    ledger.store(back).await.unwrap();
    let mut ended = checkpoint(&run, 1, 1, EntryState::Done);
    ended.progress.to_mut().changed = true;
    ledger.store(ended).await.unwrap();
    assert_eq!(queue(ledger, &run, OWN, EntryState::Started).await, [0]);
    assert_eq!(queue(ledger, &run, HUB, EntryState::Started).await, [3]);
    let [own, _] = counts(ledger, &run).await;
    assert_eq!((own.started, own.pending, own.changed), (1, 1, 1));
    let row: EntryRow = ledger.entry(&run, EntryNo(1)).await.unwrap();
    assert_eq!((row.org, row.queue), (OWN, None));
}

async fn calls_are_charged_to_the_org_that_was_called(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = spokes(&fixture).await;
    let stats = |requests| OrgStats {
        requests,
        rate_limited: 1,
        retries: 1,
        waited_ms: 7,
    };
    // Made where the entry stood, whatever follows.
    let ways = [(Some(HUB), 1), (Some(HUB), 10), (None, 100), (None, 1_000)];
    for (version, (to, requests)) in (0..).zip(ways) {
        let mut cp = moved(&run, 0, version, to);
        cp.attempts = vec![call(version)];
        cp.stats = stats(requests);
        fixture.ledger.store(cp).await.unwrap();
    }
    let orgs = fixture.ledger.orgs(&run).await.unwrap();
    let of = |requests| OrgStats {
        requests,
        rate_limited: 2,
        retries: 2,
        waited_ms: 14,
    };
    assert_eq!([orgs[0].stats, orgs[1].stats], [of(1_001), of(110)]);
    let calls = crate::support::calls(&fixture.ledger, &run).await;
    assert_eq!(calls[0], [0, 1, 2, 3].map(call));
}

async fn what_an_org_holds_back_is_what_stands_in_its_queue(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = spokes(&fixture).await;
    let ledger = &fixture.ledger;
    ledger.store(moved(&run, 0, 0, Some(HUB))).await.unwrap();
    let stopped = || {
        Some(Stopped {
            details: ErrorDetails::new("401", None),
            remedy: okta_rollout::failure::Remedy::Outside,
        })
    };
    // Of `x` three entries are unfinished, of which one stands in the hub; the hub has one of its own.
    for (own, hub, held_back) in [
        (false, false, [0, 0]),
        (false, true, [1, 1]),
        (true, true, [3, 1]),
        (true, false, [2, 0]),
    ] {
        let lock = crate::support::lock_of(ledger, &run).await;
        let set = |org, is| ledger.set_stopped(&lock, org, stopped().filter(|_| is));
        set(OWN, own).await.unwrap();
        set(HUB, hub).await.unwrap();
        let counted = counts(ledger, &run).await;
        assert_eq!(
            counted.map(|counts| counts.held_back),
            held_back,
            "{own} {hub}"
        );
        // Counted one by one it is the same.
        let all = ledger.stopped(&run).await.unwrap();
        let mut each = [Counts::default(); 2];
        ledger
            .for_each_standing(&run, |entry| each[entry.org.index()].add(&entry, &all))
            .await
            .unwrap();
        assert_eq!(each, counted);
    }
}

async fn a_failed_entry_is_tried_again_where_it_failed(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = spokes(&fixture).await;
    let ledger = &fixture.ledger;
    ledger.store(moved(&run, 0, 0, Some(HUB))).await.unwrap();
    let mut failed = moved(&run, 0, 1, Some(HUB));
    failed.state = EntryState::Failed;
    ledger.store(failed).await.unwrap();
    assert_eq!(queue(ledger, &run, HUB, EntryState::Failed).await, [0]);
    let lock = crate::support::lock_of(ledger, &run).await;
    let again = ledger.retry_failed(&lock, |_| true).await.unwrap();
    assert_eq!(again, 1);
    assert_eq!(queue(ledger, &run, HUB, EntryState::Pending).await, [0, 3]);
}

async fn what_is_known_of_an_app_is_what_its_own_org_knows(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = spokes(&fixture).await;
    let ledger = &fixture.ledger;
    for (org, name) in [("x", "okta_org2org"), ("hub", "another")] {
        let mut seen = moved(&run, 1, i64::from(org == "hub"), Some(HUB));
        seen.name = Some(AppName {
            org_url: format!("https://{org}.okta.com"),
            app_id: "0oa1".to_owned(),
            name: name.into(),
        });
        ledger.store(seen).await.unwrap();
    }
    let rows = ledger.load(&run, HUB, EntryState::Started, None, 5).await;
    let known = rows.unwrap()[0].known.clone().unwrap();
    let wanted = AppMemory {
        name: Some("okta_org2org".into()),
        ..AppMemory::default()
    };
    assert_eq!(known.app, wanted);
}

async fn a_call_under_way_is_in_the_org_that_was_called(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = spokes(&fixture).await;
    for (version, (to, url)) in (0..).zip([
        (Some(HUB), "https://hub.okta.com"),
        (None, "https://x.okta.com"),
    ]) {
        let mut sent = moved(&run, 0, version, to);
        sent.progress = std::borrow::Cow::Owned(Progress {
            in_flight: Some(InFlight {
                step: Step::CreateApp,
                sent_at: UnixMillis(5),
                ended: false,
                link_before: None,
                credentials: None,
            }),
            ..Progress::default()
        });
        fixture.ledger.store(sent).await.unwrap();
        let under_way = UnderWay {
            run: run.clone(),
            org_url: url.to_owned(),
            sent_at: UnixMillis(5),
        };
        assert_eq!(fixture.ledger.under_way().await.unwrap(), [under_way]);
    }
}

async fn a_checkpoint_that_comes_too_late_moves_nothing(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = spokes(&fixture).await;
    let ledger = &fixture.ledger;
    ledger.store(moved(&run, 0, 0, None)).await.unwrap();
    let mut late = moved(&run, 0, 0, Some(HUB));
    late.stats.requests = 1;
    ledger.store(late).await.unwrap_err();
    assert_eq!(ledger.entry(&run, EntryNo(0)).await.unwrap().queue, None);
    assert!(
        queue(ledger, &run, HUB, EntryState::Started)
            .await
            .is_empty()
    );
    let orgs = ledger.orgs(&run).await.unwrap();
    assert!(orgs.iter().all(|org| org.stats == OrgStats::default()));
}

async fn hubs_are_known_from_the_import_on(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let mut import = fixture.ledger.import(new_run("a.json")).await.unwrap();
    let orgs = ["x", "hub", "y"].map(|name| {
        let url = format!("https://{name}.okta.com");
        import.push_org(name, &url, &org(name)).unwrap()
    });
    import.note_hub(orgs[1]);
    import
        .push_entry(ImportEntry {
            row: 1,
            org: orgs[0],
            entry: &entry("x", "0oa1"),
        })
        .unwrap();
    let run = tokio::task::spawn_blocking(|| import.finish());
    let run = run.await.unwrap().unwrap();
    assert_eq!(fixture.ledger.hubs(&run).await.unwrap(), [orgs[1]]);
    let plain = spokes(&fixture).await;
    assert_eq!(fixture.ledger.hubs(&plain).await.unwrap(), []);
}
