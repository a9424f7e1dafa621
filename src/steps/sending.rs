//! Sends a call through its org's gate, and again while Okta refuses it for its rate: the one place where that is done.

use super::StepError;
use crate::okta::{Exchange, Request};
use crate::pacing::{CallLog, Concluded, Gate};

/// Who makes a call: where it is logged, and what has to be durable around it.
pub(super) trait Caller {
    /// Where the call is logged.
    fn log(&mut self) -> &mut CallLog;

    /// The call may be sent, and is sent next.
    async fn admitted(&mut self) -> Result<(), StepError>;

    /// It was certainly not carried out, and is sent again after a pause, which may be long.
    async fn refused(&mut self) -> Result<(), StepError>;
}

/// Calls that only look leave nothing behind but their count.
impl Caller for CallLog {
    fn log(&mut self) -> &mut CallLog {
        self
    }

    async fn admitted(&mut self) -> Result<(), StepError> {
        Ok(())
    }

    async fn refused(&mut self) -> Result<(), StepError> {
        Ok(())
    }
}

/// How a call ended that was sent until it was not refused any more. `priority`: see [`Gate::admit`].
pub(super) async fn sent<F: Future<Output = Exchange>>(
    gate: &Gate,
    request: &Request,
    priority: usize,
    caller: &mut impl Caller,
    send: impl Fn() -> F,
) -> Result<Box<Exchange>, StepError> {
    loop {
        let reservation = gate.admit(request, priority, caller.log()).await?;
        caller.admitted().await?;
        // Boxed, so that entries that wait for leave take little memory.
        let exchange = Box::pin(send()).await;
        match reservation.conclude(request, exchange, caller.log()) {
            Concluded::Ended(exchange) => return Ok(exchange),
            Concluded::Refused(pause) => {
                caller.refused().await?;
                gate.pause(pause).await?;
            }
        }
    }
}
