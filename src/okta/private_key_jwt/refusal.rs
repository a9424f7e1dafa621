//! What Okta says when it does not let a service app in, as people need it: which of scope, key, kid, audience, clock or
//! proof is wrong, by how much, and where to set it (API.md §7.3).

use super::super::error::{CallError, Class, Denied};
use super::assertion::ServiceApp;
use super::clock::Clock;

/// Where the Admin Console has a service app.
const APP: &str = "Admin Console, Applications, the app";

/// What an answer says of an assertion or a proof, by its words: its code is the same for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It was used before.
    Used,
    /// It is from another time.
    Clock,
    /// No key is registered under its `kid`.
    KeyId,
    /// It is signed with another key.
    Key,
    /// It is signed in another way.
    Algorithm,
    /// It is for another endpoint.
    Audience,
    /// No such client.
    Client,
    /// A client of another kind.
    Kind,
    /// The client's public keys are no use.
    PublicKeys,
    /// Anything else.
    Other,
}

/// Okta's words, in small letters, and what they are about; the first that fits counts.
const WORDS: [(&str, Fault); 22] = [
    ("already been used", Fault::Used),
    ("is expired", Fault::Clock),
    ("too far into the future", Fault::Clock),
    ("before the current time", Fault::Clock),
    ("in the future", Fault::Clock),
    ("five minutes in the past", Fault::Clock),
    ("'iat' claim", Fault::Clock),
    ("kid is invalid", Fault::KeyId),
    ("signature algorithm", Fault::Algorithm),
    ("signature is invalid", Fault::Key),
    ("audience", Fault::Audience),
    ("'htu' claim", Fault::Audience),
    ("application_type", Fault::Kind),
    ("auth_method", Fault::Kind),
    ("grant type", Fault::Kind),
    ("grant_type", Fault::Kind),
    ("jwks", Fault::PublicKeys),
    ("signing key", Fault::PublicKeys),
    ("'use' parameter", Fault::PublicKeys),
    ("issuer", Fault::Client),
    ("subject", Fault::Client),
    ("client", Fault::Client),
];

impl Fault {
    /// What this answer is about.
    pub fn of(error: &CallError) -> Self {
        let said = error.message.to_lowercase();
        let found = WORDS.iter().find(|(words, _)| said.contains(words));
        found.map_or(Self::Other, |(_, fault)| *fault)
    }
}

/// Whether Okta looked at what it was shown, and did not take it. Everything else is trouble that may pass.
pub(super) fn is_refusal(error: &CallError) -> bool {
    match error.class {
        Class::Refused => error
            .http_status
            .is_some_and(|status| (400..500).contains(&status)),
        Class::OrgStopped => matches!(error.http_status, Some(400 | 401 | 403)),
        _ => false,
    }
}

/// The token endpoint's refusal.
pub(super) fn of_token(app: &ServiceApp, clock: Clock, error: CallError) -> CallError {
    let ServiceApp { client_id, .. } = app;
    let scopes = app.scopes.join(" ");
    match error.okta_error_code.as_deref() {
        Some("consent_required") => Said::new(format!(
            "none of the scopes {scopes} is granted to the service app {client_id}"
        ))
        .outside(format!(
            "let a super administrator grant them ({APP}, Okta API Scopes)"
        ))
        .denying(Denied::Scopes(Some(scopes.into())))
        .of(error),
        Some("invalid_scope") => Said::new(format!(
            "Okta does not have one of the scopes {scopes} that the service app {client_id} asks for"
        ))
        .edit("correct `auth.privateKeyJwt.scopes` of the org")
        .denying(Denied::Scopes(Some(scopes.into())))
        .of(error),
        _ if matches!(error.denied, Some(Denied::Proof | Denied::Nonce)) => {
            of_proof(app, clock, error)
        }
        _ => of_assertion(app, clock, error),
    }
}

