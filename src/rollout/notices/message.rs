//! What a notice says: an object for programs, or a text for Slack. Pure.
//!
//! Texts come from the ledger and from events, where they are presentable and without secrets already. Commands are left
//! out: whoever reads this is not where they can be typed.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::failure::Kind;
use crate::job::{NoticeFormat, NoticeKind};
use crate::ledger::Repeats;
use crate::model::{ErrorDetails, UnixMillis};
use crate::report::{self, EntryReport, Overview, counted, rfc3339};
use crate::text;

/// Failed entries, and stopped orgs, that are named: a chat shows about this many lines.
pub(super) const NAMED: usize = 10;

/// Characters of a line for a chat.
const LINE: usize = 500;

/// The run that notices are about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// Its id.
    pub run: String,
    /// The job, as typed.
    pub file: String,
    /// The job's name.
    pub job: String,
}

/// Something that people and programs are notified of.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// The org; `None` = the run.
    pub about: Option<String>,
    /// Entries it speaks of.
    pub entries: u64,
    /// How often a run may say it.
    pub repeats: Repeats,
    data: Map<String, Value>,
    /// After `run k3f9 of nightly`, and lines below it.
    headline: String,
    lines: Vec<String>,
}

/// How `run` or `resume` ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    /// The run, with the entries that the command was about.
    pub overview: &'a Overview,
    /// The first of those that failed.
    pub failed: &'a [EntryReport],
    /// The command's exit code.
    pub exit_code: u8,
    /// The signal that cut it short.
    pub signal: Option<Kind>,
}

impl Notice {
    fn new(kind: NoticeKind, data: Value, headline: String) -> Self {
        let data = match data {
            Value::Object(data) => data,
            _ => Map::new(),
        };
        Self {
            kind,
            about: None,
            entries: 0,
            repeats: Repeats::Always,
            data,
            headline,
            lines: Vec::new(),
        }
    }

    /// An org was stopped.
    pub(super) fn org_stopped(org: &str, why: &ErrorDetails) -> Self {
        let headline = format!(": org {org} was stopped: {why}");
        let data = with_details(json!({ "org": org }), why);
        Self {
            about: Some(org.to_owned()),
            repeats: Repeats::Never,
            ..Self::new(NoticeKind::OrgStopped, data, headline)
        }
    }

    /// So many entries of an org came to wait, of all that do.
    pub(super) fn consent_needed(org: &str, entries: u64, waiting: u64) -> Self {
        let need = counted(entries, "entry", "entries");
        let verb = if entries == 1 { "needs" } else { "need" };
        let all = if waiting > entries {
            format!(" ({waiting} wait in all)")
        } else {
            String::new()
        };
        let headline = format!(": {need} of org {org} {verb} a consent{all}");
        let data = json!({ "org": org, "entries": entries, "waiting": waiting });
        Self {
            about: Some(org.to_owned()),
            entries,
            ..Self::new(NoticeKind::ConsentNeeded, data, headline)
        }
    }

    /// Too many of a wave's entries failed. Once a run: each vain retry finds the same.
    pub(super) fn wave_halted(wave: &str, failed: u64, allowed: u64, entries: u64) -> Self {
        let of = counted(entries, "entry", "entries");
        let called = report::wave_called(wave);
        let headline = format!(": {called} was halted: {failed} of {of} failed, and {allowed} may");
        let data = json!({
            "wave": wave, "failed": failed, "allowed": allowed, "entries": entries,
        });
        Self::of_wave(NoticeKind::WaveHalted, wave, data, headline)
    }

    /// A wave begins when a person says so.
    pub(super) fn wave_awaits_approval(wave: &str) -> Self {
        let headline = format!(
            ": {} begins when a person approves it",
            report::wave_called(wave)
        );
        let data = json!({ "wave": wave });
        Self::of_wave(NoticeKind::WaveAwaitingApproval, wave, data, headline)
    }

    fn of_wave(kind: NoticeKind, wave: &str, data: Value, headline: String) -> Self {
        Self {
            about: Some(wave.to_owned()),
            repeats: Repeats::Never,
            ..Self::new(kind, data, headline)
        }
    }

