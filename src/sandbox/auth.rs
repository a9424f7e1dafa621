//! Who may ask what (API.md §7.3): token, scope, admin role, media types, in this order.

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};

use super::answer::Refusal;
use super::oauth::{Issued, OAuth, Sent};
use super::org::Org;
use super::rights::{Rights, lists};
use super::settings::Switches;
use super::world::now_ms;

/// What a request is held against.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    pub org: &'a Org,
    /// Names the org in challenges.
    pub origin: &'a str,
    pub switches: &'a Switches,
    /// The route, with placeholders.
    pub operation: &'a str,
    /// The org's clock, Unix seconds.
    pub now_s: i64,
}

/// How a request is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// To do and to see what it asks for, with these rights.
    Whole(Rights),
    /// To see nothing: there is an empty list for who lacks the role (API.md §6).
    Blind,
}

/// Whom a request is let in as.
enum Who {
    /// Whoever has the org's API token.
    Administrator,
    /// A service app.
    ServiceApp(Issued),
}

impl Claim<'_> {
    /// Whether the request may continue to its handler.
    pub(super) fn check(&self, parts: &Parts, body: &Bytes) -> Result<Entry, Refusal> {
        if self.operation.ends_with("/jwks") {
            // The hub fetches the keys without the spoke's credentials (API.md §3.5).
            return Ok(Entry::Whole(Rights::Nothing));
        }
        if self.operation == "/oauth2/v1/token" {
            // It is there to be let in, and takes a form.
            return Ok(Entry::Whole(Rights::Nothing));
        }
        let who = self.authenticate(parts)?;
        let scopes = scopes(&parts.method, self.operation);
        let [scope, ..] = scopes;
        let is_missing = self.switches.missing_scopes.iter().any(|s| s == scope);
        let lacks = |app: &Issued| {
            let has = |scope: &&str| app.scopes.iter().any(|has| has == scope);
            !scopes.iter().any(has)
        };
        if is_missing || matches!(&who, Who::ServiceApp(app) if lacks(app)) {
            let challenge = self.challenge(
                "Bearer",
                &format!(
                    "scope=\"{scope}\", error=\"insufficient_scope\", error_description=\"The access \
                     token provided does not contain the required scopes.\""
                ),
            );
            return Err(Refusal::bare(StatusCode::FORBIDDEN, &challenge));
        }
        let entry = self.role(&who, &parts.method)?;
        media_types(&parts.headers, body)?;
        Ok(entry)
    }

    /// Whether an admin role allows it.
    fn role(&self, who: &Who, method: &Method) -> Result<Entry, Refusal> {
        let rights = match who {
            Who::Administrator => Rights::Everything,
            Who::ServiceApp(app) => {
                let rights = self.org.rights(&app.client, now_ms());
                // What was deleted takes its tokens along.
                rights.ok_or_else(|| self.invalid_token("Bearer"))?
            }
        };
        if rights.allow(method, self.operation) && !self.switches.missing_role {
            Ok(Entry::Whole(rights))
        } else if self.switches.empty_without_role && lists(method, self.operation) {
            Ok(Entry::Blind)
        } else {
            Err(Refusal::forbidden())
        }
    }

    fn invalid_token(&self, scheme: &str) -> Refusal {
        let why = "error=\"invalid_token\", error_description=\"The access token is invalid.\"";
        Refusal::invalid_token().challenge(&self.challenge(scheme, why))
    }

    fn authenticate(&self, parts: &Parts) -> Result<Who, Refusal> {
        let given = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let (scheme, token) = match given.split_once(' ') {
            Some((scheme @ ("Bearer" | "DPoP"), token)) => (scheme, token),
            // Okta's Python SDK 3.4 leaves out the space, so Okta cannot insist on it.
            _ => (
                "SSWS",
                given.strip_prefix("SSWS").unwrap_or_default().trim_start(),
            ),
        };
        if *token == *self.org.token && scheme != "DPoP" && !self.switches.revoked_token {
            return Ok(Who::Administrator);
        }
        let invalid = || match scheme {
            "SSWS" => Refusal::invalid_token(),
            scheme => self.invalid_token(scheme),
        };
        if scheme == "SSWS" || self.switches.revoked_token {
            return Err(invalid());
        }
        let mut oauth = self.org.oauth();
        let issued = oauth.token(token, self.now_s).ok_or_else(invalid)?;
        match (&issued.key, scheme) {
            (None, "Bearer") => Ok(Who::ServiceApp(issued)),
            (Some(key), "DPoP") => {
                let url = format!("{}{}", self.origin, parts.uri.path());
                let sent = Sent {
                    method: parts.method.as_str(),
                    url: &url,
                    token: Some(token),
                    now_s: self.now_s,
                };
                self.is_proven(sent, &parts.headers, key, &mut oauth)?;
                Ok(Who::ServiceApp(issued))
            }
            // A token is sent as it was given.
            _ => Err(invalid()),
        }
    }

    fn is_proven(
        &self,
        sent: Sent<'_>,
        headers: &HeaderMap,
        key: &str,
        oauth: &mut OAuth,
    ) -> Result<(), Refusal> {
        let refuse = |status, error: &str, why: &str| {
            let why = format!("error=\"{error}\", error_description=\"{why}\"");
            Refusal::bare(status, &self.challenge("DPoP", &why))
        };
        let proof = |why: &str| refuse(StatusCode::BAD_REQUEST, "invalid_dpop_proof", why);
        let now_s = sent.now_s;
        let proven = sent.proven(headers, oauth).map_err(proof)?;
        if proven.key != key {
            return Err(proof(
                "The access_token is not bound to the provided DPoP proof.",
            ));
        }
        let nonce = proven.nonce.as_deref().unwrap_or_default();
        if self.switches.nonce_for_calls && !self.org.takes_nonce(nonce, now_s) {
            let wanted = "Resource server requires nonce in DPoP proof.";
            return Err(refuse(StatusCode::UNAUTHORIZED, "use_dpop_nonce", wanted)
                .with_nonce(&self.org.nonce(now_s)));
        }
        Ok(())
    }

    fn challenge(&self, scheme: &str, why: &str) -> String {
        let origin = self.origin;
        format!(
            "{scheme} authorization_uri=\"{origin}/oauth2/v1/authorize\", realm=\"{origin}\", {why}"
        )
    }
}

