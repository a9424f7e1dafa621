//! The orgs of a run that the program serves itself (`url: "sandbox"`).

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use secrecy::SecretString;

use super::access::is_sandbox;
use crate::failure::Failure;
use crate::ledger::{EntryRow, Ledger, OrgRow, RunId};
use crate::run::Administrator;
use crate::sandbox::{Consent, Sandbox, SandboxError, SandboxSettings, SeedApp};

/// Simulated orgs that are being served.
pub(super) struct Simulated {
    sandbox: Arc<Sandbox>,
    consent: Consent,
}

impl Simulated {
    /// Serves the sandbox orgs of a run, if it has any, with the apps its entries speak of.
    pub async fn serve(
        ledger: &Ledger,
        run: &RunId,
        orgs: &[OrgRow],
        settings: &toml::Table,
    ) -> Result<Option<Self>, Failure> {
        if !orgs.iter().any(is_sandbox) {
            return Ok(None);
        }
        let settings: SandboxSettings = settings
            .clone()
            .try_into()
            .context("the job's [sandbox] section")
            .map_err(Failure::usage)?;
        let consent = settings.consent;
        let sandbox = Sandbox::start(settings, Some(state_folder(ledger)), None)
            .await
            .map_err(refused)?;
        for org in orgs.iter().filter(|org| is_sandbox(org)) {
            sandbox.add_org(&org.name).map_err(refused)?;
        }
        let mut failed = None;
        let seed = |row: EntryRow| {
            let org = usize::try_from(row.org).ok().and_then(|no| orgs.get(no));
            // An app to create is not there yet.
            let exists = row.entry.create.is_none();
            if let Some(org) = org.filter(|org| is_sandbox(org) && exists) {
                let app = SeedApp {
                    name: row.entry.app.name().to_owned(),
                    id: row.entry.app_id,
                    label: row.entry.label,
                };
                failed = failed.take().or(sandbox.add_app(&org.name, &app).err());
            }
        };
        ledger.for_each_entry(run, seed).await?;
        failed.map_or(Ok(()), |error| Err(refused(error)))?;
        let sandbox = Arc::new(sandbox);
        Ok(Some(Self { sandbox, consent }))
    }

    /// Where an org is reached.
    pub fn origin(&self, org: &str) -> String {
        self.sandbox.url(org)
    }

    /// What an org accepts.
    pub fn api_token(&self, org: &str) -> SecretString {
        self.sandbox.api_token(org).into()
    }

    /// Who gives consents, if the settings simulate somebody.
    pub fn administrator(&self) -> Option<Administrator> {
        if self.consent != Consent::Auto {
            return None;
        }
        let sandbox = Arc::clone(&self.sandbox);
        Some(Arc::new(move |link: String| {
            let sandbox = Arc::clone(&sandbox);
            Box::pin(async move {
                let page = sandbox.approve(&link).await;
                page.map_err(|error| error.to_string())
            })
        }))
    }

    /// Stops serving; what happened is kept for the next run.
    pub async fn stop(self) {
        if let Some(sandbox) = Arc::into_inner(self.sandbox) {
            sandbox.stop().await;
        }
    }
}

fn refused(error: SandboxError) -> Failure {
    Failure::usage(anyhow::Error::from(error).context("the simulated orgs cannot be served"))
}

/// Beside the ledger: what a run did to its simulated orgs is still there for the next.
fn state_folder(ledger: &Ledger) -> PathBuf {
    ledger.path().with_extension("sandbox")
}