    /// `run` or `resume` ended.
    pub(super) fn run_ended(ended: &Ended<'_>) -> Self {
        let Ended {
            overview,
            failed,
            exit_code,
            signal,
        } = ended;
        let stopped = overview.orgs.iter();
        let stopped = stopped.filter_map(|org| Some((&org.org, org.stopped.as_ref()?)));
        let mut data = json!({
            "startedAt": overview.started_at,
            "finishedAt": overview.finished_at,
            "exitCode": exit_code,
            "totals": overview.totals,
            "stoppedOrgs": stopped.clone().count(),
            "stopped": stopped.clone().take(NAMED)
                .map(|(org, why)| with_details(json!({ "org": org }), why))
                .collect::<Vec<_>>(),
            "failed": failed.iter().take(NAMED).map(entry).collect::<Vec<_>>(),
        });
        if !overview.waves.is_empty() {
            data["waves"] = json!(overview.waves);
        }
        let signal = signal.and_then(signal_name);
        let (kind, how) = match signal {
            Some(signal) => {
                data["signal"] = signal.into();
                let how = format!("was interrupted by {signal}");
                (NoticeKind::RunInterrupted, how)
            }
            None => (NoticeKind::RunFinished, "finished".to_owned()),
        };
        let totals = report::totals(overview);
        let headline = format!(" {how} with exit code {exit_code}: {totals}");
        let named = failed.iter().take(NAMED).map(|entry| {
            let why = entry.error.as_ref();
            let why = why.map(|error| format!(": {}: {}", error.step, error.details));
            format!("{} failed{}", entry.name(), why.unwrap_or_default())
        });
        let more = |count: u64, what: &str| {
            let more = count.saturating_sub(NAMED as u64);
            (more > 0).then(|| format!("and {more} more {what}"))
        };
        let named_orgs = stopped.clone().take(NAMED);
        let named_orgs = named_orgs.map(|(org, why)| format!("org {org} was stopped: {why}"));
        let lines = named
            .chain(more(overview.totals.failed, "failed"))
            .chain(named_orgs)
            .chain(more(stopped.count() as u64, "orgs were stopped"));
        Self {
            lines: lines.collect(),
            entries: overview.totals.entries,
            ..Self::new(kind, data, headline)
        }
    }

    /// The run was broken off because its checkpoints could not be kept.
    pub(super) fn broken_off(exit_code: u8, reason: &str) -> Self {
        let reason = text::presentable(reason);
        let headline = format!(" was broken off with exit code {exit_code}: {reason}");
        let data = json!({ "exitCode": exit_code, "reason": reason });
        Self::new(NoticeKind::RunInterrupted, data, headline)
    }

    /// What is sent.
    pub(super) fn body(&self, subject: &Subject, format: NoticeFormat, at: UnixMillis) -> Bytes {
        let body = match format {
            NoticeFormat::Json => self.object(subject, at),
            NoticeFormat::Slack => json!({ "text": self.text(subject) }),
        };
        body.to_string().into()
    }

    fn object(&self, subject: &Subject, at: UnixMillis) -> Value {
        let mut data = Map::new();
        data.insert("run".to_owned(), subject.run.as_str().into());
        data.insert("file".to_owned(), subject.file.as_str().into());
        data.insert("job".to_owned(), subject.job.as_str().into());
        data.extend(self.data.clone());
        json!({ "type": self.kind.name(), "timestamp": rfc3339(at), "data": data })
    }

    fn text(&self, subject: &Subject) -> String {
        let Subject { run, job, .. } = subject;
        let first = format!("run {run} of {job}{}", self.headline);
        let below = self.lines.iter().map(|line| format!("• {line}"));
        let lines: Vec<_> = std::iter::once(first)
            .chain(below)
            .map(|line| escaped(&bounded(&text::line(&line))).into_owned())
            .collect();
        lines.join("\n")
    }
}

/// The same object with what is known of an error, but for what to type.
fn with_details(mut object: Value, why: &ErrorDetails) -> Value {
    object["message"] = why.message.as_str().into();
    object["oktaErrorCode"] = why.okta_error_code.as_deref().into();
    object["httpStatus"] = why.http_status.into();
    object["requestId"] = why.request_id.as_deref().into();
    object
}

fn entry(entry: &EntryReport) -> Value {
    let object = json!({
        "org": entry.org,
        "app": entry.app,
        "appId": entry.app_id,
        "label": entry.label,
        "row": entry.row,
    });
    match &entry.error {
        Some(error) => {
            let mut object = with_details(object, &error.details);
            object["step"] = error.step.into();
            object
        }
        None => object,
    }
}

const fn signal_name(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Interrupted => Some("SIGINT"),
        Kind::Terminated => Some("SIGTERM"),
        Kind::HungUp => Some("SIGHUP"),
        _ => None,
    }
}

fn bounded(line: &str) -> Cow<'_, str> {
    match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", &line[..end]).into(),
        None => line.into(),
    }
}

/// As Slack wants it: what it would take for a link or a mention is text.
fn escaped(line: &str) -> Cow<'_, str> {
    if line.contains(['&', '<', '>']) {
        let line = line.replace('&', "&amp;");
        line.replace('<', "&lt;").replace('>', "&gt;").into()
    } else {
        line.into()
    }
}

#[cfg(test)]
mod tests;
