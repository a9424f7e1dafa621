//! Which old runs may be dropped, whichever database they are in.

use std::time::Duration;

use super::Kept;
use crate::model::{RunId, UnixMillis};

/// A once-only call that is older than this cannot land any more, whatever the time-out of calls is.
pub(super) const LANDED: Duration = Duration::from_hours(1);

/// A run as far as its age and its use count.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub seq: i64,
    pub id: RunId,
    pub worked_on_at: UnixMillis,
    pub entries: u64,
    pub waiting: i64,
    pub movable: i64,
    pub not_done: i64,
    pub is_last: bool,
    /// Whether anything of it began.
    pub began: bool,
}

impl Candidate {
    pub(super) fn is_older_than(&self, before: Option<UnixMillis>) -> bool {
        before.is_none_or(|before| self.worked_on_at < before)
    }

    /// Why it is kept whatever its age is. What is unfinished in a run (`--only` leaves the others so) is of use only as
    /// long as no later run of its file has replaced it: nobody continues it then.
    pub(super) const fn use_of(&self) -> Option<Kept> {
        if self.waiting > 0 {
            Some(Kept::Waits)
        } else if self.is_last && self.movable > 0 {
            Some(Kept::Interrupted)
        } else if self.is_last && self.not_done > 0 {
            Some(Kept::Last)
        } else {
            None
        }
    }
}

/// All but the newest that began, and the starts since the oldest of these that failed: they say why there is no run.
pub(super) fn beyond(all: Vec<Candidate>, newest: u64) -> Vec<Candidate> {
    let mut left = newest;
    let is_new = |candidate: &Candidate| {
        let is_new = left > 0;
        left -= u64::from(is_new && candidate.began);
        is_new
    };
    all.into_iter().skip_while(is_new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_of_use_is_kept() {
        for (waiting, movable, not_done, is_last, kept) in [
            (0, 0, 0, false, None),
            (0, 0, 0, true, None),
            // What failed or was held back is looked at by the file's next run.
            (0, 0, 2, false, None),
            (0, 0, 2, true, Some(Kept::Last)),
            (1, 0, 0, false, Some(Kept::Waits)),
            (1, 1, 1, true, Some(Kept::Waits)),
            (0, 1, 1, true, Some(Kept::Interrupted)),
            // What --only left out is done by a later run.
            (0, 1, 1, false, None),
            (0, 3, 5, false, None),
        ] {
            let candidate = Candidate {
                seq: 1,
                id: RunId("abcd".to_owned()),
                worked_on_at: UnixMillis(0),
                entries: 9,
                waiting,
                movable,
                not_done,
                is_last,
                began: true,
            };
            let case = format!("{waiting} {movable} {not_done} {is_last}");
            assert_eq!(candidate.use_of(), kept, "{case}");
        }
    }
}