fn of_assertion(app: &ServiceApp, clock: Clock, error: CallError) -> CallError {
    let ServiceApp {
        client_id, key_id, ..
    } = app;
    let said = match Fault::of(&error) {
        Fault::Used => Said::new(format!(
            "Okta saw an assertion of the service app {client_id} twice, though each is made for one request"
        ))
        .outside("see what between here and Okta sends requests again"),
        Fault::Clock => Said::new(wrong_clock(app, clock, "the assertion")).outside(SET_CLOCK),
        Fault::KeyId => Said::new(format!(
            "the service app {client_id} has no active key with the kid {key_id}"
        ))
        .edit(format!(
            "make the kid of one of its active keys ({APP}, General, Public keys) the \
             `auth.privateKeyJwt.keyId` of the org, with that key behind {}",
            app.reference
        )),
        Fault::Key => Said::new(format!(
            "the private key is not the one that the service app {client_id} has as {key_id}; its thumbprint is {}",
            app.key.public().thumbprint()
        ))
        .outside(format!(
            "put the private key whose kid is {key_id} behind {}",
            app.reference
        )),
        Fault::Algorithm => Said::new(format!(
            "the service app {client_id} does not take assertions that are signed with {}",
            app.algorithm.name()
        ))
        .edit("take `auth.privateKeyJwt.algorithm` of the org out, or write what the app takes"),
        Fault::Audience => Said::new(format!(
            "the audience {} is not what Okta calls the token endpoint of this org",
            app.audience
        ))
        .edit("give the org's `url` as Okta has it, without -admin, or the custom domain that Okta knows"),
        Fault::Client => Said::new(format!(
            "Okta lets no service app {client_id} into this org"
        ))
        .edit(format!(
            "make the Client ID of an active app of type API Services ({APP}, General) the \
             `auth.privateKeyJwt.clientId` of the org"
        )),
        Fault::Kind => Said::new(format!(
            "the app {client_id} is no service app that shows itself with a private key"
        ))
        .outside(format!(
            "set the client authentication of an app of type API Services to `Public key / Private key` ({APP}, General)"
        )),
        Fault::PublicKeys => Said::new(format!(
            "Okta has no public key of the service app {client_id} to look at the assertion with"
        ))
        .outside(format!(
            "register the public key with the kid {key_id} ({APP}, General, Public keys)"
        )),
        Fault::Other => Said::new(format!("Okta does not let the service app {client_id} in"))
            .outside(format!("see whether it is active and whom it lets in ({APP}, General)")),
    };
    said.denying(Denied::Credentials).of(error)
}

/// A refusal of a proof, wherever it was shown.
fn of_proof(app: &ServiceApp, clock: Clock, error: CallError) -> CallError {
    let said = match Fault::of(&error) {
        Fault::Clock => Said::new(wrong_clock(app, clock, "the DPoP proof")).outside(SET_CLOCK),
        Fault::Audience => Said::new(
            "Okta does not take the DPoP proof, which is for another address than it has".to_owned(),
        )
        .edit("give the org's `url` as Okta has it, without -admin, or the custom domain that Okta knows"),
        _ => Said::new(format!(
            "Okta does not take the DPoP proof of the service app {}",
            app.client_id
        ))
        .outside(
            "see what between here and Okta changes requests or sends them again: a proof is for one request",
        ),
    };
    said.denying(Denied::Proof).of(error)
}

const SET_CLOCK: &str = "set the clock of this machine (timedatectl set-ntp true)";

fn wrong_clock(app: &ServiceApp, clock: Clock, what: &str) -> String {
    let clock = clock.told().map_or_else(
        || "no answer of the org shows how its clock differs from this machine's".to_owned(),
        |told| format!("the clock of this machine is {told}"),
    );
    format!(
        "Okta does not take the time in {what} of the service app {}: {clock}",
        app.client_id
    )
}

