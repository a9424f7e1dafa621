//! The gates of a process: one to each org, however many runs, plans and consents call it at once with the same
//! credentials. Okta counts by token; who has another one is neither held up nor stopped by what happens to this.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::cancellation::CancellationToken;
use parking_lot::Mutex;
use tokio_util::task::AbortOnDropHandle;

use super::capacity::Capacity;
use super::gate::{Gate, GateConfig};
use crate::event::Events;
use crate::job::RetryPolicy;
use crate::manifest::{Limits, OrgSpec};

/// An org that calls are to be made to.
pub struct Gated<'a> {
    /// Its name.
    pub name: Arc<str>,
    /// Where it is reached.
    pub origin: &'a str,
    /// What is said of it.
    pub spec: &'a OrgSpec,
    /// Limits of orgs that have none of their own.
    pub limits: Limits,
    /// When the circuit gives up, and when reads are made again.
    pub retry: RetryPolicy,
    /// Where waits are told.
    pub events: &'a Events,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Gates(Arc<Shared>);

struct Shared {
    capacity: Capacity,
    cancellation: CancellationToken,
    open: Mutex<Open>,
    /// Wakes the calls that wait when the process is to stop.
    _waker: AbortOnDropHandle<()>,
}

/// Where an org is reached, its name, and the reference to its credentials.
type Key = (Box<str>, Arc<str>, Option<Box<str>>);

#[derive(Default)]
struct Open {
    by_org: HashMap<Key, Weak<Gate>>,
    /// How many there may be before those that nobody has any more are taken out.
    bound: usize,
}

impl Gates {
    /// None is open yet.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn new(capacity: Capacity, cancellation: CancellationToken) -> Self {
        Self(Arc::new_cyclic(|shared: &Weak<Shared>| {
            let (shared, cancelled) = (shared.clone(), cancellation.clone().cancelled_owned());
            let wake = async move {
                cancelled.await;
                if let Some(shared) = shared.upgrade() {
                    shared.wake_all();
                }
            };
            Shared {
                capacity,
                cancellation,
                open: Mutex::default(),
                _waker: AbortOnDropHandle::new(tokio::spawn(wake)),
            }
        }))
    }

    /// The gate to an org, with the limits and the policy of who opened it first. One that was stopped is not returned
    /// to: what stopped it may be repaired.
    pub fn open(&self, org: &Gated<'_>) -> Arc<Gate> {
        let mut open = self.0.open.lock();
        let credentials: Option<Box<str>> = org.spec.credentials().map(|own| own.as_str().into());
        let key = (
            org.origin.into(),
            Arc::clone(&org.name),
            credentials.clone(),
        );
        let gate = open.by_org.get(&key).and_then(Weak::upgrade);
        if let Some(gate) = gate.filter(|gate| gate.stopped().is_none()) {
            return gate;
        }
        let gate = Arc::new(Gate::new(GateConfig {
            org: Arc::clone(&org.name),
            limits: org.spec.limits.or(org.limits),
            credentials,
            retry: org.retry,
            capacity: self.0.capacity.clone(),
            events: org.events.clone(),
            interrupt: self.0.cancellation.clone(),
        }));
        open.insert(key, Arc::downgrade(&gate));
        gate
    }
}

impl Open {
    fn insert(&mut self, key: Key, gate: Weak<Gate>) {
        if self.by_org.len() >= self.bound {
            self.by_org.retain(|_, gate| gate.strong_count() > 0);
            self.bound = 2 * self.by_org.len() + 16;
        }
        self.by_org.insert(key, gate);
    }
}

impl Shared {
    fn wake_all(&self) {
        let open: Vec<_> = self
            .open
            .lock()
            .by_org
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        for gate in open {
            gate.wake_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::call_log::CallLog;
    use super::super::gate::Halted;
    use super::*;
    use crate::failure::Remedy;
    use crate::manifest::Auth;
    use crate::model::{ErrorDetails, Stopped};
    use crate::okta::apps;

    fn gates() -> (Gates, CancellationToken) {
        let cancellation = CancellationToken::new();
        (
            Gates::new(Capacity::new(), cancellation.clone()),
            cancellation,
        )
    }

    fn open(gates: &Gates, origin: &str, max_in_flight: u32) -> Arc<Gate> {
        open_with(gates, origin, "env:TOKEN", max_in_flight)
    }

    fn open_with(gates: &Gates, origin: &str, token: &str, max_in_flight: u32) -> Arc<Gate> {
        let limits = Limits {
            max_in_flight: Some(max_in_flight),
            ..Limits::default()
        };
        gates.open(&Gated {
            name: "acme".into(),
            origin,
            spec: &OrgSpec {
                url: origin.to_owned(),
                auth: Some(Auth::ApiToken(token.to_owned().try_into().unwrap())),
                limits,
                folder: None,
            },
            limits: Limits::default(),
            retry: RetryPolicy::default(),
            events: &Events::nowhere(),
        })
    }

    #[tokio::test]
    async fn an_org_has_one_gate_as_long_as_anybody_has_it() {
        let (gates, _) = gates();
        let first = open(&gates, "https://acme.okta.com", 5);
        let again = open(&gates, "https://acme.okta.com", 20);
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(again.concurrency(), 5);
        let other = open(&gates, "https://globex.okta.com", 20);
        assert!(!Arc::ptr_eq(&first, &other));
        drop((first, again));
        assert_eq!(open(&gates, "https://acme.okta.com", 20).concurrency(), 20);
    }

    #[tokio::test]
    async fn who_has_other_credentials_is_not_stopped_with_these() {
        let (gates, _) = gates();
        let first = open_with(&gates, "https://acme.okta.com", "env:ONE", 5);
        let other = open_with(&gates, "https://acme.okta.com", "env:OTHER", 5);
        assert!(!Arc::ptr_eq(&first, &other));
    }

    #[tokio::test]
    async fn one_that_was_stopped_is_opened_anew() {
        let (gates, _) = gates();
        let first = open(&gates, "https://acme.okta.com", 5);
        first.stop(Stopped {
            remedy: Remedy::Outside,
            details: ErrorDetails {
                message: "its token was revoked".to_owned(),
                http_status: Some(401),
                ..ErrorDetails::default()
            },
        });
        let again = open(&gates, "https://acme.okta.com", 5);
        assert!(again.stopped().is_none());
        assert!(Arc::ptr_eq(
            &again,
            &open(&gates, "https://acme.okta.com", 5)
        ));
    }

    #[tokio::test]
    async fn gates_that_nobody_has_are_forgotten() {
        let (gates, _) = gates();
        for org in 0..1_000 {
            open(&gates, &format!("https://org-{org}.okta.com"), 5);
        }
        assert!(gates.0.open.lock().by_org.len() <= 17);
    }

    #[tokio::test]
    async fn whoever_waits_at_a_gate_is_told_of_the_end() {
        let (gates, cancellation) = gates();
        let gate = open(&gates, "https://acme.okta.com", 1);
        let call = apps::get("0oa1");
        let (mut log, mut behind) = (CallLog::default(), CallLog::default());
        let reservation = gate
            .admit(call.request(), 0, &mut log)
            .await
            .unwrap_or_else(|_| panic!("no leave"));
        let waits = gate.admit(call.request(), 0, &mut behind);
        let halted = async {
            tokio::task::yield_now().await;
            cancellation.cancel();
        };
        let (waited, ()) = tokio::join!(waits, halted);
        assert_eq!(waited.err(), Some(Halted::Interrupted));
        drop(reservation);
    }
}
