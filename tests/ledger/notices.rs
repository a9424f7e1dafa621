//! Notices of a run: which are said once, and which did not arrive.

use std::collections::HashMap;

use okta_rollout::ledger::{CutNotice, NewNotice, Repeats, Undelivered};
use okta_rollout::model::{RunId, UnixMillis};

use crate::support::{Backend, Fixture, entry};

on_each_backend! {
    what_is_said_once_is_said_again_only_when_it_is_known_to_have_failed,
    what_did_not_arrive_is_named_until_a_later_one_says_it,
    entries_of_delivered_notices_are_counted_by_org,
    what_was_cut_off_is_taken_once_by_whoever_works_on_the_file,
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

async fn what_was_cut_off_is_taken_once_by_whoever_works_on_the_file(backend: Backend) {
    let fixture = Fixture::new(backend).await;
    let one = fixture.import("m.csv", &[entry("acme", "0oa1")]).await;
    let other = fixture.import("other.csv", &[entry("acme", "0oa1")]).await;
    let key = async |run: &RunId| fixture.ledger.run(run).await.unwrap().file_key;
    let (of_one, of_other) = (key(&one).await, key(&other).await);
    let take = async |key: &str| fixture.ledger.take_notices(key).await.unwrap();
    assert_eq!(take(&of_one).await, []);
    for (run, id, kind, about) in [
        (&one, "a", "run.interrupted", None),
        (&one, "b", "org.stopped", Some("acme")),
        (&one, "c", "wave.halted", Some("wave 1")),
        (&other, "d", "run.finished", None),
        (&one, "e", "wave.halted", Some("wave 2")),
        (&one, "f", "run.finished", None),
    ] {
        let begun = fixture.ledger.begin_notice(run, notice(id, kind, about));
        begun.await.unwrap();
    }
    // It was delivered in the last moment; the end says what the interrupt said.
    ends(&fixture, "e", Ok(())).await;
    ends(&fixture, "f", Ok(())).await;
    let cut = ["a", "b", "c", "d", "e"].map(|id| (id.to_owned(), id.as_bytes().to_vec()));
    fixture.ledger.keep_notices(cut.to_vec()).await.unwrap();
    let kept = |id: &str, kind: &str| CutNotice {
        id: id.to_owned(),
        kind: kind.to_owned(),
        body: id.as_bytes().to_vec(),
    };
    let wanted = [kept("b", "org.stopped"), kept("c", "wave.halted")];
    assert_eq!(take(&of_one).await, wanted);
    assert_eq!(take(&of_one).await, []);
    // Until they are delivered, they are named.
    ends(&fixture, "b", Ok(())).await;
    let missing = fixture.ledger.undelivered(&one).await.unwrap();
    let missing: Vec<_> = missing.iter().map(|notice| notice.kind.as_str()).collect();
    assert_eq!(missing, ["wave.halted"]);
    let fixture = fixture.reopen().await;
    let taken = fixture.ledger.take_notices(&of_other).await.unwrap();
    assert_eq!(taken, [kept("d", "run.finished")]);
}
