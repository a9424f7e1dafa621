//! What a URL is to somebody who waits for an answer: one, something like one, or nothing. Nothing here says
//! whether it may be sent: that is [`inbox::accept`](super::super::inbox::accept), and strict.

use std::fmt;

use secrecy::SecretString;
use url::Url;

use super::super::inbox::{HandedIn, Refusal, only};
use super::cursor::{Kind, kind};
use crate::apps::App;
use crate::text::presentable;

/// Longest description of a refusal that is repeated (characters).
const MAX_DESCRIPTION: usize = 200;

/// Longest id of an app (bytes); Okta's have 20.
const LONGEST_ID: usize = 100;

/// Where an answer says that it belongs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spot {
    /// Host of the org.
    pub host: String,
    /// The app, if Okta has one of that name, and its id.
    pub app: Option<(App, String)>,
}

impl Spot {
    pub(in super::super) fn of(host: &str, path: &str) -> Self {
        Self {
            host: host.to_owned(),
            app: app_of(path),
        }
    }
}

/// `acme.okta.com, google 0oa1`.
impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        match &self.app {
            Some((app, id)) => write!(f, ", {app} {id}"),
            None => Ok(()),
        }
    }
}

/// What a URL is.
#[derive(Debug)]
pub(super) enum Found {
    /// It has everything that an answer has.
    Answer(HandedIn),
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
    match HandedIn::of(&url) {
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

/// The app of `/api/v1/apps/{name}/{id}/oauth2/callback`, and of the page that leads there.
fn app_of(path: &str) -> Option<(App, String)> {
    let path = path
        .strip_suffix("/oauth2/callback")
        .or_else(|| path.strip_suffix("/oauth2/redirect"))?;
    let (path, id) = path.rsplit_once('/')?;
    let (_, name) = path.rsplit_once('/')?;
    // Okta's ids have letters and digits only; what else a URL need not escape is none of our business.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_id = (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(plain);
    Some((App::from_name(name).filter(|_| is_id)?, id.to_owned()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_is_in_the_path_whatever_its_id_is_like() {
        let long = "x".repeat(LONGEST_ID + 1);
        for (name, id, expected) in [
            ("google", "0oa1gjh63g214q0Hq0g4", true),
            ("slack", "0oaorg-010000", true),
            ("zoomus", "a_b.c~d", true),
            ("salesforce", "0oa1", false),
            ("google", "", false),
            ("google", "0oa%2F1", false),
            ("google", long.as_str(), false),
        ] {
            for end in ["callback", "redirect"] {
                let path = format!("/api/v1/apps/{name}/{id}/oauth2/{end}");
                let app = app_of(&path).map(|(app, id)| (app.name(), id));
                assert_eq!(app, expected.then(|| (name, id.to_owned())), "{path}");
            }
        }
        assert_eq!(app_of("/api/v1/apps/google/0oa1/oauth2"), None);
    }
}
