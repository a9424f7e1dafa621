//! Sums of orgs: entries by state, requests and waits.

use std::collections::HashMap;

use tokio_postgres::types::ToSql;

use super::session::{Connection, column};
use crate::ledger::Result;
use crate::ledger::stored::{Delta, code};
use crate::model::OrgNo;

/// What a transaction adds to orgs' sums, by run and org: written once at its end.
pub(super) type Sums = HashMap<(i64, OrgNo), Delta>;

pub(super) const SUMS: &str = "UPDATE org o SET requests = o.requests + d.requests, rate_limited = o.rate_limited + d.rate_limited,
         retries = o.retries + d.retries, waited_ms = o.waited_ms + d.waited_ms, pending = o.pending + d.pending,
         started = o.started + d.started, waiting = o.waiting + d.waiting, unchanged = o.unchanged + d.unchanged,
         changed = o.changed + d.changed, failed = o.failed + d.failed, deactivated = o.deactivated + d.deactivated
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                 $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[])
         AS d (run, no, requests, rate_limited, retries, waited_ms, pending, started, waiting, unchanged, changed, failed,
               deactivated)
     WHERE o.run = d.run AND o.no = d.no";

/// Adds to sums of orgs, by run and org.
pub(super) async fn add(session: &Connection, sums: &Sums) -> Result<()> {
    if sums.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = sums.iter().collect();
    let runs = column(&rows, |((seq, _), _)| *seq);
    let orgs = column(&rows, |((_, org), _)| *org);
    let added = column(&rows, |(_, delta)| delta.columns());
    let columns: Vec<Vec<i64>> = (0..5 + code::ALL)
        .map(|at| column(&added, |row| row[at]))
        .collect();
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&runs, &orgs];
    for column in &columns {
        params.push(column);
    }
    session.execute(SUMS, &params).await.map(drop)
}

/// As [`add`], of one org.
pub(super) async fn add_to_org(
    session: &Connection,
    (seq, org): (i64, OrgNo),
    delta: Delta,
) -> Result<()> {
    add(session, &HashMap::from([((seq, org), delta)])).await
}
