//! What a person hands in after a consent, and whether it is for the entry that waits. Pure.
//!
//! The URL would be called with the org's credentials, so that it must be exactly that org's callback
//! for that app (PRODUCT.md §5); it is taken apart here and never sent as it came. Nothing in a message
//! repeats a code or a state.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::ledger::EntryRow;
use crate::steps::Answer;

/// A callback URL, taken apart.
pub struct HandedIn {
    origin: String,
    host: String,
    path: String,
    code: SecretString,
    state: SecretString,
}

/// Why an answer is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Neither Okta's page nor a URL.
    NotAnAnswer,
    /// The third party's page said no.
    Denied(String),
    /// The URL lacks `code` or `state`, or has one twice.
    Incomplete(&'static str),
    /// User, password or fragment in the URL.
    Decorated,
    /// Another host or scheme than the org's.
    WrongOrigin {
        /// The host it names.
        given: String,
        /// The org's origin.
        wanted: String,
    },
    /// Not this app's callback.
    WrongPath {
        /// The callback of the entry that waits.
        wanted: String,
    },
    /// No entry waits for its state.
    UnknownState,
    /// Okta refused it before.
    RefusedBefore,
    /// Another process is handing it in right now.
    InProgress,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnAnswer => f.write_str("neither the JSON of Okta's page nor a callback URL"),
            Self::Denied(error) => write!(f, "the consent was not given: {error}"),
            Self::Incomplete(name) => write!(f, "the URL needs exactly one `{name}`"),
            Self::Decorated => f.write_str("the URL carries a user, a password or a fragment"),
            Self::WrongOrigin { given, wanted } => {
                write!(f, "the URL leads to {given}, not to {wanted}")
            }
            Self::WrongPath { wanted } => write!(f, "the URL is not this app's callback {wanted}"),
            Self::UnknownState => f.write_str(
                "no entry waits for this state: it is wrong, expired, or a fresh link replaced it",
            ),
            Self::RefusedBefore => f.write_str("Okta refused this answer before"),
            Self::InProgress => f.write_str(
                "this answer is being handed in, or was when its process died: okta-rollout resume finds out",
            ),
        }
    }
}

impl std::error::Error for Refusal {}

/// Every answer in a text: Okta's pages (JSON objects, or a list of them) and callback URLs, in any
/// order, separated by white space.
pub fn parse(text: &str) -> Vec<Result<HandedIn, Refusal>> {
    let mut answers = Vec::new();
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    while !rest.is_empty() {
        let length = if rest.starts_with(['{', '[', '"']) {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
            if let Some(Ok(value)) = values.next() {
                from_json(&value, &mut answers);
                values.byte_offset()
            } else {
                answers.push(Err(Refusal::NotAnAnswer));
                rest.len()
            }
        } else {
            let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
            answers.push(from_url(&rest[..length]));
            length
        };
        rest = rest[length..].trim_start();
    }
    answers
}

/// Whether an answer is for this entry, whose org has this origin.
pub fn accept(answer: &HandedIn, origin: &str, row: &EntryRow) -> Result<Answer, Refusal> {
    let entry = &row.entry;
    if answer.origin != origin {
        return Err(Refusal::WrongOrigin {
            given: answer.host.clone(),
            wanted: origin.to_owned(),
        });
    }
    let app_id = row
        .progress
        .app_id
        .as_ref()
        .or(entry.app_id.as_ref())
        .map_or("", String::as_str);
    let wanted = format!("/api/v1/apps/{}/{app_id}/oauth2/callback", entry.app);
    if answer.path != wanted {
        return Err(Refusal::WrongPath { wanted });
    }
    let waits_for = row
        .progress
        .consent
        .as_ref()
        .map(|consent| consent.state.as_str());
    if waits_for != Some(answer.state.expose_secret()) {
        return Err(Refusal::UnknownState);
    }
    Ok(Answer {
        code: answer.code.clone(),
        state: answer.state.clone(),
    })
}

impl HandedIn {
    /// What it is matched by.
    pub const fn state(&self) -> &SecretString {
        &self.state
    }
}

impl fmt::Debug for HandedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandedIn")
            .field("origin", &self.origin)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

fn from_json(value: &Value, answers: &mut Vec<Result<HandedIn, Refusal>>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| from_json(value, answers)),
        Value::String(url) => answers.push(from_url(url)),
        page => {
            let href = page
                .get("continue_oauth_flow_url")
                .map(|link| link.get("href").unwrap_or(link));
            answers.push(
                match (
                    href.and_then(Value::as_str),
                    page.get("error").and_then(Value::as_str),
                ) {
                    (Some(href), _) => from_url(href),
                    (None, Some(error)) => Err(Refusal::Denied(
                        error.chars().filter(|c| !c.is_control()).take(80).collect(),
                    )),
                    (None, None) => Err(Refusal::NotAnAnswer),
                },
            );
        }
    }
}

fn from_url(text: &str) -> Result<HandedIn, Refusal> {
    let url = Url::parse(text).map_err(|_| Refusal::NotAnAnswer)?;
    let Some(host) = url
        .host_str()
        .filter(|_| matches!(url.scheme(), "http" | "https"))
    else {
        return Err(Refusal::NotAnAnswer);
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(Refusal::Decorated);
    }
    Ok(HandedIn {
        origin: url.origin().ascii_serialization(),
        host: host.to_owned(),
        path: url.path().to_owned(),
        code: only(&url, "code")?,
        state: only(&url, "state")?,
    })
}

