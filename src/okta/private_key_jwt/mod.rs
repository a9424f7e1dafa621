//! Authenticates as a service app (API.md §7.1): asks for tokens with assertions that are signed with its key, renews
//! them before they end, and proves each request where Okta wants that (§7.2). One is shared by all who call the org.
//!
//! Whatever can be mended from here is mended once before it is told: another nonce, another clock, a proof where none
//! was shown.

mod assertion;
mod clock;
mod refusal;
mod token;

use std::sync::Arc;

use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::answer::Exchange;
use super::authorizer::{AnswerHeaders, Authorizer, Authorizing, TokenCall};
use super::dpop::{About, Prover};
use super::error::{CallError, Class, Denied};
use crate::jose::CannotSign;
use crate::manifest;
use assertion::ServiceApp;
use clock::Clock;
use refusal::Fault;
use token::{Scheme, Token};

/// Longest nonce that is kept (bytes); Okta's have some 40.
const MOST_NONCE: usize = 1024;

/// How it is asked for a token (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Authenticates as a service app.
pub struct PrivateKeyJwt {
    app: ServiceApp,
    identity: SecretString,
    /// The private key, as it was read.
    text: SecretString,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    clock: Clock,
    prover: Option<Arc<Prover>>,
    /// What the token endpoint wants to see in proofs.
    token_nonce: Option<String>,
    /// What other calls are to have in theirs.
    call_nonce: Option<String>,
    /// What the last call for a token was made with.
    asked: Asked,
    /// What was mended since a token was given.
    mended: Mended,
    /// The scopes of the last token.
    scopes: Option<Vec<String>>,
    /// Whether the next token is there because the last one was refused.
    was_refused: bool,
}

#[derive(Default)]
struct Asked {
    clock: Clock,
    nonce: Option<String>,
    was_proven: bool,
}

/// Each is mended once: what is refused again is refused for good.
#[derive(Default)]
struct Mended {
    clock: bool,
    nonce: bool,
    reuse: bool,
}

impl PrivateKeyJwt {
    /// Of an org at this origin.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn new(
        jwt: &manifest::PrivateKeyJwt,
        key: manifest::ServiceKey,
        origin: &str,
    ) -> Result<Self, CannotSign> {
        let manifest::ServiceKey {
            key,
            algorithm,
            text,
        } = key;
        let app = ServiceApp {
            client_id: jwt.client_id.clone(),
            key_id: jwt.key_id.clone(),
            key,
            algorithm,
            scopes: jwt.scopes.clone(),
            audience: format!("{}/oauth2/v1/token", origin.trim_end_matches('/')),
            reference: jwt.key.as_str().to_owned(),
        };
        // Whether it signs is known before anything is sent.
        app.assertion(0)?;
        let prover = if jwt.dpop {
            Some(Arc::new(Prover::new()?))
        } else {
            None
        };
        let scopes = jwt.scopes.join(" ");
        let said = [
            jwt.client_id.as_str(),
            &jwt.key_id,
            algorithm.name(),
            &scopes,
            if jwt.dpop { "dpop" } else { "" },
            &app.audience,
            text.expose_secret(),
        ]
        .join("\n");
        Ok(Self {
            app,
            identity: said.into(),
            text,
            state: Mutex::new(State {
                prover,
                ..State::default()
            }),
        })
    }
}

impl Authorizer for PrivateKeyJwt {
    fn identity(&self) -> SecretString {
        self.identity.clone()
    }

    fn secrets(&self) -> Vec<SecretString> {
        vec![self.text.clone()]
    }

    fn needs_token(&self) -> bool {
        let state = self.state.lock();
        let token = state.token.as_ref();
        token.is_none_or(|token| Instant::now() >= token.renews)
    }

    fn token_call(&self) -> TokenCall {
        let clock = {
            let mut state = self.state.lock();
            state.asked.clock = state.clock;
            state.clock
        };
        // It signed before; if it ever does not, Okta says that there is no assertion.
        let assertion = self.app.assertion(clock.now_s()).unwrap_or_default();
        TokenCall::new(&[
            ("grant_type", "client_credentials".into()),
            ("scope", self.app.scopes.join(" ").into()),
            ("client_assertion_type", ASSERTION_TYPE.into()),
            ("client_assertion", assertion),
        ])
    }

    fn take_token(&self, answer: Exchange) -> Result<(), CallError> {
        let mut state = self.state.lock();
        match answer.outcome {
            Ok(body) => {
                let proven = if state.asked.was_proven {
                    Scheme::Dpop
                } else {
                    Scheme::Bearer
                };
                let token = Token::read(body, proven)?;
                state.mended = Mended::default();
                let scopes = token.scopes.clone();
                state.scopes = Some(scopes.unwrap_or_else(|| self.app.scopes.clone()));
                state.token = Some(Token {
                    follows_refusal: std::mem::take(&mut state.was_refused),
                    ..token
                });
                Ok(())
            }
            Err(error) if !refusal::is_refusal(&error) => Err(error),
            Err(error) => {
                if state.mend(&error)? {
                    return Ok(());
                }
                // Whoever comes next has perhaps changed something.
                state.mended = Mended::default();
                Err(refusal::of_token(&self.app, state.clock, error))
            }
        }
    }

