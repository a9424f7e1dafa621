//! What the steps of a key rotation share: which keys it is about, and how a client's keys are registered.

use serde_json::Value;

use super::context::Context;
use super::error::StepError;
use crate::ledger::RotatedKeys;
use crate::okta::clients::{self, WholeClient};
use crate::pacing::Idempotency;

impl Context<'_> {
    /// The keys that are rotated, known since `generate_key`.
    pub(super) fn rotation(&self) -> Result<RotatedKeys, StepError> {
        let known = self.row.progress.rotation.as_deref().cloned();
        known.ok_or_else(|| {
            StepError::failed(
                "the keys of the connection are not known",
                "rotate them anew",
            )
        })
    }

    /// The id of the new key, known since `generate_key`.
    pub(super) fn new_kid(&self) -> Result<String, StepError> {
        let rotation = self.rotation()?;
        let kid = rotation.new_kid().map(str::to_owned);
        kid.ok_or_else(|| StepError::failed("the new key is not known", "rotate the keys anew"))
    }

    /// The service app in the hub.
    pub(super) async fn whole_client(&mut self) -> Result<WholeClient, StepError> {
        let id = self.client_id()?;
        self.read_live(&clients::get(&id)).await
    }

    /// Registers these keys with it and no others, and sees that it shows them.
    pub(super) async fn register(
        &mut self,
        client: &WholeClient,
        keys: &[Value],
    ) -> Result<(), StepError> {
        let call = clients::register_keys(client, keys);
        let shows_all = |shown: &WholeClient| {
            shown.keys().len() == keys.len()
                && keys
                    .iter()
                    .filter_map(|key| key["kid"].as_str())
                    .all(|kid| shown.has_key(kid))
        };
        let taken = |shown: Option<WholeClient>| shown.is_some_and(|shown| shows_all(&shown));
        let sent = self.write(&call, Idempotency::Idempotent, taken, |_| true);
        // A 2xx proves nothing by itself.
        if sent.await? || shows_all(&self.whole_client().await?) {
            return Ok(());
        }
        let id = self.client_id()?;
        Err(StepError::failed(
            format!("Okta accepted the keys of service app {id} but does not show them"),
            "look at the service app's Public keys in the hub's Admin Console",
        ))
    }
}
