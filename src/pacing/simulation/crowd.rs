//! The learned in-flight cap against a simulated org that takes on so many calls at once and refuses the
//! others, in simulated time. What it must keep: nearly the pace that the org allows, and few refusals.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::agenda::Agenda;
use crate::pacing::concurrency::Concurrency;

/// A world to try.
#[derive(Clone, Debug)]
struct World {
    /// What the org takes on at once, and, from some time on, what it takes on then.
    takes: u32,
    later: Option<(Duration, u32)>,
    max: u32,
    calls: u32,
    latency_ms: (u64, u64),
    network_ms: (u64, u64),
    seed: u64,
}

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    refused: u32,
    ended: u32,
    took: Duration,
    /// Time that the org worked on calls, in sum.
    worked: Duration,
    most: u32,
}

#[derive(Clone, Copy)]
enum Happens {
    Arrives { sent: Duration },
    Ends { sent: Duration },
    Returns { sent: Duration, accepted: bool },
    Asks,
    Wakes,
}

struct Simulation<'a> {
    world: &'a World,
    random: StdRng,
    concurrency: Concurrency,
    agenda: Agenda<Happens>,
    // Calls that ask to be sent; only as many entries are at work as calls may be in flight.
    asking: VecDeque<()>,
    not_begun: u32,
    working_on: u32,
    outcome: Outcome,
}

fn simulate(world: &World) -> Outcome {
    let at_work = world.calls.min(world.max);
    let mut simulation = Simulation {
        world,
        random: StdRng::seed_from_u64(world.seed),
        concurrency: Concurrency::new(world.max),
        agenda: Agenda::default(),
        asking: (0..at_work).map(|_| ()).collect(),
        not_begun: world.calls - at_work,
        working_on: 0,
        outcome: Outcome::default(),
    };
    simulation.send(Duration::ZERO);
    while let Some((now, happens)) = simulation.agenda.next() {
        simulation.happen(now, happens);
        simulation.send(now);
    }
    simulation.outcome
}

impl Simulation<'_> {
    fn send(&mut self, now: Duration) {
        while !self.asking.is_empty() && self.concurrency.has_room() {
            if let Some(until) = self.concurrency.rests_until(now) {
                return self.at(until, Happens::Wakes);
            }
            self.asking.pop_front();
            self.concurrency.take();
            let there = self.random(self.world.network_ms);
            self.at(now + there, Happens::Arrives { sent: now });
        }
    }

    fn happen(&mut self, now: Duration, happens: Happens) {
        match happens {
            Happens::Wakes => {}
            Happens::Asks => self.asking.push_back(()),
            Happens::Arrives { sent } => {
                if self.working_on < self.takes(now) {
                    self.working_on += 1;
                    self.outcome.most = self.outcome.most.max(self.working_on);
                    let latency = self.random(self.world.latency_ms);
                    self.outcome.worked += latency;
                    self.at(now + latency, Happens::Ends { sent });
                } else {
                    self.answer(now, sent, false);
                }
            }
            Happens::Ends { sent } => {
                self.working_on -= 1;
                self.answer(now, sent, true);
            }
            Happens::Returns { sent, accepted } => self.learn(now, sent, accepted),
        }
    }

    fn answer(&mut self, now: Duration, sent: Duration, accepted: bool) {
        let back = self.random(self.world.network_ms);
        self.at(now + back, Happens::Returns { sent, accepted });
    }

    fn learn(&mut self, now: Duration, sent: Duration, accepted: bool) {
        self.concurrency.give_back();
        if accepted {
            self.concurrency.succeeded(now);
            self.outcome.ended += 1;
            self.outcome.took = now;
            if self.not_begun > 0 {
                self.not_begun -= 1;
                self.asking.push_back(());
            }
        } else {
            self.concurrency.refused(now, sent);
            self.outcome.refused += 1;
            let pause = self.random((500, 1_499));
            self.at(now + pause, Happens::Asks);
        }
    }

    fn takes(&self, now: Duration) -> u32 {
        match self.world.later {
            Some((from, takes)) if now >= from => takes,
            _ => self.world.takes,
        }
    }

    fn random(&mut self, (least, most): (u64, u64)) -> Duration {
        Duration::from_millis(self.random.random_range(least..=most))
    }

    fn at(&mut self, time: Duration, happens: Happens) {
        self.agenda.put(time, happens);
    }
}

fn worlds() -> impl Strategy<Value = World> {
    (1_u32..=40, 0_u32..=40, 20_u32..60, 5_u64..50, any::<u64>()).prop_map(
        |(takes, more, rounds, network, seed)| World {
            takes,
            later: None,
            max: takes + more,
            calls: takes * rounds,
            latency_ms: (1_000, 3_000),
            network_ms: (1, network),
            seed,
        },
    )
}

proptest! {
    #[test]
    fn a_limit_of_calls_in_flight_is_nearly_used_up_with_few_refusals(world in worlds()) {
        let outcome = simulate(&world);
        prop_assert_eq!(outcome.ended, world.calls);
        prop_assert!(outcome.most <= world.takes);
        let ideal = outcome.worked.as_secs_f64() / f64::from(world.takes);
        let took = outcome.took.as_secs_f64();
        prop_assert!(took <= 1.2 * ideal, "{took:.1} s of {ideal:.1} s, {outcome:?}");
        // The first burst, then a look above at 10 s, 30 s, 70 s and every two minutes.
        let looks = 5 + outcome.took.as_secs() / 120;
        prop_assert!(u64::from(outcome.refused) <= u64::from(world.max - world.takes) + looks, "{outcome:?}");
    }

    #[test]
    fn a_limit_that_changes_is_found_again(world in worlds(), later in 1_u32..=40) {
        let world = World {
            later: Some((Duration::from_secs(20), later)),
            calls: world.takes * 10 + later * 100,
            max: world.max.max(later),
            ..world
        };
        let outcome = simulate(&world);
        prop_assert_eq!(outcome.ended, world.calls);
        let ideal = outcome.worked.as_secs_f64() / f64::from(later.min(world.takes));
        prop_assert!(outcome.took.as_secs_f64() <= 1.2 * ideal + 20.0, "{outcome:?}");
        // A burst for each change downwards, and looks above.
        let looks = 20 + outcome.took.as_secs() / 10;
        prop_assert!(u64::from(outcome.refused) <= 2 * u64::from(world.max) + looks, "{outcome:?}");
    }
}

#[test]
fn an_org_that_takes_on_nothing_is_asked_about_once_a_second() {
    let world = World {
        takes: 0,
        later: Some((Duration::from_mins(1), 5)),
        max: 20,
        calls: 20,
        latency_ms: (1_000, 1_000),
        network_ms: (1, 10),
        seed: 1,
    };
    let outcome = simulate(&world);
    assert_eq!(outcome.ended, 20);
    assert!(outcome.refused <= 20 + 62, "{outcome:?}");
    assert!(outcome.took <= Duration::from_secs(75), "{outcome:?}");
}
