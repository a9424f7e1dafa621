//! `/metrics`, as Prometheus reads it: what stands in the ledgers when it asks, so that it is as right after a crash. Per
//! org there are lines as long as there are few; of one more, who asks for it with `?org=`.

use std::collections::BTreeMap;

use super::filter::Filter;
use super::jobs::{add, head, line};
use super::site::Site;
use crate::ledger::{Counts, Ledger, LedgerError, OrgStats};
use crate::pacing::unix_millis;

/// Orgs that have lines of their own.
const ORGS: usize = 100;

/// Runs of a ledger that are counted: the newest of each file.
#[derive(Default)]
struct Sums {
    entries: Counts,
    by_org: BTreeMap<String, Org>,
    waiting: u64,
    oldest_ms: Option<i64>,
}

#[derive(Default)]
struct Org {
    stats: OrgStats,
    budget: Option<(String, u64)>,
    waits: Option<String>,
}

/// The page; `filter` names orgs, where there are too many.
pub(super) async fn page(site: &Site, filter: &Filter) -> Result<String, LedgerError> {
    let mut sums = Sums::default();
    let (ledgers, waiting) = site.shelves.waiting().await?;
    sums.waiting = waiting.len() as u64;
    for ledger in &ledgers {
        sums.add(ledger).await?;
    }
    let mut page = String::new();
    build_info(&mut page);
    entries(&mut page, sums.entries);
    consents(&mut page, &sums);
    orgs(&mut page, &sums, filter);
    add(&mut page, &site.jobs.lock());
    Ok(page)
}

impl Sums {
    async fn add(&mut self, ledger: &Ledger) -> Result<(), LedgerError> {
        let oldest = ledger.oldest_consent().await?.map(|at| at.0);
        self.oldest_ms = self.oldest_ms.into_iter().chain(oldest).min();
        let mut seen = Vec::new();
        let now = unix_millis();
        for run in ledger.runs().await? {
            if run.failed.is_some() || seen.contains(&run.file_key) {
                continue;
            }
            let counts = ledger.counts(&run.id).await?;
            self.entries = [self.entries, counts].into_iter().sum();
            for row in ledger.orgs(&run.id).await? {
                let org = self.by_org.entry(row.name).or_default();
                org.stats.requests += row.stats.requests;
                org.stats.rate_limited += row.stats.rate_limited;
                org.stats.retries += row.stats.retries;
                org.stats.waited_ms += row.stats.waited_ms;
                if let Some(wait) = row.wait.filter(|wait| wait.until > now) {
                    org.budget = wait.bucket.zip(wait.left);
                    org.waits = Some(wait.reason);
                }
            }
            seen.push(run.file_key);
        }
        Ok(())
    }
}

fn build_info(page: &mut String) {
    let name = "okta_rollout_build_info";
    head(page, name, "gauge", "the version that answers");
    line(page, name, &[("version", env!("CARGO_PKG_VERSION"))], 1);
}

fn entries(page: &mut String, counts: Counts) {
    let name = "okta_rollout_entries";
    head(
        page,
        name,
        "gauge",
        "entries of the newest run of each file by state",
    );
    for (state, count) in [
        ("pending", counts.unfinished() + counts.carried_over),
        ("waiting", counts.waiting),
        ("changed", counts.changed),
        ("unchanged", counts.unchanged),
        ("failed", counts.failed),
    ] {
        line(page, name, &[("state", state)], count);
    }
}

fn consents(page: &mut String, sums: &Sums) {
    let name = "okta_rollout_consents_waiting";
    head(page, name, "gauge", "entries that wait for a consent");
    line(page, name, &[], sums.waiting);
    let name = "okta_rollout_consent_oldest_seconds";
    head(page, name, "gauge", "for how long the oldest of them waits");
    let oldest = sums
        .oldest_ms
        .map_or(0, |at| unix_millis().0.saturating_sub(at) / 1_000);
    line(page, name, &[], oldest.max(0));
}

type OfOrg = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Org) -> Option<String>,
);

const OF_ORG: [OfOrg; 3] = [
    (
        "okta_rollout_requests_total",
        "counter",
        "calls that were sent for the newest run of each file",
        |org| Some(org.stats.requests.to_string()),
    ),
    (
        "okta_rollout_rate_limited_total",
        "counter",
        "answers with status 429",
        |org| Some(org.stats.rate_limited.to_string()),
    ),
    (
        "okta_rollout_wait_seconds_total",
        "counter",
        "time that calls waited for budgets, caps or a reset",
        |org| {
            let ms = org.stats.waited_ms;
            Some(format!("{}.{:03}", ms / 1_000, ms % 1_000))
        },
    ),
];

fn orgs(page: &mut String, sums: &Sums, filter: &Filter) {
    let wanted = |name: &str| {
        let is_asked_for = filter.org.is_some();
        let is_few = sums.by_org.len() <= ORGS;
        (is_asked_for || is_few)
            && filter
                .org
                .as_ref()
                .is_none_or(|org| crate::selection::fits(org, name))
    };
    let shown: Vec<_> = sums
        .by_org
        .iter()
        .filter(|(name, _)| wanted(name))
        .take(ORGS)
        .collect();
    let mut all = Org::default();
    for org in sums.by_org.values() {
        all.stats.requests += org.stats.requests;
        all.stats.rate_limited += org.stats.rate_limited;
        all.stats.waited_ms += org.stats.waited_ms;
    }
    for (name, kind, help, value) in OF_ORG {
        head(page, name, kind, help);
        if shown.is_empty() {
            // Whoever wants one of ten thousand asks for it.
            line(page, name, &[("org", "")], value(&all).unwrap_or_default());
        }
        for (org, of) in &shown {
            line(page, name, &[("org", org)], value(of).unwrap_or_default());
        }
    }
    let name = "okta_rollout_budget_remaining";
    head(
        page,
        name,
        "gauge",
        "calls that are left of a window while its org waits",
    );
    for (org, of) in &shown {
        if let Some((bucket, left)) = &of.budget {
            line(page, name, &[("org", org), ("bucket", bucket)], left);
        }
    }
}
