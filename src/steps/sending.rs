//! Sends a call through its org's lane, and again while Okta refuses it for its rate: the one place where that is done.

use super::StepError;
use crate::okta::{Exchange, Request};
use crate::pacing::{CallLog, Concluded, Lane};

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

/// How a call ended that was sent until it was not refused any more. `rank`: see [`Lane::admit`].
pub(super) async fn sent<F: Future<Output = Exchange>>(
    lane: &Lane,
    request: &Request,
    rank: usize,
    caller: &mut impl Caller,
    send: impl Fn() -> F,
) -> Result<Box<Exchange>, StepError> {
    loop {
        let pass = lane.admit(request, rank, caller.log()).await?;
        caller.admitted().await?;
        // Boxed, so that entries that wait for leave take little memory.
        let exchange = Box::pin(send()).await;
        match pass.conclude(request, exchange, caller.log()) {
            Concluded::Ended(exchange) => return Ok(exchange),
            Concluded::Refused(pause) => {
                caller.refused().await?;
                lane.pause(pause).await?;
            }
        }
    }
}