/// A refusal of any other call.
pub(super) fn of_call(
    app: &ServiceApp,
    clock: Clock,
    granted: Option<&[String]>,
    error: CallError,
) -> CallError {
    let ServiceApp { client_id, .. } = app;
    match error.denied.clone() {
        Some(Denied::Proof | Denied::Nonce) => of_proof(app, clock, error),
        Some(Denied::Scopes(Some(scopes))) => {
            let is_asked = scopes
                .split(' ')
                .all(|scope| app.scopes.iter().any(|asked| asked == scope));
            let has = granted.map_or_else(String::new, |granted| {
                format!(" (it has {})", granted.join(" "))
            });
            let said = if is_asked {
                Said::new(format!(
                    "the token of the service app {client_id} lacks the scope {scopes}, which it asks for{has} (insufficient_scope)"
                ))
                .outside(format!(
                    "let a super administrator grant it ({APP}, Okta API Scopes)"
                ))
                .alone()
            } else {
                Said::new(format!(
                    "the token of the service app {client_id} lacks the scope {scopes}, which it does not ask for{has} (insufficient_scope)"
                ))
                .edit(format!(
                    "add {scopes} to `auth.privateKeyJwt.scopes` of the org, and let a super administrator grant it \
                     ({APP}, Okta API Scopes)"
                ))
                .alone()
            };
            said.denying(Denied::Scopes(Some(scopes))).of(error)
        }
        Some(Denied::Role) => {
            let said = Said::new(format!(
                "the admin role of the service app {client_id} does not allow it"
            ));
            said.outside(format!(
                "give it an admin role that may manage apps ({APP}, Admin roles)"
            ))
            .denying(Denied::Role)
            .of(error)
        }
        Some(Denied::Credentials) => Said::new(format!(
            "Okta does not take the token that it gave to the service app {client_id}"
        ))
        .outside(format!("see whether it is active ({APP})"))
        .denying(Denied::Credentials)
        .of(error),
        _ => error,
    }
}

/// What is said instead of an answer's own words, which follow.
struct Said {
    message: String,
    denied: Option<Denied>,
    hint: Hint,
    /// Whether the answer's words say no more.
    is_all: bool,
}

enum Hint {
    Outside(String),
    Edit(String),
}

impl Said {
    fn new(message: String) -> Self {
        Self {
            message,
            denied: None,
            hint: Hint::Outside(String::new()),
            is_all: false,
        }
    }

    fn outside(mut self, hint: impl Into<String>) -> Self {
        self.hint = Hint::Outside(hint.into());
        self
    }

    fn edit(mut self, hint: impl Into<String>) -> Self {
        self.hint = Hint::Edit(hint.into());
        self
    }

    fn alone(mut self) -> Self {
        self.is_all = true;
        self
    }

    fn denying(mut self, denied: Denied) -> Self {
        self.denied = Some(denied);
        self
    }

