//! `check`: every mistake at once, offline.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::args::{self, DataFormat};
use super::file::refuse_stdout;
use super::open::file;
use super::output::{Output, columns};
use super::outputs;
use super::target::refuse;
use crate::failure::{Ending, Failure, Kind};
use crate::job;
use crate::manifest::{self, CheckOptions, Checked, Problem, SecretCheck};
use crate::report::counted;
use crate::rollout::access::no_calls;
use crate::rollout::context::unreadable;
use crate::rollout::explain::{EffectiveSetting, Explain};
use crate::rollout::simulated::refuse_state;
use crate::rollout::{job_mistakes, notices};
use crate::settings::{Policy, Settings};
use crate::text::Syntax;

/// What `check --format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Findings {
    file: String,
    ok: bool,
    entries: u64,
    orgs: usize,
    /// All mistakes, also those that `problems` leaves out of very many.
    problem_count: u64,
    problems: Vec<Problem>,
    /// With `--explain`; not of a job that has mistakes itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Vec<EffectiveSetting>>,
}

/// `check`.
pub(super) fn check(
    args: &args::Check,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let findings = findings(args, settings)?;
    if let (DataFormat::Human, Some(settings)) = (args.format, &findings.settings) {
        output.page(|page| columns(page, &HEAD, &rows(settings)))?;
    }
    match args.format {
        DataFormat::Json => {
            output.data(Syntax::Json, |out| {
                serde_json::to_writer_pretty(&mut *out, &findings)?;
                Ok(writeln!(out)?)
            })?;
        }
        DataFormat::Human if findings.ok => output.total(format_args!(
            "{}: {} in {}, no mistakes",
            findings.file,
            counted(findings.entries, "entry", "entries"),
            counted(findings.orgs as u64, "org", "orgs")
        )),
        DataFormat::Human => {
            return Err(refuse(
                &args.file,
                &findings.problems,
                findings.problem_count,
                output,
            ));
        }
    }
    Ok(if findings.ok {
        Ending::Success
    } else {
        Ending::Short(Kind::Usage)
    })
}

fn findings(args: &args::Check, settings: &Settings) -> Result<Findings, Failure> {
    let is_job = job::is_job(&args.file);
    let policy = if is_job {
        match job::read(&args.file) {
            Ok(job) => Policy::of_job(job, settings),
            Err(problems) => return Ok(Findings::of_job(&args.file, problems)),
        }
    } else {
        Policy::of_manifest(&args.file, settings)
    };
    refuse_stdout(|| outputs::guarded(&args.file, &policy, settings))?;
    let proxies = policy.http.proxies.checked();
    proxies.map_err(|error| no_calls(error.into()))?;
    let mut problems = outputs::problems(&args.file, &policy, settings)?;
    problems.extend(job_mistakes::problems(&args.file, &policy));
    if !args.no_secrets {
        problems.extend(notices::problems(&args.file, &policy, args.allow_exec));
    }
    let Some(checked) = manifest_of(args, &policy, &mut problems)? else {
        return Ok(Findings::of_job(&args.file, problems));
    };
    refuse_state(
        file(&settings.with_policy(&policy))?.as_deref(),
        &checked.orgs,
    )?;
    let names: Vec<&str> = checked.orgs.iter().map(|(name, _)| name).collect();
    if !names.is_empty() {
        problems.extend(job_mistakes::about_orgs(&args.file, &policy, &names));
    }
    let problem_count = checked.problem_count + problems.len() as u64;
    problems.extend(checked.problems);
    let explain = Explain {
        file: &args.file,
        written: is_job.then_some(&policy.written),
        settings: &settings.with_policy(&policy),
        orgs: &checked.orgs,
    };
    let explained = args.explain.then(|| explained(&explain)).transpose()?;
    Ok(Findings {
        settings: explained,
        file: args.file.display().to_string(),
        ok: problem_count == 0,
        entries: checked.entries,
        orgs: checked.orgs.len(),
        problem_count,
        problems,
    })
}

/// Checks the manifest; `None` if its job names one that is not there. What a job names is missed where it does so.
fn manifest_of(
    args: &args::Check,
    policy: &Policy,
    problems: &mut Vec<Problem>,
) -> Result<Option<Checked>, Failure> {
    let options = CheckOptions {
        secrets: if args.no_secrets {
            SecretCheck::Skip
        } else {
            SecretCheck::Probe
        },
        exec: args.allow_exec.into(),
    };
    let missing = job_mistakes::missing(&args.file, policy);
    let is_missing = |key| {
        missing
            .iter()
            .any(|problem| problem.field.as_deref() == Some(key))
    };
    let (no_manifest, no_orgs) = (is_missing("manifest"), is_missing("orgs"));
    problems.extend(missing);
    if no_manifest {
        return Ok(None);
    }
    let checked = manifest::check(&policy.source(), &options, &mut |_| {});
    let mut checked = checked.map_err(unreadable)?;
    if let Some(orgs) = policy.orgs.as_ref().filter(|_| no_orgs) {
        let (orgs, all) = (orgs.display().to_string(), checked.problems.len());
        checked.problems.retain(|problem| problem.file != orgs);
        checked.problem_count -= (all - checked.problems.len()) as u64;
    }
    Ok(Some(checked))
}

fn explained(explain: &Explain<'_>) -> Result<Vec<EffectiveSetting>, Failure> {
    explain.settings().map_err(|error| {
        let hint = error.hint();
        Failure::usage(error).hint(hint)
    })
}

impl Findings {
    fn of_job(file: &Path, problems: Vec<Problem>) -> Self {
        Self {
            file: file.display().to_string(),
            ok: false,
            entries: 0,
            orgs: 0,
            problem_count: problems.len() as u64,
            problems,
            settings: None,
        }
    }
}

/// The head of the settings.
const HEAD: [&str; 4] = ["setting", "value", "source", "from"];

fn rows(settings: &[EffectiveSetting]) -> Vec<[String; 4]> {
    let row = |setting: &EffectiveSetting| {
        let name = &setting.setting;
        [
            match &setting.org {
                Some(org) => format!("{org}: {name}"),
                None => name.clone(),
            },
            match &setting.value {
                Value::Null => "none".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            },
            setting.source.name().to_owned(),
            setting.from.clone().unwrap_or_default(),
        ]
    };
    settings.iter().map(row).collect()
}
