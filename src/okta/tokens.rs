//! Asks for the tokens that calls are authorized with: each when it is needed, for all who share it.

use tokio::sync::MutexGuard;

use super::answer::Exchange;
use super::authorizer::{Made, TokenCall};
use super::client::{OrgClient, ReadOnlyClient};
use super::error::{CallError, Denied};
use super::request::Request;

/// A client whose calls need tokens.
#[derive(Clone, Copy)]
pub struct Tokens<'a> {
    client: &'a OrgClient,
    made: &'a Made,
}

impl<'a> Tokens<'a> {
    /// Those of this client, if it needs any.
    pub fn of(client: &'a OrgClient) -> Option<Self> {
        let made = client.authorization().made()?;
        Some(Self { client, made })
    }

    /// As [`Self::of`]: asking for a token is no change to the org.
    pub fn of_reads(client: &'a ReadOnlyClient) -> Option<Self> {
        Self::of(client.whole())
    }

    /// Whether one has to be asked for before any other call.
    pub fn are_needed(self) -> bool {
        self.made.authorizer.needs_token()
    }

    /// The scopes of the last one; `None` = there was none yet.
    pub fn scopes(self) -> Option<Vec<String>> {
        self.made.authorizer.scopes()
    }

    /// Waits until nobody else asks for one: it may be there then.
    pub async fn turn(self) -> MutexGuard<'a, ()> {
        self.made.turn.lock().await
    }

    /// What asking looks like to whoever admits calls.
    pub fn call() -> Request {
        TokenCall::shape()
    }

    /// Asks for one, once.
    pub async fn ask(self) -> Exchange {
        let call = self.made.authorizer.token_call();
        self.client.exchange(&call.0).await
    }

    /// Takes what came of it.
    ///
    /// # Errors
    /// When no token is to be had.
    pub fn take(self, answer: Exchange) -> Result<(), CallError> {
        self.made.authorizer.take_token(answer)
    }

    /// Whether a call with this answer is worth sending once more, as it was refused for what it carried and will carry
    /// something else.
    pub fn are_renewed_for(self, answer: &Exchange) -> bool {
        let denied = answer
            .outcome
            .as_ref()
            .err()
            .and_then(|error| error.denied.as_ref());
        let is_about_it = match answer.status {
            Some(401) => true,
            // How Okta answers to a proof that it does not take (API.md §7.3).
            Some(400) => matches!(denied, Some(Denied::Proof | Denied::Nonce)),
            _ => false,
        };
        is_about_it && self.made.authorizer.refused(answer)
    }
}