fn only(url: &Url, name: &'static str) -> Result<SecretString, Refusal> {
    let mut values = url
        .query_pairs()
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) if !value.is_empty() => Ok(SecretString::from(value.into_owned())),
        _ => Err(Refusal::Incomplete(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Consent, Progress, Stored};

    const URL: &str =
        "https://acme.okta.com/api/v1/apps/google/0oa1/oauth2/callback?code=c0de&state=s1";

    fn row() -> EntryRow {
        EntryRow {
            no: 0,
            org: 0,
            row: 2,
            entry: crate::plan::tests::entry(
                serde_json::json!({ "org": "acme", "app": "google", "appId": "0oa1" }),
            ),
            state: Stored::Waiting,
            progress: Progress {
                consent: Some(Consent {
                    authorize_url: String::new(),
                    state: "s1".into(),
                    since: 0,
                }),
                ..Progress::default()
            },
            due_at: None,
            error: None,
            version: 1,
            known: None,
            stored: None,
            adopted_by: None,
            checked_at: None,
        }
    }

    fn verdict(text: &str) -> Result<(), Refusal> {
        let mut answers = parse(text);
        assert_eq!(answers.len(), 1, "{text}");
        accept(&answers.remove(0)?, "https://acme.okta.com", &row()).map(|_| ())
    }

    #[test]
    fn takes_the_page_and_the_url() {
        assert_eq!(verdict(URL), Ok(()));
        let page = format!(r#"{{"continue_oauth_flow_url":{{"href":"{URL}","method":"POST"}}}}"#);
        assert_eq!(verdict(&page), Ok(()));
        assert_eq!(verdict(&page.replace('&', "\\u0026")), Ok(()));
        assert_eq!(
            verdict(&URL.replace("https://acme.okta.com", "https://ACME.okta.com:443")),
            Ok(())
        );
    }

    #[test]
    fn refuses_what_is_not_exactly_this_entrys_callback() {
        use Refusal::*;
        let wrong_path = || WrongPath {
            wanted: "/api/v1/apps/google/0oa1/oauth2/callback".into(),
        };
        let wrong_origin = |given: &str| WrongOrigin {
            given: given.into(),
            wanted: "https://acme.okta.com".into(),
        };
        for (text, refusal) in [
            (
                URL.replace("https:", "http:"),
                wrong_origin("acme.okta.com"),
            ),
            (
                URL.replace("acme.okta.com", "evil.example"),
                wrong_origin("evil.example"),
            ),
            (
                URL.replace("acme.okta.com", "acme.okta.com.evil.example"),
                wrong_origin("acme.okta.com.evil.example"),
            ),
            (
                URL.replace("acme.okta.com", "acme.okta.com:8443"),
                wrong_origin("acme.okta.com"),
            ),
            (
                URL.replace("acme.okta.com", "acme.okta.com@evil.example"),
                Decorated,
            ),
            (format!("{URL}#x"), Decorated),
            (URL.replace("google", "slack"), wrong_path()),
            (URL.replace("0oa1", "0oa2"), wrong_path()),
            (
                URL.replace("/api/v1/apps/google/0oa1/oauth2/callback", "/"),
                wrong_path(),
            ),
            (URL.replace("/callback", "/callback/"), wrong_path()),
            (URL.replace("0oa1", "%30oa1"), wrong_path()),
            (URL.replace("state=s1", "state=s2"), UnknownState),
            (URL.replace("&state=s1", ""), Incomplete("state")),
            (URL.replace("code=c0de", "code="), Incomplete("code")),
            (format!("{URL}&state=s1"), Incomplete("state")),
            ("hello".into(), NotAnAnswer),
            ("{\"a\":".into(), NotAnAnswer),
            ("{\"a\":1}".into(), NotAnAnswer),
            ("javascript:alert(1)".into(), NotAnAnswer),
            (
                r#"{"error":"access_denied"}"#.into(),
                Denied("access_denied".into()),
            ),
        ] {
            assert_eq!(verdict(&text), Err(refusal), "{text}");
        }
    }

    #[test]
    fn takes_many_at_once() {
        let page = format!(r#"{{"continue_oauth_flow_url":{{"href":"{URL}"}}}}"#);
        let text = format!("{URL}\n{page}{page}\r\n[{page}, \"{URL}\"]\n  nonsense {URL}");
        let answers = parse(&text);
        assert_eq!(answers.len(), 7);
        assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 1);
        assert!(parse("  \n").is_empty());
    }

    #[test]
    fn no_message_repeats_code_or_state() {
        for text in [
            URL.replace("acme", "evil"),
            URL.replace("0oa1", "x"),
            URL.replace("s1", "s3cr3t"),
        ] {
            let refusal = verdict(&text).expect_err("refused").to_string();
            assert!(
                !refusal.contains("c0de") && !refusal.contains("s3cr3t") && !refusal.contains("s1"),
                "{refusal}"
            );
        }
        let shown = format!("{:?}", parse(URL));
        assert!(!shown.contains("c0de") && !shown.contains("s1"), "{shown}");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in ".{0,300}") {
            parse(&text);
        }
    }
}
