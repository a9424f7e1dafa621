//! Pauses an org that does not answer at all, and probes it with one call at a time, so that an
//! outage uses up neither its entries' attempts nor everybody's connections. Pure: time is passed in.

use std::time::Duration;

use super::retry::delay;
use crate::job::RetryPolicy;
use crate::okta::Class;

/// Calls in a row without any answer after which an org counts as down.
const OPENS_AFTER: u32 = 3;

/// Whether the org answers.
#[derive(Clone, Debug, Default)]
pub struct Circuit {
    unanswered: u32,
    probes: u32,
    opened_at: Duration,
    open_until: Option<Duration>,
}

impl Circuit {
    /// `None` = calls may go; else one probe may go, from that time on.
    pub const fn probe_at(&self) -> Option<Duration> {
        self.open_until
    }

    /// Some answer came, whatever it said.
    pub fn answered(&mut self) {
        *self = Self::default();
    }

    /// No answer came to a call sent at `sent`. `true` = the org was probed as often as the policy allows: stop it.
    pub fn unanswered(&mut self, now: Duration, sent: Duration, policy: &RetryPolicy) -> bool {
        self.unanswered = self.unanswered.saturating_add(1);
        match self.open_until {
            None if self.unanswered < OPENS_AFTER => return false,
            None => self.opened_at = now,
            // A call sent before the circuit opened is no probe.
            Some(_) if sent < self.opened_at => return false,
            Some(_) => {}
        }
        self.probes += 1;
        self.open_until =
            Some(now + delay(policy, self.probes, &Class::Unclear).max(policy.initial / 2));
        self.probes >= policy.max_attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_three_probes_with_growing_delays_and_gives_up() {
        let policy = RetryPolicy::default();
        let mut circuit = Circuit::default();
        let mut now = Duration::from_secs(1);
        assert!(!circuit.unanswered(now, now, &policy));
        assert!(!circuit.unanswered(now, now, &policy));
        assert_eq!(circuit.probe_at(), None);
        let mut calls = 0;
        while !circuit.unanswered(now, now, &policy) {
            now = circuit.probe_at().expect("open");
            calls += 1;
            // Calls sent before it opened don't count, however late they end.
            assert!(!circuit.unanswered(now, Duration::ZERO, &policy));
        }
        assert_eq!(calls + 1, policy.max_attempts);
        circuit.answered();
        assert_eq!(circuit.probe_at(), None);
    }
}
