//! What is said while answers are handed in and links are fetched: each outcome as it comes, what is waited
//! for meanwhile, and a summary of many.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::Output;
use crate::event::{EntryEvent, EntryName, EventKind, Listener, News, OrgEvent};
use crate::failure::{Ending, Failure, Kind};
use crate::model::{EntryError, UnixMillis};
use crate::pacing::unix_millis;
use crate::rollout::consent::{Answered, Refreshed, Unopened};

/// A wait shorter than this is over before it is read.
const SHORT_WAIT: Duration = Duration::from_secs(2);

/// How many answers came to which end.
#[derive(Debug, Default)]
pub(super) struct Tally {
    accepted: usize,
    before: usize,
    refused: usize,
    held_back: usize,
    unsent: usize,
}

impl Tally {
    pub fn count(&mut self, answer: &Answered) {
        *match answer {
            Answered::Accepted { .. } => &mut self.accepted,
            Answered::AcceptedBefore { .. } => &mut self.before,
            Answered::Refused { .. } => &mut self.refused,
            Answered::HeldBack { .. } => &mut self.held_back,
            Answered::Unsent { .. } | Answered::Broken(_) => &mut self.unsent,
        } += 1;
    }

    /// Answers in all.
    pub const fn all(&self) -> usize {
        self.accepted + self.before + self.refused + self.held_back + self.unsent
    }

    /// What Okta refused outranks what was not sent: the latter's code says that nothing was sent.
    pub const fn ending(&self) -> Ending {
        if self.refused + self.held_back > 0 {
            Ending::Short(Kind::Failed)
        } else if self.unsent > 0 {
            Ending::Short(Kind::Usage)
        } else {
            Ending::Success
        }
    }

