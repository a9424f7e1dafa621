//! What tells Okta who calls: a header that stays the same, or what an [`Authorizer`] makes for each request. One that
//! needs a token asks for a [`TokenCall`] to be made, which goes at the pace of the org's other calls and is made by
//! whoever makes those: nothing here sends anything.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use bytes::Bytes;
use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;

use super::answer::Exchange;
use super::error::{CallError, Class};
use super::http::HttpError;
use super::request::{Bucket, Method, Request, RequestBody, push_encoded};
use crate::text::Veil;

/// How a run authenticates to an org (API.md §7). `Debug` shows no secret.
#[derive(Clone)]
pub enum Credentials {
    /// An API token: `Authorization: SSWS …`.
    Ssws(SecretString),
    /// An access token: `Authorization: Bearer …`.
    Bearer(SecretString),
    /// What is made for each request.
    Authorizer(Arc<dyn Authorizer>),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssws(_) => "Ssws",
            Self::Bearer(_) => "Bearer",
            Self::Authorizer(_) => "Authorizer",
        })
    }
}

impl Credentials {
    /// Whether the secret has the form of the other kind: an API token is of letters, digits, `-` and `_`, an access token
    /// is three such parts with dots between them (RFC 7519 §3). Sent as the wrong kind it is refused like a revoked one.
    pub fn looks_swapped(&self) -> bool {
        let is_jwt = |token: &SecretString| {
            let token = token.expose_secret();
            token.starts_with("eyJ") && token.split('.').count() == 3
        };
        match self {
            Self::Ssws(token) => is_jwt(token),
            // API tokens begin so, as far as they were seen.
            Self::Bearer(token) => !is_jwt(token) && token.expose_secret().starts_with("00"),
            Self::Authorizer(_) => false,
        }
    }

    /// What requests carry, and what hides it.
    pub(super) fn into_parts(self) -> Result<(Authorization, Veil), HttpError> {
        let (scheme, token) = match self {
            Self::Ssws(token) => ("SSWS", token),
            Self::Bearer(token) => ("Bearer", token),
            Self::Authorizer(authorizer) => {
                let veil = Veil::of(&authorizer.secrets());
                let turn = Mutex::new(());
                let made = Arc::new(Made { authorizer, turn });
                return Ok((Authorization(Way::Made(made)), veil));
            }
        };
        let header = header(scheme, &token)?;
        Ok((Authorization(Way::Header(header)), Veil::of(&[token])))
    }
}

/// Makes what requests to an org carry. One is shared by all who call the org with these credentials, at the same time.
pub trait Authorizer: Send + Sync {
    /// The same text for the same credentials, and for no others.
    fn identity(&self) -> SecretString;

    /// What it has from the beginning that nobody may see: keys.
    fn secrets(&self) -> Vec<SecretString>;

    /// Whether no call can be made before a token is had: there is none, or it ends soon.
    fn needs_token(&self) -> bool;

    /// The call for one, made anew for each attempt, just before it is sent.
    fn token_call(&self) -> TokenCall;

    /// Takes what came of it. Where a token is still [needed](Self::needs_token) after `Ok`, there is another call.
    ///
    /// # Errors
    /// When there is none to be had, now or at all.
    fn take_token(&self, answer: Exchange) -> Result<(), CallError>;

    /// Adds what this request carries. Called each time one is sent, those for tokens included.
    ///
    /// # Errors
    /// When it cannot be made: the request is not sent.
    fn authorize(&self, request: &mut Authorizing<'_>) -> Result<(), CallError>;

    /// Sees each answer before anybody acts on it.
    fn observe(&self, answer: AnswerHeaders<'_>);

    /// Whether a call that Okta did not authorize is worth sending once more, as it will carry something else. What it
    /// carried is what there was when it was sent.
    fn refused(&self, answer: &Exchange) -> bool;

    /// Why a call failed, as far as that is about what it carried: told by who knows what that was. Not asked about calls
    /// for tokens.
    fn explain(&self, error: CallError) -> CallError {
        error
    }

    /// The scopes of the last token; `None` = there was none yet.
    fn scopes(&self) -> Option<Vec<String>> {
        None
    }
}

/// A request that is about to be sent.
pub struct Authorizing<'a> {
    method: Method,
    url: &'a Url,
    bucket: Bucket,
    veil: &'a Veil,
    headers: HeaderMap,
    used_once: &'a mut Vec<SecretString>,
}

impl Authorizing<'_> {
    /// Its method.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Where it goes, with its query.
    pub const fn url(&self) -> &Url {
        self.url
    }

