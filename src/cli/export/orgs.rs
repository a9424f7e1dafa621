//! The orgs that are exported: found, and opened for reading.

use std::collections::HashSet;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::super::args::{self, Retarget};
use super::super::file::Guarded;
use super::super::output::Output;
use super::super::outputs;
use super::super::target;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::job;
use crate::manifest::{self, OrgSpec, Orgs, SANDBOX};
use crate::nearest::did_you_mean;
use crate::okta::{HttpSettings, OrgClient, ReadOnlyClient};
use crate::pacing::{Gated, idle_per_org};
use crate::rollout::access::{NoCredentials, SECRETS_AT_ONCE, credentials, no_calls};
use crate::rollout::context::unreadable;
use crate::settings::{Policy, Settings};
use crate::steps::Reader;

/// Known orgs named when an unknown one is asked for.
const SHOWN: usize = 20;

/// Where the orgs come from, and how they are read.
pub(super) struct Source {
    policy: Policy,
    /// Every org that is known.
    pub orgs: Orgs,
}

/// An org that was asked for.
pub(super) struct Wanted {
    /// Its name.
    pub name: String,
    /// The org that its entries are written for, with their apps found by label.
    pub retargeted: Option<String>,
}

impl Wanted {
    /// The org that its entries name.
    pub fn target(&self) -> &str {
        self.retargeted.as_deref().unwrap_or(&self.name)
    }
}

impl Source {
    /// What an export must not be written over.
    pub fn guarded(
        &self,
        args: &args::Export,
        settings: &Settings,
    ) -> Result<Vec<Guarded>, Failure> {
        if let Some(job) = &args.job {
            return outputs::guarded(job, &self.policy, settings);
        }
        let policy = Policy {
            orgs: settings.orgs.clone(),
            ..self.policy.clone()
        };
        let mut guarded = outputs::rest(&policy, settings)?;
        let secrets = manifest::credential_files(&self.orgs);
        guarded.extend(
            secrets
                .iter()
                .map(|file| Guarded::input("the secret", file)),
        );
        Ok(guarded)
    }

    /// From `--orgs`, or a job.
    pub fn read(args: &args::Export, settings: &Settings, output: Output) -> Result<Self, Failure> {
        if let Some(file) = &args.job {
            if !job::is_job(file) {
                let shown = file.display();
                return Err(
                    Failure::usage(anyhow::anyhow!("{shown}: a job ends in .toml"))
                        .hint("give a file with orgs as --orgs"),
                );
            }
            let policy = target::read(file, settings, output)?.policy;
            let orgs = manifest::read_orgs(&policy.source()).map_err(unreadable)?;
            return Ok(Self { policy, orgs });
        }
        let file = settings.orgs.as_deref().ok_or_else(|| {
            Failure::usage(anyhow::anyhow!("no orgs are given; nothing was sent"))
                .hint("name them in an orgs file: --orgs FILE")
        })?;
        Ok(Self {
            policy: Policy::of_nothing(settings),
            orgs: Orgs::read(file).map_err(unreadable)?,
        })
    }

    /// The orgs asked for, each once and in the order asked.
    pub fn wanted(&self, args: &args::Export) -> Result<Vec<Wanted>, Failure> {
        let mut seen = HashSet::new();
        let mut wanted = Vec::new();
        for name in args.org.iter().filter(|name| seen.insert(name.as_str())) {
            let spec = self.orgs.get(name).ok_or_else(|| self.unknown(name))?;
            if spec.url == SANDBOX {
                return Err(Failure::usage(anyhow::anyhow!(
                    "org {name} is one that okta-rollout serves itself, and only while a run lives; \
                     nothing was sent"
                ))
                .hint("serve it with okta-rollout sandbox, and give its address as the org's url"));
            }
            let mut targets = args.retarget.iter().filter(|one| one.from == *name);
            let retargeted = targets.next().map(|one| one.to.clone());
            if targets.next().is_some() {
                return Err(confused(&format!("{name} stands in two --retarget")));
            }
            wanted.push(Wanted {
                name: name.clone(),
                retargeted,
            });
        }
        args.retarget
            .iter()
            .try_for_each(|one| fits(one, &wanted))?;
        Ok(wanted)
    }

    fn unknown(&self, name: &str) -> Failure {
        let known: Vec<_> = self.orgs.iter().map(|(name, _)| name).take(SHOWN).collect();
        let more = self.orgs.len().saturating_sub(known.len());
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let near = did_you_mean(name, self.orgs.iter().map(|(name, _)| name));
        let near = near.map_or_else(String::new, |near| format!("{near} "));
        Failure::usage(anyhow::anyhow!("unknown org {name}; nothing was sent"))
            .hint(format!("{near}the orgs are {}{more}", known.join(", ")))
    }

    /// Opens the orgs for reading, in order; the inner error of one whose credentials cannot be read.
    pub async fn readers(
        &self,
        wanted: &[Wanted],
        allow_exec: bool,
        engine: &Engine,
    ) -> Result<Vec<Result<Reader, NoCredentials>>, Failure> {
        let http = HttpSettings {
            idle_per_org: idle_per_org(wanted.len()),
            ..self.policy.http.clone()
        };
        let http = engine.http(&http).map_err(no_calls)?;
        let open = async |org: &Wanted| -> Result<Result<Reader, NoCredentials>, Failure> {
            let spec = self.spec(&org.name)?;
            let secrets = self.orgs.secrets(&org.name, allow_exec);
            let secrets = secrets.passing(&self.policy.pass_env);
            let credentials = match credentials(&org.name, spec, &spec.url, &secrets).await? {
                Ok(credentials) => credentials,
                Err(why) => return Ok(Err(why)),
            };
            let mut client =
                OrgClient::new(http.clone(), &spec.url, credentials).map_err(Failure::usage)?;
            let gate = engine.gates().open(Gated {
                name: org.name.as_str().into(),
                client: &mut client,
                spec,
                limits: self.policy.limits,
                retry: self.policy.retry,
                events: engine.events().clone(),
                interrupt: engine.cancellation().clone(),
                status: None,
                remembered: None,
            });
            Ok(Ok(Reader::new(gate, ReadOnlyClient::new(client))))
        };
        stream::iter(wanted)
            .map(open)
            .buffered(SECRETS_AT_ONCE)
            .try_collect()
            .await
    }

    fn spec(&self, name: &str) -> Result<&OrgSpec, Failure> {
        self.orgs.get(name).ok_or_else(|| self.unknown(name))
    }
}

fn fits(one: &Retarget, wanted: &[Wanted]) -> Result<(), Failure> {
    let Retarget { from, to } = one;
    if !wanted.iter().any(|org| org.name == *from) {
        return Err(confused(&format!(
            "--retarget {from}={to}: {from} is not exported"
        )));
    }
    let itself = |org: &Wanted| org.name == *to && org.retargeted.is_none();
    if wanted.iter().any(itself) {
        return Err(confused(&format!(
            "--retarget {from}={to}: {to} is exported itself, so its apps would be named both by id and by label"
        )));
    }
    Ok(())
}

fn confused(message: &str) -> Failure {
    Failure::usage(anyhow::anyhow!("{message}; nothing was sent"))
        .hint("each --retarget takes one --org to another org: okta-rollout export --help")
}
