//! Entries that came to wait for a consent, gathered by org: an org with many of them is a few notices. Pure: times are
//! given.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::EntryNo;

/// How long an org's entries are gathered before the first notice. Each notice after it waits twice as long as the one
/// before: an org whose limit lets one entry a second come to wait is not a notice a minute.
const FIRST: Duration = Duration::from_mins(1);

/// The longest that is gathered.
const LONGEST: Duration = Duration::from_hours(1);

/// Entries that nobody was notified of yet.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    orgs: HashMap<Arc<str>, Gathered>,
    due: BTreeSet<(Instant, Arc<str>)>,
}

#[derive(Debug)]
struct Gathered {
    entries: HashSet<EntryNo>,
    /// Those that are known by number only, of a process before or of events that were lost.
    others: u64,
    due: Option<Instant>,
    window: Duration,
}

impl Gathered {
    fn count(&self) -> u64 {
        self.others + self.entries.len() as u64
    }
}

impl Gathering {
    /// An entry waits.
    pub fn add(&mut self, org: &Arc<str>, entry: EntryNo, now: Instant) {
        self.begin(org, now).entries.insert(entry);
    }

    /// So many entries of an org wait that nobody was notified of, whichever.
    pub fn at_least(&mut self, org: &Arc<str>, entries: u64, now: Instant) {
        let known = self.orgs.get(org).map_or(0, Gathered::count);
        if entries > known {
            self.begin(org, now).others += entries - known;
        }
    }

    fn begin(&mut self, org: &Arc<str>, now: Instant) -> &mut Gathered {
        let gathered = self
            .orgs
            .entry(Arc::clone(org))
            .or_insert_with(|| Gathered {
                entries: HashSet::new(),
                others: 0,
                due: None,
                window: FIRST,
            });
        if gathered.due.is_none() {
            let due = now + gathered.window;
            gathered.due = Some(due);
            gathered.window = LONGEST.min(gathered.window * 2);
            self.due.insert((due, Arc::clone(org)));
        }
        gathered
    }

    /// When the next notice is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// The orgs whose notice is due by then, or all that have one, and how many entries it is about.
    pub fn take(&mut self, until: Option<Instant>) -> Vec<(Arc<str>, u64)> {
        let mut taken = Vec::new();
        while let Some((due, _)) = self.due.first()
            && until.is_none_or(|until| *due <= until)
            && let Some((_, org)) = self.due.pop_first()
        {
            if let Some(gathered) = self.orgs.get_mut(&org) {
                let count = gathered.count();
                gathered.due = None;
                gathered.others = 0;
                gathered.entries.clear();
                taken.push((org, count));
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_orgs_entries_are_gathered_for_longer_and_longer() {
        let (acme, globex): (Arc<str>, Arc<str>) = ("acme".into(), "globex".into());
        let begin = Instant::now();
        let mut gathering = Gathering::default();
        assert_eq!(gathering.next_due(), None);
        // One entry of each a second, for two hours.
        let mut notices = Vec::new();
        for second in 0..7_200 {
            let now = begin + Duration::from_secs(second);
            for (org, count) in gathering.take(Some(now)) {
                notices.push((second, org.to_string(), count));
            }
            let no = EntryNo(i64::try_from(second).unwrap());
            gathering.add(&acme, no, now);
            // Twice the same is one.
            gathering.add(&acme, no, now);
            if second == 30 {
                gathering.at_least(&globex, 4, now);
                gathering.at_least(&globex, 3, now);
                gathering.at_least(&globex, 5, now);
            }
        }
        let acme = |second, count| (second, "acme".to_owned(), count);
        assert_eq!(
            notices,
            [
                acme(60, 60),
                (90, "globex".to_owned(), 5),
                acme(180, 120),
                acme(420, 240),
                acme(900, 480),
                acme(1_860, 960),
                acme(3_780, 1_920),
            ]
        );
        let rest = gathering.take(None);
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].1, 7_200 - 3_780);
        assert_eq!(gathering.take(None), []);
    }
}