    /// Whether it asks for a token.
    pub fn is_for_token(&self) -> bool {
        self.bucket == Bucket::Token
    }

    /// Hides a text that lets into the org for some time, from now on.
    pub fn cover(&self, token: &SecretString) {
        self.veil.cover_token(token);
    }

    /// Adds a header. Nothing that the answer repeats of it is seen.
    ///
    /// # Errors
    /// When it cannot be one.
    pub fn header(&mut self, name: &'static str, value: SecretString) -> Result<(), CallError> {
        let failed =
            || CallError::new(Class::Refused, format!("{name} cannot be sent as a header"));
        let text = Zeroizing::new(value.expose_secret().as_bytes().to_vec());
        let sensitive = sensitive(text).map_err(|_| failed())?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| failed())?;
        self.headers.insert(name, sensitive);
        self.used_once.push(value);
        Ok(())
    }
}

/// What an answer says beside its body.
#[derive(Clone, Copy)]
pub struct AnswerHeaders<'a> {
    headers: &'a HeaderMap,
    status: u16,
    bucket: Bucket,
}

impl<'a> AnswerHeaders<'a> {
    /// The header of this name, if it has one that is text.
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Its HTTP status.
    pub const fn status(self) -> u16 {
        self.status
    }

    /// Whether a token was asked for.
    pub fn is_for_token(self) -> bool {
        self.bucket == Bucket::Token
    }
}

/// `POST /oauth2/v1/token` (API.md §7.1): the one call that a client may make which otherwise only reads.
#[derive(Debug)]
pub struct TokenCall(pub(super) Request);

impl TokenCall {
    /// With these fields, each of which is secret.
    pub fn new(fields: &[(&str, SecretString)]) -> Self {
        let length = fields.iter().map(|(name, value)| {
            // Three bytes at most for each; a buffer that grows would leave unwiped copies behind.
            2 + 3 * (name.len() + value.expose_secret().len())
        });
        let mut form = Zeroizing::new(String::with_capacity(length.sum()));
        for (name, value) in fields {
            if !form.is_empty() {
                form.push('&');
            }
            push_encoded(&mut form, name);
            form.push('=');
            push_encoded(&mut form, value.expose_secret());
        }
        let secrets = fields.iter().map(|(_, value)| value.clone()).collect();
        Self(
            Self::shape()
                .with_body(RequestBody::form(form))
                .with_secrets(secrets),
        )
    }

    /// What any of them is like to whoever admits it.
    pub(super) fn shape() -> Request {
        Request::new(Method::Post, Bucket::Token, "/oauth2/v1/token".to_owned())
    }
}

/// What a client authorizes its requests with. Cheap to clone; clones have the same token.
#[derive(Clone)]
pub struct Authorization(Way);

#[derive(Clone)]
enum Way {
    /// The same header for each request: costs neither a lock nor memory.
    Header(HeaderValue),
    Made(Arc<Made>),
}

/// An authorizer, and whose turn it is to ask for its token.
pub(super) struct Made {
    pub(super) authorizer: Arc<dyn Authorizer>,
    pub(super) turn: Mutex<()>,
}

impl Authorization {
    /// A hash of the credentials, under a key that nobody else has: whether two have the same.
    pub fn hash(&self, key: &RandomState) -> u64 {
        match &self.0 {
            Way::Header(header) => key.hash_one(header),
            Way::Made(made) => key.hash_one(made.authorizer.identity().expose_secret()),
        }
    }

    /// What makes it, if it is made.
    pub(super) fn made(&self) -> Option<&Made> {
        match &self.0 {
            Way::Header(_) => None,
            Way::Made(made) => Some(made),
        }
    }

