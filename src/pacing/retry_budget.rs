//! How many retries an org gets in relation to its good answers, so that an outage does not become a
//! storm: past it, retries wait as long as the policy allows. Pure.

/// Retries that may be made at once after a quiet time.
const BURST: f64 = 20.0;

/// Retries that one good answer earns: at 13 % faults a call needs 0.15 on average.
const EARNED: f64 = 0.25;

/// Retries that may still be made: good answers add a part of one, each retry takes one.
#[derive(Clone, Debug)]
pub struct RetryBudget(f64);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(BURST)
    }
}

impl RetryBudget {
    /// A good answer came.
    pub fn earn(&mut self) {
        self.0 = (self.0 + EARNED).min(BURST);
    }

    /// Takes one retry; `false` = none is left, so it must wait long.
    pub fn spend(&mut self) -> bool {
        let left = self.0 >= 1.0;
        if left {
            self.0 -= 1.0;
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_gets_a_burst_and_then_nothing() {
        let mut budget = RetryBudget::default();
        assert_eq!((0..100).filter(|_| budget.spend()).count(), 20);
        for _ in 0..4 {
            budget.earn();
        }
        assert!(budget.spend());
        assert!(!budget.spend());
    }

    #[test]
    fn ordinary_faults_never_use_it_up() {
        let mut budget = RetryBudget::default();
        for call in 0..1_000 {
            if call % 8 == 0 {
                assert!(budget.spend(), "call {call}");
            } else {
                budget.earn();
            }
        }
    }
}
