//! The key of the fingerprints is not in the database, and all processes have the same.

use std::path::Path;

use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{
    Fingerprint, Forgetting, KeyId, Ledger, LedgerError, OpenMode, Rotation,
};
use okta_rollout::model::EntryState;

use crate::support::{Backend, Fixture, Store as _, checkpoint, entry, lock_of};

const NEW: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const NEWER: &str = "2222222222222222222222222222222222222222222222222222222222222222";

async fn open(url: &str) -> Ledger {
    let url: LedgerUrl = url.parse().unwrap();
    Ledger::open(&url, OpenMode::ReadWrite).await.unwrap()
}

/// The same ledger with what is in that file as its key.
async fn with_key(fixture: &Fixture, file: &Path, text: &str) -> Ledger {
    std::fs::write(file, text).unwrap();
    let place = fixture.server_address();
    open(&format!("{place}?key=file:{}", file.display())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_than_the_others_have_is_refused() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let file = fixture.folder.path().join("other.key");
    let reading = Ledger::open(&fixture.url(), OpenMode::ReadOnly).await;
    let unused = reading.unwrap().keys().await.err().unwrap();
    assert!(matches!(unused, LedgerError::ReadOnly { .. }), "{unused}");
    assert!(fixture.ledger.made_share_key().await.unwrap().is_none());
    let id = fixture.ledger.keys().await.unwrap().current.id();
    let again = fixture.another().await;
    assert_eq!(again.keys().await.unwrap().current.id(), id);
    for (text, says) in [
        (NEW, "not the one that it is used with"),
        ("", "empty"),
        ("12", "is not a key of 64 hexadecimal digits"),
        (&NEW[1..], "is not a key of 64 hexadecimal digits"),
        (
            &NEW.replace('1', "x"),
            "is not a key of 64 hexadecimal digits",
        ),
        (&format!("{NEW} {NEW} {NEW}"), "or two of them"),
    ] {
        let other = with_key(&fixture, &file, text).await;
        let error = other.keys().await.err().unwrap().to_string();
        assert!(error.contains(says), "{error}");
        assert!(
            !error.contains("1111") && !error.contains("xxxx"),
            "{error}"
        );
        // No link is good, and none is made.
        assert!(other.share_key().await.is_err());
    }
    let stored = fixture.sql("SELECT encode(key_check, 'hex') FROM ledger");
    let key = std::fs::read_to_string(fixture.folder.path().join("ledger.key")).unwrap();
    assert!(stored.len() == 64 && stored != key.trim());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_no_key_is_told_how_to_make_one() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let address = format!(
        "{}?key=env:OKTA_ROLLOUT_NO_SUCH_KEY",
        fixture.server_address()
    );
    let none = open(&address).await;
    let error = none.keys().await.err().unwrap();
    assert!(
        error.to_string().contains("OKTA_ROLLOUT_NO_SUCH_KEY"),
        "{error}"
    );
    assert!(
        error.hint().contains("openssl rand -hex 32"),
        "{}",
        error.hint()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_takes_the_place_of_the_one_that_stands_after_it() {
    let fixture = Fixture::new(Backend::Postgres).await;
    let ledger = &fixture.ledger;
    let rotate = async |ledger: &Ledger, forgetting| ledger.rotate_key(forgetting).await;
    let made = rotate(ledger, Forgetting::Refused).await;
    assert_eq!(made.unwrap(), None);
    let first = ledger.keys().await.unwrap().current.id();
    let run = fixture.import("a.csv", &[entry("x", "0oa1")]).await;
    let mut done = checkpoint(&run, 0, 0, EntryState::Done);
    done.fingerprint = Some(fingerprint(first));
    ledger.store(done).await.unwrap();
    let alone = rotate(ledger, Forgetting::Refused).await.unwrap_err();
    assert!(alone.to_string().contains("no new key yet"), "{alone}");

    let file = fixture.folder.path().join("ledger.key");
    let old = std::fs::read_to_string(&file).unwrap();
    let both = with_key(&fixture, &file, &format!("{NEW}\n{old}\n")).await;
    // It is not used before that is said.
    let keys = both.keys().await.unwrap();
    let old_id = keys.old.map(|key| key.id());
    assert_eq!((keys.current.id(), old_id.is_some()), (first, true));
    let lock = lock_of(ledger, &run).await;
    let held = rotate(&both, Forgetting::Refused).await.unwrap_err();
    assert!(matches!(held, LedgerError::Held { .. }), "{held}");
    drop(lock);
    let rotation = rotate(&both, Forgetting::Refused).await.unwrap();
    let wanted = |to_renew, forgotten| {
        Some(Rotation {
            to_renew,
            forgotten,
        })
    };
    assert_eq!(rotation, wanted(1, 0));
    let keys = both.keys().await.unwrap();
    assert_eq!(Some(keys.current.id()), old_id);
    assert!(keys.knows(first));

    // What was not renewed would be forgotten by the next one.
    let next = with_key(&fixture, &file, &format!("{NEWER}\n{NEW}")).await;
    let refused = rotate(&next, Forgetting::Refused).await.unwrap_err();
    assert!(
        matches!(
            refused,
            LedgerError::KeyInUse {
                fingerprints: 1,
                ..
            }
        ),
        "{refused}"
    );
    assert_eq!(next.keys().await.unwrap().current.id(), keys.current.id());
    let rotation = rotate(&next, Forgetting::Allowed).await.unwrap();
    assert_eq!(rotation, wanted(0, 1));
    let memory = next.app_memory("https://x.okta.com", "0oa1").await.unwrap();
    assert_eq!((memory.hmac, memory.key_id), (None, None));
}

fn fingerprint(key_id: KeyId) -> Fingerprint {
    Fingerprint {
        org_url: "https://x.okta.com".to_owned(),
        app_id: "0oa1".to_owned(),
        hmac: Some([7; 32]),
        key_id,
    }
}
