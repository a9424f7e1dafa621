//! The orgs of a run that the program serves itself (`url: "sandbox"`).

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use secrecy::SecretString;

use crate::failure::Failure;
use crate::ledger::{EntryRow, Ledger, OrgRow};
use crate::manifest::{self, Entry, Orgs};
use crate::model::RunId;
use crate::sandbox::{Consent, Sandbox, SandboxError, SandboxSettings, SeedApp};

/// What the ledger calls an org that the program serves itself: `sandbox:NAME`.
const SANDBOX: &str = "sandbox:";

/// Whether the program serves the org itself.
pub(crate) fn is_sandbox(org: &OrgRow) -> bool {
    org.url.starts_with(SANDBOX)
}

/// Refuses a ledger beside which the state of such orgs cannot be kept, before a run of them begins.
pub(crate) fn refuse_state(ledger: Option<&Path>, orgs: &Orgs) -> Result<(), Failure> {
    let Some(path) = ledger.map(state_folder) else {
        return Ok(());
    };
    if !orgs.iter().any(|(_, org)| org.url == manifest::SANDBOX) || !path.exists() || path.is_dir()
    {
        return Ok(());
    }
    let source = ErrorKind::NotADirectory.into();
    Err(refused(SandboxError::State { path, source }))
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
        let simulated = Self::start(settings, ledger.place().as_deref().map(state_folder)).await?;
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

    /// Serves those of these orgs that the program serves itself, as an earlier run left them beside the ledger of this
    /// file, with the apps that entries speak of; none if there are none. A look leaves no trace of them.
    pub async fn as_left<Entries: IntoIterator<Item = Entry>>(
        settings: &toml::Table,
        ledger: Option<&Path>,
        orgs: impl Iterator<Item = (&OrgRow, Entries)>,
    ) -> Result<Option<Self>, Failure> {
        let mut served = orgs.filter(|(org, _)| is_sandbox(org)).peekable();
        if served.peek().is_none() {
            return Ok(None);
        }
        let state = ledger.map(state_folder);
        let state = state.filter(|state| state.is_dir());
        let simulated = Self::start(settings, state).await?;
        for (org, entries) in served {
            simulated.add_org(&org.name)?;
            for entry in entries {
                simulated.seed(&org.name, &entry)?;
            }
        }
        Ok(Some(simulated))
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
    let hint = match &error {
        SandboxError::State { path, .. } => Some(format!(
            "make {} readable and writable, or move it away: it is what earlier runs left of these orgs",
            path.display()
        )),
        _ => None,
    };
    let failure =
        Failure::usage(anyhow::Error::from(error).context("the simulated orgs cannot be served"));
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Carries the state of such orgs from beside one ledger to beside another, if there is any.
pub(crate) fn carry_state(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (state_folder(from), state_folder(to));
    let files = match fs::read_dir(&from) {
        Ok(files) => files,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    fs::DirBuilder::new().recursive(true).create(&to)?;
    for file in files {
        let file = file?;
        if file.file_type()?.is_file() {
            let copy = to.join(file.file_name());
            fs::copy(file.path(), &copy)?;
            fs::File::open(copy)?.sync_all()?;
        }
    }
    Ok(())
}

/// Beside the ledger: what a run did to its simulated orgs is still there for the next.
pub(crate) fn state_folder(ledger: &Path) -> PathBuf {
    ledger.with_extension("sandbox")
}
