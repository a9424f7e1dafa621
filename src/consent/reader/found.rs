//! What a URL is to somebody who waits for an answer: one, something like one, or nothing. Nothing here says
//! whether it may be sent: that is [`inbox::accept`](super::super::inbox::accept), and strict.

use secrecy::SecretString;
use url::Url;

use super::super::inbox::{Refusal, SubmittedAnswer, only};
use super::cursor::{Kind, kind};
use crate::consent::Spot;
use crate::text::presentable;

/// Longest description of a refusal that is repeated (characters).
const MAX_DESCRIPTION: usize = 200;

/// What a URL is.
#[derive(Debug)]
pub(super) enum Found {
    /// It has everything that an answer has.
    Answer(SubmittedAnswer),
    /// A callback that lacks something.
    Broken(Refusal, Spot),
    /// The third party's refusal.
    Denied {
        reason: String,
        state: Option<SecretString>,
        spot: Spot,
    },
    /// The link that a person has to open.
    Authorize { state: Option<SecretString> },
}

/// `None` = none of these.
pub(super) fn classify(text: &str) -> Option<Found> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let has = |name: &str| url.query_pairs().any(|(key, _)| key == name);
    if has("client_id") && (has("response_type") || has("redirect_uri")) {
        let state = only(&url, "state").ok();
        return Some(Found::Authorize { state });
    }
    let is_callback = is_oauth(url.path());
    let spot = Spot::of(host, url.path());
    let value = |name: &str| {
        let mut pairs = url.query_pairs();
        let found = pairs.find(|(key, _)| key == name);
        found.map(|(_, value)| value).unwrap_or_default()
    };
    // `error=ac…` reads as no more than `error` where `=ac` is taken for quoted-printable.
    let error = value("error");
    if !error.is_empty() && !has("code") && (is_callback || has("state")) {
        let description = value("error_description");
        return Some(Found::Denied {
            reason: reason(&error, &description),
            state: only(&url, "state").ok(),
            spot,
        });
    }
    match SubmittedAnswer::of(&url) {
        Ok(_) if !is_straight(text, &url) => Some(Found::Broken(Refusal::Roundabout, spot)),
        Ok(answer) => Some(Found::Answer(answer)),
        Err(refusal) if is_callback => Some(Found::Broken(refusal, spot)),
        Err(_) => None,
    }
}

/// Whether a URL's path is written as it is read: a parser takes `.` and `..` away, in any spelling.
fn is_straight(text: &str, url: &Url) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let rest = rest.find('/').map_or("", |place| &rest[place..]);
    rest.split(['?', '#']).next() == Some(url.path())
}

/// Whether a path is that of a callback, or of the page that shows one.
fn is_oauth(path: &str) -> bool {
    path.ends_with("/oauth2/callback") || path.ends_with("/oauth2/redirect")
}

/// `access_denied: The user declined`, as people may see it: of bearable length, no link in it.
pub(super) fn reason(error: &str, description: &str) -> String {
    let shown = |text: &str| {
        let words = text.split_whitespace().filter(|word| !word.contains("://"));
        let text: String = words.collect::<Vec<_>>().join(" ");
        let text = text.chars().filter(|c| kind(*c) != Kind::Nothing);
        presentable(&text.take(MAX_DESCRIPTION).collect::<String>())
    };
    match (shown(error), shown(description)) {
        (error, description) if description.is_empty() => error,
        (error, description) => format!("{error}: {description}"),
    }
}
