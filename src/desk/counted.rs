//! What this process was heard to do, for `/metrics`: attempts of steps, and what orgs waited for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::event::{EntryEvent, Event, EventKind, Listener, News, OrgEvent};
use crate::model::UnixMillis;

/// Orgs whose waits are counted apart.
const ORGS: usize = 10_000;

/// See the first lines of this file.
#[derive(Default)]
pub(super) struct Counted(Mutex<Sums>);

#[derive(Default)]
struct Sums {
    attempts: BTreeMap<&'static str, u64>,
    waited_ms: BTreeMap<(Arc<str>, &'static str), u64>,
    /// What orgs wait for now, and since when.
    waits: HashMap<Arc<str>, (&'static str, UnixMillis)>,
}

impl Counted {
    /// Counts what a process' listener hears, until nobody is left to say anything.
    pub async fn hear(&self, mut news: Listener) {
        while let Some(news) = news.next().await {
            if let News::Event(event) = news {
                self.0.lock().add(&event);
            }
        }
    }

    /// Attempts of each step.
    pub fn attempts(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().attempts.clone()
    }

    /// For how long each org waited for what, those that wait now until now.
    pub fn waited_ms(&self, now: UnixMillis) -> BTreeMap<(Arc<str>, &'static str), u64> {
        let sums = self.0.lock();
        let mut waited = sums.waited_ms.clone();
        for (org, (what, since)) in &sums.waits {
            *waited.entry((Arc::clone(org), what)).or_default() += ms(*since, now);
        }
        waited
    }
}

impl Sums {
    fn add(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Entry(_, EntryEvent::StepStarted { step }) => {
                *self.attempts.entry(step.name()).or_default() += 1;
            }
            EventKind::Org(org, OrgEvent::Waits { reason, .. }) => {
                self.end(org, event.at);
                if self.waits.len() < ORGS {
                    self.waits.insert(Arc::clone(org), (what(reason), event.at));
                }
            }
            EventKind::Org(org, OrgEvent::Continues | OrgEvent::Stopped(_)) => {
                self.end(org, event.at);
            }
            _ => {}
        }
    }

    fn end(&mut self, org: &Arc<str>, at: UnixMillis) {
        let Some((what, since)) = self.waits.remove(org) else {
            return;
        };
        let known =
            self.waited_ms.len() < ORGS || self.waited_ms.contains_key(&(Arc::clone(org), what));
        let org = if known { Arc::clone(org) } else { "".into() };
        *self.waited_ms.entry((org, what)).or_default() += ms(since, at);
    }
}

fn ms(since: UnixMillis, until: UnixMillis) -> u64 {
    u64::try_from(until.0.saturating_sub(since.0)).unwrap_or_default()
}

/// What is waited for, in one of few words.
fn what(reason: &str) -> &'static str {
    let known = [
        ("budget of ", "budget"),
        ("the org does not answer", "silence"),
        ("the org takes on no more calls", "concurrency"),
        ("maxRps", "rate"),
        ("calls before it", "queue"),
    ];
    let known = known.iter().find(|(begin, _)| reason.starts_with(begin));
    known.map_or("retry", |(_, what)| what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Events;

    #[tokio::test]
    async fn waits_are_counted_by_what_they_are_for() {
        let (counted, events) = (Counted::default(), Events::new());
        let (listener, acme) = (events.listen(), Arc::from("acme"));
        for reason in [
            "budget of /api/v1/apps: 0 of 45 left",
            "the org does not answer; trying it again soon",
        ] {
            events.org(&acme, || OrgEvent::Waits {
                reason: reason.to_owned(),
                for_how_long: None,
                until: None,
            });
        }
        drop(events);
        counted.hear(listener).await;
        let since = counted.0.lock().waits[&acme].1;
        let waited = counted.waited_ms(since.after(std::time::Duration::from_secs(5)));
        assert_eq!(waited[&(Arc::clone(&acme), "silence")], 5_000);
        assert!(waited.contains_key(&(acme, "budget")));
        assert_eq!(what("3 entries wait for their next try"), "retry");
    }
}
