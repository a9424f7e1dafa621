//! Beside others who spend from the same bucket: what they are refused because of us, and what is left for us.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;

use crate::okta::Method;
use crate::pacing::budget::Budget;
use crate::pacing::simulation::{
    Grant, Neighbour, Observed, Outcome, RESET_MARGIN, Rounding, Server, Settled, Window, World,
    simulate,
};

const FOREVER: Duration = Duration::MAX;

// A bucket as Okta has them, or a short one, and a run of some windows.
fn worlds() -> impl Strategy<Value = World> {
    (
        (
            select(vec![50_u64, 600]),
            select(vec![10_u64, 60]),
            select(vec![0.5, 0.9, 1.0]),
        ),
        (20_u64..200, 0_u64..500, -20_000_i64..20_000),
        (any::<bool>(), any::<u64>()),
    )
        .prop_map(
            |((limit, window_s, share), (fast, spread, skew_s), (down, seed))| World {
                limit,
                reads: None,
                counts_methods_together: false,
                window_s,
                calls: u32::try_from(limit * 5).expect("few"),
                cap: if limit > 50 { 200 } else { 20 },
                latency_ms: (fast, fast + spread),
                skew_s,
                ahead: (0, 0),
                share,
                reset: if down { Rounding::Down } else { Rounding::Up },
                neighbour: None,
                later: None,
                others_per_window: 0,
                headerless_percent: 0,
                deaths: 0,
                life_ms: (0, 0),
                seed,
            },
        )
}

#[expect(clippy::cast_precision_loss, reason = "a limit, or seconds")]
const fn number(count: u64) -> f64 {
    count as f64
}

// Somebody who makes as many calls as this part of the limit, evenly, from that part of a window on.
fn steady(world: &World, part: f64, from: f64) -> Neighbour {
    let window_s = number(world.window_s);
    Neighbour {
        calls: 1,
        every: Duration::from_secs_f64(window_s / (number(world.limit) * part)),
        from: Duration::from_secs_f64(window_s * from),
        until: FOREVER,
    }
}

fn beside(world: &World, neighbour: Neighbour) -> Outcome {
    simulate(&World {
        neighbour: Some(neighbour),
        ..world.clone()
    })
}

// Windows it takes at most if so many calls of one are ours, with some more to find out.
fn windows(world: &World, ours: f64) -> u64 {
    let most = (f64::from(world.calls) / ours).ceil() + 4.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small"
    )]
    let most = most as u64;
    most
}

