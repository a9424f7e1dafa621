//! `/metrics`, as Prometheus reads it: what stands in the ledgers when it asks, so that it is as right after a crash, and
//! what calls of this process came to. Per org there are lines as long as orgs are few; of others, for who asks with
//! `?org=`, as of partitions with `?partition=`.

use std::collections::{BTreeMap, BTreeSet};

use super::filter::Filter;
use super::fleet::{self, Fleet};
use super::jobs::add;
use super::numbers::{Kind, Numbers, number};
use super::site::Site;
use crate::ledger::{Counts, Ledger, LedgerError};
use crate::model::UnixMillis;
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
    oldest: Option<UnixMillis>,
    /// Of ledgers that several share.
    fleet: Option<Fleet>,
    /// Ledgers of which something is not counted.
    unreadable: u64,
}

/// The page; `filter` names orgs, where there are too many.
pub(super) async fn page(site: &Site, filter: &Filter) -> prometheus::Result<String> {
    let mut sums = Sums::default();
    let looked = site.shelves.all().await;
    sums.unreadable = looked.unread().count() as u64;
    for ledger in &looked.ledgers {
        let mut of_ledger = Sums::default();
        match of_ledger.read(site, ledger).await {
            Ok(()) => sums.add(of_ledger),
            Err(_) => sums.unreadable += 1,
        }
    }
    if sums.unreadable > 0 {
        site.shelves.close_broken().await;
    }
    said(site, filter, &sums)
}

fn said(site: &Site, filter: &Filter, sums: &Sums) -> prometheus::Result<String> {
    let numbers = Numbers::default();
    build_info(&numbers)?;
    entries(&numbers, sums.entries)?;
    consents(&numbers, sums)?;
    calls(&numbers, site, filter)?;
    budgets(&numbers, sums, filter)?;
    waits(&numbers, site, filter)?;
    fleet::own(&numbers)?;
    if let Some(fleet) = &sums.fleet {
        fleet.add_to(&numbers, filter)?;
    }
    add(&numbers, &site.jobs.lock())?;
    numbers.page()
}

impl Sums {
    async fn read(&mut self, site: &Site, ledger: &Ledger) -> Result<(), LedgerError> {
        let waiting = ledger.waiting().await?;
        let ours = waiting.iter().filter(|one| site.shelves.has(&one.run));
        self.waiting = ours.count() as u64;
        self.oldest = site.shelves.oldest(ledger).await?;
        let mut seen = Vec::new();
        let now = unix_millis();
        for run in ledger.runs().await? {
            if run.failed.is_some() || seen.contains(&run.file_key) {
                continue;
            }
            let counts = ledger.counts(&run.id).await?;
            self.entries = [self.entries, counts].into_iter().sum();
            // Of runs that nobody works on no org waits.
            if ledger.is_locked(&run.id).await? {
                for row in ledger.orgs(&run.id).await? {
                    let wait = row.wait.filter(|wait| wait.until > now);
                    let budget = wait.and_then(|wait| wait.bucket.zip(wait.left));
                    self.budgets.extend(budget.map(|budget| (row.name, budget)));
                }
            }
            seen.push(run.file_key);
        }
        self.fleet = Fleet::read(ledger, &site.fleet).await?;
        Ok(())
    }

    fn add(&mut self, of: Self) {
        self.entries = [self.entries, of.entries].into_iter().sum();
        self.budgets.extend(of.budgets);
        self.waiting += of.waiting;
        self.oldest = self.oldest.into_iter().chain(of.oldest).min();
        self.unreadable += of.unreadable;
        if let Some(fleet) = of.fleet {
            self.fleet.get_or_insert_default().merge(fleet);
        }
    }
}

fn build_info(numbers: &Numbers) -> prometheus::Result<()> {
    let name = ("okta_rollout_build_info", "the version that answers");
    let value = ([env!("CARGO_PKG_VERSION")], 1.0);
    numbers.add(Kind::Gauge, name, ["version"], [value])
}

fn entries(numbers: &Numbers, counts: Counts) -> prometheus::Result<()> {
    let name = (
        "okta_rollout_entries",
        "entries of the newest run of each file by state",
    );
    let values = [
        ("pending", counts.unfinished() + counts.carried_over),
        ("waiting", counts.waiting),
        ("changed", counts.changed),
        ("unchanged", counts.unchanged),
        ("failed", counts.failed),
    ];
    let values = values.map(|(state, count)| ([state], number(count)));
    numbers.add(Kind::Gauge, name, ["state"], values)
}

