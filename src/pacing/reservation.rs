//! Leave to send one call, and how such a call ended.

use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::admission::Slot;
use super::budget::Settled;
use super::call_log::CallLog;
use super::gate::Gate;
use super::time::unix_millis;
use crate::event::OrgEvent;
use crate::ledger::Attempt;
use crate::model::{Step, UnixMillis, whole_millis};
use crate::okta::{Class, Exchange, Request};

/// How an admitted call ended.
pub enum Concluded {
    /// With an answer, or without any.
    Ended(Box<Exchange>),
    /// With a 429, so that it was certainly not carried out: pause so long, then ask to be admitted again.
    Refused(Duration),
}

/// Leave to send one call: its place is reserved in the org's budget and caps. Given up unused, or with
/// a call whose future was dropped, the reservation ends as well.
pub struct Reservation<'a> {
    pub(super) gate: &'a Gate,
    pub(super) slot: Slot,
    pub(super) admitted_at: Instant,
    pub(super) sent_at: UnixMillis,
    pub(super) settled: bool,
    pub(super) permit: Option<SemaphorePermit<'a>>,
}

impl Reservation<'_> {
    /// Takes an admitted call's answer. Whether one of success shows something is for whoever reads it.
    pub fn conclude(self, request: &Request, exchange: Exchange, log: &mut CallLog) -> Concluded {
        let (gate, at) = (self.gate, self.sent_at);
        self.settle(&exchange);
        gate.tally.called(exchange.duration);
        log.busy += exchange.duration;
        log.stats.requests += 1;
        if let Some(step) = log.step {
            log.attempts.push(attempt(step, request, at, &exchange));
        }
        let limited = exchange
            .outcome
            .as_ref()
            .err()
            .and_then(|error| match error.class {
                Class::RateLimited { concurrency, .. } => Some(concurrency),
                _ => None,
            });
        gate.counts.ended(&gate.user.org, exchange.status, limited);
        let Err(error) = &exchange.outcome else {
            return Concluded::Ended(Box::new(exchange));
        };
        if error.shows_something() {
            log.looked(unix_millis());
        }
        let Class::RateLimited { concurrency, .. } = error.class else {
            return Concluded::Ended(Box::new(exchange));
        };
        log.stats.rate_limited += 1;
        let user = &gate.user;
        user.events.org(&user.org, || OrgEvent::RateLimited {
            call: request.label(),
            request_id: exchange.request_id.clone(),
        });
        Concluded::Refused(if concurrency {
            // About a second, spread so that the refused calls do not come back together.
            Duration::from_millis(rand::random_range(500..1_500))
        } else {
            // The bucket waits to its reset by itself.
            Duration::ZERO
        })
    }

    /// Gives it up: the call is not sent.
    pub fn give_back(mut self) {
        self.settled = true;
        let gate = &self.gate.shared;
        let mut state = gate.state();
        state.give_up(self.slot, gate.born.elapsed(), Settled::NotCounted);
        gate.wake(&state);
    }

    /// Ends the reservation with what came back.
    fn settle(mut self, exchange: &Exchange) {
        self.settled = true;
        // The next call may take it while this one's answer is looked at.
        drop(self.permit.take());
        let gate = &self.gate.shared;
        let (now, sent) = (gate.born.elapsed(), self.admitted_at - gate.born);
        let mut state = gate.state();
        state.settle(self.slot, now, sent, exchange, &gate.retry);
        let refusing = state.refusing(now);
        let watch = state.patience.needs_a_watch();
        gate.note_windows(&mut state, self.slot.bucket, now);
        gate.note_others(&mut state, self.slot.bucket, now);
        gate.wake(&state);
        drop(state);
        if watch {
            gate.watch();
        }
        if let Some(refusing) = refusing {
            self.gate.notify_refusing(refusing);
        }
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.settled {
            let gate = &self.gate.shared;
            let now = gate.born.elapsed();
            // It may have been sent: nobody waited for the answer.
            let mut state = gate.state();
            state.give_up(self.slot, now, Settled::Silent);
            gate.note_windows(&mut state, self.slot.bucket, now);
            gate.wake(&state);
        }
    }
}

fn attempt(step: Step, request: &Request, at: UnixMillis, exchange: &Exchange) -> Attempt {
    Attempt {
        at,
        step,
        call: request.label(),
        http_status: exchange.status,
        okta_error_code: exchange
            .outcome
            .as_ref()
            .err()
            .and_then(|error| error.okta_error_code.clone()),
        request_id: exchange.request_id.clone(),
        duration_ms: whole_millis(exchange.duration),
        next_at: None,
    }
}
