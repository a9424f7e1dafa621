//! Reads an org's live state: through its lane like every call, with a client that cannot send anything but
//! reads. Steps look through it before they write; commands that only look have nothing else, and so cannot change
//! anything.

use std::sync::Arc;

use super::StepError;
use crate::okta::{Exchange, Read, ReadOnlyClient};
use crate::pacing::{Again, CallLog, Concluded, Effect, Halted, Lane, Patience, unix_millis};

/// See the module. Cheap to clone.
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
    lane: Arc<Lane>,
    client: ReadOnlyClient,
}

impl Reader {
    /// Reads through this lane.
    pub const fn new(lane: Arc<Lane>, client: ReadOnlyClient) -> Self {
        Self { lane, client }
    }

    /// The org's lane.
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Sends a call that changes nothing. `rank`: see [`Lane::admit`].
    pub async fn read<T>(
        &self,
        call: &Read<T>,
        rank: usize,
        log: &mut CallLog,
    ) -> Result<T, StepError> {
        Ok(self.read_page(call, rank, log).await?.0)
    }

    /// As [`Reader::read`], with where the list goes on.
    pub async fn read_page<T>(
        &self,
        call: &Read<T>,
        rank: usize,
        log: &mut CallLog,
    ) -> Result<(T, Option<String>), StepError> {
        let exchange = loop {
            match self.send(call, rank, log).await? {
                Concluded::Ended(exchange) => break exchange,
                Concluded::Refused(pause) => self.lane.pause(pause).await?,
            }
        };
        Self::decode(call, *exchange, log)
    }

    /// Sends a call that changes nothing once.
    pub async fn send<T>(
        &self,
        call: &Read<T>,
        rank: usize,
        log: &mut CallLog,
    ) -> Result<Concluded, Halted> {
        let request = call.request();
        let pass = self.lane.admit(request, rank, log).await?;
        let exchange = Box::pin(self.client.exchange(call)).await;
        Ok(pass.conclude(request, exchange, log))
    }

    /// What its answer says, and where the list goes on.
    pub fn decode<T>(
        call: &Read<T>,
        exchange: Exchange,
        log: &mut CallLog,
    ) -> Result<(T, Option<String>), StepError> {
        let failed = |error| StepError::call(error, Effect::ReadOnly);
        let body = exchange.outcome.map_err(failed)?;
        let next = body.next.clone();
        let found = call.decode(body).map_err(failed)?;
        log.looked(unix_millis());
        Ok((found, next))
    }
}

impl Reader {
    /// As [`Reader::read`], made again as the lane's retry policy allows.
    ///
    /// # Errors
    /// The last error, when the policy gives up. One that is about the whole org stops its lane:
    /// [`Lane::stopped`] tells why, and the org's other calls end as [`Halted::OrgStopped`].
    pub async fn read_patiently<T>(
        &self,
        call: &Read<T>,
        rank: usize,
        log: &mut CallLog,
    ) -> Result<T, StepError> {
        let mut patience = Patience::new(self.lane(), log);
        loop {
            match self.read(call, rank, log).await {
                Err(error) => again(&mut patience, error, log).await?,
                read => return read,
            }
        }
    }
}

// Returns when the next attempt is due, or the error if there is to be none.
pub(super) async fn again(
    patience: &mut Patience<'_>,
    error: StepError,
    log: &mut CallLog,
) -> Result<(), StepError> {
    let StepError::Call {
        error: call,
        effect,
    } = &error
    else {
        return Err(error);
    };
    match patience.wait(call, *effect, log).await? {
        Again::Yes => Ok(()),
        Again::No => Err(error),
    }
}
