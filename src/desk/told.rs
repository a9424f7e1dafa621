//! What became of answers and links, as people at the desk are told. Nothing of a code or a `state` is in it.

use std::collections::BTreeMap;
use std::fmt;

use super::asked::AllAnswered;
use super::pages::Note;
use crate::consent::inbox::Refusal;
use crate::event::EntryName;
use crate::model::RunId;
use crate::rollout::consent::{Answered, Refreshed, Sighted, Unopened};

/// How the rest of an entry comes to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// By itself: a run of this process, or one that it begins for that.
    ByItself,
    /// With a command.
    ByCommand,
}

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eyes {
    /// Those whose ledger it is.
    Ours,
    /// Whoever has a link for one org: what is wrong on our side is none of their business.
    Guests,
}

/// One note an answer, in the order in which they stand; `rest` says of a run how it continues.
pub(super) fn answers(
    mut all: AllAnswered,
    eyes: Eyes,
    rest: impl Fn(&RunId) -> Rest,
) -> Vec<Note> {
    all.sort_by_key(|(at, _)| *at);
    let note = |(at, one): &(Sighted, Answered)| match eyes {
        Eyes::Ours => answer(at.line, one, &rest),
        Eyes::Guests => to_guests(at.line, one),
    };
    all.iter().map(note).collect()
}

/// Of what several ledgers said of the same answers, what the one says that knows it best. One that says nothing of an
/// answer knows it as a part of another one.
pub(super) fn merged(by_ledger: Vec<AllAnswered>) -> AllAnswered {
    let ledgers = by_ledger.len();
    let mut all: BTreeMap<Sighted, Vec<Answered>> = BTreeMap::new();
    for (at, one) in by_ledger.into_iter().flatten() {
        all.entry(at).or_default().push(one);
    }
    let best = all.into_iter().filter_map(|(at, said)| {
        let is_said_by_all = said.len() == ledgers;
        let best = said.into_iter().min_by_key(strangeness)?;
        (is_said_by_all || is_known(&best)).then_some((at, best))
    });
    best.collect()
}

/// Whether the consent that an answer is for is one of the ledger that says this of it.
pub(super) fn is_known(one: &Answered) -> bool {
    strangeness(one) < STRANGE
}

/// From there on what is said is what any ledger says of an answer that it knows nothing of.
const STRANGE: u8 = 6;

/// How little a ledger knows of an answer that says this of it.
fn strangeness(one: &Answered) -> u8 {
    match one {
        Answered::Accepted { .. } => 0,
        Answered::AcceptedBefore { .. } => 1,
        Answered::Refused { .. } => 2,
        Answered::HeldBack { .. } => 3,
        Answered::Broken(_) => 4,
        Answered::Unsent { refusal, whose } => match refusal {
            Refusal::InProgress
            | Refusal::RefusedBefore
            | Refusal::WrongOrigin { .. }
            | Refusal::WrongPath { .. } => 5,
            Refusal::UnknownState => 8,
            _ if whose.is_some() => 6,
            _ => 7,
        },
    }
}

fn answer(line: usize, one: &Answered, rest: impl Fn(&RunId) -> Rest) -> Note {
    match one {
        Answered::Accepted { entry, run } => {
            let name = named(entry);
            match rest(run) {
                Rest::ByItself => {
                    Note::good(format!("{name}: accepted; the entry continues by itself"))
                }
                Rest::ByCommand => Note {
                    hint: Some(format!(
                        "the rest of the entry: okta-rollout resume {}",
                        run.0
                    )),
                    ..Note::good(format!("{name}: accepted"))
                },
            }
        }
        Answered::AcceptedBefore { whose } => {
            Note::good(format!("{whose}: this answer was accepted before"))
        }
        Answered::Broken(error) => {
            let cure = format!("{}, then hand the same answer in again", cure(error));
            Note::bad(format!("answer in line {line}: {error:#}"), Some(cure))
        }
        Answered::Unsent { refusal, whose } => {
            let whose = whose.as_ref().map(|whose| format!(" ({whose})"));
            let whose = whose.unwrap_or_default();
            let text = format!("answer in line {line}{whose}: not sent: {refusal}");
            Note::bad(text, remedy(refusal))
        }
        Answered::HeldBack { entry, message } => {
            let text = format!("{}: Okta did not take the answer: {message}", named(entry));
            let hint = "fix the cause, then hand the same answer in again";
            Note::bad(text, Some(hint.to_owned()))
        }
        Answered::Refused {
            entry,
            message,
            fresh_link,
        } => {
            let text = format!("{}: Okta refused the answer: {message}", named(entry));
            Note::bad(text, Some(once_more(fresh_link.is_some()).to_owned()))
        }
    }
}

const fn once_more(has_link: bool) -> &'static str {
    if has_link {
        "a fresh link is there: open it below, and consent once more"
    } else {
        "get a fresh link below"
    }
}

