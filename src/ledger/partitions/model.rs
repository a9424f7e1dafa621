//! A model of who owns what: processes, their sessions and PostgreSQL's locks, in every order in which things can happen,
//! whatever partitions a process takes and gives up, and when. Nobody but the holder of an org's lock has a checkpoint
//! of it stored, and no window is overrun but by a call that was under way when its process lost its session.

use std::collections::HashSet;

const PROCESSES: usize = 3;
const ORGS: usize = 2;
/// Calls that a window allows.
const LIMIT: u8 = 2;
/// Sessions that end, over all of them.
const LOSSES: u8 = 1;

/// A process, as far as it knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Process {
    /// Its session as PostgreSQL has it; a process may not have noticed that there is none.
    is_alive: bool,
    has_session: bool,
    orgs: [Org; ORGS],
}

/// An org, as a process knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Org {
    holds: bool,
    /// It is to be given up.
    ends: bool,
    call: Call,
    /// Calls of this window, once an answer showed them.
    spent: Option<u8>,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Call {
    #[default]
    None,
    /// The session answered: it is about to be sent.
    Sure,
    /// It was sent, and is answered.
    Answered,
}

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct World {
    processes: [Process; PROCESSES],
    locks: [Option<usize>; ORGS],
    /// Calls that the org took.
    taken: [u8; ORGS],
    /// The ledger knows that the window is used up.
    is_noted: [bool; ORGS],
    /// Calls under way, or not noted yet, when their session ended.
    late: [u8; ORGS],
    losses: u8,
}

impl World {
    fn take(&mut self, no: usize, at: usize) {
        self.locks[at] = Some(no);
        // What was known of its budgets may be old.
        self.processes[no].orgs[at] = Org {
            holds: true,
            ..Org::default()
        };
    }

    fn give(&mut self, no: usize, at: usize) {
        assert_eq!(self.locks[at], Some(no));
        self.locks[at] = None;
        self.processes[no].orgs[at] = Org::default();
    }

    /// It drops everything before it has another session.
    fn notice(&mut self, no: usize) {
        self.processes[no] = Process::default();
    }

    fn lose(&mut self, no: usize) {
        self.losses += 1;
        self.processes[no].is_alive = false;
        for at in 0..ORGS {
            if self.locks[at] == Some(no) {
                self.locks[at] = None;
            }
            if self.processes[no].orgs[at].call != Call::None {
                self.late[at] += 1;
            }
        }
    }

    fn begin_call(&mut self, no: usize, at: usize) {
        let org = &mut self.processes[no].orgs[at];
        let is_last = org.spent.is_some_and(|spent| spent + 1 >= LIMIT);
        // The ledger knows of a window that is used up before its last call goes.
        self.is_noted[at] |= is_last;
        org.call = Call::Sure;
    }

    fn may_call(&self, no: usize, at: usize) -> bool {
        let (process, org) = (&self.processes[no], self.processes[no].orgs[at]);
        let has_room = match org.spent {
            Some(spent) => spent < LIMIT,
            // The first one shows how many were made.
            None => !self.is_noted[at],
        };
        process.is_alive && org.holds && !org.ends && org.call == Call::None && has_room
    }

    /// Everything that can happen next.
    fn next(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut add = |change: &dyn Fn(&mut Self)| {
            let mut next = self.clone();
            change(&mut next);
            all.push(next);
        };
        for no in 0..PROCESSES {
            let process = &self.processes[no];
            if !process.has_session {
                add(&|next| {
                    next.processes[no].has_session = true;
                    next.processes[no].is_alive = true;
                });
                continue;
            }
            if !process.is_alive {
                add(&|next| next.notice(no));
            }
            if process.is_alive && self.losses < LOSSES {
                add(&|next| next.lose(no));
            }
            for at in 0..ORGS {
                let org = process.orgs[at];
                if process.is_alive && self.locks[at].is_none() {
                    add(&|next| next.take(no, at));
                }
                if org.holds && !org.ends {
                    add(&|next| next.processes[no].orgs[at].ends = true);
                }
                if process.is_alive && org.ends && org.call == Call::None {
                    add(&|next| next.give(no, at));
                }
                match org.call {
                    Call::None if self.may_call(no, at) => add(&|next| next.begin_call(no, at)),
                    Call::None => {}
                    Call::Sure => add(&|next| {
                        next.taken[at] += 1;
                        next.processes[no].orgs[at].spent = Some(next.taken[at]);
                        next.processes[no].orgs[at].call = Call::Answered;
                    }),
                    Call::Answered => add(&|next| next.commit(no, at)),
                }
            }
        }
        all
    }

    fn commit(&mut self, no: usize, at: usize) {
        if !self.processes[no].is_alive {
            // There is no session that it could go through.
            return self.notice(no);
        }
        assert_eq!(
            self.locks[at],
            Some(no),
            "stored by who has no right to: {self:?}"
        );
        let org = &mut self.processes[no].orgs[at];
        org.call = Call::None;
        // Before the org can pass on.
        self.is_noted[at] |= org.spent.is_some_and(|spent| spent >= LIMIT);
    }

    /// A window of which the ledger was told is known to whoever comes next.
    fn check(&self) {
        for at in 0..ORGS {
            let most = LIMIT + self.late[at];
            assert!(self.taken[at] <= most, "overrun: {self:?}");
        }
    }
}

#[test]
fn nothing_is_stored_by_who_has_no_right_to_and_no_window_is_overrun() {
    let process = Process {
        is_alive: true,
        has_session: true,
        ..Process::default()
    };
    let mut seen = HashSet::new();
    let mut open = vec![World {
        processes: std::array::from_fn(|_| process.clone()),
        ..World::default()
    }];
    while let Some(world) = open.pop() {
        world.check();
        for next in world.next() {
            if !seen.contains(&next) {
                seen.insert(next.clone());
                open.push(next);
            }
        }
    }
    assert!(seen.len() > 10_000, "{} states", seen.len());
}