    fn of(self, mut error: CallError) -> CallError {
        error.class = Class::OrgStopped;
        error.denied = self.denied;
        error.message = if self.is_all {
            self.message
        } else {
            format!("{}: {}", self.message, error.message)
        };
        match self.hint {
            Hint::Outside(hint) => error.hint(hint),
            Hint::Edit(hint) => error.edit(hint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Remedy;
    use crate::jose::{Algorithm, SigningKey};

    fn app() -> ServiceApp {
        ServiceApp {
            client_id: "0oa1".to_owned(),
            key_id: "k1".to_owned(),
            key: SigningKey::generate().expect("a key"),
            algorithm: Algorithm::Es256,
            scopes: vec!["okta.apps.read".to_owned()],
            audience: "https://acme.okta.com/oauth2/v1/token".to_owned(),
            reference: "file:/k.pem".to_owned(),
        }
    }

    fn refused(code: &str, said: &str, denied: Option<Denied>) -> CallError {
        let mut error = CallError::new(Class::OrgStopped, said);
        error.okta_error_code = Some(code.to_owned());
        error.http_status = Some(401);
        error.denied = denied;
        error
    }

    #[test]
    fn a_clock_is_told_with_how_much_it_is_wrong() {
        for (ahead_s, told) in [
            (
                Some(-600),
                "the clock of this machine is 10 min ahead of the org's",
            ),
            (
                Some(600),
                "the clock of this machine is 10 min behind the org's",
            ),
            (
                None,
                "no answer of the org shows how its clock differs from this machine's",
            ),
        ] {
            for said in [
                "The client_assertion token is expired",
                "The client_assertion token has an expiration too far into the future",
                "The client_assertion token must be issued before the current time",
            ] {
                let error = of_token(
                    &app(),
                    Clock { ahead_s },
                    refused("invalid_client", said, None),
                );
                let expected = format!(
                    "Okta does not take the time in the assertion of the service app 0oa1: {told}: {said}"
                );
                assert_eq!(error.message, expected);
                assert_eq!(error.details.hint.as_deref(), Some(SET_CLOCK));
                assert_eq!(error.class, Class::OrgStopped);
            }
            let proof = "The DPoP proof JWT is issued in the future (invalid_dpop_proof)";
            let error = refused("invalid_dpop_proof", proof, Some(Denied::Proof));
            let error = of_call(&app(), Clock { ahead_s }, None, error);
            assert!(error.message.contains(told), "{}", error.message);
            assert_eq!(error.denied, Some(Denied::Proof));
        }
    }

    #[test]
    fn okta_s_words_say_what_is_wrong() {
        for (said, fault) in [
            (
                "The client_assertion token has already been used",
                Fault::Used,
            ),
            ("The client_assertion JWT kid is invalid", Fault::KeyId),
            ("The client_assertion signature is invalid", Fault::Key),
            (
                "The client_assertion JWT signature algorithm is invalid",
                Fault::Algorithm,
            ),
            (
                "The audience claim for client_assertion must be the endpoint invoked for the request",
                Fault::Audience,
            ),
            (
                "The issuer claim for client_assertion is not a valid client_id",
                Fault::Client,
            ),
            (
                "The subject claim for client_assertion is not a valid client_id",
                Fault::Client,
            ),
            ("Invalid value for 'client_id' parameter", Fault::Client),
            (
                "Client authentication failed. Either the client or the client credentials are invalid",
                Fault::Client,
            ),
            (
                "Only clients with 'application_type' of 'service' may use the client_credentials 'grant_type' with the Org Authorization Server",
                Fault::Kind,
            ),
            (
                "The client does not have a JWKSet configured, but the client_assertion requires one",
                Fault::PublicKeys,
            ),
            (
                "Error retrieving the client JWKSet from jwks_uri",
                Fault::PublicKeys,
            ),
            (
                "'htu' claim in the DPoP proof JWT is invalid",
                Fault::Audience,
            ),
            ("'iat' claim in the DPoP proof JWT is invalid", Fault::Clock),
            ("The DPoP proof JWT has already been used", Fault::Used),
            ("something new", Fault::Other),
        ] {
            assert_eq!(
                Fault::of(&CallError::new(Class::Refused, said)),
                fault,
                "{said}"
            );
        }
    }

    #[test]
    fn trouble_that_may_pass_is_no_refusal() {
        let transient = Class::Transient { retry_after: None };
        for (class, status, is) in [
            (Class::OrgStopped, Some(401), true),
            (Class::Refused, Some(400), true),
            (Class::OrgStopped, Some(407), false),
            (Class::OrgStopped, None, false),
            (transient, Some(503), false),
            (Class::Unclear, Some(400), false),
            (Class::NotSent, None, false),
        ] {
            let mut error = CallError::new(class, "no");
            error.http_status = status;
            assert_eq!(is_refusal(&error), is, "{error:?}");
        }
    }

    #[test]
    fn where_an_edit_helps_the_file_is_run_again() {
        let refuse = |said| {
            of_token(
                &app(),
                Clock::default(),
                refused("invalid_client", said, None),
            )
        };
        assert_eq!(
            refuse("The client_assertion JWT kid is invalid").remedy,
            Remedy::Manifest
        );
        assert_eq!(
            refuse("The client_assertion signature is invalid").remedy,
            Remedy::Outside
        );
    }
}
