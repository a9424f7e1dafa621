//! Who is at work on which consent, so that two administrators do not open the same one. It is only a hint to people, and
//! gone with the process: what was given and what was not, the ledger and Okta know.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::model::{EntryNo, RunId};

/// After so long nobody is at work any more.
const LONGEST: Duration = Duration::from_mins(30);

/// Entries that claims are kept of: more than people can work on.
const MOST: usize = 20_000;

/// People that are named of one entry; those that opened it first.
const PEOPLE: usize = 4;

/// Somebody opened a consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// As they call themselves; nothing if they do not.
    pub who: Option<String>,
    /// How long ago.
    pub ago: Duration,
}

/// Who, and when by a clock that nobody sets.
type Made = (Option<String>, Instant);

/// See the first lines of this file.
#[derive(Default)]
pub(super) struct Claims(Mutex<HashMap<(RunId, EntryNo), Vec<Made>>>);

impl Claims {
    /// Somebody opens it now. Who opened it before is still at it.
    pub fn claim(&self, run: &RunId, no: EntryNo, (who, now): Made) {
        let mut claims = self.0.lock();
        if claims.len() >= MOST {
            claims.retain(|_, made| made.iter().any(|made| is_fresh(made, now)));
            if claims.len() >= MOST {
                claims.clear();
            }
        }
        let made = claims.entry((run.clone(), no)).or_default();
        made.retain(|made| is_fresh(made, now) && made.0 != who);
        if made.len() < PEOPLE {
            made.push((who, now));
        }
    }

    /// Nobody is at work on it any more: there is another link, or none is needed.
    pub fn release(&self, run: &RunId, no: EntryNo) {
        self.0.lock().remove(&(run.clone(), no));
    }

    /// Who opened it not long ago.
    pub fn of(&self, run: &RunId, no: EntryNo, now: Instant) -> Vec<Claim> {
        let claims = self.0.lock();
        let made = claims.get(&(run.clone(), no)).into_iter().flatten();
        let fresh = made.filter(|made| is_fresh(made, now));
        let claims = fresh.map(|(who, at)| Claim {
            who: who.clone(),
            ago: now.duration_since(*at),
        });
        claims.collect()
    }
}

fn is_fresh((_, at): &Made, now: Instant) -> bool {
    now.duration_since(*at) < LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_ends_by_itself() {
        let (claims, run, no) = (Claims::default(), RunId("k3f9".to_owned()), EntryNo(3));
        let (who, at, ago) = (Some("Ada".to_owned()), Instant::now(), LONGEST / 2);
        claims.claim(&run, no, (who.clone(), at));
        assert_eq!(claims.of(&run, no, at + ago), [Claim { who, ago }]);
        assert_eq!(claims.of(&run, no, at + LONGEST), []);
        assert_eq!(claims.of(&run, EntryNo(4), at), []);
        claims.release(&run, no);
        assert_eq!(claims.of(&run, no, at), []);
    }

    #[test]
    fn who_opened_it_first_is_still_named() {
        let (claims, run, no) = (Claims::default(), RunId("k3f9".to_owned()), EntryNo(3));
        let at = Instant::now();
        let minute = Duration::from_mins(1);
        let names = |now| {
            let claims = claims.of(&run, no, now);
            let names = claims.into_iter().map(|one| one.who.unwrap_or_default());
            names.collect::<Vec<_>>()
        };
        for (after, who) in [(0, "Ada"), (1, "Bob"), (2, "Bob")] {
            claims.claim(&run, no, (Some(who.to_owned()), at + minute * after));
        }
        assert_eq!(names(at + minute * 3), ["Ada", "Bob"]);
        assert_eq!(names(at + LONGEST), ["Bob"]);
        // However many names somebody gives themselves.
        for nth in 0..9 {
            claims.claim(&run, no, (Some(nth.to_string()), at + minute * 4));
        }
        assert_eq!(names(at + minute * 4), ["Ada", "Bob", "0", "1"]);
    }
}
