//! The configured cap of calls a second, by the clock that everything else here waits by, so that it holds in simulated
//! time as well.

use std::time::Duration;

use governor::clock::{Clock, Reference as _};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

/// Spreads calls evenly.
pub(super) struct RateCap(RateLimiter<NotKeyed, InMemoryState, Since, NoOpMiddleware<Nanos>>);

/// Time since an instant.
#[derive(Clone, Copy, Debug)]
struct Since(Instant);

impl Clock for Since {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

impl RateCap {
    /// So many calls a second; `None` = no number of calls.
    pub fn of(rps: f64) -> Option<Self> {
        // Slower than a call an hour is a typing mistake; it must not turn into "no limit".
        let period_s = (1.0 / rps).clamp(1e-9, 3_600.0);
        let quota = Quota::with_period(Duration::from_secs_f64(period_s))?;
        let clock = Since(Instant::now());
        Some(Self(RateLimiter::direct_with_clock(quota, clock)))
    }

    /// Takes leave for one call; `Err` = how long there is none.
    pub fn check(&self) -> Result<(), Duration> {
        let refused = self.0.check().err();
        refused.map_or(Ok(()), |refused| {
            let earliest: Nanos = refused.earliest_possible();
            Err(earliest.duration_since(self.0.clock().now()).into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_are_spread_in_simulated_time_too() {
        let cap = RateCap::of(4.0).unwrap();
        let began = Instant::now();
        for _ in 0..9 {
            while let Err(wait) = cap.check() {
                tokio::time::sleep(wait).await;
            }
        }
        assert_eq!(began.elapsed().as_millis(), 2_000);
    }
}
