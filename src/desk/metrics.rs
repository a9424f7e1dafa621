//! `/metrics`, as Prometheus reads it: what stands in the ledgers when it asks, so that it is as right after a crash, and
//! what calls of this process came to. Per org there are lines as long as orgs are few; of others, for who asks with
//! `?org=`.

use std::collections::{BTreeMap, BTreeSet};

use super::filter::Filter;
use super::jobs::{add, head, line};
use super::site::Site;
use crate::ledger::{Counts, Ledger, LedgerError};
use crate::pacing::unix_millis;
use crate::selection::fits;

/// Orgs that have lines of their own.
const ORGS: usize = 100;

/// Of the ledgers: the newest run of each file is counted.
#[derive(Default)]
struct Sums {
    entries: Counts,
    /// Of orgs that wait for a window: its bucket, and what is left of it.
    budgets: BTreeMap<String, (String, u64)>,
    waiting: u64,
    oldest_ms: Option<i64>,
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
    calls(&mut page, site, filter);
    budgets(&mut page, &sums, filter);
    waits(&mut page, site, filter);
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
            // Of runs that nobody works on no org waits.
            if ledger.is_locked(&run.id)? {
                for row in ledger.orgs(&run.id).await? {
                    let wait = row.wait.filter(|wait| wait.until > now);
                    let budget = wait.and_then(|wait| wait.bucket.zip(wait.left));
                    self.budgets.extend(budget.map(|budget| (row.name, budget)));
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

/// Orgs that have lines of their own: all where there are few, else those that are asked for.
fn shown<'a>(all: impl Iterator<Item = &'a str>, filter: &Filter) -> BTreeSet<&'a str> {
    let all: BTreeSet<_> = all.collect();
    let is_few = all.len() <= ORGS;
    let fits = |name: &&str| match &filter.org {
        Some(pattern) => fits(pattern, name),
        None => is_few,
    };
    all.into_iter().filter(fits).take(ORGS).collect()
}

/// Lines of a metric by org and another label; those of orgs that have none of their own are summed up.
fn by_org<'a>(
    page: &mut String,
    (name, label): (&str, &str),
    shown: &BTreeSet<&str>,
    values: impl Iterator<Item = (&'a str, String, u64)>,
    unit: impl Fn(u64) -> String,
) {
    let mut sums: BTreeMap<(&str, String), u64> = BTreeMap::new();
    for (org, other, value) in values {
        let org = if shown.contains(org) { org } else { "" };
        *sums.entry((org, other)).or_default() += value;
    }
    for ((org, other), value) in &sums {
        line(page, name, &[("org", org), (label, other)], unit(*value));
    }
}

fn calls(page: &mut String, site: &Site, filter: &Filter) {
    let counts = site.engine.gates().counts().seen();
    let shown = shown(counts.keys().map(|org| &**org), filter);
    let name = "okta_rollout_requests_total";
    head(
        page,
        name,
        "counter",
        "calls by the status of their answers, since the process began",
    );
    let statuses = counts.iter().flat_map(|(org, counts)| {
        let statuses = counts.by_status.iter();
        statuses.map(|(status, count)| {
            let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
            (&**org, status, *count)
        })
    });
    by_org(page, (name, "status"), &shown, statuses, |count| {
        count.to_string()
    });
    let name = "okta_rollout_rate_limited_total";
    head(
        page,
        name,
        "counter",
        "answers with status 429, by what they were for",
    );
    let limited = counts.iter().flat_map(|(org, counts)| {
        let kinds = [
            ("window", counts.window),
            ("concurrency", counts.concurrency),
        ];
        kinds.map(|(kind, count)| (&**org, kind.to_owned(), count))
    });
    by_org(page, (name, "kind"), &shown, limited, |count| {
        count.to_string()
    });
}

fn waits(page: &mut String, site: &Site, filter: &Filter) {
    let waited = site.counted.waited_ms(unix_millis());
    let shown = shown(waited.keys().map(|(org, _)| &**org), filter);
    let name = "okta_rollout_wait_seconds_total";
    head(
        page,
        name,
        "counter",
        "time that calls waited, by what for, since the process began",
    );
    let values = waited.iter();
    let values = values.map(|((org, reason), ms)| (&**org, (*reason).to_owned(), *ms));
    let seconds = |ms: u64| format!("{}.{:03}", ms / 1_000, ms % 1_000);
    by_org(page, (name, "reason"), &shown, values, seconds);
    let name = "okta_rollout_attempts_total";
    head(
        page,
        name,
        "counter",
        "attempts of steps since the process began",
    );
    for (step, count) in site.counted.attempts() {
        line(page, name, &[("step", step)], count);
    }
}

fn budgets(page: &mut String, sums: &Sums, filter: &Filter) {
    let shown = shown(sums.budgets.keys().map(String::as_str), filter);
    let name = "okta_rollout_budget_remaining";
    head(
        page,
        name,
        "gauge",
        "calls that are left of a window while its org waits",
    );
    for (org, (bucket, left)) in &sums.budgets {
        if shown.contains(org.as_str()) {
            line(page, name, &[("org", org), ("bucket", bucket)], left);
        }
    }
}