proptest! {
    // A case is a night's work.
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_steady_neighbour_is_not_refused_and_the_rest_is_used(world in worlds(), part in 0.02_f64..0.8, from in 0.0_f64..0.5) {
        let outcome = beside(&world, steady(&world, part, from));
        prop_assert_eq!(outcome.ended, world.calls);
        // And one call: of one or two a window none may have been seen before the second window.
        prop_assert!(outcome.theirs_refused <= 1 + outcome.theirs / 100, "{} of {}", outcome.theirs_refused, outcome.theirs);
        prop_assert!(outcome.left_some);
        let limit = number(world.limit);
        let usable = limit * world.share;
        // Besides `1 − share` what they take and a fifth; but a third of what we may have, as long as they have that.
        // Some calls less: one more than was seen may come at any time.
        let besides = usable - limit * part * 1.3 - 5.0;
        let third = (usable / 3.0).min(limit - limit * part * 1.3) - 4.0;
        let ours = besides.max(third).max(usable / 12.0 - 1.0).max(1.0);
        // Of windows of 10 s we take less: a pace that is seen for some seconds only is taken for up to a half more, and
        // where they take more than half of what is left that is most of the rest.
        let part_of_it = if world.window_s < 60 { 0.25 } else { 0.7 };
        prop_assert!(outcome.windows <= windows(&world, ours * part_of_it), "{} windows, {ours} a window", outcome.windows);
        // Before they are seen they take some of what our calls on their way have reserved.
        let on_the_way = Duration::from_millis(world.latency_ms.1 * 2).as_secs_f64();
        let race = limit * part / number(world.window_s) * on_the_way;
        let refused = f64::from(outcome.refused);
        let most = 3.0 + number(outcome.windows / 10) + race;
        prop_assert!(refused <= most, "{refused} of ours in {} windows", outcome.windows);
    }

    #[test]
    fn a_restart_does_not_forget_a_steady_neighbour(world in worlds(), part in 0.02_f64..0.8, from in 0.0_f64..0.5, deaths in 1_u32..=3) {
        // Each life is long enough to see a window, or continues from what the one before saw.
        let life = (world.window_s * 1_200, world.window_s * 3_500);
        let world = World { deaths, life_ms: life, ..world };
        let outcome = beside(&world, steady(&world, part, from));
        prop_assert_eq!(outcome.ended, world.calls);
        // One more after each: of one or two a window none may have been seen yet.
        prop_assert!(outcome.theirs_refused <= 1 + deaths + outcome.theirs / 100, "{} of {}", outcome.theirs_refused, outcome.theirs);
    }

    #[test]
    fn one_who_begins_in_the_middle_is_refused_for_a_window(world in worlds(), part in 0.05_f64..0.7, from in 1.0_f64..4.0) {
        let outcome = beside(&world, steady(&world, part, from));
        prop_assert_eq!(outcome.ended, world.calls);
        // Whoever comes after the look at a window's end is seen in the next one.
        let window = number(world.limit) * part;
        prop_assert!(f64::from(outcome.theirs_refused) <= window, "{} of {window} a window", outcome.theirs_refused);
    }

    #[test]
    fn one_who_stops_is_forgotten(world in worlds(), part in 0.1_f64..0.7, stops in 1.0_f64..4.0) {
        let window = Duration::from_secs(world.window_s);
        let until = window.mul_f64(stops);
        let world = World { calls: world.calls * 2, ..world };
        let outcome = beside(&world, Neighbour { until, ..steady(&world, part, 0.0) });
        prop_assert_eq!(outcome.ended, world.calls);
        // Three windows later all that `share` allows is used at once again, as alone.
        let settled = until + (window + RESET_MARGIN * 3) * 4;
        let late = outcome.ends.iter().filter(|end| **end > settled).count();
        let usable = number(world.limit) * world.share;
        let rest = outcome.took.saturating_sub(settled).as_secs_f64();
        let ideal = (number(late as u64) / usable).ceil() * (number(world.window_s) + 2.0);
        prop_assert!(rest <= ideal + number(world.window_s), "{late} calls in {rest:.0} s, ideal {ideal:.0} s");
    }

    #[test]
    fn one_who_takes_more_than_there_is_leaves_us_a_little(world in worlds(), part in 1.0_f64..3.0) {
        let world = World { calls: 60, ..world };
        let outcome = beside(&world, steady(&world, part, 0.0));
        prop_assert_eq!(outcome.ended, world.calls);
        let twentieth = (number(world.limit) * world.share / 20.0 - 1.0).max(1.0);
        // Where windows begin with their calls we come too late now and then.
        prop_assert!(outcome.windows <= 2 * windows(&world, twentieth), "{} windows", outcome.windows);
        let had = f64::from(outcome.theirs - outcome.theirs_refused);
        let all = number(world.limit * outcome.windows.saturating_sub(2));
        // What is counted in whole calls can miss its share by one.
        prop_assert!(had + 1.0 >= 0.9 * all, "{had} of {all}");
    }

    #[test]
    fn bursts_cost_them_some_calls_and_us_no_end(world in worlds(), part in 0.1_f64..0.6, every in 0.3_f64..3.0) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let calls = (number(world.limit) * part * every.min(1.0)) as u32;
        let every = Duration::from_secs(world.window_s).mul_f64(every);
        let burst = Neighbour { calls: calls.max(1), every, from: Duration::ZERO, until: FOREVER };
        let outcome = beside(&world, burst);
        prop_assert_eq!(outcome.ended, world.calls);
        let refused = u64::from(outcome.refused);
        prop_assert!(refused <= world.cap as u64 * outcome.windows, "{refused} of ours in {} windows", outcome.windows);
        prop_assert!(outcome.windows <= windows(&world, 1.0), "{} windows", outcome.windows);
    }

    #[test]
    fn windows_that_change_are_followed(world in worlds(), part in 0.05_f64..0.4, change in 1.5_f64..3.0, other in worlds()) {
        // The pace stays; it is as large a part of the smaller of the two limits.
        let pace = |world: &World| number(world.limit) / number(world.window_s);
        let part = part * (pace(&other) / pace(&world)).min(1.0);
        let at = Duration::from_secs(world.window_s).mul_f64(change);
        let world = World { later: Some((at, other.limit, other.window_s)), calls: 1_000, ..world };
        let outcome = beside(&world, steady(&world, part, 0.0));
        prop_assert_eq!(outcome.ended, world.calls);
        let a_window = pace(&world) * part * number(other.window_s);
        let most = 2.0 * a_window + f64::from(outcome.theirs) / 100.0;
        prop_assert!(f64::from(outcome.theirs_refused) <= most, "{} of {}, {a_window} a window", outcome.theirs_refused, outcome.theirs);
    }

    #[test]
    fn lost_headers_deaths_and_clocks_that_differ_do_not_stop_us(world in worlds(), part in 0.05_f64..0.7, silent in 0_u32..30, deaths in 0_u32..5, percent in 0_u32..50) {
        let world = World { headerless_percent: silent, deaths, life_ms: (500, 60_000), ahead: (percent, 2), ..world };
        let outcome = beside(&world, steady(&world, part, 0.0));
        prop_assert_eq!(outcome.ended, world.calls);
        prop_assert!(outcome.windows <= windows(&world, number(world.limit) / 40.0), "{} windows", outcome.windows);
    }
}

