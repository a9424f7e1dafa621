//! How long an org may go without one useful answer before it is stopped, whatever its answers say: one that answers
//! 429 for ever, or nothing, would keep the run and its lock for ever. Pure: time is passed in.

use std::time::Duration;

use crate::failure::Remedy;
use crate::model::{ErrorDetails, Stopped};
use crate::okta::{Class, Exchange};

/// What an org has been without, and since when.
#[derive(Clone, Debug, Default)]
pub struct OrgPatience {
    // Since when every answer was useless, and the last of them.
    useless: Option<(Duration, Stopped)>,
    is_watched: bool,
}

/// What somebody who watches has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Look again then.
    Until(Duration),
    /// The org was patiently waited for; this is why it is stopped.
    Over(Box<Stopped>),
    /// It answers.
    Ended,
}

impl OrgPatience {
    /// Learns from the answer to a call that was sent at `sent`, or from its absence.
    pub fn observe(&mut self, sent: Duration, exchange: &Exchange) {
        if is_useful(exchange) {
            self.useless = None;
            return;
        }
        let since = self.since().unwrap_or(sent);
        self.useless = Some((since, said(exchange)));
    }

    /// Since when it gave no useful answer.
    pub fn since(&self) -> Option<Duration> {
        self.useless.as_ref().map(|(since, _)| *since)
    }

    /// Nothing is asked of the org any more.
    pub fn rest(&mut self) {
        self.useless = None;
    }

    /// Whether somebody has to begin to watch.
    pub fn needs_a_watch(&mut self) -> bool {
        self.useless.is_some() && !std::mem::replace(&mut self.is_watched, true)
    }

    /// What whoever watches has to do now.
    pub fn watch(&mut self, now: Duration, patience: Duration) -> Watch {
        let Some((since, said)) = &self.useless else {
            self.is_watched = false;
            return Watch::Ended;
        };
        let end = since.saturating_add(patience);
        if now < end {
            return Watch::Until(end);
        }
        let message = format!(
            "no useful answer for {}; the last one: {}",
            span(patience),
            said.message
        );
        let mut stopped = said.clone();
        stopped.message = message;
        Watch::Over(Box::new(stopped))
    }
}

/// Whether an answer says anything about what was asked: that it was done, or that it cannot be.
fn is_useful(exchange: &Exchange) -> bool {
    match &exchange.outcome {
        Ok(_) => true,
        Err(error) => matches!(error.class, Class::Refused | Class::OrgStopped),
    }
}

fn said(exchange: &Exchange) -> Stopped {
    let error = exchange.outcome.as_ref().err();
    let (hint, remedy) = match error.map(|error| &error.class) {
        Some(Class::RateLimited { .. }) => (
            "see in the org's System Log who uses up its rate limit".to_owned(),
            Remedy::Outside,
        ),
        _ => error
            .and_then(|error| Some((error.hint.clone()?, error.remedy)))
            .unwrap_or_else(|| ("look at the org's status".to_owned(), Remedy::Outside)),
    };
    Stopped {
        remedy,
        details: ErrorDetails {
            message: error.map_or_else(String::new, |error| error.message.clone()),
            hint: Some(hint),
            okta_error_code: error.and_then(|error| error.okta_error_code.clone()),
            http_status: exchange.status,
            request_id: exchange.request_id.clone(),
        },
    }
}

/// Why an org is stopped that answers nothing at all.
pub(super) fn no_answer(exchange: &Exchange) -> Stopped {
    let message = exchange
        .outcome
        .as_ref()
        .err()
        .map_or_else(String::new, |error| error.message.clone());
    Stopped {
        // Its address may be at fault.
        remedy: Remedy::Manifest,
        details: ErrorDetails {
            message: format!("the org does not answer: {message}"),
            hint: Some("check the org's URL, DNS, proxy and network".to_owned()),
            ..ErrorDetails::default()
        },
    }
}

/// `30 min`, `90 s`, `1.5 s`.
pub fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 60 && seconds % 60 == 0 => format!("{} min", seconds / 60),
        _ => format!("{} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::okta::{CallError, RateHeaders};

    const T: fn(u64) -> Duration = Duration::from_secs;

    fn answer(status: Option<u16>, class: Class) -> Exchange {
        Exchange {
            status,
            rate: RateHeaders::default(),
            date: None,
            request_id: Some("r1".to_owned()),
            sent_at: Instant::now(),
            duration: Duration::ZERO,
            outcome: Err(CallError::new(class, format!("{status:?}"))),
        }
    }

    fn limited() -> Exchange {
        let class = Class::RateLimited {
            concurrency: false,
            retry_after: None,
        };
        answer(Some(429), class)
    }

    #[test]
    fn an_org_is_waited_for_as_long_as_it_says_something() {
        let transient = Class::Transient { retry_after: None };
        for (class, useful) in [
            (Class::Refused, true),
            (Class::OrgStopped, true),
            (Class::NotSent, false),
            (Class::Unclear, false),
            (transient, false),
        ] {
            let mut patience = OrgPatience::default();
            patience.observe(T(5), &limited());
            patience.observe(T(9), &answer(None, class));
            assert_eq!(patience.since(), (!useful).then_some(T(5)), "{class:?}");
        }
    }

    #[test]
    fn it_is_stopped_when_the_time_is_over_with_what_it_said_last() {
        let mut patience = OrgPatience::default();
        assert!(!patience.needs_a_watch());
        patience.observe(T(10), &answer(None, Class::NotSent));
        assert!(patience.needs_a_watch());
        assert!(!patience.needs_a_watch(), "one is enough");
        patience.observe(T(20), &limited());
        assert_eq!(patience.watch(T(30), T(60)), Watch::Until(T(70)));
        // An answer came, and then none again: the time begins anew.
        patience.observe(T(40), &answer(Some(400), Class::Refused));
        patience.observe(T(45), &limited());
        assert!(!patience.needs_a_watch());
        assert_eq!(patience.watch(T(70), T(60)), Watch::Until(T(105)));
        let Watch::Over(stopped) = patience.watch(T(105), T(60)) else {
            panic!("it is over");
        };
        assert_eq!(
            stopped.message,
            "no useful answer for 1 min; the last one: Some(429)"
        );
        assert_eq!(stopped.http_status, Some(429));
        assert_eq!(stopped.request_id.as_deref(), Some("r1"));
    }

    #[test]
    fn who_answers_is_not_watched() {
        let mut patience = OrgPatience::default();
        patience.observe(T(10), &limited());
        assert!(patience.needs_a_watch());
        patience.rest();
        assert_eq!(patience.watch(T(99), T(1)), Watch::Ended);
        patience.observe(T(100), &limited());
        assert!(patience.needs_a_watch());
    }

    #[test]
    fn spans_are_reported_in_the_largest_unit_that_fits() {
        for (time, wanted) in [
            (Duration::from_millis(1_500), "1.5 s"),
            (T(59), "59 s"),
            (T(90), "90 s"),
            (T(60), "1 min"),
            (T(1_800), "30 min"),
        ] {
            assert_eq!(span(time), wanted);
        }
    }
}
