//! The budget against a simulated org, in simulated time: random limits, windows, latencies, clock
//! skews and other spenders. What it must keep: a lone client never overruns a window, every call ends,
//! and a window is not wasted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::budget::{Budget, Grant, Observed, RESET_MARGIN, Settled};
use super::clock::ServerClock;

/// A world to try.
#[derive(Clone, Debug)]
struct World {
    limit: u64,
    window_s: u64,
    calls: u32,
    cap: usize,
    latency_ms: (u64, u64),
    skew_s: i64,
    share: f64,
    reset: Rounding,
    others_per_window: u64,
    headerless_percent: u32,
    seed: u64,
}

#[derive(Clone, Copy, Debug)]
enum Rounding {
    Down,
    Up,
}

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    refused: u32,
    ended: u32,
    took: Duration,
    windows: u64,
}

// Okta's side: a fixed window from its first request on, on a clock of its own.
struct Server {
    world: World,
    epoch_ms: i64,
    opened_at: Option<Duration>,
    counted: u64,
    windows: u64,
}

struct Answer {
    accepted: bool,
    remaining: u64,
    reset: i64,
    date: i64,
}

impl Server {
    fn handle(&mut self, now: Duration) -> Answer {
        let window = Duration::from_secs(self.world.window_s);
        if self.opened_at.is_none_or(|opened| now >= opened + window) {
            self.opened_at = Some(now);
            self.windows += 1;
            // The others are quicker than we are in every window.
            self.counted = self.world.others_per_window.min(self.world.limit);
        }
        let accepted = self.counted < self.world.limit;
        if accepted {
            self.counted += 1;
        }
        let ends_ms = self.epoch(self.opened_at.unwrap_or(now) + window);
        let reset = match self.world.reset {
            Rounding::Down => ends_ms.div_euclid(1_000),
            Rounding::Up => (ends_ms + 999).div_euclid(1_000),
        };
        Answer {
            accepted,
            remaining: self.world.limit - self.counted,
            reset,
            date: self.epoch(now).div_euclid(1_000),
        }
    }

    fn epoch(&self, at: Duration) -> i64 {
        self.epoch_ms
            + self.world.skew_s * 1_000
            + i64::try_from(at.as_millis()).expect("a short simulation")
    }
}

enum Happens {
    Arrives,
    Returns(Answer),
    Wakes,
}

// A client with the budget under test, the server, and what is on its way between them.
struct Simulation<'a> {
    world: &'a World,
    random: StdRng,
    server: Server,
    budget: Budget,
    clock: ServerClock,
    events: BinaryHeap<Reverse<(Duration, usize)>>,
    happenings: Vec<Option<Happens>>,
    to_send: u32,
    in_flight: usize,
    outcome: Outcome,
}

fn simulate(world: &World) -> Outcome {
    let mut random = StdRng::seed_from_u64(world.seed);
    let epoch_ms = 1_700_000_000_000 + random.random_range(0..1_000);
    let mut simulation = Simulation {
        world,
        random,
        server: Server {
            world: world.clone(),
            epoch_ms,
            opened_at: None,
            counted: 0,
            windows: 0,
        },
        budget: Budget::new(world.share),
        clock: ServerClock::default(),
        events: BinaryHeap::new(),
        happenings: Vec::new(),
        to_send: world.calls,
        in_flight: 0,
        outcome: Outcome::default(),
    };
    simulation.send(Duration::ZERO);
    while let Some(Reverse((now, number))) = simulation.events.pop() {
        let happens = simulation.happenings[number]
            .take()
            .expect("each happens once");
        simulation.happen(now, happens);
        simulation.send(now);
    }
    simulation.outcome.windows = simulation.server.windows;
    simulation.outcome
}

