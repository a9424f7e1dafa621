//! Opens the orgs of a run: their credentials are read, and those that the program serves itself are
//! found in the sandbox.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::context::RunContext;
use super::simulated::Simulated;
use crate::failure::Failure;
use crate::ledger::OrgRow;
use crate::manifest::{Auth, OrgSpec, Secrets};
use crate::okta::Credentials;
use crate::run::OrgAccess;

/// What the ledger calls an org that the program serves itself: `sandbox:NAME`.
const SANDBOX: &str = "sandbox:";

/// Programs of `exec:` secrets that run at once, and files that are open at once.
pub(super) const SECRETS_AT_ONCE: usize = 16;

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
    sandbox: Option<&Simulated>,
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
    sandbox: Option<&Simulated>,
) -> Result<OrgAccess, Failure> {
    let secrets = Secrets::new(context.entries_base(), allow_exec);
    if is_sandbox(&row) {
        let sandbox = sandbox.ok_or_else(|| not_served(&row))?;
        return Ok(OrgAccess {
            origin: sandbox.origin(&row.name),
            credentials: Credentials::Ssws(sandbox.api_token(&row.name)),
            secrets,
            administrator: sandbox.administrator(),
            row,
        });
    }
    // The ledger holds absolute references only.
    let secrets_of_orgs = Secrets::new("/", allow_exec);
    let credentials = credentials(&row.name, &row.spec, &secrets_of_orgs).await?;
    Ok(OrgAccess {
        origin: row.url.clone(),
        credentials,
        secrets,
        administrator: None,
        row,
    })
}

/// What an org is reached with.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn credentials(
    org: &str,
    spec: &OrgSpec,
    secrets: &Secrets,
) -> Result<Credentials, Failure> {
    let unreadable = |error: crate::manifest::SecretError| {
        let hint = error.hint();
        let failure = Failure::usage(anyhow::Error::from(error).context(format!(
            "org {org}: its credentials cannot be read; nothing was sent"
        )));
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    };
    match &spec.auth {
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
        Some(Auth::PrivateKeyJwt(_)) => Err(private_key_jwt(org)),
        None => Err(
            Failure::usage(anyhow::anyhow!("org {org} has no `auth`; nothing was sent"))
                .hint(format!("give org {org} an `auth.apiToken`")),
        ),
    }
}

/// Said of an org that authenticates in a way this version cannot.
pub(super) fn private_key_jwt(org: &str) -> Failure {
    Failure::usage(anyhow::anyhow!(
        "org {org}: `privateKeyJwt` is not supported by this version; nothing was sent"
    ))
    .hint(format!("give org {org} an `apiToken` or an `accessToken`"))
}

fn not_served(row: &OrgRow) -> Failure {
    Failure::usage(anyhow::anyhow!(
        "org {} is one that okta-rollout serves itself, and only while a run lives",
        row.name
    ))
    .hint("resume the run: its entries get fresh links there")
}
