//! The budget against a simulated org, in simulated time: random limits, windows, latencies, clock
//! skews, other spenders, methods with limits of their own, and processes that die. What it must keep: a lone
//! client never overruns a window, every call ends, a window is not wasted, and a steady neighbour is not refused.

mod agenda;
mod crowd;
mod neighbours;
mod properties;
mod server;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::budget::{Grant, Observed, Others, RESET_MARGIN, Settled, Spent};
use super::clock::ServerClock;
use super::methods::Methods;
use crate::okta::Method;
use agenda::Agenda;
use server::{Answer, Server, Window};

/// A world to try.
#[derive(Clone, Debug)]
struct World {
    limit: u64,
    /// What GET has a window of its own for.
    reads: Option<u64>,
    /// Whether the budget does not know of methods.
    counts_methods_together: bool,
    window_s: u64,
    calls: u32,
    cap: usize,
    latency_ms: (u64, u64),
    skew_s: i64,
    /// In percent of its answers `Date` is from a clock that is so many seconds ahead of the one that counts.
    ahead: (u32, i64),
    share: f64,
    reset: Rounding,
    neighbour: Option<Neighbour>,
    /// From then on windows have another limit and another length.
    later: Option<(Duration, u64, u64)>,
    others_per_window: u64,
    headerless_percent: u32,
    /// How often the process dies, and how long it lives each time.
    deaths: u32,
    life_ms: (u64, u64),
    seed: u64,
}

/// Somebody else with calls of their own, who does not look at headers.
#[derive(Clone, Copy, Debug)]
struct Neighbour {
    /// How many calls at once, and how often.
    calls: u32,
    every: Duration,
    /// When they begin and when they end.
    from: Duration,
    until: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Rounding {
    Down,
    Up,
}

/// How long a note takes to become durable, milliseconds.
const WRITE_MS: u64 = 30;

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    refused: u32,
    refused_though_apart: u32,
    ended: u32,
    took: Duration,
    windows: u64,
    deaths: u32,
    apart: bool,
    /// Of the calls of the neighbour that came after the first window with both of us in it.
    theirs: u32,
    theirs_refused: u32,
    /// When each call of ours ended.
    ends: Vec<Duration>,
    /// Whether anything was ever kept free for others.
    left_some: bool,
}

struct Call {
    life: u32,
    method: Method,
    sent: Duration,
}

enum Happens {
    NeighbourCalls,
    Arrives(Call),
    Returns(Call, Answer),
    Noted(u32, Spent),
    Remembered(u32, Others),
    Wakes,
    Dies,
    Lives,
}

// A client with the budget under test, the server, and what is on its way between them.
struct Simulation<'a> {
    world: &'a World,
    random: StdRng,
    server: Server,
    methods: Methods,
    clock: ServerClock,
    agenda: Agenda<Happens>,
    // What has to be sent, and what the process at work has under way.
    to_send: Vec<Method>,
    in_flight: Vec<Method>,
    life: u32,
    dead: bool,
    ledger: Option<Spent>,
    others: Option<Others>,
    apart_since: Option<Duration>,
    // In which window the neighbour, and we, came first.
    met: [Option<u64>; 2],
    outcome: Outcome,
}

fn simulate(world: &World) -> Outcome {
    let mut random = StdRng::seed_from_u64(world.seed);
    let epoch_ms = 1_700_000_000_000 + random.random_range(0..1_000);
    let methods = [Method::Get, Method::Post, Method::Put];
    let to_send = (0..world.calls)
        .map(|_| methods[random.random_range(0..3)])
        .collect();
    let mut simulation = Simulation {
        world,
        random,
        server: Server {
            world: world.clone(),
            epoch_ms,
            windows: Default::default(),
        },
        methods: Methods::new(world.share),
        clock: ServerClock::default(),
        agenda: Agenda::default(),
        to_send,
        in_flight: Vec::new(),
        life: 0,
        dead: true,
        ledger: None,
        others: None,
        apart_since: None,
        met: [None; 2],
        outcome: Outcome::default(),
    };
    simulation.happen(Duration::ZERO, Happens::Lives);
    if let Some(neighbour) = world.neighbour {
        simulation.at(neighbour.from, Happens::NeighbourCalls);
    }
    simulation.send(Duration::ZERO);
    while let Some((now, happens)) = simulation.agenda.next() {
        simulation.happen(now, happens);
        simulation.send(now);
    }
    let windows = &simulation.server.windows;
    simulation.outcome.windows = windows.iter().map(|window| window.opened).sum();
    simulation.outcome.apart = !simulation.methods.is_one();
    simulation.outcome
}

