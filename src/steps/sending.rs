//! Sends a call through its org's gate, and again while Okta refuses it for its rate, or with a new token: the one
//! place where that is done. The token that it needs is asked for here, too, through the same gate.

use super::StepError;
use crate::okta::{Exchange, Request, Tokens};
use crate::pacing::{CallLog, CancellationToken, Concluded, Gate, Halted, Idempotency};

/// How often a call is sent again at most because Okta did not authorize it: once with a new token, and once with what
/// else it may want with that.
const MOST_RESENT: u32 = 2;

/// Who makes a call: where it is logged, and what has to be durable around it.
pub(super) trait Caller {
    /// Where the call is logged.
    fn log(&mut self) -> &mut CallLog;

    /// When the call is not sent any more, although it waits for its turn.
    fn given_up(&self) -> Option<CancellationToken> {
        None
    }

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
///
/// # Errors
/// When it was not sent: [`StepError::Call`] is about the token that it needs.
pub(super) async fn sent<F: Future<Output = Exchange>>(
    gate: &Gate,
    tokens: Option<Tokens<'_>>,
    request: &Request,
    priority: usize,
    caller: &mut impl Caller,
    send: impl Fn() -> F,
) -> Result<Box<Exchange>, StepError> {
    let mut resent = 0;
    loop {
        if let Some(tokens) = tokens.filter(|tokens| tokens.are_needed()) {
            // Boxed, as it is rare.
            Box::pin(obtain(gate, tokens, priority, caller.log())).await?;
        }
        let given_up = caller.given_up();
        let admission = gate.admit(request, priority, caller.log());
        let reservation = match given_up {
            Some(given_up) => unless(&given_up, admission).await?,
            None => admission.await?,
        };
        if tokens.is_some_and(Tokens::are_needed) {
            // It ended while the call waited for its turn.
            reservation.give_back();
            continue;
        }
        if let Err(error) = caller.admitted().await {
            reservation.give_back();
            return Err(error);
        }
        // Boxed, so that entries that wait for leave take little memory.
        let exchange = Box::pin(send()).await;
        match reservation.conclude(request, exchange, caller.log()) {
            Concluded::Ended(exchange) => {
                let is_renewed = |tokens: Tokens<'_>| tokens.are_renewed_for(&exchange);
                if resent == MOST_RESENT || !tokens.is_some_and(is_renewed) {
                    return Ok(exchange);
                }
                resent += 1;
                caller.refused().await?;
            }
            Concluded::Refused(pause) => {
                caller.refused().await?;
                gate.pause(pause).await?;
            }
        }
    }
}

/// Waits for a call's turn for as long as it is wanted.
async fn unless<T>(
    given_up: &CancellationToken,
    admission: impl Future<Output = Result<T, Halted>>,
) -> Result<T, Halted> {
    tokio::select! {
        admitted = admission => admitted,
        () = given_up.cancelled() => Err(Halted::NoFurtherEntry),
    }
}

/// Asks for a token. Of all who need it one asks, and the others wait for that.
async fn obtain(
    gate: &Gate,
    tokens: Tokens<'_>,
    priority: usize,
    log: &mut CallLog,
) -> Result<(), StepError> {
    let _turn = tokens.turn().await;
    let call = Tokens::call();
    while tokens.are_needed() {
        let reservation = gate.admit(&call, priority, log).await?;
        let exchange = tokens.ask().await;
        match reservation.conclude(&call, exchange, log) {
            Concluded::Ended(exchange) => tokens
                .take(*exchange)
                .map_err(|error| StepError::call(error, Idempotency::ReadOnly))?,
            Concluded::Refused(pause) => gate.pause(pause).await?,
        }
    }
    Ok(())
}
