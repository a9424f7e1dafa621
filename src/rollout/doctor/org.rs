//! Asks one org, once: a list of its apps shows whether it can be reached, whether its credentials are good and may read
//! apps, its clock, and the rate limit that nearly all calls of a run share.

use std::time::Duration;

use super::clock::Skew;
use super::findings::{About, Credentials, Held, OrgFindings, Problem, RateLimit};
use crate::job::RetryPolicy;
use crate::ledger::OrgRow;
use crate::manifest::{Auth, Limits};
use crate::model::{ErrorDetails, Stopped, UnixMillis, whole_millis};
use crate::okta::apps::{self, AppInstance};
use crate::okta::{Bucket, CallError, Class, Denied, Exchange, Read};
use crate::pacing::{Again, CallLog, DEFAULT_LIMITS, Halted, Idempotency, RetryLoop, unix_millis};
use crate::report::counted;
use crate::rollout::needs::{Needs, READ_APPS, lacking};
use crate::steps::{Reader, StepError};

/// Tries at most: an answer that got lost is no finding, a run makes such a call again, too.
const ATTEMPTS: u32 = 3;

/// Longest pause between them.
const PAUSE: Duration = Duration::from_secs(5);

/// How long an org may say nothing but that it is limited, or fail: longer than a window of Okta's, after which it says
/// something else.
const PATIENCE: Duration = Duration::from_mins(2);

/// What of a job's policy holds here, where somebody waits for the answer.
pub(super) fn policy(job: RetryPolicy) -> RetryPolicy {
    RetryPolicy {
        max_attempts: job.max_attempts.min(ATTEMPTS),
        initial: job.initial.min(PAUSE),
        max: job.max.min(PAUSE),
        org_patience: job.org_patience.min(PATIENCE),
        ..job
    }
}

/// An org, and what its entries want there.
pub(super) struct Wanted {
    pub row: OrgRow,
    pub entries: u64,
    pub needs: Needs,
}

/// What is found of an org as it is asked.
pub(super) struct Examination {
    findings: OrgFindings,
    needs: Needs,
    /// What its service app asks for.
    asked: Vec<String>,
    /// Where its token is read from, if calls carry it as it is.
    reference: Option<String>,
    limits: Limits,
}

impl Examination {
    /// Nothing was asked yet.
    pub fn new(wanted: Wanted, defaults: Limits) -> Self {
        let Wanted {
            row,
            entries,
            needs,
        } = wanted;
        let limits = row.spec.limits.or(defaults).or(DEFAULT_LIMITS);
        let asked = match &row.spec.auth {
            Some(Auth::PrivateKeyJwt(jwt)) => jwt.scopes.clone(),
            _ => Vec::new(),
        };
        Self {
            findings: OrgFindings::new(&row, entries, &needs, limits),
            needs,
            asked,
            reference: row.spec.token().map(|own| own.as_str().to_owned()),
            limits,
        }
    }

    /// The org cannot be asked, because nobody can read its credentials.
    pub fn unreadable(mut self, details: ErrorDetails) -> OrgFindings {
        self.findings.credentials = Credentials::Unreadable;
        self.problem(About::Credentials, details);
        self.findings
    }

    /// Asks it; `None` when interrupted. A call that hangs is not made again: what its time-out allows is long enough.
    pub async fn ask(
        mut self,
        reader: &Reader,
        timeout: Duration,
        looks_swapped: bool,
    ) -> Option<OrgFindings> {
        let call = apps::list(None);
        let mut log = CallLog::default();
        let mut retries = RetryLoop::new(reader.gate(), &log);
        loop {
            let asked = reader.observe(&call, 0, &mut log).await;
            let received = unix_millis();
            let (error, hung) = match asked {
                Ok(exchange) => {
                    self.seen(&exchange, received, reader);
                    let hung = exchange.duration >= timeout;
                    match has_apps(&call, *exchange) {
                        Ok(has_apps) => {
                            self.listed(has_apps);
                            self.granted(reader.scopes());
                            break;
                        }
                        Err(error) => (error, hung),
                    }
                }
                // No token is to be had.
                Err(StepError::Call { error, .. }) => (error, false),
                Err(StepError::Halted(Halted::Interrupted)) => return None,
                Err(_) => {
                    self.stopped(reader);
                    break;
                }
            };
            let again = if hung {
                Ok(Again::No)
            } else {
                let idempotency = Idempotency::ReadOnly;
                retries.wait(&error, idempotency, &mut log).await
            };
            match again {
                Ok(Again::Yes) => {}
                Ok(Again::No) => {
                    self.failed(&error, looks_swapped);
                    break;
                }
                Err(Halted::Interrupted | Halted::NoFurtherEntry) => return None,
                Err(Halted::OrgStopped) => {
                    self.stopped(reader);
                    break;
                }
            }
        }
        self.findings.calls = log.stats.requests;
        Some(self.findings)
    }

