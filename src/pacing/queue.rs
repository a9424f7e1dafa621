//! Waiting for an org's leave to send: calls queue per bucket, those of entries nearer their end first.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::admission::Slot;
use super::call_log::CallLog;
use super::denied::{Denied, Why};
use super::gate::{Gate, Halted};
use super::no_room::Refusing;
use super::org_status;
use super::reservation::Reservation;
use super::time::unix_millis;
use super::wait_queue::{Kind, Ticket};
use crate::event::OrgEvent;
use crate::okta::Request;

/// Waits shorter than this are not worth telling.
const WORTH_TELLING: Duration = Duration::from_secs(1);

impl Gate {
    /// Waits until a call may be sent. `priority`: of the calls that wait, those of entries nearer their end go
    /// first.
    pub async fn admit(
        &self,
        request: &Request,
        priority: usize,
        log: &mut CallLog,
    ) -> Result<Reservation<'_>, Halted> {
        let slot = Slot {
            bucket: request.bucket,
            kind: Kind {
                method: request.method,
                pool: log.pool_of(request.bucket),
            },
        };
        let queued = Queued::new(self, slot, priority);
        loop {
            if self.interrupt.is_cancelled() {
                return Err(Halted::Interrupted);
            }
            let until = match self.try_admit(&queued)? {
                None => {
                    let reservation = self.take_permit(slot).await?;
                    log.stats.waited_ms += self.take_waited();
                    return Ok(reservation);
                }
                Some(denied) => denied.until,
            };
            let timer = async {
                match until {
                    Some(until) => tokio::time::sleep_until(self.shared.born + until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // Told while nobody listened, it is remembered. Of an interrupt, too.
                () = queued.turn.notified() => {}
                () = timer => {}
            }
        }
    }

    // The org has given leave; now for one of the places that all orgs share.
    async fn take_permit(&self, slot: Slot) -> Result<Reservation<'_>, Halted> {
        let mut reservation = Reservation {
            gate: self,
            slot,
            admitted_at: Instant::now(),
            sent_at: unix_millis(),
            settled: false,
            permit: None,
        };
        let calls = &self.shared.capacity.calls;
        if let Ok(permit) = calls.try_acquire() {
            reservation.permit = Some(permit);
        } else {
            reservation.permit = tokio::select! {
                permit = calls.acquire() => permit.ok(),
                () = self.interrupt.cancelled() => None,
            };
            reservation.admitted_at = Instant::now();
            reservation.sent_at = unix_millis();
        }
        let stopped = self.state().stopped.is_some();
        if reservation.permit.is_some() && !stopped {
            return Ok(reservation);
        }
        reservation.give_back();
        Err(if stopped {
            Halted::OrgStopped
        } else {
            Halted::Interrupted
        })
    }

    // `None` = leave is given.
    fn try_admit(&self, queued: &Queued<'_>) -> Result<Option<Denied>, Halted> {
        let now = self.shared.born.elapsed();
        let slot = queued.slot;
        let mut state = self.state();
        if state.stopped.is_some() {
            drop(state);
            self.notify_stopped();
            return Err(Halted::OrgStopped);
        }
        if !state.is_turn(slot, queued.ticket, now) {
            return Ok(Some(Denied::behind_others()));
        }
        let Some(denied) = state.allow(slot, now, self.shared.rps.as_ref()) else {
            let wait_queue = &mut state.bucket(slot.bucket).wait_queue;
            wait_queue.leave(slot.kind, queued.ticket);
            state.end_wait(now);
            self.shared.note_windows(&mut state, slot.bucket, now);
            let told = state.end_notified();
            // The next in the queue may go as well; with all in flight it is woken as one of them ends.
            if state.has_room() {
                state.wake();
            }
            drop(state);
            if let Some(until) = told {
                self.notify_end(until, now);
            }
            return Ok(None);
        };
        if let Some(until) = denied.lasts {
            state.waiting_since.get_or_insert(now);
            state.held_up();
            state.was_at_its_limit |= matches!(denied.why, Why::Budget { .. });
            let ahead = until.saturating_sub(now);
            let news = match (state.told, &denied.why) {
                (None, Why::Concurrency) => true,
                // It rests about a second each time: once is told.
                (Some(_), Why::Concurrency) => false,
                (told, _) => is_news(told, until, ahead),
            };
            if news {
                state.told = Some(until);
                drop(state);
                self.tell(&denied.why, ahead);
            }
        }
        Ok(Some(denied))
    }

