//! Who is at work on which consent, so that two administrators do not open the same one. It is only a hint to people, and
//! gone with the process: what was given and what was not, the ledger and Okta know.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use crate::model::{EntryNo, RunId, UnixMillis};

/// After so long nobody is at work any more.
const LONGEST: Duration = Duration::from_mins(30);

/// Claims that are kept: more than people can work on.
const MOST: usize = 20_000;

/// Somebody opened a consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// As they call themselves; nothing if they do not.
    pub who: Option<String>,
    /// When.
    pub at: UnixMillis,
}

/// See the first lines of this file.
#[derive(Default)]
pub(super) struct Claims(Mutex<HashMap<(RunId, EntryNo), Claim>>);

impl Claims {
    /// Somebody opens it now.
    pub fn claim(&self, run: &RunId, no: EntryNo, claim: Claim) {
        let mut claims = self.0.lock();
        if claims.len() >= MOST {
            let now = claim.at;
            claims.retain(|_, claim| is_fresh(claim, now));
            if claims.len() >= MOST {
                claims.clear();
            }
        }
        claims.insert((run.clone(), no), claim);
    }

    /// Nobody is at work on it any more: there is another link, or none is needed.
    pub fn release(&self, run: &RunId, no: EntryNo) {
        self.0.lock().remove(&(run.clone(), no));
    }

    /// Who opened it, if that was not long ago.
    pub fn of(&self, run: &RunId, no: EntryNo, now: UnixMillis) -> Option<Claim> {
        let claims = self.0.lock();
        let claim = claims.get(&(run.clone(), no))?;
        is_fresh(claim, now).then(|| claim.clone())
    }
}

fn is_fresh(claim: &Claim, now: UnixMillis) -> bool {
    now.ahead_of(claim.at) < LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_ends_by_itself() {
        let (claims, run, no) = (Claims::default(), RunId("k3f9".to_owned()), EntryNo(3));
        let at = UnixMillis(1_000);
        let who = Some("Ada".to_owned());
        claims.claim(
            &run,
            no,
            Claim {
                who: who.clone(),
                at,
            },
        );
        let seen = claims.of(&run, no, at.after(LONGEST / 2));
        assert_eq!(seen, Some(Claim { who, at }));
        assert_eq!(claims.of(&run, no, at.after(LONGEST)), None);
        assert_eq!(claims.of(&run, EntryNo(4), at), None);
        claims.release(&run, no);
        assert_eq!(claims.of(&run, no, at), None);
    }
}
