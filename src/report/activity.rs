//! What was done when, in bins of equal width that become wider as time goes by: a report of any length has a chart of
//! one size. Pure.

/// Bins at most: as many as a phone has room for.
const BINS: i64 = 96;

/// The narrowest.
const FINEST_MS: i64 = 1_000;

/// What happened in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bin {
    /// Calls sent.
    pub calls: u32,
    /// Of those: refused with 429.
    pub limited: u32,
    /// Entries that came to rest.
    pub ended: u32,
}

impl Bin {
    const fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            limited: self.limited.saturating_add(other.limited),
            ended: self.ended.saturating_add(other.ended),
        }
    }
}

/// Bins from a beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Activity {
    width_ms: i64,
    bins: Vec<Bin>,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            width_ms: FINEST_MS,
            bins: Vec::new(),
        }
    }
}

impl Activity {
    /// The bin so long after the beginning; what was before it counts as the beginning.
    pub fn at(&mut self, after_ms: i64) -> &mut Bin {
        let after_ms = after_ms.max(0);
        while after_ms / self.width_ms >= BINS {
            self.widen();
        }
        // Below `BINS`.
        let place = usize::try_from(after_ms / self.width_ms).unwrap_or_default();
        if self.bins.len() <= place {
            self.bins.resize(place + 1, Bin::default());
        }
        &mut self.bins[place]
    }

    fn widen(&mut self) {
        let sum = |pair: &[Bin]| pair.iter().copied().fold(Bin::default(), Bin::plus);
        self.bins = self.bins.chunks(2).map(sum).collect();
        self.width_ms *= 2;
    }

    /// The same in bins of at least this width.
    pub fn widened(&self, width_ms: i64) -> Self {
        let mut widened = self.clone();
        while widened.width_ms < width_ms {
            widened.widen();
        }
        widened
    }

    /// All of these together.
    pub fn sum<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let widths = all.clone().map(|one| one.width_ms);
        let mut sum = Self::default().widened(widths.max().unwrap_or(FINEST_MS));
        for one in all {
            let one = one.widened(sum.width_ms);
            if sum.bins.len() < one.bins.len() {
                sum.bins.resize(one.bins.len(), Bin::default());
            }
            for (all, bin) in sum.bins.iter_mut().zip(one.bins) {
                *all = all.plus(bin);
            }
        }
        sum
    }

    /// How long a bin is.
    pub const fn width_ms(&self) -> i64 {
        self.width_ms
    }

    /// The bins, in order.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// The most calls of one bin.
    pub fn peak(&self) -> u32 {
        self.bins.iter().map(|bin| bin.calls).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: &[i64]) -> Activity {
        let mut activity = Activity::default();
        for at in times {
            activity.at(*at).calls += 1;
        }
        activity
    }

    fn calls(activity: &Activity) -> Vec<u32> {
        activity.bins().iter().map(|bin| bin.calls).collect()
    }

    #[test]
    fn bins_become_as_wide_as_need_be_and_nothing_is_lost() {
        for (times, width_ms, wanted) in [
            (&[][..], 1_000, &[][..]),
            (&[0, 999, 1_000], 1_000, &[2, 1]),
            // Before the beginning: a clock that was set back.
            (&[-5, i64::MIN], 1_000, &[2]),
            (&[95_999], 1_000, &{
                let mut one = [0; 96];
                one[95] = 1;
                one
            }),
            (&[500, 1_500, 2_500, 190_000], 2_000, &{
                let mut four = [0; 96];
                (four[0], four[1], four[95]) = (2, 1, 1);
                four
            }),
        ] {
            let activity = of(times);
            assert_eq!(activity.width_ms(), width_ms, "{times:?}");
            assert_eq!(calls(&activity), wanted, "{times:?}");
        }
        let far = of(&[0, i64::MAX]);
        assert_eq!(calls(&far).iter().sum::<u32>(), 2);
        assert!(far.bins().len() <= 96 && far.peak() == 1);
    }

    #[test]
    fn a_sum_has_the_widest_bins_of_its_parts() {
        let (short, long) = (of(&[0, 1_000, 2_000]), of(&[3_000, 300_000]));
        let sum = Activity::sum([&short, &long].into_iter());
        assert_eq!(sum.width_ms(), 4_000);
        assert_eq!(calls(&sum)[0], 4);
        assert_eq!(calls(&sum)[75], 1);
        assert_eq!(sum.peak(), 4);
        assert_eq!(Activity::sum([].iter()), Activity::default());
    }
}