    /// Tells that so many entries wait for their next try, the first so far ahead, and nothing else can be done.
    pub fn notify_retries(&self, entries: usize, ahead: Duration) {
        let until = self.shared.born.elapsed() + ahead;
        let mut state = self.state();
        if is_news(state.told, until, ahead) {
            state.told = Some(until);
            drop(state);
            self.tell(&Why::Retries(entries), ahead);
        }
    }

    /// Tells that all reads under way wait for their next try, the first then.
    pub(super) fn notify_next_try(&self, until: Duration, cause: &str) {
        let ahead = until.saturating_sub(self.shared.born.elapsed());
        let mut state = self.state();
        if is_news(state.told, until, ahead) {
            state.told = Some(until);
            drop(state);
            self.tell(&Why::NextTry(cause.to_owned()), ahead);
        }
    }

    fn tell(&self, why: &Why, ahead: Duration) {
        let until = unix_millis().after(ahead);
        let reason = format!("{why}{}", self.so_far());
        let wait = || Some(org_status::wait(why, &reason, until));
        self.shared.each_status(|status| status.waits(wait()));
        self.shared.send(|| OrgEvent::Waits {
            reason: reason.clone(),
            for_how_long: Some(ahead),
            until: Some(until),
        });
    }

    fn so_far(&self) -> String {
        self.state().so_far(self.shared.born.elapsed())
    }

    // It is asked about once a second, so that no single wait is worth telling.
    pub(super) fn notify_refusing(&self, refusing: Refusing) {
        let so_far = self.so_far();
        self.shared.send(|| match refusing {
            Refusing::Lasts => OrgEvent::Waits {
                reason: format!(
                    "{}; asked again about once a second{so_far}",
                    Why::Concurrency,
                ),
                for_how_long: None,
                until: None,
            },
            Refusing::Over => OrgEvent::Continues,
        });
    }

    fn notify_end(&self, until: Duration, now: Duration) {
        // A wait that is over by the clock is not shown any more, so nothing has to be written.
        let early = until.saturating_sub(now) >= WORTH_TELLING;
        if early {
            self.shared.each_status(|status| status.waits(None));
        }
        self.shared.send(|| OrgEvent::Continues);
    }
}

fn is_news(told: Option<Duration>, until: Duration, ahead: Duration) -> bool {
    ahead >= WORTH_TELLING && told.is_none_or(|told| told.abs_diff(until) >= WORTH_TELLING)
}

// A place in a bucket's queue, given up when dropped.
struct Queued<'a> {
    gate: &'a Gate,
    slot: Slot,
    ticket: Ticket,
    turn: Arc<Notify>,
}

impl<'a> Queued<'a> {
    fn new(gate: &'a Gate, slot: Slot, priority: usize) -> Self {
        let mut state = gate.state();
        state.tickets += 1;
        let ticket = (Reverse(priority), state.tickets);
        let turn = Arc::new(Notify::new());
        let of = state.bucket(slot.bucket);
        of.wait_queue.join(slot.kind, ticket, Arc::clone(&turn));
        Self {
            gate,
            slot,
            ticket,
            turn,
        }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        let wait_queue = &mut state.bucket(self.slot.bucket).wait_queue;
        let waited = wait_queue.leave(self.slot.kind, self.ticket);
        if waited && state.buckets().all(|of| of.wait_queue.is_empty()) {
            // Nobody waits any more.
            let now = self.gate.shared.born.elapsed();
            state.end_wait(now);
        }
        if waited {
            self.gate.shared.wake(&state);
        }
    }
}
