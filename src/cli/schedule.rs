//! `status --jobs`: the jobs that `serve` runs, when they are due next, and what came of their last runs.

use std::path::Path;

use super::args::DataFormat;
use super::listed::{line, row};
use super::open::readable;
use super::output::{Output, local_times};
use super::report::Facts;
use crate::failure::{Ending, Failure};
use crate::job;
use crate::ledger::{Ledger, Scheduled};
use crate::model::UnixMillis;
use crate::pacing::unix_millis;
use crate::report::{Overview, rfc3339};
use crate::rollout::schedule::Times;
use crate::rollout::shell::from_here;
use crate::settings::Settings;
use crate::text::Syntax;

/// A job that is run by its schedule.
struct Job {
    file: String,
    starts: Scheduled,
    /// When it is due, as far as its file says so.
    due: Option<Due>,
    /// What is wrong with the file, mistake by mistake: then what is due fails.
    mistakes: Option<String>,
    last: Option<Overview>,
}

/// What its file says.
struct Due {
    cron: String,
    timezone: String,
    next: Option<UnixMillis>,
}

/// `status --jobs`.
pub(super) async fn jobs(
    format: DataFormat,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let ledger = readable(settings, output).await?;
    let mut jobs = Vec::new();
    for starts in ledger.schedules().await? {
        jobs.push(read(&ledger, starts).await?);
    }
    match format {
        DataFormat::Json => output.data(Syntax::Json, |out| {
            let rows: Vec<_> = jobs.iter().map(json).collect();
            serde_json::to_writer_pretty(&mut *out, &rows)?;
            Ok(writeln!(out)?)
        })?,
        DataFormat::Human if jobs.is_empty() => output.note("no job was served yet"),
        DataFormat::Human => output.page(|page| {
            let mut lines = jobs.iter().flat_map(lines);
            lines.try_for_each(|line| page.line(format_args!("{}", local_times(&line))))
        })?,
    }
    Ok(Ending::Success)
}

async fn read(ledger: &Ledger, starts: Scheduled) -> Result<Job, Failure> {
    let path = Path::new(&starts.job);
    let runs = ledger.runs().await?;
    let last = runs.iter().find(|run| run.file_key == starts.job);
    let last = match last {
        Some(run) => Some(Facts::now(ledger, run).await?.overview()),
        None => None,
    };
    let (due, mistakes) = due(path, unix_millis());
    Ok(Job {
        file: from_here(path).display().to_string(),
        due,
        mistakes,
        starts,
        last,
    })
}

fn due(file: &Path, now: UnixMillis) -> (Option<Due>, Option<String>) {
    let (schedule, mistakes) = match job::read(file) {
        Ok(job) if job.schedule.is_none() => {
            (None, Some("it has no [schedule] any more".to_owned()))
        }
        Ok(job) => (job.schedule, None),
        Err(problems) => {
            let mistakes: Vec<_> = problems.iter().map(ToString::to_string).collect();
            (job::schedule_of(file), Some(mistakes.join("\n")))
        }
    };
    // It was checked.
    let times = schedule
        .as_ref()
        .and_then(|schedule| Times::new(schedule).ok());
    let due = schedule.zip(times).map(|(schedule, times)| Due {
        next: times.after(now),
        cron: schedule.cron,
        timezone: schedule.timezone.unwrap_or_else(|| "UTC".to_owned()),
    });
    (due, mistakes)
}

fn json(job: &Job) -> serde_json::Value {
    let due = job.due.as_ref();
    let starts = &job.starts.starts;
    serde_json::json!({
        "job": job.file,
        "cron": due.map(|due| &due.cron),
        "timezone": due.map(|due| &due.timezone),
        "next": due.and_then(|due| due.next).map(rfc3339),
        "queued": starts.queued.is_some(),
        "startedAt": starts.started_at.map(rfc3339),
        "last": job.last.as_ref().map(row),
        "error": job.mistakes.as_ref().map(|message| serde_json::json!({ "message": message })),
    })
}

fn lines(job: &Job) -> Vec<String> {
    let queued = job.starts.starts.queued;
    let queued = queued.map(|_| "; one more is queued").unwrap_or_default();
    let next = match &job.due {
        Some(Due {
            next: Some(next), ..
        }) => format!("next {}", rfc3339(*next)),
        Some(_) => "never due".to_owned(),
        None => "not due".to_owned(),
    };
    let first = job
        .mistakes
        .as_ref()
        .and_then(|mistakes| mistakes.lines().next());
    let mistakes = first.map(|first| format!("; {first}")).unwrap_or_default();
    let last = match &job.last {
        Some(last) => format!("    last: {}", line(last)),
        None => "    no run yet".to_owned(),
    };
    vec![format!("{}: {next}{queued}{mistakes}", job.file), last]
}
