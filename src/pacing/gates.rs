//! The gates of a process: one to each org and credentials, however many runs, plans and consents call it at once, under
//! whatever name, and wherever they have the credentials from. Okta gives each token a share of the org's limits, which is
//! what its answers show (API.md §10.1): two tokens have two budgets. And who has another one is neither held up nor
//! stopped by what happens to this.

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio_util::task::AbortOnDropHandle;

use super::cancellation::CancellationToken;
use super::capacity::Capacity;
use super::counts::Counts;
use super::gate::Gate;
use super::org_status::{OrgStatusWriter, Remembered};
use super::shared_gate::{SharedGate, User};
use super::tally::Tally;
use crate::event::Events;
use crate::job::RetryPolicy;
use crate::manifest::{Limits, OrgSpec};
use crate::okta::OrgClient;

/// An org that calls are to be made to.
pub struct Gated<'a> {
    /// Its name.
    pub name: Arc<str>,
    /// What calls it; it gets what the calls of all who share the gate are authorized with.
    pub client: &'a mut OrgClient,
    /// What is said of it.
    pub spec: &'a OrgSpec,
    /// Limits of orgs that have none of their own.
    pub limits: Limits,
    /// When the circuit gives up, and when reads are made again.
    pub retry: RetryPolicy,
    /// Where waits are told.
    pub events: Events,
    /// When whoever calls it stops.
    pub interrupt: CancellationToken,
    /// Has a ledger remember what a process that comes after this one must know.
    pub status: Option<OrgStatusWriter>,
    /// What it remembers of the org.
    pub remembered: Option<&'a Remembered>,
}

/// See the first lines of this file. Cheap to clone.
#[derive(Clone)]
pub struct Gates(Arc<Shared>);

struct Shared {
    capacity: Capacity,
    counts: Arc<Counts>,
    open: Mutex<Open>,
    hasher: RandomState,
}

/// Where an org is reached, and a keyed hash of the credentials.
type Key = (Box<str>, u64);

#[derive(Default)]
struct Open {
    by_org: HashMap<Key, Weak<SharedGate>>,
    /// How many there may be before those that nobody has any more are taken out.
    bound: usize,
}

impl Gates {
    /// None is open yet.
    pub fn new(capacity: Capacity) -> Self {
        Self(Arc::new(Shared {
            capacity,
            counts: Arc::default(),
            open: Mutex::default(),
            hasher: RandomState::new(),
        }))
    }

    /// What the calls of all of them came to.
    pub fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// Wakes the calls that wait once this is cancelled, as long as what is returned is kept: each stops if it is told
    /// to by that. (One waker for all, as a call that waits for the token itself would take a lock that all share.)
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn wake_on(&self, interrupt: &CancellationToken) -> AbortOnDropHandle<()> {
        let (shared, cancelled) = (Arc::downgrade(&self.0), interrupt.clone().cancelled_owned());
        AbortOnDropHandle::new(tokio::spawn(async move {
            cancelled.await;
            if let Some(shared) = shared.upgrade() {
                shared.wake_all();
            }
        }))
    }

    /// The gate to an org, with the limits and the policy of who opened it first. One that was stopped is not returned
    /// to: what stopped it may be repaired.
    pub fn open(&self, org: Gated<'_>) -> Arc<Gate> {
        let user = Arc::new(User {
            org: org.name,
            events: org.events,
            status: org.status,
        });
        let shared = self.shared(org.client, org.spec.limits.or(org.limits), org.retry);
        org.client.share(&shared.authorization);
        let gate = Gate {
            shared,
            credentials: org.spec.token().map(|own| own.as_str().into()),
            retry: org.retry,
            interrupt: org.interrupt,
            tally: Arc::<Tally>::default(),
            counts: Arc::clone(&self.0.counts),
            user,
        };
        if let Some(remembered) = org.remembered {
            let mut state = gate.state();
            // Whoever called it meanwhile knows better.
            if state.buckets().next().is_none() {
                remembered.restore(&mut state, gate.shared.born.elapsed());
            }
        }
        gate.shared.add(Arc::clone(&gate.user));
        Arc::new(gate)
    }

