//! Slows down whoever tries tokens: the more wrong ones come from an address, the longer it waits for each answer. Who has
//! the right one is never kept waiting, whatever others at the same address do.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Wrong ones that cost nothing: a person pastes half of one.
const FREE: u32 = 3;

/// What the first one after that waits; each further one twice as long.
const FIRST: Duration = Duration::from_millis(250);

/// The longest that one waits.
const LONGEST: Duration = Duration::from_secs(8);

/// After so long without any, an address begins anew.
const FORGOTTEN: Duration = Duration::from_mins(10);

/// Addresses that are remembered; who has more of them has all the time of the world anyway.
const ADDRESSES: usize = 4_096;

/// Answers that are held back at once; further ones are refused without waiting.
const AT_ONCE: usize = 64;

/// See the first lines of this file.
pub(super) struct Slow {
    wrong: Mutex<HashMap<IpAddr, (u32, Instant)>>,
    places: Semaphore,
}

impl Default for Slow {
    fn default() -> Self {
        Self {
            wrong: Mutex::default(),
            places: Semaphore::const_new(AT_ONCE),
        }
    }
}

impl Slow {
    /// Waits before a wrong token from there is refused; `false` = too many are waiting.
    pub async fn down(&self, from: IpAddr) -> bool {
        let pause = self.pause(from, Instant::now());
        if pause.is_zero() {
            return true;
        }
        let Ok(_place) = self.places.try_acquire() else {
            return false;
        };
        tokio::time::sleep(pause).await;
        true
    }

    fn pause(&self, from: IpAddr, now: Instant) -> Duration {
        let mut wrong = self.wrong.lock();
        if wrong.len() >= ADDRESSES && !wrong.contains_key(&from) {
            wrong.retain(|_, (_, last)| now.duration_since(*last) < FORGOTTEN);
            if wrong.len() >= ADDRESSES {
                wrong.clear();
            }
        }
        let (count, last) = wrong.entry(from).or_insert((0, now));
        if now.duration_since(*last) >= FORGOTTEN {
            *count = 0;
        }
        *count = count.saturating_add(1);
        *last = now;
        match count.checked_sub(FREE) {
            None | Some(0) => Duration::ZERO,
            Some(more) => FIRST.saturating_mul(1 << (more - 1).min(16)).min(LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_wrong_one_waits_longer_than_the_one_before() {
        let slow = Slow::default();
        let (one, other) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let begin = Instant::now();
        let waits: Vec<_> = (0..12)
            .map(|_| slow.pause(one, begin).as_millis())
            .collect();
        let wanted = [
            0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 8_000,
        ];
        assert_eq!(waits, wanted);
        assert_eq!(slow.pause(other, begin), Duration::ZERO);
        assert_eq!(slow.pause(one, begin + FORGOTTEN), Duration::ZERO);
        for address in (0_u32..).take(2 * ADDRESSES) {
            slow.pause(IpAddr::from(address.to_be_bytes()), begin);
        }
        assert!(slow.wrong.lock().len() <= ADDRESSES);
    }
}
