//! Reads what a person hands in: whatever a mail program, a chat, an editor, a browser or a redirector made
//! of the short text that Okta's page shows. Pure.
//!
//! ```text
//! bytes ─▶ text       UTF-8, UTF-16, neither                        text.rs
//!   ▲       ├─▶ links  wraps, quotes, quoted-printable, escapes      cursor.rs, link.rs
//!   │       │     └─▶ layers   redirectors, places where it may end  layers.rs
//!   │       │            └─▶ answers, refusals, links to open        found.rs
//!   │       ├─▶ pages  that say no                                   page.rs
//!   └───────┴── base64 a mail's body, a redirector's parameter       encoded.rs
//! ```
//!
//! It finds what *may* be an answer, and is generous. What is sent is decided elsewhere, and strictly: a
//! link that this made of a text has to be, to the letter, what the entry waits for.
//!
//! The work is linear in what is read: a link ends before the next begins and is bounded, as are the layers
//! and ends that are tried of one, and each text inside a text is smaller than that.

mod cursor;
mod encoded;
mod found;
mod layers;
mod link;
mod page;
mod text;

use std::collections::HashSet;

use secrecy::{ExposeSecret as _, SecretString};

use super::Spot;
use super::inbox::{Refusal, SubmittedAnswer};
use found::Found;
use link::{Link, Links};
use page::Page;

/// No mail is larger (bytes); what is beyond is not read.
pub const MAX_INPUT: usize = 16 * 1024 * 1024;

/// A mail in a mail in a mail: texts inside them are not looked for.
const MAX_DEPTH: usize = 4;

/// So many answers are read of one input: more than any rollout has apps that wait.
const MAX_ANSWERS: usize = 100_000;

/// What was found in an input.
#[derive(Debug, Default)]
pub struct Reading {
    /// In the order of the input.
    pub answers: Vec<Sighting>,
    /// Links that a person has to open, not hand in.
    pub to_open: Vec<ToOpen>,
    /// How much was read.
    pub bytes: usize,
    /// Lines of it, the last one counted if there is anything in it.
    pub lines: usize,
}

/// A link that a person has to open.
#[derive(Debug)]
pub struct ToOpen {
    /// Where it stands, from 1.
    pub line: usize,
    /// Its `state`.
    pub state: Option<SecretString>,
}

/// One place of the input where an answer stands, or what should have been one.
#[derive(Debug)]
pub struct Sighting {
    /// Where it begins, from 1; of a text in base64, where that begins.
    pub line: usize,
    /// What it is.
    pub what: What,
}

/// What stands where an answer is expected.
#[derive(Debug)]
pub enum What {
    /// An answer. Where it ends may be uncertain: the likeliest reading comes first, and at most one is right.
    Answer(Vec<SubmittedAnswer>),
    /// Something that is not sent, whoever waits.
    Refused {
        /// Why.
        refusal: Refusal,
        /// Its `state`, by which the entry can be told.
        state: Option<SecretString>,
        /// Where it says that it belongs.
        spot: Option<Spot>,
    },
}

/// Reads an input, at most [`MAX_INPUT`] of it.
pub fn read(input: &[u8]) -> Reading {
    let input = &input[..input.len().min(MAX_INPUT)];
    let text = text::decode(input);
    let mut reading = Reading {
        bytes: input.len(),
        lines: text.lines().count(),
        ..Reading::default()
    };
    reading.add(&text, 1, 0);
    reading.answers.sort_by_key(|sighting| sighting.line);
    reading.forget_repeated_refusals();
    reading
}