impl Simulation<'_> {
    fn send(&mut self, now: Duration) {
        while !self.dead && self.in_flight.len() < self.world.cap {
            let Some(&method) = self.to_send.last() else {
                return;
            };
            match self
                .methods
                .reserve(self.counted_as(method), now, self.to_send.len())
            {
                Grant::Go => {
                    self.to_send.pop();
                    self.in_flight.push(method);
                    let call = Call {
                        life: self.life,
                        method,
                        sent: now,
                    };
                    let there = self.latency();
                    self.at(now + there, Happens::Arrives(call));
                    self.note(now);
                }
                Grant::Wait { until: Some(until) } => {
                    return self.at(until.max(now), Happens::Wakes);
                }
                Grant::Wait { until: None } => return,
            }
        }
    }

    fn note(&mut self, now: Duration) {
        while let Some((_, spent)) = self.methods.take_note() {
            let write = Duration::from_millis(self.random.random_range(1..=WRITE_MS));
            self.at(now + write, Happens::Noted(self.life, spent));
        }
        while let Some((_, others)) = self.methods.take_others() {
            let write = Duration::from_millis(self.random.random_range(1..=WRITE_MS));
            self.at(now + write, Happens::Remembered(self.life, others));
        }
    }

    fn happen(&mut self, now: Duration, happens: Happens) {
        match happens {
            Happens::Wakes => {}
            Happens::NeighbourCalls => self.neighbour_calls(now),
            Happens::Arrives(call) => {
                let back = self.latency();
                let answer = self.server.handle(now, call.method);
                let window = self.server.windows[0].opened;
                self.met[1].get_or_insert(window);
                if !answer.accepted {
                    self.outcome.refused += 1;
                    // From the next window on nothing is left of what was counted together.
                    let window = Duration::from_secs(self.world.window_s);
                    let apart = self
                        .apart_since
                        .is_some_and(|since| since + window < call.sent);
                    self.outcome.refused_though_apart += u32::from(apart);
                }
                self.at(now + back, Happens::Returns(call, answer));
            }
            Happens::Returns(call, answer) => {
                if call.life == self.life && !self.dead {
                    self.learn(now, &call, &answer);
                    self.note(now);
                }
            }
            Happens::Noted(life, spent) => {
                if life == self.life && !self.dead {
                    self.ledger = Some(spent);
                    self.methods.noted(spent.until);
                }
            }
            Happens::Remembered(life, others) => {
                if life == self.life && !self.dead {
                    self.others = Some(others);
                }
            }
            Happens::Dies => self.die(now),
            Happens::Lives => self.live(now),
        }
    }

    fn neighbour_calls(&mut self, now: Duration) {
        let Some(neighbour) = self.world.neighbour else {
            return;
        };
        let is_over = self.to_send.is_empty() && self.in_flight.is_empty() && !self.dead;
        if is_over || now >= neighbour.until {
            return;
        }
        for _ in 0..neighbour.calls {
            let answer = self.server.handle(now, Method::Put);
            let window = self.server.windows[0].opened;
            self.met[0].get_or_insert(window);
            let first = self.met[0].max(self.met[1]);
            if self.met[1].is_some() && first < Some(window) {
                self.outcome.theirs += 1;
                self.outcome.theirs_refused += u32::from(!answer.accepted);
            }
        }
        self.at(now + neighbour.every, Happens::NeighbourCalls);
    }

    fn die(&mut self, now: Duration) {
        if self.to_send.is_empty() && self.in_flight.is_empty() {
            return;
        }
        self.dead = true;
        self.outcome.deaths += 1;
        // Calls whose answers nobody took are made again.
        self.to_send.append(&mut self.in_flight);
        // As long as a call under way can take to arrive.
        let start = Duration::from_millis(self.world.latency_ms.1 + 1);
        self.at(now + start, Happens::Lives);
    }

    fn live(&mut self, now: Duration) {
        self.dead = false;
        self.life += 1;
        self.methods = Methods::new(self.world.share);
        self.clock = ServerClock::default();
        if let Some(spent) = self.ledger.filter(|spent| spent.until > now) {
            self.methods.restore(spent);
        }
        if let Some(others) = self.others.filter(|others| others.until > now) {
            self.methods.restore_others(others);
        }
        if self.life <= self.world.deaths {
            let (least, most) = self.world.life_ms;
            let life = Duration::from_millis(self.random.random_range(least..=most));
            self.at(now + life, Happens::Dies);
        }
    }

    fn learn(&mut self, now: Duration, call: &Call, answer: &Answer) {
        let known = self.in_flight.iter().position(|on| *on == call.method);
        self.in_flight.remove(known.expect("it was sent"));
        let (percent, ahead_s) = self.world.ahead;
        let ahead_s = if self.random.random_range(0..100) < percent {
            ahead_s
        } else {
            0
        };
        self.clock.observe(answer.date + ahead_s, call.sent, now);
        if !answer.accepted {
            self.clock.refused(answer.reset, call.sent);
        }
        let reset_at = self.clock.local(answer.reset).expect("a date came");
        let silent = self.random.random_range(0..100) < self.world.headerless_percent;
        let settled = if !answer.accepted {
            Settled::Exhausted {
                until: reset_at + RESET_MARGIN,
                reset: Some(answer.reset),
                limit: Some(answer.limit),
                sent: call.sent,
            }
        } else if silent {
            Settled::Silent
        } else {
            Settled::Shown(Observed {
                limit: answer.limit,
                remaining: answer.remaining,
                reset: answer.reset,
                reset_at,
                sent: call.sent,
            })
        };
        let method = self.counted_as(call.method);
        self.methods.settle(now, method, settled);
        self.outcome.left_some |= self.methods.of(method).left_to_others().is_some();
        let shares = |other| self.methods.share(Method::Post, other);
        if !shares(Method::Get) && shares(Method::Put) {
            self.apart_since.get_or_insert(now);
        }
        if answer.accepted {
            self.outcome.ended += 1;
            self.outcome.ends.push(now);
            self.outcome.took = now;
        } else {
            self.to_send.push(call.method);
        }
    }

    fn counted_as(&self, method: Method) -> Method {
        if self.world.counts_methods_together {
            Method::Put
        } else {
            method
        }
    }

    fn latency(&mut self) -> Duration {
        let (least, most) = self.world.latency_ms;
        Duration::from_millis(self.random.random_range(least..=most))
    }

    fn at(&mut self, time: Duration, happens: Happens) {
        self.agenda.put(time, happens);
    }
}