// Two processes with one token, each with more to do than there is, and a cap of twenty calls a second.
fn two_of_ours(limit: u64, window_s: u64, share: f64, second_from_s: u64) -> ([u64; 2], [u64; 2]) {
    let world = World {
        limit,
        window_s,
        reads: None,
        counts_methods_together: false,
        calls: 0,
        cap: 0,
        latency_ms: (0, 0),
        skew_s: 0,
        ahead: (0, 0),
        share,
        reset: Rounding::Down,
        neighbour: None,
        later: None,
        others_per_window: 0,
        headerless_percent: 0,
        deaths: 0,
        life_ms: (0, 0),
        seed: 0,
    };
    let mut server = Server {
        world,
        epoch_ms: 1_700_000_000_300,
        windows: [Window::default(), Window::default()],
    };
    let mut budgets = [Budget::new(share), Budget::new(share)];
    let (mut had, mut refused) = ([0, 0], [0, 0]);
    let settles_s = 20 * window_s;
    for tick in 0..40 * window_s * 20 {
        let now = Duration::from_millis(tick * 50);
        let which = usize::from(tick % 2 == 1);
        if which == 1 && now.as_secs() < second_from_s {
            continue;
        }
        let budget = &mut budgets[which];
        if let Some(spent) = budget.take_note() {
            budget.noted(spent.until);
        }
        if budget.reserve(now, 20) != Grant::Go {
            continue;
        }
        let answer = server.handle(now, Method::Put);
        let ahead = u64::try_from(answer.reset - answer.date).expect("ahead");
        let reset_at = now + Duration::from_secs(ahead);
        let counts = u64::from(now.as_secs() >= settles_s);
        if answer.accepted {
            had[which] += counts;
            let (limit, remaining, reset) = (answer.limit, answer.remaining, answer.reset);
            let seen = Observed {
                limit,
                remaining,
                reset,
                reset_at,
                sent: now,
            };
            budget.settle(now, Settled::Shown(seen));
        } else {
            refused[which] += counts;
            let settled = Settled::Exhausted {
                until: reset_at + RESET_MARGIN,
                reset: Some(answer.reset),
                limit: Some(answer.limit),
                sent: now,
            };
            budget.settle(now, settled);
        }
    }
    (had, refused)
}

#[test]
fn two_of_ours_on_one_token_share_what_there_is() {
    for limit in [50, 600] {
        for (share, second_from_s) in [(0.9, 0), (0.9, 95), (1.0, 95), (0.5, 95)] {
            let (had, refused) = two_of_ours(limit, 60, share, second_from_s);
            let case = format!("{limit} {share} {second_from_s}: {had:?} {refused:?}");
            assert_eq!(refused, [0, 0], "{case}");
            let limit = limit * 20;
            // Little is wasted but where both leave half of the limit, and nobody is starved.
            let least = if share < 0.9 {
                limit * 2 / 5
            } else {
                limit * 4 / 5
            };
            assert!(had[0] + had[1] >= least, "{case}");
            assert!(had[0].min(had[1]) >= limit / 12, "{case}");
        }
    }
}
