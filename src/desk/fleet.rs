//! Who works on ledgers that several processes share, and on what: what this process holds, as it knows itself, and all of
//! them as their ledgers have it, so that any one's page shows all. Of partitions there are lines for who asks with
//! `?partition=`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::filter::Filter;
use super::jobs::seconds;
use super::numbers::{Kind, Numbers, number};
use crate::job::LedgerUrl;
use crate::ledger::{Holdings, Ledger, LedgerError, partition_of};
use crate::rollout::left::left;
use crate::selection::fits;

/// Processes that have lines of their own; others are summed up under no name.
const WORKERS: usize = 100;

/// What is left is looked for anew after so many times as long as that took: who asks often costs the database no more.
const SELDOM: u32 = 20;

/// What is left in each ledger, and until when that is good enough.
#[derive(Default)]
pub(super) struct Seen(Mutex<HashMap<LedgerUrl, (Parts, Instant)>>);

/// Partitions in which something is left.
type Parts = BTreeMap<u16, Part>;

/// All who work on a ledger, and what is left.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fleet {
    /// By process.
    workers: BTreeMap<String, Worker>,
    /// Those that somebody holds, and those in which something is left, each with who holds it (nobody: no name).
    partitions: BTreeMap<(u16, String), Part>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Worker {
    partitions: u64,
    orgs: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Part {
    /// Orgs in which something is left.
    orgs: BTreeSet<String>,
    entries: u64,
}

impl Seen {
    async fn left(&self, ledger: &Ledger) -> Result<Parts, LedgerError> {
        // Others who ask meanwhile are answered the same.
        let mut seen = self.0.lock().await;
        let begun = Instant::now();
        seen.retain(|_, (_, until)| *until > begun);
        if let Some((parts, _)) = seen.get(ledger.url()) {
            return Ok(parts.clone());
        }
        let mut parts = Parts::new();
        for run in ledger.unfinished_runs().await? {
            for left in left(ledger, &run).await? {
                let part = parts.entry(partition_of(&left.url)).or_default();
                part.entries += left.entries;
                part.orgs.insert(left.url);
            }
        }
        let until = Instant::now() + begun.elapsed() * SELDOM;
        seen.insert(ledger.url().clone(), (parts.clone(), until));
        Ok(parts)
    }
}

impl Fleet {
    /// Of this ledger; `None` = only one process at a time can work on it.
    pub async fn read(ledger: &Ledger, seen: &Seen) -> Result<Option<Self>, LedgerError> {
        if !ledger.is_shared() {
            return Ok(None);
        }
        let mut parts = seen.left(ledger).await?;
        let mut fleet = Self::default();
        for process in ledger.at_work(&[]).await? {
            let name = process.process().to_owned();
            let worker = fleet.workers.entry(name.clone()).or_default();
            for partition in process.partitions {
                let part = parts.remove(&partition).unwrap_or_default();
                worker.partitions += 1;
                worker.orgs += part.orgs.len() as u64;
                fleet.partitions.insert((partition, name.clone()), part);
            }
        }
        let unowned = parts.into_iter();
        let unowned = unowned.map(|(partition, part)| ((partition, String::new()), part));
        fleet.partitions.extend(unowned);
        Ok(Some(fleet))
    }

    /// Adds those of another ledger: partitions of each are numbered alike.
    pub fn merge(&mut self, other: Self) {
        for (name, of) in other.workers {
            let worker = self.workers.entry(name).or_default();
            worker.partitions += of.partitions;
            worker.orgs += of.orgs;
        }
        for (place, of) in other.partitions {
            let part = self.partitions.entry(place).or_default();
            part.entries += of.entries;
            part.orgs.extend(of.orgs);
        }
    }

    /// Adds what there is to say of them.
    pub fn add_to(&self, numbers: &Numbers, filter: &Filter) -> prometheus::Result<()> {
        let name = (
            "okta_rollout_workers",
            "processes that work on the ledgers, or wait for work",
        );
        let workers = [([], number(self.workers.len() as u64))];
        numbers.add(Kind::Gauge, name, [], workers)?;
        self.add_workers(numbers)?;
        let name = (
            "okta_rollout_partitions_unowned",
            "partitions that no process holds, although something in them can move",
        );
        let unowned = self.partitions.keys().filter(|(_, by)| by.is_empty());
        let unowned = number(unowned.count() as u64);
        numbers.add(Kind::Gauge, name, [], [([], unowned)])?;
        let Some(pattern) = &filter.partition else {
            return Ok(());
        };
        let partitions: Vec<_> = self
            .partitions
            .iter()
            .map(|((partition, by), part)| (partition.to_string(), by.as_str(), part))
            .filter(|(partition, ..)| fits(pattern, partition))
            .collect();
        let name = (
            "okta_rollout_partition_entries",
            "entries that can move without a person, by the partition of their org and the process that holds it",
        );
        let values = partitions
            .iter()
            .map(|(partition, by, part)| ([partition.as_str(), by], number(part.entries)));
        numbers.add(Kind::Gauge, name, ["partition", "worker"], values)
    }

    fn add_workers(&self, numbers: &Numbers) -> prometheus::Result<()> {
        let mut shown: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (no, (name, worker)) in self.workers.iter().enumerate() {
            let name = if no < WORKERS { name } else { "" };
            let (partitions, orgs) = shown.entry(name).or_default();
            *partitions += worker.partitions;
            *orgs += worker.orgs;
        }
        let name = (
            "okta_rollout_worker_partitions",
            "partitions that each process holds",
        );
        let partitions = shown.iter();
        let partitions = partitions.map(|(by, (count, _))| ([*by], number(*count)));
        numbers.add(Kind::Gauge, name, ["worker"], partitions)?;
        let name = (
            "okta_rollout_worker_orgs",
            "orgs of these partitions in which something can move",
        );
        let orgs = shown.iter();
        let orgs = orgs.map(|(by, (_, count))| ([*by], number(*count)));
        numbers.add(Kind::Gauge, name, ["worker"], orgs)
    }
}

/// Adds what this process holds and held, if it ever did.
pub(super) fn own(numbers: &Numbers) -> prometheus::Result<()> {
    Ledger::holdings().map_or(Ok(()), |holdings| add_holdings(numbers, holdings))
}

fn add_holdings(numbers: &Numbers, holdings: Holdings) -> prometheus::Result<()> {
    let name = (
        "okta_rollout_partitions",
        "partitions that this process holds, wants and does not hold, and of those asks others for",
    );
    let states = [
        ("held", holdings.held),
        ("wanted", holdings.wanted),
        ("asked", holdings.asked),
    ];
    let states = states.map(|(state, count)| ([state], number(count)));
    numbers.add(Kind::Gauge, name, ["state"], states)?;
    for (name, help, count) in [
        (
            "okta_rollout_partitions_taken_total",
            "partitions that this process took",
            holdings.taken,
        ),
        (
            "okta_rollout_partitions_given_up_total",
            "partitions that this process gave up in good order",
            holdings.given_up,
        ),
        (
            "okta_rollout_partitions_lost_total",
            "partitions that this process lost with its session",
            holdings.lost,
        ),
        (
            "okta_rollout_ledger_sessions_begun_total",
            "database sessions in which this process held something",
            holdings.sessions_begun,
        ),
        (
            "okta_rollout_ledger_sessions_lost_total",
            "database sessions that ended, or did not answer, under what was held",
            holdings.sessions_lost,
        ),
    ] {
        numbers.add(Kind::Counter, (name, help), [], [([], number(count))])?;
    }
    let name = (
        "okta_rollout_ledger_session_last_answer_timestamp_seconds",
        "when the database session last answered that everything is held in",
    );
    let answered = holdings.answered_at.map(|at| ([], seconds(at)));
    numbers.add(Kind::Gauge, name, [], answered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnixMillis;

    fn fleet(worker: &str, partition: u16, org: &str, entries: u64) -> Fleet {
        let part = Part {
            orgs: [org.to_owned()].into(),
            entries,
        };
        let of = Worker {
            partitions: 1,
            orgs: 1,
        };
        let workers = [(worker.to_owned(), of)];
        Fleet {
            workers: workers
                .into_iter()
                .filter(|(by, _)| !by.is_empty())
                .collect(),
            partitions: [((partition, worker.to_owned()), part)].into(),
        }
    }

    fn lines(numbers: &Numbers) -> Vec<String> {
        let page = numbers.page().unwrap();
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.trim_start_matches("okta_rollout_").to_owned())
            .collect()
    }

    #[test]
    fn all_are_summed_up_and_partitions_are_shown_to_who_asks() {
        let mut all = fleet("pid 1 on a", 7, "https://a", 3);
        all.merge(fleet("pid 1 on a", 7, "https://b", 2));
        all.merge(fleet("pid 1 on b", 12, "https://c", 1));
        all.merge(fleet("", 17, "https://d", 4));
        let said = |query: Option<&str>| {
            let numbers = Numbers::default();
            all.add_to(&numbers, &Filter::of(query)).unwrap();
            lines(&numbers)
        };
        let always = [
            "partitions_unowned 1",
            r#"worker_orgs{worker="pid 1 on a"} 2"#,
            r#"worker_orgs{worker="pid 1 on b"} 1"#,
            r#"worker_partitions{worker="pid 1 on a"} 2"#,
            r#"worker_partitions{worker="pid 1 on b"} 1"#,
            "workers 2",
        ];
        assert_eq!(said(None), always);
        let asked = [
            r#"partition_entries{partition="17",worker=""} 4"#,
            r#"partition_entries{partition="7",worker="pid 1 on a"} 5"#,
        ];
        assert_eq!(said(Some("partition=*7")), [&asked[..], &always].concat());
    }

    #[test]
    fn of_many_processes_the_last_are_one() {
        let mut all = Fleet::default();
        for no in 0..WORKERS + 2 {
            all.merge(fleet(&format!("pid {no:03} on a"), 1, "https://a", 1));
        }
        let numbers = Numbers::default();
        all.add_to(&numbers, &Filter::default()).unwrap();
        let lines = lines(&numbers);
        assert_eq!(lines.len(), 2 * (WORKERS + 1) + 2);
        let rest = r#"worker_partitions{worker=""} 2"#.to_owned();
        assert!(lines.contains(&rest), "{lines:?}");
    }

    #[test]
    fn what_this_process_holds_has_a_line_each() {
        let numbers = Numbers::default();
        let holdings = Holdings {
            held: 1,
            wanted: 2,
            asked: 3,
            taken: 4,
            given_up: 5,
            lost: 6,
            sessions_begun: 7,
            sessions_lost: 8,
            answered_at: Some(UnixMillis(1_767_323_045_006)),
        };
        add_holdings(&numbers, holdings).unwrap();
        assert_eq!(
            lines(&numbers),
            [
                "ledger_session_last_answer_timestamp_seconds 1767323045.006",
                "ledger_sessions_begun_total 7",
                "ledger_sessions_lost_total 8",
                r#"partitions{state="asked"} 3"#,
                r#"partitions{state="held"} 1"#,
                r#"partitions{state="wanted"} 2"#,
                "partitions_given_up_total 5",
                "partitions_lost_total 6",
                "partitions_taken_total 4",
            ]
        );
    }
}
