//! One bucket's budget, or several: limits may differ by HTTP method (API.md §10.1), and only the answers tell.
//! Until they do all methods share one budget. Pure: time is passed in.
//!
//! An answer that shows another limit or window than another method's last one is not believed at once: the org's
//! limit may have been changed. When that other method's next call, sent after it, shows the old one again, both
//! are true, and the methods are counted apart from then on. Should they show the same window later, they are
//! counted together again. What that is worth is measured in `simulation::properties`.

use std::time::Duration;

use super::budget::{Budget, Grant, Observed, Others, Outlook, Settled, Spent};
use crate::okta::Method;

/// How far apart (seconds) the ends of two windows are at least: each is rounded, and may be computed anew.
const OTHER_WINDOW_S: u64 = 2;

/// How long a window must still last to count as open: our idea of its end is up to a second late, and the second
/// may have been cut off.
const SURELY_OPEN: Duration = Duration::from_secs(2);

const METHODS: usize = 3;

/// The budgets of a bucket.
#[derive(Clone, Debug)]
pub struct Methods {
    budgets: [Budget; METHODS],
    // By method: its budget, its calls in flight, and what its last answer showed.
    route: [usize; METHODS],
    in_flight: [u64; METHODS],
    seen: [Option<LastShown>; METHODS],
}

#[derive(Clone, Copy, Debug)]
struct LastShown {
    what: Observed,
    // When the method showed this window first.
    since: Duration,
}

impl LastShown {
    fn same_window(&self, other: &Observed) -> bool {
        self.what.limit == other.limit && self.what.reset.abs_diff(other.reset) < OTHER_WINDOW_S
    }

    // Two windows that are open at the same time cannot be one.
    fn contradicts(&self, other: &Observed, now: Duration) -> bool {
        let open = |window: &Observed| window.reset_at > now + SURELY_OPEN;
        let differ = self.what.limit != other.limit
            || self.what.reset.abs_diff(other.reset) > OTHER_WINDOW_S;
        differ && open(&self.what) && open(other)
    }
}

impl Methods {
    /// A bucket nothing is known of; see [`Budget::new`].
    pub const fn new(share: f64) -> Self {
        Self {
            budgets: [Budget::new(share), Budget::new(share), Budget::new(share)],
            route: [0; METHODS],
            in_flight: [0; METHODS],
            seen: [None; METHODS],
        }
    }

    /// See [`Budget::reserve`].
    pub fn reserve(&mut self, method: Method, now: Duration, waiting: usize) -> Grant {
        let index = place(method);
        let grant = self.budgets[self.route[index]].reserve(now, waiting);
        if grant == Grant::Go {
            self.in_flight[index] += 1;
        }
        grant
    }

    /// See [`Budget::settle`].
    pub fn settle(&mut self, now: Duration, method: Method, settled: Settled) {
        let index = place(method);
        let settled = match settled {
            Settled::Shown(what) => self.compare(index, what, now),
            other => other,
        };
        self.in_flight[index] = self.in_flight[index].saturating_sub(1);
        self.budgets[self.route[index]].settle(now, settled);
    }

    /// What a method spends from.
    pub const fn of(&self, method: Method) -> &Budget {
        &self.budgets[self.route[place(method)]]
    }

    /// Whether two methods spend from one budget.
    pub const fn share(&self, one: Method, other: Method) -> bool {
        self.route[place(one)] == self.route[place(other)]
    }

    /// Whether all methods do.
    pub fn is_one(&self) -> bool {
        self.route == [0; METHODS]
    }

    /// See [`Budget::share_used`].
    pub fn share_used(&self) -> Option<f64> {
        let used = self.budgets.iter().filter_map(Budget::share_used);
        used.reduce(f64::max)
    }

    /// See [`Budget::allowance`]; the least of those that spend from the bucket.
    pub fn allowance(&self) -> Option<u64> {
        let shown = self.route.iter();
        shown
            .filter_map(|index| self.budgets[*index].allowance())
            .min()
    }

    /// See [`Budget::outlook`]; the tightest of those that spend from the bucket.
    pub fn outlook(&self, now: Duration) -> Option<Outlook> {
        let used = self.route.iter();
        used.filter_map(|index| self.budgets[*index].outlook(now))
            .min_by_key(|outlook| outlook.allowance)
    }

    /// See [`Budget::has_plenty`].
    pub fn has_plenty(&self, calls: u64) -> bool {
        let mut used = self.route.iter();
        used.all(|index| self.budgets[*index].has_plenty(calls))
    }

    /// See [`Budget::take_note`]; with one of the methods that spend from it.
    pub fn take_note(&mut self) -> Option<(Method, Spent)> {
        self.take(Budget::take_note)
    }

    /// See [`Budget::take_others`]; with one of the methods that spend from it.
    pub fn take_others(&mut self) -> Option<(Method, Others)> {
        self.take(Budget::take_others)
    }

    fn take<T>(&mut self, from: impl Fn(&mut Budget) -> Option<T>) -> Option<(Method, T)> {
        let Self { budgets, route, .. } = self;
        [Method::Get, Method::Post, Method::Put]
            .into_iter()
            .find_map(|method| Some((method, from(&mut budgets[route[place(method)]])?)))
    }

    /// See [`Budget::noted`].
    pub fn noted(&mut self, until: Duration) {
        for budget in &mut self.budgets {
            budget.noted(until);
        }
    }

    /// See [`Budget::restore`]. Which methods it was about has to be learned anew, so all of them wait.
    pub fn restore(&mut self, spent: Spent) {
        self.budgets[0].restore(spent);
    }

    /// See [`Budget::restore_others`]; as above.
    pub fn restore_others(&mut self, others: Others) {
        self.budgets[0].restore_others(others);
    }