    /// What a request carries; what of that is of no use once it was sent is added to `used_once`.
    pub(super) fn of(
        &self,
        request: &Request,
        url: &Url,
        veil: &Veil,
        used_once: &mut Vec<SecretString>,
    ) -> Result<Carried, CallError> {
        match &self.0 {
            Way::Header(header) => Ok(Carried::Header(header.clone())),
            Way::Made(made) => {
                let mut authorizing = Authorizing {
                    method: request.method,
                    url,
                    bucket: request.bucket,
                    veil,
                    headers: HeaderMap::new(),
                    used_once,
                };
                made.authorizer.authorize(&mut authorizing)?;
                Ok(Carried::Made(authorizing.headers))
            }
        }
    }

    /// Sees an answer.
    pub(super) fn observe(&self, request: &Request, status: u16, headers: &HeaderMap) {
        if let Way::Made(made) = &self.0 {
            made.authorizer.observe(AnswerHeaders {
                headers,
                status,
                bucket: request.bucket,
            });
        }
    }

    /// Why a call failed.
    pub(super) fn explain(&self, request: &Request, error: CallError) -> CallError {
        match &self.0 {
            Way::Made(made) if error.denied.is_some() && request.bucket != Bucket::Token => {
                made.authorizer.explain(error)
            }
            _ => error,
        }
    }
}

/// What a request carries.
pub(super) enum Carried {
    Header(HeaderValue),
    Made(HeaderMap),
}

impl Carried {
    pub(super) fn put_on(self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Header(header) => request.header(AUTHORIZATION, header),
            Self::Made(headers) => request.headers(headers),
        }
    }
}

fn header(scheme: &str, secret: &SecretString) -> Result<HeaderValue, HttpError> {
    let secret = secret.expose_secret();
    if secret.is_empty() {
        return Err(HttpError::Credential("is empty"));
    }
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(HttpError::Credential(
            "holds a blank, a line break or another character a token cannot have",
        ));
    }
    let mut text = Zeroizing::new(Vec::with_capacity(scheme.len() + 1 + secret.len()));
    text.extend_from_slice(scheme.as_bytes());
    text.push(b' ');
    text.extend_from_slice(secret.as_bytes());
    sensitive(text).map_err(|_| HttpError::Credential("cannot be sent as a header"))
}

/// Handed over as shared bytes, so that the buffer is wiped with the last copy of the header.
fn sensitive(text: Zeroizing<Vec<u8>>) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))?;
    // Hides it from `Debug` and keeps it out of HTTP/2's header compression tables.
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let header = header("SSWS", &"s3cret".to_owned().into()).expect("a header");
        let credentials = Credentials::Bearer("s3cret".to_owned().into());
        let call = TokenCall::new(&[("client_assertion", "s3cret".into())]);
        let shown = format!("{header:?} {credentials:?} {call:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_secret_in_the_place_of_the_other_kind_is_seen() {
        for (token, as_api_token, as_access_token) in [
            ("00aBcDeF-_gHiJkLmNoPqRsTuVwXyZ0123456789aB", false, true),
            ("eyJraWQiOiJ4In0.eyJzdWIiOiJ5In0.c2ln", true, false),
            ("eyJraWQiOiJ4In0.c2ln", false, false),
            ("opaque", false, false),
            ("", false, false),
        ] {
            let secret = || token.to_owned().into();
            let swapped = (
                Credentials::Ssws(secret()).looks_swapped(),
                Credentials::Bearer(secret()).looks_swapped(),
            );
            assert_eq!(swapped, (as_api_token, as_access_token), "{token}");
        }
    }

    #[test]
    fn a_token_is_asked_for_with_a_form() {
        let call = TokenCall::new(&[
            ("grant_type", "client_credentials".into()),
            ("scope", "okta.apps.read okta.apps.manage".into()),
            ("client_assertion", "ey/+=&\u{e4}".into()),
        ]);
        let body = call.0.body().expect("a body");
        let form = "grant_type=client_credentials&scope=okta.apps.read%20okta.apps.manage\
                    &client_assertion=ey%2F%2B%3D%26%C3%A4";
        assert_eq!(&body.bytes()[..], form.as_bytes());
        assert_eq!(body.content_type(), "application/x-www-form-urlencoded");
        assert_eq!(call.0.label(), "POST /oauth2/v1/token");
        assert_eq!((call.0.bucket, call.0.secrets().len()), (Bucket::Token, 3));
    }
}
