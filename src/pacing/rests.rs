//! Reads that are made again until they succeed, as far as they tell of their pauses.

use std::time::Duration;

/// The reads of an org that are made again until they succeed, and those of them that wait for their next try.
#[derive(Debug, Default)]
pub(super) struct Rests {
    pub(super) under_way: usize,
    until: Vec<Duration>,
}

impl Rests {
    // One more waits; when no other continues meanwhile, when the first of them is made again.
    pub(super) fn begin(&mut self, until: Duration) -> Option<Duration> {
        self.until.push(until);
        let first = self.until.iter().min().copied();
        first.filter(|_| self.until.len() >= self.under_way)
    }

    pub(super) fn end(&mut self, until: Duration) {
        if let Some(place) = self.until.iter().position(|other| *other == until) {
            self.until.swap_remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_reported_when_no_other_read_continues() {
        const T: fn(u64) -> Duration = Duration::from_secs;
        let mut rests = Rests {
            under_way: 2,
            ..Rests::default()
        };
        assert_eq!(rests.begin(T(9)), None);
        assert_eq!(rests.begin(T(12)), Some(T(9)));
        rests.end(T(9));
        assert_eq!(rests.begin(T(11)), Some(T(11)));
        rests.end(T(12));
        rests.end(T(11));
        assert_eq!(rests.begin(T(20)), None);
        rests.under_way = 1;
        assert_eq!(rests.begin(T(20)), Some(T(20)));
    }
}