    // Takes what an answer showed into account; gives what its budget shall learn.
    fn compare(&mut self, index: usize, what: Observed, now: Duration) -> Settled {
        let before = self.seen[index].filter(|before| before.same_window(&what));
        let since = before.map_or(now, |before| before.since);
        self.seen[index] = Some(LastShown { what, since });
        let others: Vec<(usize, LastShown)> = (0..METHODS)
            .filter(|&other| other != index)
            .filter_map(|other| Some((other, self.seen[other]?)))
            .collect();
        for &(other, seen) in &others {
            if self.route[other] != self.route[index] && seen.same_window(&what) {
                self.join(index, self.route[other]);
            }
        }
        let mut doubtful = false;
        for (other, seen) in others {
            if self.route[other] != self.route[index] || !seen.contradicts(&what, now) {
                continue;
            }
            let again =
                before.is_some_and(|before| before.since <= seen.since && seen.since <= what.sent);
            if again {
                self.part(other, seen, now);
            } else {
                doubtful = true;
            }
        }
        if doubtful {
            Settled::Silent
        } else {
            Settled::Shown(what)
        }
    }

    // Gives a method a budget of its own, or that of the method whose window it shows.
    fn part(&mut self, index: usize, seen: LastShown, now: Duration) {
        let alike = (0..METHODS).find(|&other| {
            self.route[other] != self.route[index]
                && self.seen[other].is_some_and(|other| other.same_window(&seen.what))
        });
        if let Some(alike) = alike {
            return self.join(index, self.route[alike]);
        }
        let free = (0..METHODS).find(|budget| !self.route.contains(budget));
        // Fewer budgets are in use than there are methods, since this one shared its own.
        let Some(free) = free else { return };
        self.budgets[free].begin_anew(0);
        self.join(index, free);
        self.budgets[free].learn(now, seen.what);
    }

    fn join(&mut self, index: usize, budget: usize) {
        let calls = self.in_flight[index];
        self.budgets[self.route[index]].let_go(calls);
        self.budgets[budget].take_in(calls);
        self.route[index] = budget;
    }
}

const fn place(method: Method) -> usize {
    match method {
        Method::Get => 0,
        Method::Post => 1,
        Method::Put => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: fn(u64) -> Duration = Duration::from_secs;

    fn shown(limit: u64, remaining: u64, reset: u64) -> Observed {
        Observed {
            limit,
            remaining,
            reset: i64::try_from(reset).expect("small"),
            reset_at: T(reset),
            sent: T(0),
        }
    }

    // Calls that are sent and answered in this second, one after the other.
    fn calls(methods: &mut Methods, now: u64, answers: &[(Method, Observed)]) {
        for (method, what) in answers {
            assert_eq!(methods.reserve(*method, T(now), 1), Grant::Go, "{method:?}");
            let sent = T(now);
            methods.settle(T(now), *method, Settled::Shown(Observed { sent, ..*what }));
        }
    }

    #[test]
    fn two_limits_in_turn_are_two_budgets() {
        use Method::{Get, Post, Put};
        let mut methods = Methods::new(1.0);
        calls(&mut methods, 1, &[(Post, shown(10, 9, 60))]);
        calls(&mut methods, 2, &[(Get, shown(100, 99, 62))]);
        assert!(methods.is_one(), "a limit may have been changed");
        assert_eq!(
            methods.of(Post).left(),
            Some((8, 10)),
            "and is not believed yet"
        );
        calls(&mut methods, 3, &[(Post, shown(10, 8, 60))]);
        assert!(!methods.share(Get, Post));
        assert!(methods.share(Post, Put));
        assert_eq!(methods.of(Post).left(), Some((8, 10)));
        assert_eq!(methods.of(Get).left(), Some((99, 100)));
        calls(&mut methods, 4, &[(Put, shown(100, 98, 62))]);
        calls(&mut methods, 5, &[(Post, shown(10, 7, 60))]);
        assert!(methods.share(Get, Put), "PUT shows GET's window");
        assert!(!methods.share(Get, Post));
        assert_eq!(methods.of(Get).left(), Some((98, 100)));
    }

    #[test]
    fn a_changed_limit_is_no_second_budget() {
        use Method::{Get, Post};
        let mut methods = Methods::new(1.0);
        calls(&mut methods, 1, &[(Post, shown(10, 9, 60))]);
        calls(&mut methods, 2, &[(Get, shown(100, 98, 60))]);
        calls(&mut methods, 3, &[(Post, shown(100, 97, 60))]);
        calls(&mut methods, 4, &[(Get, shown(100, 96, 60))]);
        assert!(methods.is_one());
    }

    #[test]
    fn a_new_window_is_no_second_budget() {
        use Method::{Get, Post};
        let mut methods = Methods::new(1.0);
        calls(&mut methods, 1, &[(Post, shown(10, 9, 60))]);
        calls(&mut methods, 59, &[(Get, shown(10, 9, 119))]);
        calls(&mut methods, 60, &[(Post, shown(10, 8, 119))]);
        assert!(methods.is_one());
    }

    #[test]
    fn budgets_whose_windows_turn_out_to_be_one_are_one() {
        use Method::{Get, Post};
        let mut methods = Methods::new(1.0);
        calls(&mut methods, 1, &[(Post, shown(10, 9, 60))]);
        calls(&mut methods, 2, &[(Get, shown(100, 99, 62))]);
        calls(&mut methods, 3, &[(Post, shown(10, 8, 60))]);
        assert!(!methods.is_one());
        calls(&mut methods, 4, &[(Post, shown(100, 50, 62))]);
        assert!(methods.share(Get, Post));
        assert_eq!(methods.of(Get).left(), Some((50, 100)));
    }
}
