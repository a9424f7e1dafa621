//! Reads an org's live state: through its gate like every call, with a client that cannot send anything but
//! reads. Steps look through it before they write; commands that only look have nothing else, and so cannot change
//! anything.

use std::sync::Arc;

use super::StepError;
use super::sending::{Caller, sent};
use crate::okta::{Exchange, Read, ReadOnlyClient, Tokens};
use crate::pacing::{Again, CallLog, Gate, Idempotency, RetryLoop, unix_millis};

/// Makes the reads of one org. Cheap to clone.
///
/// A call that reads is taken:
///
/// ```
/// use okta_rollout::okta::connections;
/// use okta_rollout::pacing::CallLog;
/// use okta_rollout::steps::Reader;
///
/// async fn look(reader: &Reader, log: &mut CallLog) {
///     let _connection = reader.read(&connections::get("0oa1"), 0, log).await;
/// }
/// ```
///
/// and one that writes is not, nor is its bare request:
///
/// ```compile_fail,E0308
/// use okta_rollout::okta::connections;
/// use okta_rollout::pacing::CallLog;
/// use okta_rollout::steps::Reader;
///
/// async fn change(reader: &Reader, log: &mut CallLog) {
///     let _done = reader.read(&connections::activate("0oa1"), 0, log).await;
/// }
/// ```
///
/// ```compile_fail,E0308
/// use okta_rollout::okta::{ReadOnlyClient, connections};
///
/// async fn change(client: &ReadOnlyClient) {
///     client.exchange(connections::activate("0oa1").request()).await;
/// }
/// ```
#[derive(Clone)]
pub struct Reader {
    gate: Arc<Gate>,
    client: ReadOnlyClient,
}

impl Reader {
    /// Reads through this gate.
    pub const fn new(gate: Arc<Gate>, client: ReadOnlyClient) -> Self {
        Self { gate, client }
    }

    /// The org's gate.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Sends a call that changes nothing. `priority`: see [`Gate::admit`].
    pub async fn read<T>(
        &self,
        call: &Read<T>,
        priority: usize,
        log: &mut CallLog,
    ) -> Result<T, StepError> {
        Ok(self.read_page(call, priority, log).await?.0)
    }

    /// As [`Reader::read`], with where the list continues.
    pub async fn read_page<T>(
        &self,
        call: &Read<T>,
        priority: usize,
        log: &mut CallLog,
    ) -> Result<(T, Option<String>), StepError> {
        self.read_by(call, priority, log).await
    }

    /// The scopes of the token that its calls carry; `None` = they carry none that was asked for.
    pub fn scopes(&self) -> Option<Vec<String>> {
        Tokens::of_reads(&self.client)?.scopes()
    }

    /// As [`Reader::read`], with everything that was observed: whether it brought something is for the caller to see.
    ///
    /// # Errors
    /// When it was not made: [`StepError::Call`] is about the token that it needs.
    pub async fn observe<T>(
        &self,
        call: &Read<T>,
        priority: usize,
        log: &mut CallLog,
    ) -> Result<Box<Exchange>, StepError> {
        let send = || self.client.exchange(call);
        let tokens = Tokens::of_reads(&self.client);
        sent(&self.gate, tokens, call.request(), priority, log, send).await
    }

    /// As [`Reader::read_page`], for whoever has to keep something around the call.
    pub(super) async fn read_by<T>(
        &self,
        call: &Read<T>,
        priority: usize,
        caller: &mut impl Caller,
    ) -> Result<(T, Option<String>), StepError> {
        let send = || self.client.exchange(call);
        let tokens = Tokens::of_reads(&self.client);
        let exchange = sent(&self.gate, tokens, call.request(), priority, caller, send).await?;
        let failed = |error| StepError::call(error, Idempotency::ReadOnly);
        let body = exchange.outcome.map_err(failed)?;
        let next = body.next.clone();
        let found = call.decode(body).map_err(failed)?;
        caller.log().looked(unix_millis());
        Ok((found, next))
    }

    /// As [`Reader::read`], made again as the gate's retry policy allows.
    ///
    /// # Errors
    /// The last error, when the policy gives up. One that is about the whole org stops its gate:
    /// [`Gate::stopped`] tells why, and the org's other calls end as [`OrgStopped`](crate::pacing::Halted::OrgStopped).
    pub async fn read_with_retry<T>(
        &self,
        call: &Read<T>,
        priority: usize,
        log: &mut CallLog,
    ) -> Result<T, StepError> {
        let mut retries = RetryLoop::new(self.gate(), log);
        loop {
            match self.read(call, priority, log).await {
                Err(error) => again(&mut retries, error, log).await?,
                read => return read,
            }
        }
    }
}

// Returns when the next attempt is due, or the error if there is to be none.
pub(super) async fn again(
    retries: &mut RetryLoop<'_>,
    error: StepError,
    log: &mut CallLog,
) -> Result<(), StepError> {
    let StepError::Call {
        error: call,
        idempotency,
    } = &error
    else {
        return Err(error);
    };
    match retries.wait(call, *idempotency, log).await? {
        Again::Yes => Ok(()),
        Again::No => Err(error),
    }
}
