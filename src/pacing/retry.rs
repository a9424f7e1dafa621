//! Whether and when a failed attempt is made again. Pure but for the jitter.
//!
//! `backoff` is unmaintained (RUSTSEC-2025-0012) but fixed by the project: it is used in this file only, for the
//! growth of the interval, and what it gives is clamped, because its jitter overshoots its own maximum.

use std::time::Duration;

use backoff::ExponentialBackoffBuilder;
use backoff::backoff::Backoff;

use crate::job::RetryPolicy;
use crate::okta::Class;

/// What sending a call again could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// Changes nothing.
    ReadOnly,
    /// Twice is as once.
    Idempotent,
    /// Must not happen twice: `create_app`, `create_service_app`, `complete_consent`.
    OnceOnly,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Make the same attempt again after a delay.
    Retry,
    /// It may have happened: look at Okta after a delay, and send again only if it must be.
    Look,
    /// Give the entry up.
    Fail,
    /// Hold the whole org back; its entries stay pending.
    StopOrg,
}

/// Decides from the error's class, the call's effect, and the attempts and time used so far
/// (this attempt included).
pub fn decide(
    policy: &RetryPolicy,
    class: &Class,
    idempotency: Idempotency,
    attempts: u32,
    elapsed: Duration,
) -> Verdict {
    let spent = attempts >= policy.max_attempts || elapsed >= policy.max_elapsed;
    match class {
        Class::OrgStopped => Verdict::StopOrg,
        Class::Refused => Verdict::Fail,
        // An org that cannot be reached is not the entry's fault.
        Class::NotSent | Class::NoRoom if spent => Verdict::StopOrg,
        Class::Transient { .. } | Class::Unclear if spent => Verdict::Fail,
        Class::Transient { .. } | Class::Unclear if idempotency == Idempotency::OnceOnly => {
            Verdict::Look
        }
        Class::NotSent
        | Class::NoRoom
        | Class::Transient { .. }
        | Class::Unclear
        | Class::RateLimited { .. } => Verdict::Retry,
    }
}

impl RetryPolicy {
    /// Longest time that an entry can be put off for: by a delay, or by a call under way that may take `call_timeout`.
    pub fn longest_rest(&self, call_timeout: Duration) -> Duration {
        RETRY_AFTER_CAP.max(self.max).max(call_timeout)
    }
}

/// Longest delay a server may ask for with `Retry-After`.
pub const RETRY_AFTER_CAP: Duration = Duration::from_mins(5);

/// The delay before the attempt after `attempts` failed ones: exponential growth, full jitter
/// (uniform between zero and the ceiling), at least what the server asked for.
pub fn delay(policy: &RetryPolicy, attempts: u32, class: &Class) -> Duration {
    let mut growth = ExponentialBackoffBuilder::new()
        .with_initial_interval(policy.initial)
        .with_max_interval(policy.max)
        .with_multiplier(2.0)
        .with_randomization_factor(1.0)
        .with_max_elapsed_time(None)
        .build();
    // The crate draws from [0, 2 × interval]; half of that is full jitter.
    let mut drawn = Duration::ZERO;
    for _ in 0..attempts.clamp(1, 64) {
        drawn = growth.next_backoff().unwrap_or(policy.max);
    }
    let jittered = (drawn / 2).min(policy.max);
    match class {
        Class::Transient {
            retry_after: Some(asked),
        } => jittered.max((*asked).min(RETRY_AFTER_CAP)),
        _ => jittered,
    }
}

