//! The orgs of a run that the program serves itself (`url: "sandbox"`): none in this build.

use secrecy::SecretString;

use super::access::is_sandbox;
use crate::failure::Failure;
use crate::ledger::{Ledger, OrgRow, RunId};
use crate::run::Administrator;

/// Simulated orgs that are being served.
pub(super) enum Simulated {}

impl Simulated {
    /// Serves the sandbox orgs of a run, if it has any.
    #[expect(clippy::unused_async, reason = "serving takes waiting")]
    pub async fn serve(
        _ledger: &Ledger,
        _run: &RunId,
        orgs: &[OrgRow],
        _settings: &toml::Table,
    ) -> Result<Option<Self>, Failure> {
        match orgs.iter().find(|org| is_sandbox(org)) {
            None => Ok(None),
            Some(org) => Err(Failure::usage(anyhow::anyhow!(
                "org {}: this build cannot serve simulated orgs",
                org.name
            ))),
        }
    }

    /// Where an org is reached.
    pub fn origin(&self, _org: &str) -> String {
        match *self {}
    }

    /// What an org accepts.
    pub fn api_token(&self, _org: &str) -> SecretString {
        match *self {}
    }

    /// Who gives consents, if the settings simulate somebody.
    pub fn administrator(&self) -> Option<Administrator> {
        match *self {}
    }

    /// Stops serving.
    #[expect(clippy::unused_async, reason = "stopping takes waiting")]
    pub async fn stop(self) {
        match self {}
    }
}