/// The scopes of an operation (API.md §1), any of which will do; the first is the one that a refusal names. Who may
/// manage may read, too.
fn scopes(method: &Method, operation: &str) -> &'static [&'static str; 2] {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let (read, manage) = if operation.ends_with("/grants") {
        (
            &["okta.appGrants.read", "okta.appGrants.manage"],
            &["okta.appGrants.manage"; 2],
        )
    } else if operation.ends_with("/roles") {
        (
            &["okta.roles.read", "okta.roles.manage"],
            &["okta.roles.manage"; 2],
        )
    } else if operation.starts_with("/oauth2/v1/clients") {
        (
            &["okta.clients.read", "okta.clients.manage"],
            if *method == Method::POST {
                &["okta.clients.register"; 2]
            } else {
                &["okta.clients.manage"; 2]
            },
        )
    } else if operation.starts_with("/api/v1/idps") {
        (
            &["okta.idps.read", "okta.idps.manage"],
            &["okta.idps.manage"; 2],
        )
    } else {
        (
            &["okta.apps.read", "okta.apps.manage"],
            &["okta.apps.manage"; 2],
        )
    };
    if reads { read } else { manage }
}

/// JSON only, both ways.
fn media_types(headers: &HeaderMap, body: &Bytes) -> Result<(), Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_json = |media_type: &str| {
        let bare = media_type.split(';').next().unwrap_or_default().trim();
        bare.eq_ignore_ascii_case("application/json")
    };
    if !body.is_empty() {
        let given = text(header::CONTENT_TYPE).ok_or_else(|| Refusal::media_type(true))?;
        if !is_json(given) {
            return Err(Refusal::media_type(false));
        }
    }
    match text(header::ACCEPT) {
        Some(accept)
            if !accept.split(',').any(|one| {
                is_json(one) || one.trim().starts_with("*/*") || one.contains("application/*")
            }) =>
        {
            Err(Refusal::media_type(false))
        }
        _ => Ok(()),
    }
}
