//! The jobs that are served, as they stand: what the desk shows of them, and what `/metrics` says, as Prometheus reads it.

use super::numbers::{Kind, Numbers, number};
use crate::model::UnixMillis;

/// A job as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JobStatus {
    /// Its file.
    pub job: String,
    /// What its runs are found by.
    pub key: String,
    /// When it starts, as its file says it.
    pub schedule: Option<String>,
    /// Whether a run of it works here.
    pub runs: bool,
    /// Whether its file cannot be read or has mistakes.
    pub broken: bool,
    /// When it is due next.
    pub next: Option<UnixMillis>,
    /// When it was started last.
    pub started_at: Option<UnixMillis>,
    /// Starts by this process.
    pub starts: u64,
    /// Those that failed before a run began.
    pub failed_starts: u64,
    /// Starts that were left out, because the run before worked or nothing was awake.
    pub skipped: u64,
    /// The exit code that the last run would have had.
    pub last_exit_code: Option<u8>,
    /// When a run last ended with everything done.
    pub last_success: Option<UnixMillis>,
}

/// A number of each job, with its name, what kind it is and what it says.
type Metric = (
    &'static str,
    Kind,
    &'static str,
    fn(&JobStatus) -> Option<f64>,
);

const METRICS: [Metric; 9] = [
    (
        "running",
        Kind::Gauge,
        "whether a run of the job works",
        |job| Some(f64::from(u8::from(job.runs))),
    ),
    (
        "broken",
        Kind::Gauge,
        "whether the job's file has mistakes",
        |job| Some(f64::from(u8::from(job.broken))),
    ),
    (
        "next_start_timestamp_seconds",
        Kind::Gauge,
        "when the job is due next",
        |job| job.next.map(seconds),
    ),
    (
        "last_start_timestamp_seconds",
        Kind::Gauge,
        "when the job was started last",
        |job| job.started_at.map(seconds),
    ),
    ("starts_total", Kind::Counter, "starts of the job", |job| {
        Some(number(job.starts))
    }),
    (
        "failed_starts_total",
        Kind::Counter,
        "starts that failed before a run began",
        |job| Some(number(job.failed_starts)),
    ),
    (
        "skipped_starts_total",
        Kind::Counter,
        "starts that were left out",
        |job| Some(number(job.skipped)),
    ),
    (
        "last_exit_code",
        Kind::Gauge,
        "exit code of the job's last run",
        |job| job.last_exit_code.map(f64::from),
    ),
    (
        "last_success_timestamp_seconds",
        Kind::Gauge,
        "when a run of the job last ended with everything done",
        |job| job.last_success.map(seconds),
    ),
];

/// Adds what there is to say of them.
pub(super) fn add(numbers: &Numbers, jobs: &[JobStatus]) -> prometheus::Result<()> {
    for (name, kind, help, value) in METRICS {
        let name = format!("okta_rollout_job_{name}");
        let values = jobs
            .iter()
            .filter_map(|job| Some(([job.job.as_str()], value(job)?)));
        numbers.add(kind, (&name, help), ["job"], values)?;
    }
    Ok(())
}

/// A time as Prometheus has it.
#[expect(clippy::cast_precision_loss, reason = "exact for some 280,000 years")]
pub(super) fn seconds(at: UnixMillis) -> f64 {
    at.0 as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_a_line_of_each_number_that_is_known() {
        let job = JobStatus {
            job: "jobs/a \"b\".toml".to_owned(),
            next: Some(UnixMillis(1_767_323_045_006)),
            starts: 3,
            failed_starts: 1,
            ..JobStatus::default()
        };
        let numbers = Numbers::default();
        add(&numbers, &[job]).unwrap();
        let page = numbers.page().unwrap();
        let values: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            values,
            [
                r#"okta_rollout_job_broken{job="jobs/a \"b\".toml"} 0"#,
                r#"okta_rollout_job_failed_starts_total{job="jobs/a \"b\".toml"} 1"#,
                r#"okta_rollout_job_next_start_timestamp_seconds{job="jobs/a \"b\".toml"} 1767323045.006"#,
                r#"okta_rollout_job_running{job="jobs/a \"b\".toml"} 0"#,
                r#"okta_rollout_job_skipped_starts_total{job="jobs/a \"b\".toml"} 0"#,
                r#"okta_rollout_job_starts_total{job="jobs/a \"b\".toml"} 3"#,
            ]
        );
    }
}
