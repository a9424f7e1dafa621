//! Notices of a run: which are said once, and which did not arrive.

use std::collections::HashMap;

use okta_rollout::ledger::{NewNotice, Repeats, Undelivered};
use okta_rollout::model::{RunId, UnixMillis};

use crate::support::{Backend, Fixture, entry};

on_each_backend! {
    what_is_said_once_is_said_again_only_when_it_is_known_to_have_failed,
    what_did_not_arrive_is_named_until_a_later_one_says_it,
    entries_of_delivered_notices_are_counted_by_org,
}

fn notice(id: &str, kind: &'static str, about: Option<&str>) -> NewNotice {
    NewNotice {
        id: id.to_owned(),
        kind,
        about: about.map(str::to_owned),
        entries: 3,
        at: UnixMillis(7),
        repeats: Repeats::Always,
    }
}

fn once(id: &str, org: &str) -> NewNotice {
    NewNotice {
        repeats: Repeats::Never,
        ..notice(id, "org.stopped", Some(org))
    }
}

async fn ends(fixture: &Fixture, id: &str, outcome: Result<(), &str>) {
    let outcome = outcome.map_err(str::to_owned);
    let ended = fixture
        .ledger
        .end_notice(id.to_owned(), UnixMillis(9), outcome);
    ended.await.unwrap();
}

async fn what_is_said_once_is_said_again_only_when_it_is_known_to_have_failed(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = fixture.import("m.csv", &[entry("acme", "0oa1")]).await;
    let begin = async |new: NewNotice| fixture.ledger.begin_notice(&run, new).await.unwrap();
    assert_eq!(begin(once("a", "acme")).await.as_deref(), Some("a"));
    // It may have arrived.
    assert_eq!(begin(once("b", "acme")).await, None);
    assert_eq!(begin(once("c", "globex")).await.as_deref(), Some("c"));
    ends(&fixture, "a", Err("HTTP 500")).await;
    assert_eq!(begin(once("d", "acme")).await.as_deref(), Some("a"));
    ends(&fixture, "a", Ok(())).await;
    assert_eq!(begin(once("e", "acme")).await, None);
    let nobody = RunId("zzzz".to_owned());
    let unknown = fixture.ledger.begin_notice(&nobody, once("f", "acme"));
    assert!(unknown.await.is_err());
}

async fn what_did_not_arrive_is_named_until_a_later_one_says_it(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = fixture.import("m.csv", &[entry("acme", "0oa1")]).await;
    for (id, kind, about, outcome) in [
        ("a", "run.interrupted", None, Some(Err("HTTP 500"))),
        ("b", "consent.needed", Some("acme"), Some(Err("HTTP 404"))),
        ("c", "consent.needed", Some("globex"), None),
        ("d", "org.stopped", Some("acme"), Some(Ok(()))),
    ] {
        let begun = fixture.ledger.begin_notice(&run, notice(id, kind, about));
        begun.await.unwrap();
        if let Some(outcome) = outcome {
            ends(&fixture, id, outcome).await;
        }
    }
    let missing = |kind: &str, about: Option<&str>, error: Option<&str>| Undelivered {
        kind: kind.to_owned(),
        about: about.map(str::to_owned),
        at: UnixMillis(7),
        error: error.map(str::to_owned),
    };
    let interrupted = missing("run.interrupted", None, Some("HTTP 500"));
    let acme = missing("consent.needed", Some("acme"), Some("HTTP 404"));
    let globex = missing("consent.needed", Some("globex"), None);
    let undelivered = async || fixture.ledger.undelivered(&run).await.unwrap();
    let all = [interrupted, acme.clone(), globex.clone()];
    assert_eq!(undelivered().await, all);
    for (id, kind, about) in [
        ("e", "run.finished", None),
        ("f", "consent.needed", Some("globex")),
    ] {
        let begun = fixture.ledger.begin_notice(&run, notice(id, kind, about));
        begun.await.unwrap();
        ends(&fixture, id, Ok(())).await;
    }
    assert_eq!(undelivered().await, [acme]);
    // Another run's are its own.
    let other = fixture.import("m.csv", &[entry("acme", "0oa1")]).await;
    assert_eq!(fixture.ledger.undelivered(&other).await.unwrap(), []);
}

async fn entries_of_delivered_notices_are_counted_by_org(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let run = fixture.import("m.csv", &[entry("acme", "0oa1")]).await;
    for (id, kind, about, outcome) in [
        ("a", "consent.needed", "acme", Ok(())),
        ("b", "consent.needed", "acme", Ok(())),
        ("c", "consent.needed", "acme", Err("HTTP 500")),
        ("d", "consent.needed", "globex", Ok(())),
        ("e", "org.stopped", "initech", Ok(())),
    ] {
        let begun = fixture
            .ledger
            .begin_notice(&run, notice(id, kind, Some(about)));
        begun.await.unwrap();
        ends(&fixture, id, outcome).await;
    }
    let notified = fixture.ledger.notified(&run, "consent.needed");
    let expected = [("acme".to_owned(), 6), ("globex".to_owned(), 3)];
    assert_eq!(notified.await.unwrap(), HashMap::from(expected));
}