impl Simulation<'_> {
    fn send(&mut self, now: Duration) {
        while self.to_send > 0 && self.in_flight < self.world.cap {
            match self.budget.reserve(now) {
                Grant::Go => {
                    self.to_send -= 1;
                    self.in_flight += 1;
                    let there = self.latency();
                    self.at(now + there, Happens::Arrives);
                }
                Grant::Wait { until: Some(until) } => {
                    return self.at(until.max(now), Happens::Wakes);
                }
                Grant::Wait { until: None } => return,
            }
        }
    }

    fn happen(&mut self, now: Duration, happens: Happens) {
        match happens {
            Happens::Wakes => {}
            Happens::Arrives => {
                let back = self.latency();
                let answer = self.server.handle(now);
                self.at(now + back, Happens::Returns(answer));
            }
            Happens::Returns(answer) => self.learn(now, &answer),
        }
    }

    fn learn(&mut self, now: Duration, answer: &Answer) {
        self.in_flight -= 1;
        self.clock.observe(answer.date, now);
        let reset_at = self.clock.local(answer.reset).expect("a date came");
        let silent = self.random.random_range(0..100) < self.world.headerless_percent;
        let settled = if !answer.accepted {
            Settled::Exhausted {
                until: reset_at + RESET_MARGIN,
                reset: Some(answer.reset),
            }
        } else if silent {
            Settled::Silent
        } else {
            Settled::Shown(Observed {
                limit: self.world.limit,
                remaining: answer.remaining,
                reset: answer.reset,
                reset_at,
            })
        };
        self.budget.settle(now, settled);
        if answer.accepted {
            self.outcome.ended += 1;
            self.outcome.took = now;
        } else {
            self.outcome.refused += 1;
            self.to_send += 1;
        }
    }

    fn latency(&mut self) -> Duration {
        let (least, most) = self.world.latency_ms;
        Duration::from_millis(self.random.random_range(least..=most))
    }

    fn at(&mut self, time: Duration, happens: Happens) {
        self.events.push(Reverse((time, self.happenings.len())));
        self.happenings.push(Some(happens));
    }
}

fn worlds() -> impl Strategy<Value = World> {
    (
        (1_u64..200, 3_u64..120, 1_u32..600, 1_usize..60),
        (
            0_u64..300,
            0_u64..1_700,
            -20_000_i64..20_000,
            0.05_f64..=1.0,
        ),
        (any::<bool>(), 0_u32..30, any::<u64>()),
    )
        .prop_map(
            |(
                (limit, window_s, calls, cap),
                (fast, spread, skew_s, share),
                (down, silent, seed),
            )| World {
                limit,
                window_s,
                calls,
                cap,
                latency_ms: (fast, fast + spread),
                skew_s,
                share,
                reset: if down { Rounding::Down } else { Rounding::Up },
                others_per_window: 0,
                headerless_percent: silent,
                seed,
            },
        )
}

proptest! {
    #[test]
    fn alone_no_window_is_overrun_and_every_call_ends(world in worlds()) {
        let outcome = simulate(&World { headerless_percent: 0, ..world.clone() });
        prop_assert_eq!(outcome.refused, 0);
        prop_assert_eq!(outcome.ended, world.calls);
    }

    #[test]
    fn answers_without_headers_neither_close_a_bucket_nor_open_the_gates(world in worlds()) {
        let outcome = simulate(&world);
        prop_assert_eq!(outcome.ended, world.calls);
        // What nobody told us we may find out once a window.
        prop_assert!(u64::from(outcome.refused) <= outcome.windows, "{} in {}", outcome.refused, outcome.windows);
    }

    #[test]
    fn with_others_every_call_still_ends(world in worlds(), others in 0_u64..200) {
        // Somebody who takes the whole limit in every window leaves nothing for anyone.
        let world = World { others_per_window: others.min(world.limit - 1), headerless_percent: 0, ..world };
        let outcome = simulate(&world);
        prop_assert_eq!(outcome.ended, world.calls);
        // At worst the first burst of a window meets a bucket that others emptied; it is never hammered.
        let worst = outcome.windows * world.cap as u64;
        prop_assert!(u64::from(outcome.refused) <= worst, "{} refused in {} windows", outcome.refused, outcome.windows);
    }

    #[test]
    fn a_window_is_used_up_at_once(limit in 5_u64..100, calls in 50_u32..500, seed: u64) {
        // Latency far below the window, as at Okta: the floor is a window per `limit` calls.
        let world = World {
            limit, window_s: 60, calls, cap: 20, latency_ms: (100, 700), skew_s: 0, share: 1.0,
            reset: Rounding::Down, others_per_window: 0, headerless_percent: 0, seed,
        };
        let outcome = simulate(&world);
        let windows = u64::from(calls).div_ceil(limit);
        // A window starts with its first request, so each one adds that request's way there.
        let floor = Duration::from_secs((windows - 1) * 60) + Duration::from_millis(1_400) * 6;
        let allowed = floor.mul_f64(1.05) + Duration::from_secs(windows);
        prop_assert!(outcome.took <= allowed, "{:?} for {windows} windows, allowed {allowed:?}", outcome.took);
        prop_assert_eq!(outcome.windows, windows);
    }
}
