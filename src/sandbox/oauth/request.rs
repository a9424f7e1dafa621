//! A request for a token with an assertion (RFC 7523 §3, API.md §7.1).

use std::collections::HashMap;
use std::fmt;

use super::client::Known;
use super::jose::{Signed, is_known};
use super::refusal::OAuthRefusal;
use super::{OAuth, Use};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far ahead an assertion may end (seconds).
const MOST_AHEAD_S: i64 = 3600;

/// A request as its form has it.
#[derive(Debug)]
pub(in super::super) struct TokenRequest {
    fields: HashMap<String, String>,
}

/// What it is held against.
pub(in super::super) struct Expected<'a> {
    /// The service app of an id.
    pub known: &'a dyn Fn(&str) -> Option<Known>,
    /// The endpoint, as assertions have to name it.
    pub audience: &'a str,
    pub now_s: i64,
}

impl fmt::Debug for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expected")
            .field("audience", &self.audience)
            .field("now_s", &self.now_s)
            .finish_non_exhaustive()
    }
}

impl TokenRequest {
    /// Reads a form.
    pub fn read(body: &[u8]) -> Result<Self, OAuthRefusal> {
        let mut fields = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            if fields
                .insert(name.into_owned(), value.into_owned())
                .is_some()
            {
                return Err(OAuthRefusal::bad(
                    "invalid_request",
                    "The request contained multiple parameters with the same name.",
                ));
            }
        }
        Ok(Self { fields })
    }

    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// Whose it is.
    pub fn client(
        &self,
        expected: &Expected<'_>,
        oauth: &mut OAuth,
    ) -> Result<(String, Known), OAuthRefusal> {
        if self.field("grant_type") != "client_credentials" {
            return Err(OAuthRefusal::bad(
                "unsupported_grant_type",
                "The authorization grant type is not supported by the authorization server.",
            ));
        }
        if self.field("client_assertion_type") != ASSERTION_TYPE {
            return Err(OAuthRefusal::client(
                "Client Credentials requests to the Org Authorization Server must use the private_key_jwt token_endpoint_auth_method.",
            ));
        }
        let refuse = OAuthRefusal::client;
        let assertion = Signed::read(self.field("client_assertion"))
            .ok_or(refuse("The parsing of the client_assertion failed."))?;
        if !is_known(assertion.algorithm()) {
            return Err(refuse(
                "The client_assertion JWT signature algorithm is invalid.",
            ));
        }
        let issuer = assertion.text("iss").unwrap_or_default();
        let client = (expected.known)(issuer).ok_or(refuse(
            "The issuer claim for client_assertion is not a valid client_id.",
        ))?;
        if assertion.text("sub") != Some(issuer) {
            return Err(refuse(
                "The subject claim for client_assertion is not a valid client_id.",
            ));
        }
        let keys = client.keys.as_ref().map_err(|&why| refuse(why))?;
        if keys.is_empty() {
            return Err(refuse(
                "The client does not have a JWKSet configured, but the client_assertion requires one.",
            ));
        }
        let kid = &assertion.header["kid"];
        let key = keys
            .iter()
            .find(|key| kid.is_string() && key["kid"] == *kid);
        let key = key.ok_or(refuse("The client_assertion JWT kid is invalid."))?;
        if !assertion.is_of(key) {
            return Err(refuse("The client_assertion signature is invalid."));
        }
        if assertion.text("aud") != Some(expected.audience) {
            return Err(refuse(
                "The audience claim for client_assertion must be the endpoint invoked for the request.",
            ));
        }
        in_time(&assertion, expected.now_s)?;
        if let Some(id) = assertion.text("jti") {
            let until = expected.now_s + MOST_AHEAD_S;
            let used = oauth.note(format!("assertion {issuer} {id}"), until, expected.now_s);
            if used == Use::Again {
                return Err(refuse("The client_assertion token has already been used."));
            }
        }
        Ok((issuer.to_owned(), client))
    }

    /// Of the scopes that it asks for, those that the client has.
    pub fn scopes(&self, client: &Known) -> Result<Vec<String>, OAuthRefusal> {
        let mut asked = self.field("scope").split_whitespace().peekable();
        if asked.peek().is_none() {
            return Err(OAuthRefusal::bad(
                "invalid_scope",
                "The authorization server resource does not have any configured default scopes, 'scope' must be provided.",
            ));
        }
        let mut granted = Vec::new();
        for scope in asked {
            if !scope.starts_with("okta.") {
                return Err(OAuthRefusal::bad(
                    "invalid_scope",
                    "One or more scopes are not configured for the authorization server resource.",
                ));
            }
            if client.scopes.iter().any(|has| has == scope) {
                granted.push(scope.to_owned());
            }
        }
        if granted.is_empty() {
            return Err(OAuthRefusal::bad(
                "consent_required",
                "You are not allowed any of the requested scopes.",
            ));
        }
        Ok(granted)
    }
}

fn in_time(assertion: &Signed<'_>, now_s: i64) -> Result<(), OAuthRefusal> {
    let refuse = OAuthRefusal::client;
    let ends = assertion.claims["exp"].as_i64().ok_or(refuse(
        "The client_assertion must contain the 'exp' claim as seconds since epoch.",
    ))?;
    if ends <= now_s {
        return Err(refuse("The client_assertion token is expired."));
    }
    if ends - now_s > MOST_AHEAD_S {
        return Err(refuse(
            "The client_assertion token has an expiration too far into the future.",
        ));
    }
    if assertion.claims["iat"]
        .as_i64()
        .is_some_and(|issued| issued > now_s)
    {
        return Err(refuse(
            "The client_assertion token must be issued before the current time.",
        ));
    }
    Ok(())
}
