//! An org that takes on no call at all, although none of ours is under way there: others take all that it has.

use std::time::Duration;

/// An org that takes on no call at all for this long is told of.
const LASTING: Duration = Duration::from_secs(2);

/// After this long people are told of it again, and how long it lasts by now.
const AGAIN: Duration = Duration::from_mins(1);

/// What people have to be told of an org that takes on no call at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusing {
    /// It does so for a while now.
    Lasts,
    /// It was told of, and is over.
    Over,
}

/// Whether an org takes on no call at all, and what people were told of it.
#[derive(Debug, Default)]
pub(super) struct NoRoom {
    since: Option<Duration>,
    // When people were told last.
    told: Option<Duration>,
}

impl NoRoom {
    /// It took on no call.
    pub(super) fn refused(&mut self, now: Duration) {
        self.since.get_or_insert(now);
    }

    /// It took one on.
    pub(super) const fn over(&mut self) {
        self.since = None;
    }

    /// What people have to be told now, if anything.
    pub(super) fn news(&mut self, now: Duration) -> Option<Refusing> {
        let lasts = self
            .since
            .is_some_and(|since| now.saturating_sub(since) >= LASTING);
        match (lasts, self.told) {
            (true, told) if told.is_none_or(|told| now.saturating_sub(told) >= AGAIN) => {
                self.told = Some(now);
                Some(Refusing::Lasts)
            }
            (false, Some(_)) if self.since.is_none() => {
                self.told = None;
                Some(Refusing::Over)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_reported_when_it_lasts_again_after_a_minute_and_when_it_is_over() {
        let mut org = NoRoom::default();
        for (at, refused, told) in [
            (0, false, None),
            (1, true, None),
            (2, true, None),
            (3, true, Some(Refusing::Lasts)),
            (4, true, None),
            (62, true, None),
            (63, true, Some(Refusing::Lasts)),
            (64, false, Some(Refusing::Over)),
            (65, false, None),
            // What is over soon is not worth a word.
            (70, true, None),
            (71, false, None),
        ] {
            let now = Duration::from_secs(at);
            if refused {
                org.refused(now);
            } else {
                org.over();
            }
            assert_eq!(org.news(now), told, "at {at}");
        }
    }
}