    /// What an answer shows, whatever it says.
    fn seen(&mut self, exchange: &Exchange, received: UnixMillis, reader: &Reader) {
        self.findings.duration_ms = Some(whole_millis(exchange.duration));
        // Somebody else's page has somebody else's clock.
        let is_oktas = exchange.rate.reset.is_some()
            || exchange.request_id.is_some()
            || exchange.outcome.is_ok();
        if let Some(date) = exchange.date.filter(|_| is_oktas) {
            self.findings.clock = Skew::of(date, received.before(exchange.duration), received);
        }
        let share = self.limits.share.unwrap_or(1.0);
        let calls = reader.gate().allowance(Bucket::Apps);
        let limit = RateLimit::of(exchange.rate, Bucket::Apps, share, calls);
        self.findings.limit = limit.or(self.findings.limit.take());
    }

    fn listed(&mut self, has_apps: bool) {
        self.accepted();
        self.findings.rights.note(READ_APPS, Held::Yes);
        if has_apps || self.needs.existing == 0 {
            return;
        }
        // What is lacking may be the role, or the apps themselves.
        self.findings.rights.role_held = Held::No;
        let role = self.findings.rights.role.name();
        let hint = format!(
            "give the owner of the org's credentials a role that may see and manage its apps ({role}, or one of your own \
             for these apps); if it is the wrong org, correct the org's url"
        );
        let entries = counted(self.needs.existing, "entry needs", "entries need");
        let message = format!("the org shows no app at all, and {entries} one that is there");
        let hint = self.of_credentials(&hint);
        self.problem(About::Rights, ErrorDetails::new(message, Some(hint)));
    }

    /// What the token says that it may do.
    fn granted(&mut self, scopes: Option<Vec<String>>) {
        let Some(scopes) = scopes else { return };
        let missing = self.needs.missing(&scopes);
        for scope in &self.needs.scopes {
            let held = if missing.contains(scope) {
                Held::No
            } else {
                Held::Yes
            };
            self.findings.rights.note(scope, held);
        }
        if let Some((message, hint)) = lacking(&missing, &self.asked) {
            self.problem(About::Rights, ErrorDetails::new(message, Some(hint)));
        }
    }

    fn accepted(&mut self) {
        self.findings.reachable = Some(true);
        self.findings.credentials = Credentials::Accepted;
    }

    fn failed(&mut self, error: &CallError, looks_swapped: bool) {
        let mut details = error.details.clone();
        let about = match &error.denied {
            Some(Denied::Credentials) => {
                self.findings.reachable = Some(true);
                self.findings.credentials = Credentials::Refused;
                if looks_swapped {
                    details.hint = Some(self.other_kind());
                }
                About::Credentials
            }
            Some(Denied::Proof | Denied::Nonce) => {
                self.findings.reachable = Some(true);
                self.findings.credentials = Credentials::Refused;
                About::Credentials
            }
            Some(Denied::Scopes(scopes)) => {
                self.accepted();
                for scope in scopes.as_deref().unwrap_or(READ_APPS).split(' ') {
                    self.findings.rights.note(scope, Held::No);
                }
                // Who made the token knows better what it lacks and why.
                if !self.is_service_app() {
                    details.hint = Some(self.grant());
                }
                About::Rights
            }
            Some(Denied::Role) => {
                self.accepted();
                self.findings.rights.role_held = Held::No;
                About::Rights
            }
            None => {
                self.findings.reachable = Some(answers(error));
                let look = || "look at the org's status".to_owned();
                details.hint.get_or_insert_with(look);
                About::Reach
            }
        };
        if about != About::Reach {
            details.hint = details.hint.map(|hint| self.of_credentials(&hint));
        }
        self.problem(about, details);
    }

    /// No call was answered usefully for as long as the policy allows.
    fn stopped(&mut self, reader: &Reader) {
        let Some(Stopped { details, .. }) = reader.gate().stopped() else {
            return;
        };
        let limited = details.http_status == Some(429);
        self.findings.reachable = Some(limited);
        let about = if limited { About::Limit } else { About::Reach };
        self.problem(about, details);
    }

    fn problem(&mut self, about: About, details: ErrorDetails) {
        self.findings.problems.push(Problem::error(about, details));
    }

    fn of_credentials(&self, hint: &str) -> String {
        match &self.reference {
            Some(reference) => format!("{reference}: {hint}"),
            None => hint.to_owned(),
        }
    }

    fn is_service_app(&self) -> bool {
        self.findings.auth == Some("privateKeyJwt")
    }

    fn other_kind(&self) -> String {
        match self.findings.auth {
            Some("apiToken") => {
                "this has the form of an access token: give it as auth.accessToken".to_owned()
            }
            _ => "this has the form of an API token: give it as auth.apiToken".to_owned(),
        }
    }

    /// All at once: what one call lacks is not all that the next one does.
    fn grant(&self) -> String {
        let scopes = self.findings.rights.scopes.iter();
        let scopes: Vec<_> = scopes.map(|need| need.scope.as_str()).collect();
        format!("use a token that has the scopes {}", scopes.join(" and "))
    }
}

/// Whether the org has any app.
fn has_apps(call: &Read<Vec<AppInstance>>, exchange: Exchange) -> Result<bool, Box<CallError>> {
    let body = exchange.outcome?;
    let goes_on = body.next.is_some();
    Ok(!call.decode(body)?.is_empty() || goes_on)
}

/// Whether it was Okta that answered, and not something on the way.
fn answers(error: &CallError) -> bool {
    let declined = matches!(error.http_status, Some(400..=499)) && error.class == Class::Refused;
    declined || error.okta_error_code.is_some() || error.request_id.is_some()
}
