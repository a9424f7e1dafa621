//! Opens the orgs of a run: their credentials are read, and those that the program serves itself are
//! found in the sandbox.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::context::RunContext;
use super::simulated::{Simulated, is_sandbox};
use crate::engine::{NextCommands, OrgAccess};
use crate::failure::{Failure, Remedy};
use crate::ledger::OrgRow;
use crate::manifest::{Auth, OrgSpec, Orgs, SecretError, SecretUse, Secrets};
use crate::model::{ErrorDetails, Stopped};
use crate::okta::{Credentials, Http, HttpError, HttpSettings, PrivateKeyJwt};

/// Programs of `exec:` secrets that run at once, and files that are open at once.
pub(crate) const SECRETS_AT_ONCE: usize = 16;

/// An org that is open, or shut.
pub(crate) type Opened = Result<OrgAccess, Box<Shut>>;

/// An org whose credentials cannot be read: it is stopped before its first call, and holds no other up.
#[derive(Debug, thiserror::Error)]
#[error("org {name}: {why}", name = row.name)]
pub(crate) struct Shut {
    /// The org.
    pub row: OrgRow,
    /// Why it could not be opened.
    pub why: NoCredentials,
}

/// Why an org's credentials cannot be read, or must not go to where the ledger says it is.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub(crate) struct NoCredentials {
    cause: String,
    /// The edit that helps.
    pub remedy: String,
    way: Way,
}

/// What is typed after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The same run continues.
    Resume,
    /// It does with `--allow-exec`.
    Programs,
    /// The run keeps what the files do not say any more: another one takes what they say now.
    NewRun,
}

impl NoCredentials {
    fn new(error: &SecretError) -> Self {
        Self {
            cause: format!("its credentials cannot be read: {error}"),
            remedy: error.remedy(),
            way: if error.is_refused() {
                Way::Programs
            } else {
                Way::Resume
            },
        }
    }

    /// Of an org that the ledger has at another address than the manifest now.
    fn elsewhere(row: &OrgRow, now: &str) -> Self {
        let (now, remedy, way) = if now.is_empty() {
            (
                "it is not among the orgs any more".to_owned(),
                "put it back among them, or give a file that has it: --orgs FILE",
                Way::Resume,
            )
        } else {
            (
                format!("its URL is {now} now"),
                "a run keeps the addresses that it began with; a new one takes those of the files",
                Way::NewRun,
            )
        };
        Self {
            cause: format!("the run has it at {}, and {now}", row.url),
            remedy: remedy.to_owned(),
            way,
        }
    }

    /// The edit after which the same command does what it did not.
    pub fn cure(self) -> String {
        match self.way {
            Way::Resume | Way::Programs => self.remedy,
            Way::NewRun => "give the org the URL that the run has, or start a new run".to_owned(),
        }
    }

    /// What the run remembers of the org.
    pub fn stopped(&self, next: &NextCommands) -> Stopped {
        let (remedy, hint) = match self.way {
            Way::Resume => (
                Remedy::Outside,
                next.after_stop(&self.remedy, Remedy::Outside),
            ),
            Way::Programs => (
                Remedy::Outside,
                format!("let its program run: {}", next.resume_with_programs()),
            ),
            Way::NewRun => (
                Remedy::Manifest,
                format!("{}: {}", self.remedy, next.run_file),
            ),
        };
        Stopped {
            remedy,
            details: ErrorDetails {
                message: self.to_string(),
                hint: Some(hint),
                ..ErrorDetails::default()
            },
        }
    }
}

/// An org that its files have at another address than the ledger: whoever can write to the ledger must not decide where
/// credentials go.
pub(crate) fn moved(row: &OrgRow, now: &Orgs) -> Option<NoCredentials> {
    let now = now.url(&row.name);
    (now != row.url).then(|| NoCredentials::elsewhere(row, &now))
}

/// Opens orgs for work, in order, those whose credentials cannot be read excepted.
pub(crate) async fn open(
    orgs: Vec<OrgRow>,
    context: &RunContext,
    allow_exec: bool,
    sandbox: Option<&Simulated>,
    next: &Arc<NextCommands>,
) -> Result<Vec<Opened>, Failure> {
    stream::iter(orgs)
        .map(|org| access(org, context, allow_exec, sandbox, next))
        .buffered(SECRETS_AT_ONCE)
        .try_collect()
        .await
}

/// Opens one org for work.
pub(crate) async fn access(
    row: OrgRow,
    context: &RunContext,
    allow_exec: bool,
    sandbox: Option<&Simulated>,
    next: &Arc<NextCommands>,
) -> Result<Opened, Failure> {
    let next = Arc::clone(next);
    let secrets = context.secrets(allow_exec);
    if is_sandbox(&row) {
        let sandbox = sandbox.ok_or_else(|| not_served(&row))?;
        return Ok(Ok(OrgAccess {
            origin: sandbox.origin(&row.name),
            credentials: Credentials::Ssws(sandbox.api_token(&row.name)),
            secrets,
            row,
            is_elsewhere: false,
            next,
        }));
    }
    // The ledger holds absolute references only.
    let spec = context.org_here(&row.spec).into_owned();
    let secrets_of_org = context.secrets_of_org(&spec, allow_exec);
    Ok(
        match credentials(&row.name, &spec, &row.url, &secrets_of_org).await? {
            Ok(credentials) => Ok(OrgAccess {
                origin: row.url.clone(),
                credentials,
                secrets,
                row,
                is_elsewhere: false,
                next,
            }),
            Err(why) => Err(Box::new(Shut { row, why })),
        },
    )
}

/// What an org is reached with; the inner error when it cannot be read.
///
/// # Errors
/// When the org is given none.
pub(crate) async fn credentials(
    org: &str,
    spec: &OrgSpec,
    origin: &str,
    secrets: &Secrets,
) -> Result<Result<Credentials, NoCredentials>, Failure> {
    let read = match &spec.auth {
        Some(Auth::ApiToken(token)) => secrets
            .resolve(token, SecretUse::Header)
            .await
            .map(Credentials::Ssws),
        Some(Auth::AccessToken(token)) => secrets
            .resolve(token, SecretUse::Header)
            .await
            .map(Credentials::Bearer),
        Some(Auth::PrivateKeyJwt(jwt)) => {
            let key = match secrets.service_key(jwt).await {
                Ok(key) => key,
                Err(error) => return Ok(Err(NoCredentials::new(&error))),
            };
            PrivateKeyJwt::new(jwt, key, origin)
                .map(|made| Ok(Credentials::Authorizer(Arc::new(made))))
                .map_err(Failure::bug)?
        }
        None => {
            return Err(Failure::usage(anyhow::anyhow!(
                "org {org} has no `auth`; nothing was sent"
            ))
            .hint(format!("give org {org} an `auth.apiToken`")));
        }
    };
    Ok(read.map_err(|error| NoCredentials::new(&error)))
}

/// Refuses HTTP settings that no call can be made with, before anything else is done: a variable that names no proxy,
/// a CA file that is no use.
pub(crate) fn can_call(http: &HttpSettings) -> Result<(), Failure> {
    Http::new(http).map(drop).map_err(no_calls)
}

/// No call can be made.
pub(crate) fn no_calls(error: HttpError) -> Failure {
    let hint = error.hint();
    let failure = Failure::usage(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn not_served(row: &OrgRow) -> Failure {
    Failure::usage(anyhow::anyhow!(
        "org {} is one that okta-rollout serves itself, and only while a run lives",
        row.name
    ))
    .hint("resume the run: its entries get fresh links there")
}
