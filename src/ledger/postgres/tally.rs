//! What this process holds in its sessions, and what became of these as long as it lives, whatever ledgers were opened
//! and closed meanwhile: for whoever asks from outside. Sessions in which nothing is held are not counted.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use crate::ledger::Holdings;
use crate::model::UnixMillis;

/// Of this process.
static PROCESS: LazyLock<Arc<Mutex<All>>> = LazyLock::new(Arc::default);

/// What is counted of one ledger that is open for writing; dropped, it is closed.
pub(super) struct Tally {
    all: Arc<Mutex<All>>,
    no: u64,
}

#[derive(Default)]
struct All {
    /// Sums; what is held now is in `open`.
    total: Holdings,
    next: u64,
    open: BTreeMap<u64, Now>,
    /// When a session last answered that was lost, until there is another one.
    silent_since: Option<UnixMillis>,
}

/// How one stands.
#[derive(Default)]
struct Now {
    session: Session,
    held: u64,
    wanted: u64,
    asked: u64,
    answered_at: Option<UnixMillis>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Session {
    /// Nothing was held in it.
    #[default]
    Unused,
    /// Something is held in it, or was.
    Used,
    /// It was lost under what was held in it.
    Lost,
}

/// Everything, if something was held in this process.
pub fn holdings() -> Option<Holdings> {
    PROCESS.lock().seen()
}

impl Tally {
    pub(super) fn new() -> Self {
        Self::of(&PROCESS)
    }

    fn of(all: &Arc<Mutex<All>>) -> Self {
        let (all, mut now) = (Arc::clone(all), all.lock());
        let no = now.next;
        now.next += 1;
        now.open.insert(no, Now::default());
        drop(now);
        Self { all, no }
    }

    fn set(&self, set: impl FnOnce(&mut Now, &mut Holdings)) {
        let mut all = self.all.lock();
        let All { total, open, .. } = &mut *all;
        if let Some(now) = open.get_mut(&self.no) {
            set(now, total);
        }
    }

    /// There is another session; in the one before nothing was held any more.
    pub(super) fn begun(&self) {
        self.set(|now, _| now.session = Session::Unused);
    }

    /// The session answered.
    pub(super) fn answered(&self) {
        let at = UnixMillis(jiff::Timestamp::now().as_millisecond());
        self.set(|now, _| now.answered_at = Some(at));
    }

    /// Something is held in the session.
    pub(super) fn holds(&self) {
        let mut all = self.all.lock();
        let All {
            total,
            open,
            silent_since,
            ..
        } = &mut *all;
        if let Some(now) = open.get_mut(&self.no)
            && now.session != Session::Used
        {
            now.session = Session::Used;
            total.sessions_begun += 1;
            *silent_since = None;
        }
    }

    /// Everything that was held is gone; that is said as often as somebody comes upon it.
    pub(super) fn lost(&self) {
        self.set(|now, total| {
            if now.session == Session::Used {
                now.session = Session::Lost;
                total.sessions_lost += 1;
                total.lost += std::mem::take(&mut now.held);
                now.asked = 0;
            }
        });
    }

    /// So many partitions were given back, so many taken, and so many are asked for.
    pub(super) fn turned(&self, given: usize, taken: usize, asked: usize) {
        if taken > 0 {
            self.holds();
        }
        self.set(|now, total| {
            let given = (given as u64).min(now.held);
            now.held = now.held - given + taken as u64;
            now.asked = asked as u64;
            total.given_up += given;
            total.taken += taken as u64;
        });
    }

    /// So many are wanted that are not held.
    pub(super) fn wants(&self, wanted: usize) {
        self.set(|now, _| now.wanted = wanted as u64);
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        let Some(now) = all.open.remove(&self.no) else {
            return;
        };
        // It ends in good order.
        all.total.given_up += now.held;
        if now.session == Session::Lost {
            all.silent_since = now.answered_at;
        }
    }
}

impl All {
    fn seen(&self) -> Option<Holdings> {
        let mut seen = self.total;
        for now in self.open.values() {
            seen.held += now.held;
            seen.wanted += now.wanted;
            seen.asked += now.asked;
        }
        let used = self.open.values();
        let used = used.filter(|now| now.session != Session::Unused);
        let answered = used.filter_map(|now| now.answered_at);
        seen.answered_at = answered.chain(self.silent_since).min();
        (seen.sessions_begun > 0).then_some(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(all: &Arc<Mutex<All>>) -> Holdings {
        let seen = all.lock().seen().unwrap();
        Holdings {
            answered_at: None,
            ..seen
        }
    }

    #[test]
    fn what_is_held_is_lost_once_and_sums_outlive_the_ledger() {
        let all = Arc::default();
        let (first, idle) = (Tally::of(&all), Tally::of(&all));
        first.begun();
        idle.begun();
        idle.answered();
        assert_eq!(all.lock().seen(), None);
        first.answered();
        first.holds();
        first.holds();
        first.turned(0, 5, 2);
        first.wants(3);
        first.turned(1, 0, 1);
        let mut wanted = Holdings {
            held: 4,
            wanted: 3,
            asked: 1,
            taken: 5,
            given_up: 1,
            sessions_begun: 1,
            ..Holdings::default()
        };
        assert_eq!(seen(&all), wanted);
        let answered_at = all.lock().seen().unwrap().answered_at;
        assert!(answered_at.is_some());
        first.wants(0);
        for _ in 0..2 {
            first.lost();
            wanted = Holdings {
                held: 0,
                wanted: 0,
                asked: 0,
                lost: 4,
                sessions_lost: 1,
                ..wanted
            };
            assert_eq!(seen(&all), wanted);
        }
        // Until there is another one, it is the one that does not answer.
        drop(first);
        assert_eq!(all.lock().seen().unwrap().answered_at, answered_at);
        let second = Tally::of(&all);
        second.begun();
        second.turned(0, 2, 0);
        assert_eq!(all.lock().seen().unwrap().answered_at, None);
        second.answered();
        wanted = Holdings {
            held: 2,
            taken: 7,
            sessions_begun: 2,
            ..wanted
        };
        assert_eq!(seen(&all), wanted);
        drop(second);
        wanted = Holdings {
            held: 0,
            given_up: 3,
            ..wanted
        };
        assert_eq!(seen(&all), wanted);
        assert_eq!(all.lock().seen().unwrap().answered_at, None);
        // What is not used is not lost.
        idle.lost();
        assert_eq!(seen(&all), wanted);
    }
}
