//! Waiting for an org's leave to send: calls queue per bucket, those of entries nearer their end first.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::admission::Denied;
use super::budget::Settled;
use super::lane::{CallLog, Halted, Lane, unix_millis, whole_millis};
use crate::event::Event;
use crate::ledger::Millis;
use crate::okta::{Bucket, Exchange};

/// Waits shorter than this are not worth telling.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// Leave to send one call: its place is reserved in the org's budget and caps. Given up unused, or with
/// a call whose future was dropped, the reservation ends as well.
pub struct Pass<'a> {
    lane: &'a Lane,
    bucket: Bucket,
    admitted_at: Instant,
    sent_at: Millis,
    settled: bool,
    place: Option<SemaphorePermit<'a>>,
}

impl Pass<'_> {
    /// When leave was given, by the local clock.
    pub(super) const fn admitted_at(&self) -> Millis {
        self.sent_at
    }

    /// Ends the reservation with what came back.
    pub(super) fn settle(mut self, exchange: &Exchange) {
        self.settled = true;
        // The next call may take it while this one's answer is looked at.
        drop(self.place.take());
        let lane = self.lane;
        let (now, sent) = (lane.born.elapsed(), self.admitted_at - lane.born);
        lane.state()
            .settle(self.bucket, now, sent, exchange, &lane.config.retry);
        lane.changed.notify_waiters();
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.settled {
            let now = self.lane.born.elapsed();
            // It may have been sent: nobody waited for the answer.
            self.lane.state().give_up(self.bucket, now, Settled::Silent);
            self.lane.changed.notify_waiters();
        }
    }
}

impl Lane {
    /// Waits until a call may be sent. `rank`: of the calls that wait, those of entries nearer their end go
    /// first.
    pub async fn admit(
        &self,
        bucket: Bucket,
        rank: usize,
        log: &mut CallLog,
    ) -> Result<Pass<'_>, Halted> {
        let queued = Queued::new(self, bucket, rank);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.config.interrupt.is_requested() {
                return Err(Halted::Interrupted);
            }
            let until = match self.try_admit(&queued)? {
                Ok(waited) => {
                    log.stats.waited_ms += whole_millis(waited);
                    return self.take_place(bucket).await;
                }
                Err(denied) => denied.until,
            };
            let timer = async {
                match until {
                    Some(until) => tokio::time::sleep_until(self.born + until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = changed => {}
                () = timer => {}
                () = self.config.interrupt.requested() => return Err(Halted::Interrupted),
            }
        }
    }

    // The org has given leave; now for one of the places that all orgs share.
    async fn take_place(&self, bucket: Bucket) -> Result<Pass<'_>, Halted> {
        let mut pass = Pass {
            lane: self,
            bucket,
            admitted_at: Instant::now(),
            sent_at: unix_millis(),
            settled: false,
            place: None,
        };
        let place = tokio::select! {
            place = self.config.places.calls.acquire() => place.ok(),
            () = self.config.interrupt.requested() => None,
        };
        let stopped = self.state().stopped.is_some();
        if let (Some(place), false) = (place, stopped) {
            pass.place = Some(place);
            pass.admitted_at = Instant::now();
            pass.sent_at = unix_millis();
            return Ok(pass);
        }
        // Certainly not sent.
        pass.settled = true;
        self.state()
            .give_up(bucket, self.born.elapsed(), Settled::NotCounted);
        Err(if stopped {
            Halted::OrgStopped
        } else {
            Halted::Interrupted
        })
    }

    fn try_admit(&self, queued: &Queued<'_>) -> Result<Result<Duration, Denied>, Halted> {
        let now = self.born.elapsed();
        let index = queued.bucket.index();
        let mut state = self.state();
        if state.stopped.is_some() {
            return Err(Halted::OrgStopped);
        }
        if state.queues[index].first() != Some(&queued.key) {
            return Ok(Err(Denied::behind_others()));
        }
        let Some(denied) = state.allow(queued.bucket, now, self.rps.as_ref()) else {
            state.queues[index].remove(&queued.key);
            let waited = state
                .waiting_since
                .take()
                .map_or(Duration::ZERO, |since| now.saturating_sub(since));
            let told = state.told.take().is_some();
            drop(state);
            if told {
                self.config.events.send(Event::OrgGoesOn {
                    org: Arc::clone(&self.config.org),
                });
            }
            // The next in the queue may go as well.
            self.changed.notify_waiters();
            return Ok(Ok(waited));
        };
        if let Some(until) = denied.until {
            state.waiting_since.get_or_insert(now);
            let ahead = until.saturating_sub(now);
            let news = state
                .told
                .is_none_or(|told| told.abs_diff(until) >= WORTH_TELLING);
            if ahead >= WORTH_TELLING && news {
                state.told = Some(until);
                drop(state);
                self.tell(&denied.reason, ahead);
            }
        }
        Ok(Err(denied))
    }

    fn tell(&self, reason: &str, ahead: Duration) {
        let ahead_ms = Millis::try_from(whole_millis(ahead)).unwrap_or(Millis::MAX);
        self.config.events.send(Event::OrgWaits {
            org: Arc::clone(&self.config.org),
            reason: reason.to_owned(),
            for_how_long: Some(ahead),
            until: Some(unix_millis().saturating_add(ahead_ms)),
        });
    }
}

// A place in a bucket's queue, given up when dropped.
struct Queued<'a> {
    lane: &'a Lane,
    bucket: Bucket,
    key: (Reverse<usize>, u64),
}

impl<'a> Queued<'a> {
    fn new(lane: &'a Lane, bucket: Bucket, rank: usize) -> Self {
        let mut state = lane.state();
        state.tickets += 1;
        let key = (Reverse(rank), state.tickets);
        state.queues[bucket.index()].insert(key);
        Self { lane, bucket, key }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let waited = self.lane.state().queues[self.bucket.index()].remove(&self.key);
        if waited {
            self.lane.changed.notify_waiters();
        }
    }
}
