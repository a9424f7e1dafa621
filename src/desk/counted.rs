//! What this process was heard to do, for `/metrics`: attempts of steps, and what orgs waited for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::event::{EntryEvent, Event, EventKind, Listener, News, OrgEvent, RunEvent};
use crate::model::RunId;

/// Orgs whose waits are counted apart.
const ORGS: usize = 10_000;

/// See the first lines of this file.
#[derive(Default)]
pub(super) struct Counted(Mutex<Sums>);

/// For how long each org waited for what.
pub(super) type Waited = BTreeMap<(Arc<str>, &'static str), Duration>;

#[derive(Default)]
struct Sums {
    attempts: BTreeMap<&'static str, u64>,
    waited: Waited,
    /// What orgs wait for now.
    waits: HashMap<Arc<str>, Wait>,
}

/// By a clock that nobody sets.
struct Wait {
    what: &'static str,
    since: Instant,
    /// When it is over if nothing more is heard, if that is known.
    until: Option<Instant>,
    /// Whose calls wait: runs share an org, and what each of them says of it is one wait.
    runs: HashSet<Option<Arc<RunId>>>,
}

impl Wait {
    fn lasted(&self, now: Instant) -> Duration {
        let end = self.until.map_or(now, |until| until.min(now));
        end.saturating_duration_since(self.since)
    }
}

impl Counted {
    /// Counts what a process' listener hears, until nobody is left to say anything.
    pub async fn hear(&self, mut news: Listener) {
        while let Some(news) = news.next().await {
            let now = Instant::now();
            match news {
                News::Event(event) => self.0.lock().add(&event, now),
                // Whether they continue may be among what was not heard.
                News::Lagged(_) => self.0.lock().end_where(now, |_| true),
            }
        }
    }

    /// Attempts of each step.
    pub fn attempts(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().attempts.clone()
    }

    /// For how long each org waited for what, those that wait now until now.
    pub fn waited(&self) -> Waited {
        let (sums, now) = (self.0.lock(), Instant::now());
        let mut waited = sums.waited.clone();
        for (org, wait) in &sums.waits {
            let of_org = waited.entry((Arc::clone(org), wait.what)).or_default();
            *of_org += wait.lasted(now);
        }
        waited
    }
}

impl Sums {
    fn add(&mut self, event: &Event, now: Instant) {
        match &event.kind {
            EventKind::Entry(_, EntryEvent::StepStarted { step }) => {
                *self.attempts.entry(step.name()).or_default() += 1;
            }
            EventKind::Org(
                org,
                OrgEvent::Waits {
                    reason,
                    for_how_long,
                    ..
                },
            ) => {
                self.begin(org, event.run.clone(), (what(reason), *for_how_long), now);
            }
            EventKind::Org(org, OrgEvent::Continues | OrgEvent::Stopped(_)) => {
                self.leave(event.run.as_ref(), now, |of| of == org);
            }
            EventKind::Run(RunEvent::Ended) => self.leave(event.run.as_ref(), now, |_| true),
            _ => {}
        }
    }

    fn begin(
        &mut self,
        org: &Arc<str>,
        run: Option<Arc<RunId>>,
        (what, ahead): (&'static str, Option<Duration>),
        now: Instant,
    ) {
        let before = self.end(org, now);
        if self.waits.len() < ORGS {
            let mut runs = before.map(|wait| wait.runs).unwrap_or_default();
            runs.insert(run);
            let wait = Wait {
                what,
                since: now,
                until: ahead.map(|ahead| now + ahead),
                runs,
            };
            self.waits.insert(Arc::clone(org), wait);
        }
    }

    /// Calls of this run wait no more at these orgs.
    fn leave(&mut self, run: Option<&Arc<RunId>>, now: Instant, at: impl Fn(&Arc<str>) -> bool) {
        for (org, wait) in &mut self.waits {
            if at(org) {
                wait.runs.retain(|one| one.as_ref() != run);
            }
        }
        self.end_where(now, |wait| wait.runs.is_empty());
    }

    fn end_where(&mut self, now: Instant, is_over: impl Fn(&Wait) -> bool) {
        let over = self.waits.iter().filter(|(_, wait)| is_over(wait));
        let over: Vec<_> = over.map(|(org, _)| Arc::clone(org)).collect();
        for org in over {
            self.end(&org, now);
        }
    }

    fn end(&mut self, org: &Arc<str>, now: Instant) -> Option<Wait> {
        let wait = self.waits.remove(org)?;
        let key = (Arc::clone(org), wait.what);
        let known = self.waited.len() < ORGS || self.waited.contains_key(&key);
        let key = if known { key } else { ("".into(), wait.what) };
        *self.waited.entry(key).or_default() += wait.lasted(now);
        Some(wait)
    }
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
    use crate::failure::Remedy;
    use crate::model::{ErrorDetails, Stopped};

    fn waits(events: &Events, org: &Arc<str>, reason: &str, ahead: Option<u64>) {
        events.org(org, || OrgEvent::Waits {
            reason: reason.to_owned(),
            for_how_long: ahead.map(Duration::from_secs),
            until: None,
        });
    }

    /// Seconds that it waited for this by now.
    fn waited(counted: &Counted, org: &Arc<str>, what: &'static str) -> u64 {
        let waited = counted.waited();
        let waited = waited.get(&(Arc::clone(org), what));
        waited.copied().unwrap_or_default().as_secs()
    }

    /// Counts what is said, and lets a while pass.
    async fn pass(counted: &Arc<Counted>, events: &Events, say: impl FnOnce(&Events)) {
        let end = tokio_util::sync::CancellationToken::new();
        let listener = events.listen_until(end.clone());
        say(events);
        end.cancel();
        counted.hear(listener).await;
        tokio::time::advance(Duration::from_secs(5)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn waits_are_counted_by_what_they_are_for() {
        let (counted, events) = (Arc::<Counted>::default(), Events::new());
        let acme = Arc::from("acme");
        let budget = "budget of /api/v1/apps: 0 of 45 left";
        pass(&counted, &events, |events| {
            waits(events, &acme, budget, None);
        })
        .await;
        let silence = "the org does not answer; trying it again soon";
        pass(&counted, &events, |events| {
            waits(events, &acme, silence, None);
        })
        .await;
        assert_eq!(waited(&counted, &acme, "silence"), 5);
        assert_eq!(waited(&counted, &acme, "budget"), 5);
        assert_eq!(what("3 entries wait for their next try"), "retry");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_whoever_waited() {
        let stopped = || {
            let details = ErrorDetails::default();
            OrgEvent::Stopped(Stopped {
                remedy: Remedy::Outside,
                details,
            })
        };
        let acme = Arc::from("acme");
        let ends: [&dyn Fn(&Events); 3] = [
            &|events| events.org(&acme, || OrgEvent::Continues),
            &|events| events.org(&acme, stopped),
            &|events| events.run(|| RunEvent::Ended),
        ];
        for (nth, end) in ends.into_iter().enumerate() {
            let (counted, events) = (Arc::<Counted>::default(), Events::new());
            let one = events.for_run(&RunId("one".to_owned()));
            let other = events.for_run(&RunId("other".to_owned()));
            let maxed = "maxRps";
            pass(&counted, &one, |one| {
                waits(one, &acme, maxed, None);
            })
            .await;
            // The calls of both wait, and for the same.
            pass(&counted, &other, |other| {
                waits(other, &acme, maxed, None);
            })
            .await;
            pass(&counted, &one, end).await;
            assert_eq!(waited(&counted, &acme, "rate"), 15, "{nth}");
            pass(&counted, &other, end).await;
            pass(&counted, &events, |_| {}).await;
            assert_eq!(waited(&counted, &acme, "rate"), 15, "{nth}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_whose_end_was_not_heard_is_counted_no_longer_than_it_can_last() {
        let (counted, acme) = (Arc::<Counted>::default(), Arc::from("acme"));
        let events = Events::with_buffer(1);
        pass(&counted, &events, |events| {
            waits(events, &acme, "maxRps", Some(7));
        })
        .await;
        assert_eq!(waited(&counted, &acme, "rate"), 5);
        pass(&counted, &events, |_| {}).await;
        assert_eq!(waited(&counted, &acme, "rate"), 7);
        pass(&counted, &events, |events| {
            waits(events, &acme, "calls before it", None);
        })
        .await;
        pass(&counted, &events, |events| {
            events.org(&acme, || OrgEvent::Continues);
            for _ in 0..3 {
                events.run(|| RunEvent::Looked { entries: 1 });
            }
        })
        .await;
        pass(&counted, &events, |_| {}).await;
        assert_eq!(waited(&counted, &acme, "queue"), 5);
    }
}
