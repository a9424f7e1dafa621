//! A ledger that was lost, and is waited for until it can be used again: PostgreSQL is started anew, fails over, is cut off,
//! or has no room.

use std::time::Duration;

use rand::RngExt as _;
use tokio::time::Instant;

use super::open::existing_workable;
use super::output::Output;
use crate::failure::Failure;
use crate::ledger::{Ledger, LedgerError};
use crate::pacing::CancellationToken;
use crate::settings::Settings;

/// The first and the longest pause between two tries.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(5)];

/// The longest first pause, where it is lost again and again: each time calls may be made whose answers are not stored.
const LONGEST_FIRST: Duration = Duration::from_mins(1);

/// After so long it is not lost again but anew.
const ANEW: Duration = Duration::from_mins(1);

/// How long is waited at first: the longer, the more often it was lost soon after it could be used.
#[derive(Default)]
pub(super) struct Patience {
    first: Duration,
    reached: Option<Instant>,
}

impl Patience {
    fn grow(&mut self) -> Duration {
        let is_again = self.reached.is_some_and(|at| at.elapsed() < ANEW);
        self.first = if is_again {
            (self.first * 2).min(LONGEST_FIRST)
        } else {
            PAUSES[0]
        };
        self.first
    }
}

/// What came of waiting.
pub(super) enum Reached {
    /// It can be used again.
    Again(Ledger),
    /// The command was stopped before.
    Stopped,
    /// It cannot be, and will not: why.
    Never(Failure),
}

/// What of a failure is the ledger's, so that it befalls everything that is stored there.
pub(super) fn lost(failure: &Failure) -> Option<&LedgerError> {
    let error = failure
        .error
        .chain()
        .find_map(|error| error.downcast_ref())?;
    match error {
        LedgerError::Unreachable { .. }
        | LedgerError::ReadOnly { .. }
        | LedgerError::DiskFull { .. }
        | LedgerError::Locked { .. }
        | LedgerError::Gone { .. }
        | LedgerError::Limit { .. }
        | LedgerError::Io { .. } => Some(error),
        _ => None,
    }
}

/// Opens the ledger once that is possible. `waits`: whether that is waited for after such a failure, too.
pub(super) async fn reached_again(
    why: &LedgerError,
    waits: impl Fn(&Failure) -> bool,
    patience: &mut Patience,
    interrupt: &CancellationToken,
    settings: &Settings,
    output: Output,
) -> Reached {
    output.warning(format_args!(
        "{why}; everything stops here until it can be used again"
    ));
    let mut pause = patience.grow();
    let longest = pause.max(PAUSES[1]);
    let mut told = why.to_string();
    loop {
        // All who wait come back at different times.
        let jittered = pause.mul_f64(rand::rng().random_range(0.5..1.5));
        tokio::select! {
            () = interrupt.cancelled() => return Reached::Stopped,
            () = tokio::time::sleep(jittered) => {}
        }
        pause = (pause * 2).min(longest);
        let opened = tokio::select! {
            () = interrupt.cancelled() => return Reached::Stopped,
            opened = existing_workable(settings) => opened,
        };
        match opened {
            Ok(ledger) => {
                let url = ledger.url();
                output.total(format_args!("{url} can be used again"));
                patience.reached = Some(Instant::now());
                return Reached::Again(ledger);
            }
            Err(failure) if !waits(&failure) => return Reached::Never(failure),
            Err(failure) => {
                let said = failure.to_string();
                if said != told {
                    output.total(format_args!("not yet: {said}"));
                    told = said;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_lost_again_and_again_is_tried_more_and_more_seldom() {
        let mut patience = Patience::default();
        let mut pauses = Vec::new();
        for _ in 0..9 {
            pauses.push(patience.grow().as_millis());
            patience.reached = Some(Instant::now());
            tokio::time::advance(Duration::from_secs(3)).await;
        }
        assert_eq!(
            pauses,
            [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]
        );
        tokio::time::advance(ANEW).await;
        assert_eq!(patience.grow(), PAUSES[0]);
    }
}