impl Reading {
    /// Whether there is nothing to say of it.
    pub const fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.to_open.is_empty()
    }

    /// The first answer as it most likely reads.
    pub fn into_first_answer(self) -> Option<SubmittedAnswer> {
        self.answers
            .into_iter()
            .find_map(|sighting| match sighting.what {
                What::Answer(readings) => readings.into_iter().next(),
                What::Refused { .. } => None,
            })
    }

    // `first`: the line of the input where the text begins; within a text that was encoded, all is there.
    fn add(&mut self, text: &str, first: usize, depth: usize) {
        let mut lines = Lines::of(text, first, depth > 0);
        for links in Links::of(text) {
            if self.answers.len() >= MAX_ANSWERS {
                return;
            }
            let line = lines.at(links[0].begin);
            self.add_link(text, line, &links);
        }
        for (place, page) in page::of(text) {
            let refusal = match page {
                Page::Error(text) => Refusal::ErrorPage(text),
                Page::Denied(text) => Refusal::Denied(text),
            };
            let line = if depth > 0 { first } else { first + place };
            self.refuse(line, refusal, None, None);
        }
        if depth < MAX_DEPTH {
            let mut lines = Lines::of(text, first, depth > 0);
            for inner in encoded::of(text) {
                let line = lines.at(inner.begin);
                self.add(&text::decode(&inner.bytes), line, depth + 1);
            }
        }
    }

    fn add_link(&mut self, text: &str, line: usize, links: &[Link]) {
        let mut answers: Vec<SubmittedAnswer> = Vec::new();
        let mut other = None;
        for found in links.iter().flat_map(found_in) {
            match found {
                Found::Answer(answer) if answers.contains(&answer) => {}
                Found::Answer(answer) => answers.push(answer),
                // What is broken in one dialect may be whole in the other.
                found if matches!(other, None | Some(Found::Broken(..))) => {
                    let is_worse = other.is_some() && matches!(found, Found::Broken(..));
                    other = if is_worse { other } else { Some(found) };
                }
                _ => {}
            }
        }
        if !answers.is_empty() {
            let what = What::Answer(answers);
            self.answers.push(Sighting { line, what });
            return;
        }
        match other {
            Some(Found::Authorize { state }) => self.to_open.push(ToOpen { line, state }),
            // The parameter of a link to open; others of that link follow.
            _ if is_redirect_uri(text, links[0].begin) => {
                if let Some(link) = self.to_open.last_mut().filter(|link| link.state.is_none()) {
                    link.state = state_behind(&links[0]);
                }
            }
            Some(Found::Broken(refusal, spot)) => self.refuse(line, refusal, None, Some(spot)),
            Some(Found::Denied {
                reason,
                state,
                spot,
            }) => self.refuse(line, Refusal::Denied(reason), state, Some(spot)),
            Some(Found::Answer(_)) | None => {}
        }
    }

    fn refuse(
        &mut self,
        line: usize,
        refusal: Refusal,
        state: Option<SecretString>,
        spot: Option<Spot>,
    ) {
        let what = What::Refused {
            refusal,
            state,
            spot,
        };
        self.answers.push(Sighting { line, what });
    }

    // A page and the address it was shown at say the same, and a mail has each of its texts twice.
    fn forget_repeated_refusals(&mut self) {
        let error_of = |refusal: &Refusal| match refusal {
            Refusal::Denied(reason) => reason.split(": ").next().map(str::to_owned),
            _ => None,
        };
        let at_address: HashSet<String> = self
            .answers
            .iter()
            .filter_map(|sighting| match &sighting.what {
                What::Refused { refusal, spot, .. } => error_of(refusal).filter(|_| spot.is_some()),
                What::Answer(_) => None,
            })
            .collect();
        let mut seen = HashSet::new();
        self.answers.retain(|sighting| {
            let What::Refused {
                refusal,
                state,
                spot,
            } = &sighting.what
            else {
                return true;
            };
            if spot.is_none() && error_of(refusal).is_some_and(|error| at_address.contains(&error))
            {
                return false;
            }
            let state = state.as_ref().map(|state| state.expose_secret().to_owned());
            seen.insert((refusal.clone(), state, spot.clone()))
        });
    }
}

// What a link may be, the likeliest first.
fn found_in(link: &Link) -> Vec<Found> {
    let mut found = Vec::new();
    for layer in layers::of(link) {
        if !layer.text.contains("://") || !layer.text.contains('?') {
            continue;
        }
        found.extend(
            layer
                .ends
                .iter()
                .filter_map(|end| found::classify(&layer.text[..*end])),
        );
    }
    found
}

// `redirect_uri=` in any encoding.
fn is_redirect_uri(text: &str, begin: usize) -> bool {
    const NEAR: usize = 64;
    let before = &text[text.floor_char_boundary(begin.saturating_sub(NEAR))..begin];
    let letters: String = before.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters = letters.to_ascii_lowercase();
    letters
        .trim_end_matches("3d")
        .trim_end_matches("25")
        .ends_with("redirecturi")
}

// The `state` of the link around this one.
fn state_behind(link: &Link) -> Option<SecretString> {
    let (before, rest) = link.text.split_once("&state=")?;
    let begin = before.len() + "&state=".len();
    let gap = link.gaps.iter().find(|gap| gap.at > begin && !gap.is_wrap);
    let end = gap.map_or(rest.len(), |gap| gap.at - begin);
    let value = rest[..end].split('&').next()?;
    Some(SecretString::from(value))
}

/// Counts lines, going forward only.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    is_inner: bool,
}

impl<'t> Lines<'t> {
    const fn of(text: &'t str, line: usize, is_inner: bool) -> Self {
        Self {
            text,
            at: 0,
            line,
            is_inner,
        }
    }

    fn at(&mut self, place: usize) -> usize {
        if !self.is_inner && place > self.at {
            let passed = &self.text.as_bytes()[self.at..place];
            self.line += memchr::memchr_iter(b'\n', passed).count();
            self.at = place;
        }
        self.line
    }
}

#[cfg(test)]
mod tests;
