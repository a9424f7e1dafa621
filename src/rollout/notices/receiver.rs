//! Who is notified: the job's `[notify]`, with its secrets read.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use super::signature::SigningKey;
use crate::job::{NoticeFormat, NoticeKind, Notify, PlacedSecret};
use crate::manifest::{Problem, SecretUse, Secrets};
use crate::okta::{Http, Webhook};
use crate::settings::Policy;

/// Where notices go, and how they are written.
#[derive(Debug)]
pub(crate) struct Receiver {
    webhook: Webhook,
    key: Option<SigningKey>,
    on: Vec<NoticeKind>,
    pub(super) format: NoticeFormat,
    /// The job's name.
    pub(super) job: String,
}

/// What is wrong with the secrets of a job's `[notify]`, as far as that is seen without running a program.
pub(crate) fn problems(job: &Path, policy: &Policy, allow_exec: bool) -> Vec<Problem> {
    let Some(notify) = &policy.notify else {
        return Vec::new();
    };
    let secrets = secrets(job, policy, allow_exec);
    let each = used(notify).into_iter();
    let failed = each.filter_map(|(secret, purpose)| {
        let error = secrets.probe(&secret.reference, purpose).err()?;
        Some(problem(job, secret, error.to_string(), error.hint()))
    });
    failed.collect()
}

impl Receiver {
    /// Of a job's `[notify]`; `None` when it has none.
    ///
    /// # Errors
    /// What is wrong with its secrets.
    pub async fn of(
        job: &Path,
        policy: &Policy,
        allow_exec: bool,
        http: &Http,
    ) -> Result<Option<Self>, Vec<Problem>> {
        let Some(notify) = &policy.notify else {
            return Ok(None);
        };
        let secrets = secrets(job, policy, allow_exec);
        let (mut read, mut problems) = (Vec::new(), Vec::new());
        for (secret, purpose) in used(notify) {
            match secrets.resolve(&secret.reference, purpose).await {
                Ok(value) => read.push(value),
                Err(error) => {
                    problems.push(problem(job, secret, error.to_string(), error.hint()));
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let webhook = read.first().and_then(|url| Webhook::new(http, url));
        let Some(webhook) = webhook else {
            let message = "cannot be posted to".to_owned();
            return Err(vec![problem(job, &notify.webhook, message, None)]);
        };
        Ok(Some(Self {
            webhook,
            key: read.get(1).and_then(SigningKey::of),
            on: notify.on.clone(),
            format: notify.format,
            job: job.file_stem().unwrap_or_default().to_string_lossy().into(),
        }))
    }

    /// Whether it is notified of such things.
    pub(super) fn wants(&self, kind: NoticeKind) -> bool {
        self.on.contains(&kind)
    }

    /// Sends a notice once, at that second.
    ///
    /// # Errors
    /// Why it was not taken.
    pub(super) async fn post(
        &self,
        id: &str,
        timestamp_s: i64,
        body: Bytes,
        within: Duration,
    ) -> Result<(), String> {
        let mut headers = Vec::new();
        if let Some(key) = &self.key {
            headers.push(("webhook-id", id.to_owned()));
            headers.push(("webhook-timestamp", timestamp_s.to_string()));
            headers.push(("webhook-signature", key.signature(id, timestamp_s, &body)));
        }
        self.webhook.post(&headers, body, within).await
    }
}

fn secrets(job: &Path, policy: &Policy, allow_exec: bool) -> Secrets {
    Secrets::of_file(job, allow_exec).passing(&policy.pass_env)
}

/// The secrets of the section, and what each is for: the webhook first.
fn used(notify: &Notify) -> Vec<(&PlacedSecret, SecretUse)> {
    let key = notify.secret.as_ref();
    let key = key.map(|key| (key, SecretUse::SigningKey));
    let webhook = (&notify.webhook, SecretUse::Webhook);
    std::iter::once(webhook).chain(key).collect()
}

fn problem(job: &Path, secret: &PlacedSecret, message: String, hint: Option<String>) -> Problem {
    Problem {
        file: job.display().to_string(),
        line: Some(secret.place.0),
        column: Some(secret.place.1),
        row: None,
        field: Some(secret.field.to_owned()),
        message,
        hint,
        count: 1,
        also: Vec::new(),
    }
}
