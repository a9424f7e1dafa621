//! Slows down whoever tries tokens: the more wrong ones come from an address, the longer it waits for each answer, and while
//! too many wait, what comes from there is not judged at all. Who has the right one is never kept waiting, unless all
//! places are taken and wrong ones came from the same address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
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

/// Answers that are held back at once; what comes then from an address of wrong ones is not judged.
const AT_ONCE: usize = 64;

/// See the first lines of this file.
pub(super) struct Slow {
    wrong: Mutex<HashMap<IpAddr, (u32, Instant)>>,
    places: Arc<Semaphore>,
}

/// That a request is told whether its token is the right one.
pub(super) struct Turn(Option<OwnedSemaphorePermit>);

impl Default for Slow {
    fn default() -> Self {
        Self {
            wrong: Mutex::default(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Slow {
    /// The turn of a request from there; `None` = it has to be refused whatever it has, or the answers to those that are
    /// right would stand out at once from those that are held back.
    pub fn turn(&self, from: IpAddr) -> Option<Turn> {
        if !self.is_slowed(from, Instant::now()) {
            return Some(Turn(None));
        }
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.ok().map(|place| Turn(Some(place)))
    }

    /// Waits before a wrong token from there is refused; `false` = too many are waiting.
    pub async fn down(&self, from: IpAddr, turn: Turn) -> bool {
        let pause = self.pause(from, Instant::now());
        if pause.is_zero() {
            return true;
        }
        let place = turn.0;
        let place = place.or_else(|| Arc::clone(&self.places).try_acquire_owned().ok());
        let Some(place) = place else {
            return false;
        };
        // A task of its own: who does not wait for the answer does not get the next one any earlier.
        let held = tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            drop(place);
        });
        drop(held.await);
        true
    }

    /// Whether the next wrong one from there waits.
    fn is_slowed(&self, from: IpAddr, now: Instant) -> bool {
        let wrong = self.wrong.lock();
        let known = wrong.get(&whose(from));
        known.is_some_and(|(count, last)| *count >= FREE && now.duration_since(*last) < FORGOTTEN)
    }

    fn pause(&self, from: IpAddr, now: Instant) -> Duration {
        let from = whose(from);
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

/// By what an address is counted: of IPv6, everybody has a /64 at least.
fn whose(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(from) => Ipv6Addr::from_bits(from.to_bits() & (u128::MAX << 64)).into(),
        from @ IpAddr::V4(_) => from,
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

    #[tokio::test(start_paused = true)]
    async fn nothing_is_judged_from_there_while_all_places_are_taken() {
        let slow = Arc::new(Slow::default());
        let (one, other) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        for _ in 0..FREE {
            assert!(slow.down(one, slow.turn(one).unwrap()).await);
        }
        let begin = Instant::now();
        for _ in 0..AT_ONCE {
            let turn = slow.turn(one).unwrap();
            // Whoever asked goes away at once.
            let asked = tokio::time::timeout(Duration::ZERO, slow.down(one, turn)).await;
            assert!(asked.is_err());
        }
        assert!(slow.turn(one).is_none());
        assert!(slow.turn(other).is_some());
        while slow.turn(one).is_none() {
            tokio::time::sleep(FIRST / 2).await;
        }
        assert!(begin.elapsed() >= FIRST);
        // Who is right gives the place back.
        let free = slow.places.available_permits();
        drop(slow.turn(one));
        assert_eq!(slow.places.available_permits(), free);
    }

    #[test]
    fn addresses_of_one_customer_are_counted_as_one() {
        for (one, other, is_same) in [
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
        ] {
            let [one, other] = [one, other].map(|from| whose(from.parse().unwrap()));
            assert_eq!(one == other, is_same, "{one} {other}");
        }
    }
}