fn consents(numbers: &Numbers, sums: &Sums) -> prometheus::Result<()> {
    let name = (
        "okta_rollout_consents_waiting",
        "entries that wait for a consent",
    );
    numbers.add(Kind::Gauge, name, [], [([], number(sums.waiting))])?;
    let name = (
        "okta_rollout_consent_oldest_seconds",
        "for how long the oldest of them waits",
    );
    let now = unix_millis();
    let oldest = sums.oldest.map_or(0, |at| now.ahead_of(at).as_secs());
    numbers.add(Kind::Gauge, name, [], [([], number(oldest))])?;
    let name = (
        "okta_rollout_ledgers_unreadable",
        "ledgers that cannot be read: nothing of them is counted",
    );
    numbers.add(Kind::Gauge, name, [], [([], number(sums.unreadable))])
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

/// Adds a counter by org and another label; orgs that have no lines of their own are summed up.
fn by_org<'a>(
    numbers: &Numbers,
    name: (&str, &str),
    label: &str,
    shown: &BTreeSet<&str>,
    values: impl Iterator<Item = (&'a str, String, f64)>,
) -> prometheus::Result<()> {
    let mut sums: BTreeMap<(&str, String), f64> = BTreeMap::new();
    for (org, other, value) in values {
        let org = if shown.contains(org) { org } else { "" };
        *sums.entry((org, other)).or_default() += value;
    }
    let values = sums
        .iter()
        .map(|((org, other), value)| ([*org, other.as_str()], *value));
    numbers.add(Kind::Counter, name, ["org", label], values)
}

fn calls(numbers: &Numbers, site: &Site, filter: &Filter) -> prometheus::Result<()> {
    let counts = site.engine.gates().counts().seen();
    let shown = shown(counts.keys().map(|org| &**org), filter);
    let name = (
        "okta_rollout_requests_total",
        "calls by the status of their answers, since the process began",
    );
    let statuses = counts.iter().flat_map(|(org, counts)| {
        let statuses = counts.by_status.iter();
        statuses.map(|(status, count)| {
            let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
            (&**org, status, number(*count))
        })
    });
    by_org(numbers, name, "status", &shown, statuses)?;
    let name = (
        "okta_rollout_rate_limited_total",
        "answers with status 429, by what they were for",
    );
    let limited = counts.iter().flat_map(|(org, counts)| {
        let kinds = [
            ("window", counts.window),
            ("concurrency", counts.concurrency),
        ];
        kinds.map(|(kind, count)| (&**org, kind.to_owned(), number(count)))
    });
    by_org(numbers, name, "kind", &shown, limited)
}

fn waits(numbers: &Numbers, site: &Site, filter: &Filter) -> prometheus::Result<()> {
    let waited = site.counted.waited();
    let shown = shown(waited.keys().map(|(org, _)| &**org), filter);
    let name = (
        "okta_rollout_wait_seconds_total",
        "time that calls waited, by what for, since the process began",
    );
    let values = waited
        .iter()
        .map(|((org, reason), long)| (&**org, (*reason).to_owned(), long.as_secs_f64()));
    by_org(numbers, name, "reason", &shown, values)?;
    let name = (
        "okta_rollout_attempts_total",
        "attempts of steps since the process began",
    );
    let attempts = site.counted.attempts();
    let attempts = attempts
        .into_iter()
        .map(|(step, count)| ([step], number(count)));
    numbers.add(Kind::Counter, name, ["step"], attempts)
}

fn budgets(numbers: &Numbers, sums: &Sums, filter: &Filter) -> prometheus::Result<()> {
    let shown = shown(sums.budgets.keys().map(String::as_str), filter);
    let name = (
        "okta_rollout_budget_remaining",
        "calls that are left of a window while its org waits",
    );
    let values = sums.budgets.iter().filter_map(|(org, (bucket, left))| {
        let org = *shown.get(org.as_str())?;
        Some(([org, bucket.as_str()], number(*left)))
    });
    numbers.add(Kind::Gauge, name, ["org", "bucket"], values)
}