    fn authorize(&self, request: &mut Authorizing<'_>) -> Result<(), CallError> {
        let is_for_token = request.is_for_token();
        let (prover, clock, nonce, token) = {
            let mut state = self.state.lock();
            let (prover, clock) = (state.prover.clone(), state.clock);
            if is_for_token {
                let nonce = state.token_nonce.clone();
                state.asked.nonce.clone_from(&nonce);
                state.asked.was_proven = prover.is_some();
                (prover, clock, nonce, None)
            } else {
                let token = state.token.as_ref();
                let token = token.map(|token| (token.scheme, token.value.clone(), token.header()));
                (prover, clock, state.call_nonce.clone(), token)
            }
        };
        let is_proven = match &token {
            None => is_for_token,
            Some((scheme, ..)) => *scheme == Scheme::Dpop,
        };
        if let Some(prover) = prover.filter(|_| is_proven) {
            let about = About {
                now_s: clock.now_s(),
                nonce: nonce.as_deref(),
                token: token.as_ref().map(|(_, value, _)| value),
            };
            prover.prove(request, &about)?;
        }
        if let Some((_, value, header)) = token {
            request.cover(&value);
            request.header("authorization", header)?;
        }
        Ok(())
    }

    fn observe(&self, answer: AnswerHeaders<'_>) {
        let mut state = self.state.lock();
        state.clock.learn(answer);
        let nonce = answer.get("dpop-nonce").filter(|nonce| {
            // RFC 9449 §8.1.
            let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
            (1..=MOST_NONCE).contains(&nonce.len()) && nonce.bytes().all(fits)
        });
        if let Some(nonce) = nonce {
            let kept = if answer.is_for_token() {
                &mut state.token_nonce
            } else {
                &mut state.call_nonce
            };
            if kept.as_deref() != Some(nonce) {
                *kept = Some(nonce.to_owned());
            }
        }
        if (200..300).contains(&answer.status())
            && !answer.is_for_token()
            && let Some(token) = &mut state.token
        {
            token.was_accepted = true;
        }
    }

    fn refused(&self, answer: &Exchange) -> bool {
        let Err(error) = &answer.outcome else {
            return false;
        };
        let mut state = self.state.lock();
        match error.denied {
            Some(Denied::Nonce) => state.call_nonce.is_some(),
            // With another time, and as one that was never sent.
            Some(Denied::Proof) => state.prover.is_some(),
            Some(Denied::Credentials) if answer.status == Some(401) => state.drop_token(answer),
            _ => false,
        }
    }

    fn explain(&self, error: CallError) -> CallError {
        let mut state = self.state.lock();
        let scopes = state.scopes.as_deref();
        let explained = refusal::of_call(&self.app, state.clock, scopes, error);
        if matches!(explained.denied, Some(Denied::Scopes(_))) {
            // Scopes that are granted from now on are only in a new one.
            state.token = None;
        }
        explained
    }

    fn scopes(&self) -> Option<Vec<String>> {
        self.state.lock().scopes.clone()
    }
}

impl State {
    /// Whether there is something to do about a refused call for a token, and it is done.
    fn mend(&mut self, error: &CallError) -> Result<bool, CallError> {
        let fault = Fault::of(error);
        if fault == Fault::Used {
            return Ok(!std::mem::replace(&mut self.mended.reuse, true));
        }
        if fault == Fault::Clock && self.clock.moved_since(self.asked.clock) {
            return Ok(!std::mem::replace(&mut self.mended.clock, true));
        }
        match error.denied {
            Some(Denied::Proof | Denied::Nonce) if self.prover.is_none() => {
                let prover = Prover::new()
                    .map_err(|error| CallError::new(Class::Refused, error.to_string()))?;
                self.prover = Some(Arc::new(prover));
                Ok(true)
            }
            Some(Denied::Nonce) if self.token_nonce != self.asked.nonce => {
                Ok(!std::mem::replace(&mut self.mended.nonce, true))
            }
            _ => Ok(false),
        }
    }

    /// Whether a call that was refused for its token is worth another one; its token is dropped if it is the last.
    fn drop_token(&mut self, answer: &Exchange) -> bool {
        match &self.token {
            // Somebody else was refused before, and has another by now.
            Some(token) if answer.sent_at < token.since => true,
            Some(token) if token.follows_refusal && !token.was_accepted => false,
            _ => {
                self.token = None;
                self.was_refused = true;
                true
            }
        }
    }
}