    fn shared(&self, client: &OrgClient, limits: Limits, retry: RetryPolicy) -> Arc<SharedGate> {
        let authorization = client.authorization();
        let credentials = authorization.hash(&self.0.hasher);
        let key = (client.origin().into(), credentials);
        let mut open = self.0.open.lock();
        let shared = open.by_org.get(&key).and_then(Weak::upgrade);
        shared
            .filter(|shared| !shared.is_stopped())
            .unwrap_or_else(|| {
                let shared = SharedGate::new(
                    authorization.clone(),
                    limits,
                    retry,
                    self.0.capacity.clone(),
                );
                let shared = Arc::new(shared);
                open.insert(key, Arc::downgrade(&shared));
                shared
            })
    }
}

impl Open {
    fn insert(&mut self, key: Key, gate: Weak<SharedGate>) {
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
    use crate::event::{EventKind, Listener, News, OrgEvent};
    use crate::failure::Remedy;
    use crate::manifest::Auth;
    use crate::model::{ErrorDetails, RunId, Stopped};
    use crate::okta::{Credentials, Http, HttpSettings, apps};

    const ACME: &str = "https://acme.okta.com";

    /// Whoever opens gates.
    struct Opener {
        gates: Gates,
        http: Http,
        interrupt: CancellationToken,
        events: Events,
        name: &'static str,
        token: &'static str,
        reference: &'static str,
        max_in_flight: u32,
    }

    impl Default for Opener {
        fn default() -> Self {
            Self {
                gates: Gates::new(Capacity::new()),
                http: Http::new(&HttpSettings::default()).unwrap(),
                interrupt: CancellationToken::new(),
                events: Events::nowhere(),
                name: "acme",
                token: "00one",
                reference: "env:ONE",
                max_in_flight: 5,
            }
        }
    }

    impl Opener {
        /// One with the same gates.
        fn beside(&self) -> Self {
            Self {
                gates: self.gates.clone(),
                http: self.http.clone(),
                ..Self::default()
            }
        }

        fn open(&self, origin: &str) -> Arc<Gate> {
            let limits = Limits {
                max_in_flight: Some(self.max_in_flight),
                ..Limits::default()
            };
            let credentials = Credentials::Ssws(self.token.into());
            let mut client = OrgClient::new(self.http.clone(), origin, credentials).unwrap();
            self.gates.open(Gated {
                name: self.name.into(),
                client: &mut client,
                spec: &OrgSpec {
                    url: origin.to_owned(),
                    auth: Some(Auth::ApiToken(
                        self.reference.to_owned().try_into().unwrap(),
                    )),
                    limits,
                    worker: std::collections::BTreeMap::new(),
                    folder: None,
                },
                limits: Limits::default(),
                retry: RetryPolicy::default(),
                events: self.events.clone(),
                interrupt: self.interrupt.clone(),
                status: None,
                remembered: None,
            })
        }
    }

    fn are_one(one: &Gate, other: &Gate) -> bool {
        Arc::ptr_eq(&one.shared, &other.shared)
    }

    fn revoked() -> Stopped {
        Stopped {
            remedy: Remedy::Outside,
            details: ErrorDetails {
                message: "its token was revoked".to_owned(),
                hint: Some("give another".to_owned()),
                http_status: Some(401),
                ..ErrorDetails::default()
            },
        }
    }

    /// Orgs that wait, `-` before those that continue.
    fn heard(listener: &mut Listener) -> Vec<String> {
        let mut heard = Vec::new();
        while let Some(News::Event(event)) = listener.now() {
            let run = event.run.as_ref().map_or("", |run| &run.0);
            heard.push(match &event.kind {
                EventKind::Org(org, OrgEvent::Waits { .. }) => format!("{run}{org}"),
                EventKind::Org(org, OrgEvent::Continues) => format!("-{run}{org}"),
                _ => panic!("{event:?}"),
            });
        }
        heard
    }

    #[tokio::test]
    async fn an_org_has_one_gate_as_long_as_anybody_has_it() {
        let first = Opener::default();
        let later = Opener {
            max_in_flight: 20,
            ..first.beside()
        };
        let (one, again) = (first.open(ACME), later.open(ACME));
        assert!(are_one(&one, &again));
        assert_eq!(again.concurrency(), 5);
        assert!(!are_one(&one, &later.open("https://globex.okta.com")));
        drop((one, again));
        assert_eq!(later.open(ACME).concurrency(), 20);
    }

    #[tokio::test]
    async fn what_counts_is_where_an_org_is_and_with_what_it_is_called() {
        let first = Opener::default();
        let one = first.open(ACME);
        for (name, token, reference, same) in [
            ("acme", "00one", "env:ONE", true),
            ("acme-prod", "00one", "env:ONE", true),
            ("acme", "00one", "file:/run/one", true),
            ("acme", "00other", "env:ONE", false),
            ("acme", "00other", "env:OTHER", false),
        ] {
            let other = Opener {
                name,
                token,
                reference,
                ..first.beside()
            };
            for origin in [ACME, "https://ACME.okta.com:443/"] {
                let gate = other.open(origin);
                assert_eq!(are_one(&one, &gate), same, "{name} {token} {reference}");
            }
        }
    }

    #[tokio::test]
    async fn a_stop_is_everybody_s_who_has_the_credentials_and_nobody_else_s() {
        let first = Opener::default();
        let alike = Opener {
            reference: "file:/run/one",
            ..first.beside()
        };
        let other = Opener {
            token: "00other",
            ..first.beside()
        };
        let gates = [&first, &alike, &other].map(|opener| opener.open(ACME));
        gates[1].stop(revoked());
        let hints = gates.map(|gate| gate.stopped().map(|why| why.details.hint.unwrap()));
        // Each is told what it has to replace.
        let wanted = ["env:ONE: give another", "file:/run/one: give another"];
        assert_eq!(
            hints,
            [Some(wanted[0].into()), Some(wanted[1].into()), None]
        );
    }

    #[tokio::test]
    async fn one_that_was_stopped_is_opened_anew() {
        let opener = Opener::default();
        let first = opener.open(ACME);
        first.stop(revoked());
        let again = opener.open(ACME);
        assert!(again.stopped().is_none());
        assert!(are_one(&again, &opener.open(ACME)));
    }

    #[tokio::test]
    async fn gates_that_nobody_has_are_forgotten() {
        let opener = Opener::default();
        for org in 0..1_000 {
            opener.open(&format!("https://org-{org}.okta.com"));
        }
        assert!(opener.gates.0.open.lock().by_org.len() <= 17);
    }

    #[tokio::test]
    async fn a_wait_is_everybody_s_by_the_name_each_has_for_the_org() {
        let bus = Events::new();
        let mut listener = bus.listen();
        let (a, b) = (RunId("a/".to_owned()), RunId("b/".to_owned()));
        let first = Opener::default();
        let opener = |name, run: Option<&RunId>| Opener {
            name,
            events: run.map_or_else(|| bus.clone(), |run| bus.for_run(run)),
            ..first.beside()
        };
        let users = [
            ("acme", Some(&a)),
            ("prod", Some(&b)),
            ("acme", Some(&a)),
            ("acme", None),
            ("acme", None),
        ];
        let mut gates = users
            .map(|(name, run)| opener(name, run).open(ACME))
            .to_vec();
        gates[1].notify_retries(1, std::time::Duration::from_mins(1));
        assert_eq!(heard(&mut listener), ["a/acme", "b/prod", "acme"]);
        gates.truncate(2);
        gates[0].notify_stopped();
        assert_eq!(heard(&mut listener), ["-a/acme", "-b/prod"]);
    }

    #[tokio::test]
    async fn who_is_cancelled_leaves_the_gate_and_the_others_wait_on() {
        let process = CancellationToken::new();
        let first = Opener {
            max_in_flight: 1,
            interrupt: process.clone(),
            ..Opener::default()
        };
        let run = |_| Opener {
            interrupt: process.child(),
            ..first.beside()
        };
        let [one, other] = [0, 1].map(run);
        let wakers = [&first, &one, &other].map(|of| of.gates.wake_on(&of.interrupt));
        let [gate, ones, others] = [&first, &one, &other].map(|opener| opener.open(ACME));
        let call = apps::get("0oa1");
        let [mut log, mut log_of_one, mut log_of_other] =
            std::array::from_fn(|_| CallLog::default());
        let reservation = gate.admit(call.request(), 0, &mut log).await;
        let mut ones = std::pin::pin!(ones.admit(call.request(), 0, &mut log_of_one));
        let mut others = std::pin::pin!(others.admit(call.request(), 0, &mut log_of_other));
        assert!(futures_util::poll!(&mut ones).is_pending());
        assert!(futures_util::poll!(&mut others).is_pending());
        one.interrupt.cancel();
        assert_eq!(ones.await.err(), Some(Halted::Interrupted));
        assert!(futures_util::poll!(&mut others).is_pending());
        process.cancel();
        assert_eq!(others.await.err(), Some(Halted::Interrupted));
        drop((reservation, wakers));
    }
}
