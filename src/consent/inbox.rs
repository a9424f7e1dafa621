//! Whether what a person hands in is for the entry that waits. Pure.
//!
//! The URL would be called with the org's credentials, so that it must be exactly that org's callback
//! for that app; it is taken apart here and never sent as it came. Nothing in a message repeats a code or
//! a state. [`reader`](super::reader) finds URLs; what it makes of a text protects nobody, this does.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::consent::{Answer, Spot};
use crate::ledger::{ConsentKey, EntryRow};

/// A callback URL, taken apart.
pub struct SubmittedAnswer {
    origin: String,
    host: String,
    path: String,
    code: SecretString,
    state: SecretString,
}

/// Why an answer is not sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The third party's page said no.
    Denied(String),
    /// Okta's page says what went wrong.
    ErrorPage(String),
    /// The link that a person has to open first.
    ToOpen,
    /// The URL lacks `code` or `state`, or has one twice.
    Incomplete(&'static str),
    /// User, password or fragment in the URL.
    Decorated,
    /// A path that leads away and back.
    Roundabout,
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
    /// The address of Okta's page instead of the URL in it.
    PageAddress,
    /// No entry waits for its state.
    UnknownState,
    /// The app's entry waits for nothing; how it stands.
    NotWaiting(&'static str),
    /// Okta refused it before.
    RefusedBefore,
    /// Another process is handing it in right now.
    InProgress,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(error) => write!(f, "the consent was not given: {error}"),
            Self::ErrorPage(error) => write!(f, "this is Okta's error page, no answer: {error}"),
            Self::ToOpen => f.write_str(
                "this is the link to open, not what Okta's page shows after the consent",
            ),
            Self::Incomplete(name) => write!(f, "the URL needs exactly one `{name}`"),
            Self::Decorated => f.write_str("the URL carries a user, a password or a fragment"),
            Self::Roundabout => f.write_str("the URL has a path with `.` or `..` in it"),
            Self::WrongOrigin { given, wanted } => {
                write!(f, "the URL leads to {given}, not to {wanted}")
            }
            Self::WrongPath { wanted } => write!(f, "the URL is not this app's callback {wanted}"),
            Self::PageAddress => f.write_str(
                "this is the address of Okta's page; its code is in the text that the page shows",
            ),
            Self::UnknownState => f.write_str(
                "no entry waits for this state: it is wrong, expired, or a fresh link replaced it",
            ),
            Self::NotWaiting(how) => write!(f, "the entry does not wait for an answer: {how}"),
            Self::RefusedBefore => f.write_str("Okta refused this answer before"),
            Self::InProgress => f.write_str(
                "this answer is being handed in, or was when its process died: okta-rollout resume finds out",
            ),
        }
    }
}

impl std::error::Error for Refusal {}

/// Whether an answer is for this entry, whose org has this origin.
pub fn accept(answer: &SubmittedAnswer, origin: &str, row: &EntryRow) -> Result<Answer, Refusal> {
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

impl SubmittedAnswer {
    /// A URL with everything that an answer has; where it leads is not looked at.
    pub fn of(url: &Url) -> Result<Self, Refusal> {
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(Refusal::Decorated);
        }
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            host: url.host_str().unwrap_or_default().to_owned(),
            path: url.path().to_owned(),
            code: only(url, "code")?,
            state: only(url, "state")?,
        })
    }

    /// Its `state`.
    pub const fn state(&self) -> &SecretString {
        &self.state
    }

    /// What it is matched by, if its path is that of a callback.
    pub fn key(&self) -> Option<ConsentKey> {
        let (app, app_id) = self.spot().app?;
        let path = format!("/api/v1/apps/{app}/{app_id}/oauth2/callback");
        (self.path == path).then(|| ConsentKey {
            org_url: self.origin.clone(),
            app,
            app_id,
            state: self.state.expose_secret().to_owned(),
        })
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Everything that makes it another answer: secrets, in clear.
    pub fn parts(&self) -> [String; 4] {
        [
            self.origin.clone(),
            self.path.clone(),
            self.code.expose_secret().to_owned(),
            self.state.expose_secret().to_owned(),
        ]
    }

    /// Where it says that it belongs.
    pub fn spot(&self) -> Spot {
        Spot::of(&self.host, &self.path)
    }

    /// Whether it has the form of a callback, whoever's.
    pub fn is_callback(&self) -> bool {
        self.path.ends_with("/oauth2/callback")
    }

    /// Whether it is the address of the page that shows an answer.
    pub fn is_page(&self) -> bool {
        self.path.ends_with("/oauth2/redirect")
    }
}

/// The same answer, however it was written.
impl PartialEq for SubmittedAnswer {
    fn eq(&self, other: &Self) -> bool {
        self.origin == other.origin
            && self.path == other.path
            && self.state.expose_secret() == other.state.expose_secret()
            && self.code.expose_secret() == other.code.expose_secret()
    }
}

impl fmt::Debug for SubmittedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmittedAnswer")
            .field("origin", &self.origin)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// The value of the only parameter of this name.
pub(super) fn only(url: &Url, name: &'static str) -> Result<SecretString, Refusal> {
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
    use crate::ledger::{Consent, Progress};
    use crate::model::{EntryNo, EntryState, OrgNo, UnixMillis};

    const URL: &str =
        "https://acme.okta.com/api/v1/apps/google/0oa1/oauth2/callback?code=c0de&state=s1";

    fn row() -> EntryRow {
        EntryRow {
            no: EntryNo(0),
            org: OrgNo(0),
            queue: None,
            row: 2,
            entry: crate::plan::tests::entry(
                serde_json::json!({ "org": "acme", "app": "google", "appId": "0oa1" }),
            ),
            state: EntryState::Waiting,
            progress: Progress {
                consent: Some(Consent {
                    authorize_url: String::new(),
                    state: "s1".into(),
                    since: UnixMillis(0),
                }),
                ..Progress::default()
            },
            due_at: None,
            error: None,
            version: 1,
            known: None,
            stored: None,
            carried_over_by: None,
            checked_at: None,
        }
    }

    fn verdict(text: &str) -> Result<(), Refusal> {
        let answer = SubmittedAnswer::of(&Url::parse(text).expect("a URL"))?;
        accept(&answer, "https://acme.okta.com", &row()).map(|_| ())
    }

    #[test]
    fn takes_exactly_this_entrys_callback() {
        assert_eq!(verdict(URL), Ok(()));
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
        ] {
            assert_eq!(verdict(&text), Err(refusal), "{text}");
        }
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
        let shown = format!(
            "{:?}",
            SubmittedAnswer::of(&Url::parse(URL).expect("a URL"))
        );
        assert!(!shown.contains("c0de") && !shown.contains("s1"), "{shown}");
    }
}