fn to_guests(line: usize, one: &Answered) -> Note {
    match one {
        Answered::Accepted { entry, .. } => Note::good(format!("{}: accepted", named(entry))),
        Answered::AcceptedBefore { .. } => answer(line, one, |_| Rest::ByItself),
        Answered::Broken(why) => not_now(&format!("the answer in line {line}"), why),
        Answered::HeldBack { entry, message } => not_now(&named(entry), message),
        Answered::Refused {
            entry,
            message,
            fresh_link,
        } => {
            let name = named(entry);
            withhold(&name, message);
            let text = format!("{name}: Okta did not take this answer");
            Note::bad(text, Some(once_more(fresh_link.is_some()).to_owned()))
        }
        Answered::Unsent { refusal, .. } => {
            let (why, hint) = plainly(refusal);
            Note::bad(format!("answer in line {line}: not sent: {why}"), hint)
        }
    }
}

/// Why an answer of a guest was not sent: nothing of what we are doing, or of other entries.
fn plainly(refusal: &Refusal) -> (String, Option<String>) {
    let (why, hint) = match refusal {
        Refusal::InProgress => (
            "it is being handed in just now",
            "look at this page again in a minute",
        ),
        Refusal::WrongOrigin { .. } | Refusal::WrongPath { .. } | Refusal::NotWaiting(_) => (
            "it is for none of the entries that wait here",
            "open the entry below, and paste what Okta's page shows then",
        ),
        _ => return (refusal.to_string(), remedy(refusal)),
    };
    (why.to_owned(), Some(hint.to_owned()))
}

/// What guests are not told, whoever looks after the program finds in its log.
fn withhold(what: &str, why: &dyn fmt::Display) {
    tracing::warn!(%what, %why, "whoever has a shared link was not told why");
}

/// Said to guests of what is wrong on our side.
pub(super) fn not_now(what: &str, why: &dyn fmt::Display) -> Note {
    withhold(what, why);
    let hint = "try the same once more later; if it stays so, tell whoever gave you this link";
    Note::bad(
        format!("{what}: this is not possible just now"),
        Some(hint.to_owned()),
    )
}

