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
use crate::model::{EntryError, ErrorDetails, Step};
use crate::nearest::did_you_mean;
use crate::okta::{HttpSettings, OrgClient, ReadOnlyClient};
use crate::pacing::{Gated, idle_per_org};
use crate::rollout::access::{NoCredentials, SECRETS_AT_ONCE, credentials, no_calls};
use crate::rollout::context::unreadable;
use crate::settings::{Policy, Settings};
use crate::steps::{Reader, StepError};

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

/// An org that is open for reading, or why not.
pub(super) type Opened = Result<Reader, NoCredentials>;

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
            self.can_be_asked(name)?;
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

    /// The hubs to look in, each once and in the order given.
    pub fn hubs<'a>(&self, args: &'a args::Export) -> Result<Vec<&'a str>, Failure> {
        let mut seen = HashSet::new();
        let hubs = args.hub.iter().map(String::as_str);
        let hubs: Vec<_> = hubs.filter(|name| seen.insert(*name)).collect();
        hubs.iter().try_for_each(|name| self.can_be_asked(name))?;
        Ok(hubs)
    }

    fn can_be_asked(&self, name: &str) -> Result<(), Failure> {
        if self.spec(name)?.url == SANDBOX {
            return Err(Failure::usage(anyhow::anyhow!(
                "org {name} is one that okta-rollout serves itself, and only while a run lives; \
                 nothing was sent"
            ))
            .hint("serve it with okta-rollout sandbox, and give its address as the org's url"));
        }
        Ok(())
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
        names: &[&str],
        allow_exec: bool,
        engine: &Engine,
    ) -> Result<Vec<Opened>, Failure> {
        let http = HttpSettings {
            idle_per_org: idle_per_org(names.len()),
            ..self.policy.http.clone()
        };
        let http = engine.http(&http).map_err(no_calls)?;
        let open = async |name: &&str| -> Result<Opened, Failure> {
            let spec = self.spec(name)?;
            let secrets = self.orgs.secrets(name, allow_exec);
            let secrets = secrets.passing(&self.policy.pass_env);
            let credentials = match credentials(name, spec, &spec.url, &secrets).await? {
                Ok(credentials) => credentials,
                Err(why) => return Ok(Err(why)),
            };
            let mut client =
                OrgClient::new(http.clone(), &spec.url, credentials).map_err(Failure::usage)?;
            let gate = engine.gates().open(Gated {
                name: (*name).into(),
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
        stream::iter(names)
            .map(open)
            .buffered(SECRETS_AT_ONCE)
            .try_collect()
            .await
    }

    fn spec(&self, name: &str) -> Result<&OrgSpec, Failure> {
        self.orgs.get(name).ok_or_else(|| self.unknown(name))
    }
}

/// Why an org as a whole could not be read. The step is not told: none was taken.
pub(super) fn unread(reader: &Reader, error: &StepError) -> EntryError {
    match reader.gate().stopped() {
        Some(stopped) => EntryError {
            step: Step::FindApp,
            details: stopped.details,
        },
        None => error.describe(Step::FindApp),
    }
}

/// As [`unread`], of one whose credentials cannot be read.
pub(super) fn no_credentials(why: &NoCredentials) -> EntryError {
    EntryError {
        step: Step::FindApp,
        details: ErrorDetails::new(why.to_string(), Some(why.remedy.clone())),
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
