//! The jobs that are served, as they stand: what the desk shows of them, and what `/metrics` says, as Prometheus reads it.

use std::fmt::Write as _;

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

/// A number of each job, with its name and what it says.
type Metric = (
    &'static str,
    &'static str,
    &'static str,
    fn(&JobStatus) -> Option<String>,
);

const METRICS: [Metric; 9] = [
    (
        "running",
        "gauge",
        "whether a run of the job works",
        |job| Some(u8::from(job.runs).to_string()),
    ),
    (
        "broken",
        "gauge",
        "whether the job's file has mistakes",
        |job| Some(u8::from(job.broken).to_string()),
    ),
    (
        "next_start_timestamp_seconds",
        "gauge",
        "when the job is due next",
        |job| job.next.map(seconds),
    ),
    (
        "last_start_timestamp_seconds",
        "gauge",
        "when the job was started last",
        |job| job.started_at.map(seconds),
    ),
    ("starts_total", "counter", "starts of the job", |job| {
        Some(job.starts.to_string())
    }),
    (
        "failed_starts_total",
        "counter",
        "starts that failed before a run began",
        |job| Some(job.failed_starts.to_string()),
    ),
    (
        "skipped_starts_total",
        "counter",
        "starts that were left out",
        |job| Some(job.skipped.to_string()),
    ),
    (
        "last_exit_code",
        "gauge",
        "exit code of the job's last run",
        |job| job.last_exit_code.map(|code| code.to_string()),
    ),
    (
        "last_success_timestamp_seconds",
        "gauge",
        "when a run of the job last ended with everything done",
        |job| job.last_success.map(seconds),
    ),
];

/// Adds what there is to say of them.
pub(super) fn add(page: &mut String, jobs: &[JobStatus]) {
    for (name, kind, help, value) in METRICS {
        let name = format!("okta_rollout_job_{name}");
        head(page, &name, kind, help);
        for job in jobs {
            if let Some(value) = value(job) {
                line(page, &name, &[("job", &job.job)], value);
            }
        }
    }
}

/// What comes before the lines of a metric.
pub(super) fn head(page: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a String cannot fail.
    let _infallible = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// A line of a metric.
pub(super) fn line(
    page: &mut String,
    name: &str,
    labels: &[(&str, &str)],
    value: impl std::fmt::Display,
) {
    let labels: Vec<_> = labels
        .iter()
        .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
        .collect();
    let labels = match labels.as_slice() {
        [] => String::new(),
        labels => format!("{{{}}}", labels.join(",")),
    };
    let _infallible = writeln!(page, "{name}{labels} {value}");
}

/// A time as Prometheus has it.
pub(super) fn seconds(at: UnixMillis) -> String {
    format!("{}.{:03}", at.0.div_euclid(1000), at.0.rem_euclid(1000))
}

fn escaped(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
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
        let mut page = String::new();
        add(&mut page, &[job]);
        let values: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            values,
            [
                r#"okta_rollout_job_running{job="jobs/a \"b\".toml"} 0"#,
                r#"okta_rollout_job_broken{job="jobs/a \"b\".toml"} 0"#,
                r#"okta_rollout_job_next_start_timestamp_seconds{job="jobs/a \"b\".toml"} 1767323045.006"#,
                r#"okta_rollout_job_starts_total{job="jobs/a \"b\".toml"} 3"#,
                r#"okta_rollout_job_failed_starts_total{job="jobs/a \"b\".toml"} 1"#,
                r#"okta_rollout_job_skipped_starts_total{job="jobs/a \"b\".toml"} 0"#,
            ]
        );
        assert_eq!(page.matches("# TYPE").count(), METRICS.len());
    }
}
