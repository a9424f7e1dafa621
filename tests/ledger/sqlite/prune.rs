//! What dropping old runs leaves in the file.

use okta_rollout::ledger::OpenOptions;

use crate::prune::{beyond, ended, left, prune};
use crate::support::Fixture;

#[tokio::test]
async fn freed_space_is_used_again_and_vacuum_gives_it_back() {
    let fixture = Fixture::with(OpenOptions::default()).await;
    let mut sizes = Vec::new();
    for night in 0..6 {
        ended(&fixture.ledger, "a.csv", 90 - night, 400).await;
        prune(&fixture.ledger, beyond(2)).await;
        let sql = rusqlite::Connection::open(fixture.path()).unwrap();
        let pages: i64 = sql
            .query_row("PRAGMA page_count", [], |row| row.get(0))
            .unwrap();
        sizes.push(pages);
    }
    // Three runs at most were there at once.
    assert!(sizes[5] <= sizes[2] + sizes[2] / 20, "{sizes:?}");
    prune(&fixture.ledger, beyond(1)).await;
    let last = left(&fixture.ledger).await;
    let calls = fixture.count("call");
    let freed = fixture.ledger.vacuum().await.unwrap();
    assert!(freed > 0);
    let (page, pages) = (4_096, sizes[5].unsigned_abs());
    let size = std::fs::metadata(fixture.path()).unwrap().len();
    assert_eq!(size, pages * page - freed);
    // It is the same ledger, and can be worked with.
    assert_eq!(left(&fixture.ledger).await, last);
    assert_eq!(fixture.count("call"), calls);
    ended(&fixture.ledger, "b.csv", 1, 10).await;
    let fixture = fixture.reopen().await;
    assert_eq!(left(&fixture.ledger).await.len(), 2);
}