fn remedy(refusal: &Refusal) -> Option<String> {
    let hint = match refusal {
        Refusal::ToOpen => "open it, consent, and paste what Okta's page shows then",
        Refusal::PageAddress => "paste the text of that page instead of its address",
        Refusal::UnknownState | Refusal::RefusedBefore => {
            "open the entry below once more, and paste what Okta's page shows then"
        }
        Refusal::Denied(_) | Refusal::ErrorPage(_) => "open the entry below once more, and agree",
        Refusal::Incomplete(_) => "copy the whole page once more",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// What became of a link of the entry that is called so.
pub(super) fn link(name: &str, refreshed: &Refreshed, eyes: Eyes) -> Note {
    match refreshed {
        Refreshed::NoLink(why) if eyes == Eyes::Guests => not_now(name, why),
        Refreshed::Broken(why) if eyes == Eyes::Guests => not_now(name, why),
        Refreshed::Link(_) => Note::good(format!(
            "{name}: a fresh link is there; the old one is of no use any more"
        )),
        Refreshed::NotNeeded => Note::good(format!("{name}: needs no consent any more")),
        Refreshed::NoLink(message) => {
            let hint = "fix the cause, then try again";
            Note::bad(
                format!("{name}: no fresh link: {message}"),
                Some(hint.to_owned()),
            )
        }
        Refreshed::Broken(error) => {
            let hint = format!("{}, then try again", cure(error));
            Note::bad(format!("{name}: no fresh link: {error:#}"), Some(hint))
        }
    }
}

/// What helps against an error on our side.
fn cure(error: &anyhow::Error) -> &str {
    let unopened = error.downcast_ref::<Unopened>();
    unopened
        .and_then(|unopened| unopened.hint.as_deref())
        .unwrap_or("fix the cause")
}

fn named(entry: &EntryName) -> String {
    format!("{}/{} (row {})", entry.org, entry.app, entry.row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryNo;

    fn accepted(row: u64) -> Answered {
        let entry = EntryName {
            no: EntryNo(0),
            org: "acme".into(),
            app: "google",
            which: "0oa1".into(),
            row,
        };
        let run = RunId("k3f9".into());
        Answered::Accepted { entry, run }
    }

    fn unsent(refusal: Refusal) -> Answered {
        let whose = Some("acme/google".to_owned());
        Answered::Unsent { refusal, whose }
    }

    /// Answers that stand one a line.
    fn lines(all: impl IntoIterator<Item = (usize, Answered)>) -> AllAnswered {
        let at = |line| Sighted { line, place: line };
        all.into_iter().map(|(line, one)| (at(line), one)).collect()
    }

    fn texts(by_ledger: Vec<AllAnswered>) -> Vec<(bool, String)> {
        let notes = answers(merged(by_ledger), Eyes::Ours, |_| Rest::ByItself);
        let notes = notes.into_iter();
        notes.map(|note| (note.is_good, note.text)).collect()
    }

    #[test]
    fn of_several_ledgers_the_one_that_knows_an_answer_is_heard() {
        let unknown = || unsent(Refusal::UnknownState);
        let told = texts(vec![
            lines([(1, unknown()), (2, accepted(2)), (3, unknown())]),
            lines([(1, accepted(1)), (2, unknown()), (3, unknown())]),
        ]);
        let good: Vec<_> = told.iter().map(|(good, _)| *good).collect();
        assert_eq!(good, [true, true, false], "{told:?}");
        assert!(
            told[0].1.starts_with("acme/google (row 1): accepted"),
            "{told:?}"
        );
        // Whatever else another one has to say of it.
        for strange in [
            Refusal::NotWaiting("it is done"),
            Refusal::RefusedBefore,
            Refusal::InProgress,
            Refusal::ToOpen,
        ] {
            let told = texts(vec![
                lines([(1, unsent(strange))]),
                lines([(1, accepted(1))]),
            ]);
            assert!(told.len() == 1 && told[0].0, "{told:?}");
        }
        // Of what none knows, the one speaks that knows the app.
        let not_waiting = || unsent(Refusal::NotWaiting("it is done"));
        let told = texts(vec![lines([(1, unknown())]), lines([(1, not_waiting())])]);
        assert!(
            told.len() == 1 && told[0].1.contains("it is done"),
            "{told:?}"
        );
    }

    #[test]
    fn answers_of_one_line_are_told_each() {
        let at = |place| Sighted { line: 1, place };
        let unknown = || unsent(Refusal::UnknownState);
        let told = texts(vec![
            vec![(at(0), accepted(1)), (at(1), unknown())],
            vec![(at(0), unknown()), (at(1), unknown())],
        ]);
        let good: Vec<_> = told.iter().map(|(good, _)| *good).collect();
        assert_eq!(good, [true, false], "{told:?}");
        // The same once more, cut short: the ledger that knows it says nothing of that.
        let told = texts(vec![
            vec![(at(0), accepted(1))],
            vec![(at(0), unknown()), (at(1), unknown())],
        ]);
        assert!(told.len() == 1 && told[0].0, "{told:?}");
    }

    #[test]
    fn what_is_not_sent_says_why_and_what_to_do() {
        let notes = answers(
            lines([(4, unsent(Refusal::ToOpen)), (2, accepted(7))]),
            Eyes::Ours,
            |_| Rest::ByCommand,
        );
        assert_eq!(
            notes[0].hint.as_deref(),
            Some("the rest of the entry: okta-rollout resume k3f9")
        );
        assert!(
            notes[1]
                .text
                .starts_with("answer in line 4 (acme/google): not sent: this is the link"),
            "{notes:?}"
        );
        assert!(
            notes[1]
                .hint
                .as_deref()
                .is_some_and(|hint| hint.contains("open it"))
        );
        let told = link(
            "acme/google (row 1)",
            &Refreshed::Link("https://x/?state=s3cret".to_owned()),
            Eyes::Ours,
        );
        assert!(told.is_good && !told.text.contains("s3cret"), "{told:?}");
    }

    #[test]
    fn guests_do_not_hear_what_is_wrong_on_our_side() {
        let secret = || anyhow::anyhow!("file:/etc/okta/token cannot be read");
        let entry = || match accepted(3) {
            Answered::Accepted { entry, .. } => entry,
            other => panic!("{other:?}"),
        };
        let message = || "okta said (E0000001, request abc)".to_owned();
        let wanted = || "/api/v1/apps/okta".to_owned();
        let given = || "acme.okta.com".to_owned();
        let told = [
            accepted(3),
            Answered::Broken(secret()),
            Answered::HeldBack {
                entry: entry(),
                message: message(),
            },
            Answered::Refused {
                entry: entry(),
                message: message(),
                fresh_link: None,
            },
            unsent(Refusal::InProgress),
            unsent(Refusal::NotWaiting("okta has it")),
            unsent(Refusal::WrongPath { wanted: wanted() }),
            unsent(Refusal::WrongOrigin {
                given: given(),
                wanted: wanted(),
            }),
        ];
        let all = lines(told.into_iter().enumerate());
        let notes = answers(all, Eyes::Guests, |_| Rest::ByCommand);
        for (nth, note) in notes.iter().enumerate() {
            assert_eq!(note.is_good, nth == 0, "{note:?}");
            assert!(note.is_good || note.hint.is_some(), "{note:?}");
            assert!(!format!("{note:?}").contains("okta"), "{note:?}");
        }
        let told = link("acme/google", &Refreshed::Broken(secret()), Eyes::Guests);
        assert!(
            !told.is_good && !format!("{told:?}").contains("okta"),
            "{told:?}"
        );
    }
}
