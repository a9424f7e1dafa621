//! The orgs of a run that the program serves itself (`url: "sandbox"`).

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use secrecy::SecretString;

use crate::failure::Failure;
use crate::ledger::{EntryRow, Ledger, OrgRow};
use crate::manifest::Entry;
use crate::model::RunId;
use crate::sandbox::{Consent, Sandbox, SandboxError, SandboxSettings, SeedApp};

/// What the ledger calls an org that the program serves itself: `sandbox:NAME`.
const SANDBOX: &str = "sandbox:";

/// Whether the program serves the org itself.
pub(crate) fn is_sandbox(org: &OrgRow) -> bool {
    org.url.starts_with(SANDBOX)
}

/// Simulated orgs that are being served.
pub(crate) struct Simulated {
    sandbox: Sandbox,
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
        let simulated = Self::start(settings, ledger.file().map(state_folder)).await?;
        for org in orgs.iter().filter(|org| is_sandbox(org)) {
            simulated.add_org(&org.name)?;
        }
        let mut failed = None;
        let seed = |row: EntryRow| {
            let org = orgs.get(row.org.index());
            if let Some(org) = org.filter(|org| is_sandbox(org)) {
                failed = failed
                    .take()
                    .or(simulated.seed(&org.name, &row.entry).err());
            }
        };
        ledger.for_each_entry(run, seed).await?;
        failed.map_or(Ok(Some(simulated)), Err)
    }

    /// Serves orgs that are still to be added; what happened to them is kept in the folder, if there is one.
    pub async fn start(settings: &toml::Table, state: Option<PathBuf>) -> Result<Self, Failure> {
        let settings: SandboxSettings = settings
            .clone()
            .try_into()
            .context("the job's [sandbox] section")
            .map_err(Failure::usage)?;
        let consent = settings.consent;
        let sandbox = Sandbox::start(settings, state, None)
            .await
            .map_err(refused)?;
        Ok(Self { sandbox, consent })
    }

    /// Adds an org.
    pub fn add_org(&self, org: &str) -> Result<(), Failure> {
        self.sandbox.add_org(org).map_err(refused)
    }

    /// Gives an org the app that an entry speaks of; one to create is not there yet.
    pub fn seed(&self, org: &str, entry: &Entry) -> Result<(), Failure> {
        if entry.create.is_some() {
            return Ok(());
        }
        let app = SeedApp {
            name: entry.app.name().to_owned(),
            id: entry.app_id.clone(),
            label: entry.label.clone(),
        };
        self.sandbox.add_app(org, &app).map(drop).map_err(refused)
    }

    /// Where an org is reached.
    pub fn origin(&self, org: &str) -> String {
        self.sandbox.url(org)
    }

    /// What an org accepts.
    pub fn api_token(&self, org: &str) -> SecretString {
        self.sandbox.api_token(org).into()
    }

    /// Whether the settings simulate an administrator who gives consents.
    pub fn gives_consents(&self) -> bool {
        self.consent == Consent::Auto
    }

    /// Opens an authorize link and agrees: what Okta's page shows then, unless the link leads nowhere.
    pub async fn approve(&self, authorize_url: &str) -> Option<String> {
        self.sandbox.approve(authorize_url).await.ok()
    }

    /// Stops serving; what happened is kept for the next run.
    pub async fn stop(self) {
        self.sandbox.stop().await;
    }
}

fn refused(error: SandboxError) -> Failure {
    Failure::usage(anyhow::Error::from(error).context("the simulated orgs cannot be served"))
}

/// Beside the ledger: what a run did to its simulated orgs is still there for the next.
pub(crate) fn state_folder(ledger: &Path) -> PathBuf {
    ledger.with_extension("sandbox")
}
