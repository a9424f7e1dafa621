//! What a plan costs an org: its calls by rate-limit bucket, and about how long they take at the org's budget.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::forecast::{Call, Forecast};
use crate::model::Site;
use crate::okta::Bucket;

/// Windows are fixed and this long (API.md §10.1); what is left of one is used at once.
const WINDOW: Duration = Duration::from_mins(1);

/// The calls of a run in one org.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Calls by bucket, up to the end or to consents.
    pub calls: BTreeMap<Bucket, u64>,
    /// Calls after consents.
    pub after_consent: u64,
    /// How many of them all may turn out needless.
    pub uncertain: u64,
}

/// The calls of a cost by bucket, as programs get them.
pub(super) struct Buckets<'a>(pub &'a Cost);

impl Serialize for Buckets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let calls = self.0.calls.iter();
        serializer.collect_map(calls.map(|(bucket, calls)| (bucket.name(), calls)))
    }
}

/// What an org lets through.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pace {
    /// Calls that a window of a bucket allows us, where the org has shown it.
    pub allowances: BTreeMap<Bucket, u64>,
    /// Calls at once.
    pub at_once: u64,
    /// Calls a second at most, if that is limited.
    pub max_rps: Option<f64>,
    /// How long a call takes.
    pub call: Duration,
}

impl Cost {
    /// Adds what an entry costs one of its orgs.
    pub fn add(&mut self, forecast: &Forecast, site: Site) {
        let here = |call: &&Call| call.site() == site;
        for call in forecast.calls.iter().filter(here) {
            *self.calls.entry(call.bucket()).or_default() += 1;
        }
        self.after_consent += forecast.after_consent.iter().filter(here).count() as u64;
        if site == Site::Own {
            self.uncertain += forecast.uncertain;
        }
    }

    /// Adds what others cost the same org.
    pub(super) fn merge(&mut self, other: Self) {
        for (bucket, calls) in other.calls {
            *self.calls.entry(bucket).or_default() += calls;
        }
        self.after_consent += other.after_consent;
        self.uncertain += other.uncertain;
    }

    /// The bucket that takes most of the calls.
    pub fn busiest(&self) -> Option<Bucket> {
        let busiest = self.calls.iter().max_by_key(|(_, calls)| **calls);
        busiest.map(|(bucket, _)| *bucket)
    }

    /// Adds calls that list the org's apps.
    pub fn add_listing(&mut self, pages: u64) {
        self.add_pages(Bucket::Apps, pages);
    }

    /// Adds calls that list what is in this bucket.
    pub fn add_pages(&mut self, bucket: Bucket, pages: u64) {
        if pages > 0 {
            *self.calls.entry(bucket).or_default() += pages;
        }
    }

    /// All calls up to the end or to consents.
    pub fn total(&self) -> u64 {
        self.calls.values().sum()
    }

    /// About how long they take: as many whole windows as have to end first, then the rest as fast as it goes.
    pub fn time(&self, pace: &Pace) -> Duration {
        let bucket_time = |(bucket, calls): (&Bucket, &u64)| {
            let allowance = pace.allowances.get(bucket).copied().unwrap_or(u64::MAX);
            let windows = calls.saturating_sub(1) / allowance.max(1);
            let last = calls - windows * allowance;
            let rounds = last.div_ceil(pace.at_once.max(1));
            times(WINDOW, windows) + times(pace.call, rounds).min(WINDOW)
        };
        let metered = self.calls.iter().map(bucket_time).max();
        let paced = pace.max_rps.filter(|rps| *rps > 0.0).map(|rps| {
            #[expect(clippy::cast_precision_loss, reason = "a plan has no 2^52 calls")]
            let seconds = self.total() as f64 / rps;
            Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
        });
        metered.max(paced).unwrap_or_default()
    }
}

fn times(duration: Duration, times: u64) -> Duration {
    duration.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_windows_to_wait_for_and_a_rest() {
        let cost = |calls| Cost {
            calls: BTreeMap::from([(Bucket::Apps, calls)]),
            ..Cost::default()
        };
        let pace = |allowance: Option<u64>, max_rps| Pace {
            allowances: allowance
                .map(|calls| (Bucket::Apps, calls))
                .into_iter()
                .collect(),
            at_once: 20,
            max_rps,
            call: Duration::from_secs(2),
        };
        for (calls, allowance, max_rps, seconds) in [
            (0, Some(45), None, 0),
            (1, Some(45), None, 2),
            (45, Some(45), None, 6),
            (46, Some(45), None, 62),
            (90, Some(45), None, 66),
            (91, Some(45), None, 122),
            (100, None, None, 10),
            (100, None, Some(2.0), 50),
            (3, Some(0), None, 122),
        ] {
            let time = cost(calls).time(&pace(allowance, max_rps));
            assert_eq!(time.as_secs(), seconds, "{calls} {allowance:?} {max_rps:?}");
        }
        assert_eq!(Cost::default().time(&Pace::default()), Duration::ZERO);
    }
}
