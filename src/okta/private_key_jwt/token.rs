//! A token, and for how long it is good.

use std::borrow::Cow;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::time::Instant;

use super::super::answer::Body;
use super::super::error::{CallError, Class};

/// How long one is good where the answer does not say: always so long (API.md §7.1).
const LIFE: Duration = Duration::from_hours(1);

/// None lives longer than this, whatever an answer says.
const MOST: Duration = Duration::from_hours(24);

/// So long before its end it is renewed: longer than a call may be under way.
const MARGIN: Duration = Duration::from_secs(90);

/// A token that lets into the org.
pub(super) struct Token {
    pub value: SecretString,
    /// Whether requests that carry it have to be proven.
    pub scheme: Scheme,
    /// Of those that were asked for, the scopes it has; `None` = the answer did not say: all.
    pub scopes: Option<Vec<String>>,
    /// Since when it is here.
    pub since: Instant,
    /// When another one is asked for.
    pub renews: Instant,
    /// Whether a call was let in with it.
    pub was_accepted: bool,
    /// Whether it is here because the one before was refused.
    pub follows_refusal: bool,
}

/// How it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Bearer,
    Dpop,
}

impl Scheme {
    /// As it stands before the token.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// What the token endpoint answers (RFC 6749 §5.1).
#[derive(Deserialize)]
struct Said<'a> {
    /// Borrowed, so that there is no copy to wipe.
    access_token: &'a str,
    #[serde(borrow, default)]
    token_type: Option<Cow<'a, str>>,
    #[serde(default)]
    expires_in: Option<f64>,
    #[serde(borrow, default)]
    scope: Option<Cow<'a, str>>,
}

impl Token {
    /// Reads it.
    ///
    /// # Errors
    /// When the answer is none that has one.
    pub fn read(body: Body, is_proven: Scheme) -> Result<Self, CallError> {
        let Ok(said) = serde_json::from_slice::<Said<'_>>(body.bytes()) else {
            return Err(body.unreadable());
        };
        let is_sendable =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let scheme = match said.token_type.as_deref() {
            None => Some(Scheme::Bearer),
            Some(name) if name.eq_ignore_ascii_case("Bearer") => Some(Scheme::Bearer),
            Some(name) if name.eq_ignore_ascii_case("DPoP") => Some(Scheme::Dpop),
            Some(_) => None,
        };
        let scheme = scheme.filter(|scheme| *scheme == Scheme::Bearer || is_proven == *scheme);
        let Some(scheme) = scheme.filter(|_| is_sendable(said.access_token)) else {
            return Err(CallError::new(
                Class::Unclear,
                "the token endpoint answered with a token of a kind that cannot be sent",
            ));
        };
        let life = said
            .expires_in
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map_or(LIFE, |life| life.min(MOST));
        let since = Instant::now();
        Ok(Self {
            value: said.access_token.into(),
            scheme,
            scopes: said
                .scope
                .map(|scope| scope.split_whitespace().map(str::to_owned).collect()),
            since,
            renews: since + life.saturating_sub(MARGIN.min(life / 4)),
            was_accepted: false,
            follows_refusal: false,
        })
    }

    /// As a header has it.
    pub fn header(&self) -> SecretString {
        format!("{} {}", self.scheme.name(), self.value.expose_secret()).into()
    }
}