    /// A single answer needs none.
    pub fn sum_up(&self, output: Output) {
        if self.all() < 2 {
            return;
        }
        let parts: Vec<String> = [
            (self.accepted, "accepted"),
            (self.before, "accepted before"),
            (self.refused, "refused by Okta"),
            (self.held_back, "held back"),
            (self.unsent, "not sent"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
        output.total(format_args!("{} answers: {}", self.all(), parts.join(", ")));
    }
}

/// Says what became of the answer that begins in this line of what was handed in.
pub(super) fn answer(line: usize, answer: &Answered, output: Output) {
    match answer {
        Answered::Accepted { entry, run } => output.note(format_args!(
            "{}: accepted; the rest of the entry: okta-rollout resume {}",
            named(entry),
            run.0
        )),
        Answered::AcceptedBefore { whose } => output.note(format_args!(
            "answer in line {line} ({whose}): this answer was accepted before"
        )),
        Answered::Broken(error) => {
            output.error(format_args!("answer in line {line}: {error:#}"));
            output.hint(format_args!(
                "{}, then hand the same answer in again",
                cure(error)
            ));
        }
        Answered::Unsent { refusal, whose } => {
            let whose = whose.as_ref().map(|whose| format!(" ({whose})"));
            let whose = whose.unwrap_or_default();
            output.error(format_args!(
                "answer in line {line}{whose}: not sent: {refusal}"
            ));
        }
        Answered::HeldBack { entry, message } => {
            output.error(format_args!(
                "{}: Okta did not take the answer: {message}",
                named(entry)
            ));
            output.hint("fix the cause, then hand the same answer in again");
        }
        Answered::Refused {
            entry,
            message,
            fresh_link,
        } => {
            output.error(format_args!(
                "{}: Okta refused the answer: {message}",
                named(entry)
            ));
            match fresh_link {
                Some(fresh) => output.hint(format_args!("open the fresh link: {fresh}")),
                None => output.hint("get a fresh link: okta-rollout consent refresh"),
            }
        }
    }
}

/// Says what became of the link of the entry `name`.
///
/// # Errors
/// When standard output cannot be written.
pub(super) fn link(name: &str, refreshed: &Refreshed, output: Output) -> Result<(), Failure> {
    match refreshed {
        Refreshed::Link(link) => output.page(|page| {
            page.line(format_args!("{name}"))?;
            page.line(format_args!("  {link}"))
        })?,
        Refreshed::NotNeeded => output.note(format_args!("{name}: needs no consent any more")),
        Refreshed::NoLink(message) => {
            output.error(format_args!("{name}: no fresh link: {message}"));
        }
        Refreshed::Broken(error) => {
            output.error(format_args!("{name}: no fresh link: {error:#}"));
            output.hint(format_args!(
                "{}, then: okta-rollout consent refresh",
                cure(error)
            ));
        }
    }
    Ok(())
}

/// What helps against an error on our side.
fn cure(error: &anyhow::Error) -> &str {
    let unopened = error.downcast_ref::<Unopened>();
    unopened
        .and_then(|unopened| unopened.hint.as_deref())
        .unwrap_or("fix the cause")
}

/// Says what is waited for, until nobody sends events any more.
pub(super) async fn waits(mut events: Listener, output: Output) {
    // Many calls announce the same wait.
    let mut waiting = HashMap::new();
    while let Some(news) = events.next().await {
        let event = match &news {
            News::Event(event) => event,
            News::Lagged(_) => {
                // Which of them ended meanwhile is not known: they are said again.
                waiting.clear();
                continue;
            }
        };
        match &event.kind {
            EventKind::Entry(entry, EntryEvent::Retrying { error, next_at, .. }) => {
                output.note(retrying(entry, error, *next_at));
            }
            EventKind::Org(
                org,
                OrgEvent::Waits {
                    reason,
                    for_how_long,
                    ..
                },
            ) => {
                let is_short = for_how_long.is_some_and(|wait| wait < SHORT_WAIT);
                if is_short || waiting.get(org) == Some(reason) {
                    continue;
                }
                let span = for_how_long.map(|wait| format!(" for {} s", wait.as_secs()));
                let span = span.unwrap_or_default();
                output.note(format_args!("{org} waits{span}: {reason}"));
                waiting.insert(Arc::clone(org), reason.clone());
            }
            EventKind::Org(org, OrgEvent::Continues) => {
                waiting.remove(org);
            }
            _ => {}
        }
    }
}

fn retrying(entry: &EntryName, error: &EntryError, next_at: UnixMillis) -> String {
    let ahead = next_at.ahead_of(unix_millis()).as_millis();
    format!(
        "{}: {}; Okta is asked again in {} s",
        named(entry),
        error.details,
        ahead.div_ceil(1_000)
    )
}

fn named(entry: &EntryName) -> String {
    format!("{}/{} (row {})", entry.org, entry.app, entry.row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::inbox::Refusal;
    use crate::model::{EntryNo, RunId};

    #[test]
    fn a_refusal_by_okta_outranks_what_was_not_sent() {
        let entry = || EntryName {
            no: EntryNo(0),
            org: "acme".into(),
            app: "google",
            which: "0oa1".into(),
            row: 1,
        };
        let accepted = || Answered::Accepted {
            entry: entry(),
            run: RunId("k3f9".into()),
        };
        let before = || Answered::AcceptedBefore {
            whose: String::new(),
        };
        let unsent = || Answered::Unsent {
            refusal: Refusal::UnknownState,
            whose: None,
        };
        let broken = || Answered::Broken(anyhow::anyhow!("secret"));
        let held_back = || Answered::HeldBack {
            entry: entry(),
            message: String::new(),
        };
        let refused = || Answered::Refused {
            entry: entry(),
            message: String::new(),
            fresh_link: None,
        };
        for (answers, code) in [
            (vec![accepted(), before()], 0),
            (vec![accepted(), unsent()], 2),
            (vec![broken(), accepted()], 2),
            (vec![accepted(), refused(), unsent()], 3),
            (vec![unsent(), held_back()], 3),
        ] {
            let mut tally = Tally::default();
            for answer in &answers {
                tally.count(answer);
            }
            assert_eq!(tally.all(), answers.len());
            let got = match tally.ending() {
                Ending::Short(kind) => kind.exit_code(),
                Ending::Success => 0,
            };
            assert_eq!(got, code, "{tally:?}");
        }
    }
}
