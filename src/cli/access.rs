//! Opens the orgs of a run: credentials are read, and orgs that the program serves itself are served.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::context::RunContext;
use crate::failure::Failure;
use crate::ledger::{EntryRow, Ledger, OrgRow, RunId};
use crate::manifest::{Auth, Secrets};
use crate::okta::Credentials;
use crate::run::{Administrator, OrgAccess};
use crate::sandbox::{Consent, Sandbox, SandboxSettings, SeedApp};

/// What the ledger calls an org that the program serves itself: `sandbox:NAME`.
const SANDBOX: &str = "sandbox:";

/// Programs of `exec:` secrets that run at once, and files that are open at once.
const SECRETS_AT_ONCE: usize = 16;

/// Whether the program serves the org itself.
pub(super) fn is_sandbox(org: &OrgRow) -> bool {
    org.url.starts_with(SANDBOX)
}

/// Opens orgs for work, in order.
///
/// # Errors
/// When credentials of any cannot be read: nothing is sent to any of them then.
pub(super) async fn open(
    orgs: Vec<OrgRow>,
    context: &RunContext,
    allow_exec: bool,
    sandbox: Option<&Arc<Sandbox>>,
) -> Result<Vec<OrgAccess>, Failure> {
    stream::iter(orgs)
        .map(|org| access(org, context, allow_exec, sandbox))
        .buffered(SECRETS_AT_ONCE)
        .try_collect()
        .await
}

/// Opens one org for work.
pub(super) async fn access(
    row: OrgRow,
    context: &RunContext,
    allow_exec: bool,
    sandbox: Option<&Arc<Sandbox>>,
) -> Result<OrgAccess, Failure> {
    let secrets = Secrets::new(context.entries_base(), allow_exec);
    if is_sandbox(&row) {
        let sandbox = sandbox.ok_or_else(|| not_served(&row))?;
        return Ok(OrgAccess {
            origin: sandbox.url(&row.name),
            credentials: Credentials::Ssws(sandbox.api_token(&row.name).into()),
            secrets,
            administrator: administrator(sandbox),
            row,
        });
    }
    let credentials = credentials(&row, &Secrets::new(context.orgs_base(), allow_exec)).await?;
    Ok(OrgAccess {
        origin: row.url.clone(),
        credentials,
        secrets,
        administrator: None,
        row,
    })
}

async fn credentials(row: &OrgRow, secrets: &Secrets) -> Result<Credentials, Failure> {
    let unreadable = |error: crate::manifest::SecretError| {
        let hint = error.hint();
        let failure = Failure::usage(anyhow::Error::from(error).context(format!(
            "org {}: its credentials cannot be read; nothing was sent",
            row.name
        )));
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    };
    match &row.spec.auth {
        Some(Auth::ApiToken(token)) => secrets
            .resolve_for_header(token)
            .await
            .map(Credentials::Ssws)
            .map_err(unreadable),
        Some(Auth::AccessToken(token)) => secrets
            .resolve_for_header(token)
            .await
            .map(Credentials::Bearer)
            .map_err(unreadable),
        Some(Auth::PrivateKeyJwt(_)) => Err(Failure::usage(anyhow::anyhow!(
            "org {}: `privateKeyJwt` is not supported by this version; nothing was sent",
            row.name
        ))
        .hint(format!("give org {} an `apiToken` or an `accessToken`", row.name))),
        None => Err(Failure::usage(anyhow::anyhow!(
            "org {} has no `auth`; nothing was sent",
            row.name
        ))
        .hint(format!("give org {} an `auth.apiToken`", row.name))),
    }
}

fn not_served(row: &OrgRow) -> Failure {
    Failure::usage(anyhow::anyhow!(
        "org {} is one that okta-rollout serves itself, and only while a run lives",
        row.name
    ))
    .hint("resume the run: its entries get fresh links there")
}

fn administrator(sandbox: &Arc<Sandbox>) -> Option<Administrator> {
    if sandbox.consent() != Consent::Auto {
        return None;
    }
    let sandbox = Arc::clone(sandbox);
    Some(Arc::new(move |link: String| {
        let sandbox = Arc::clone(&sandbox);
        Box::pin(async move {
            sandbox
                .approve(&link)
                .await
                .map_err(|error| error.to_string())
        })
    }))
}

/// Serves the sandbox orgs of a run, if it has any, with the apps its entries speak of.
pub(super) async fn serve_sandbox(
    ledger: &Ledger,
    run: &RunId,
    orgs: &[OrgRow],
    settings: &toml::Table,
) -> Result<Option<Arc<Sandbox>>, Failure> {
    if !orgs.iter().any(is_sandbox) {
        return Ok(None);
    }
    let settings: SandboxSettings = settings
        .clone()
        .try_into()
        .context("the job's [sandbox] section")
        .map_err(Failure::usage)?;
    let sandbox = Sandbox::start(settings, Some(state_folder(ledger)), ([127, 0, 0, 1], 0).into())
        .await
        .context("the simulated orgs cannot be served")
        .map_err(Failure::usage)?;
    for org in orgs.iter().filter(|org| is_sandbox(org)) {
        sandbox.add_org(&org.name);
    }
    let seed = |row: EntryRow| {
        let org = usize::try_from(row.org).ok().and_then(|no| orgs.get(no));
        if let Some(org) = org.filter(|org| is_sandbox(org)) {
            sandbox.add_app(
                &org.name,
                &SeedApp {
                    name: row.entry.app.name().to_owned(),
                    id: row.entry.app_id,
                    label: row.entry.label,
                },
            );
        }
    };
    ledger.for_each_entry(run, seed).await?;
    Ok(Some(Arc::new(sandbox)))
}

/// Beside the ledger: what a run did to its simulated orgs is still there for the next.
fn state_folder(ledger: &Ledger) -> PathBuf {
    ledger.path().with_extension("sandbox")
}