/// The delay of a retry that the org's retry budget does not cover: about as long as the policy allows, spread so
/// that those who wait do not come back together.
pub fn long_delay(policy: &RetryPolicy) -> Duration {
    policy.max.mul_f64(rand::random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_effect_and_attempt_has_its_verdict() {
        use Idempotency::{Idempotent, OnceOnly, ReadOnly};
        use Verdict::{Fail, Look, Retry, StopOrg};
        let policy = RetryPolicy::default();
        let transient = Class::Transient { retry_after: None };
        let limited = Class::RateLimited {
            concurrency: false,
            retry_after: None,
        };
        for (class, idempotency, early, spent) in [
            (&Class::NotSent, ReadOnly, Retry, StopOrg),
            (&Class::NotSent, Idempotent, Retry, StopOrg),
            (&Class::NotSent, OnceOnly, Retry, StopOrg),
            (&Class::NoRoom, ReadOnly, Retry, StopOrg),
            (&Class::NoRoom, Idempotent, Retry, StopOrg),
            (&Class::NoRoom, OnceOnly, Retry, StopOrg),
            (&transient, ReadOnly, Retry, Fail),
            (&transient, Idempotent, Retry, Fail),
            (&transient, OnceOnly, Look, Fail),
            (&Class::Unclear, ReadOnly, Retry, Fail),
            (&Class::Unclear, Idempotent, Retry, Fail),
            (&Class::Unclear, OnceOnly, Look, Fail),
            (&limited, ReadOnly, Retry, Retry),
            (&limited, Idempotent, Retry, Retry),
            (&limited, OnceOnly, Retry, Retry),
            (&Class::Refused, ReadOnly, Fail, Fail),
            (&Class::Refused, Idempotent, Fail, Fail),
            (&Class::Refused, OnceOnly, Fail, Fail),
            (&Class::OrgStopped, ReadOnly, StopOrg, StopOrg),
            (&Class::OrgStopped, Idempotent, StopOrg, StopOrg),
            (&Class::OrgStopped, OnceOnly, StopOrg, StopOrg),
        ] {
            for attempts in 1..policy.max_attempts {
                assert_eq!(
                    decide(&policy, class, idempotency, attempts, Duration::ZERO),
                    early,
                    "{class:?} {idempotency:?} {attempts}"
                );
            }
            assert_eq!(
                decide(
                    &policy,
                    class,
                    idempotency,
                    policy.max_attempts,
                    Duration::ZERO
                ),
                spent,
                "{class:?} {idempotency:?} spent"
            );
            assert_eq!(
                decide(&policy, class, idempotency, 1, policy.max_elapsed),
                spent,
                "{class:?} {idempotency:?} too long"
            );
        }
    }

    #[test]
    fn delays_grow_to_the_maximum_and_never_beyond() {
        let policy = RetryPolicy::default();
        let unclear = Class::Unclear;
        for attempts in 1..=40 {
            let ceiling = policy.initial * 2u32.saturating_pow(attempts - 1).min(60);
            for _ in 0..50 {
                assert!(
                    delay(&policy, attempts, &unclear) <= ceiling.min(policy.max),
                    "attempt {attempts}"
                );
            }
        }
        let longest = (0..200)
            .map(|_| delay(&policy, 20, &unclear))
            .max()
            .expect("draws");
        assert!(longest > policy.max / 2, "{longest:?} of 200 draws");
    }

    #[test]
    fn no_rest_that_is_meant_is_cut_short() {
        let (minute, policy) = (Duration::from_mins(1), RetryPolicy::default());
        assert_eq!(policy.longest_rest(minute), RETRY_AFTER_CAP);
        assert_eq!(policy.longest_rest(7 * minute), 7 * minute);
        let patient = RetryPolicy {
            max: 9 * minute,
            ..policy
        };
        assert_eq!(patient.longest_rest(7 * minute), 9 * minute);
    }

    #[test]
    fn what_the_server_asks_for_is_honoured_and_capped() {
        let policy = RetryPolicy::default();
        let ask = |seconds| Class::Transient {
            retry_after: Some(Duration::from_secs(seconds)),
        };
        assert!(delay(&policy, 1, &ask(90)) >= Duration::from_secs(90));
        assert!(delay(&policy, 1, &ask(86_400)) <= RETRY_AFTER_CAP);
    }
}
