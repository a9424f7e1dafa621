//! Credentials that are asked for each request: a token that is asked for at the org's pace, once for all, and a proof
//! of each request, with a nonce that any answer may replace.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use okta_rollout::engine::Engine;
use okta_rollout::model::EntryState;
use okta_rollout::okta::{
    AnswerHeaders, Authorizer, Authorizing, CallError, Class, Credentials, Exchange, TokenCall,
};
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::world::{World, entries, new_entries};

const KEY: &str = "key-of-the-service-app";

/// What one makes that demands a proof of each request.
#[derive(Default)]
struct Prover(Mutex<Proven>);

#[derive(Default)]
struct Proven {
    token: Option<(SecretString, Instant)>,
    nonce: Option<String>,
    /// Proofs and assertions that were made.
    made: u32,
    nonce_was_refused: bool,
}

impl Proven {
    fn next(&mut self) -> u32 {
        self.made += 1;
        self.made
    }
}

impl Authorizer for Prover {
    fn identity(&self) -> SecretString {
        KEY.into()
    }

    fn secrets(&self) -> Vec<SecretString> {
        vec![KEY.into()]
    }

    fn needs_token(&self) -> bool {
        self.0.lock().token.is_none()
    }

    fn token_call(&self) -> TokenCall {
        let assertion = format!("assertion-{}", self.0.lock().next());
        TokenCall::new(&[("client_assertion", assertion.into())])
    }

    fn take_token(&self, answer: Exchange) -> Result<(), CallError> {
        let mut proven = self.0.lock();
        match answer.outcome {
            Ok(body) => {
                let body: Value = serde_json::from_slice(body.bytes()).unwrap();
                let token = body["access_token"].as_str().unwrap();
                proven.token = Some((token.into(), Instant::now()));
                Ok(())
            }
            Err(error) if error.okta_error_code.as_deref() == Some("use_dpop_nonce") => {
                // Once: the answer brought one.
                let again = !std::mem::replace(&mut proven.nonce_was_refused, true);
                again.then_some(()).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    fn authorize(&self, request: &mut Authorizing<'_>) -> Result<(), CallError> {
        let mut proven = self.0.lock();
        let (no, nonce) = (proven.next(), proven.nonce.as_deref().unwrap_or("none"));
        let (method, path) = (request.method().name(), request.url().path());
        let proof = format!("proof {method} {path} {no} {nonce}");
        request.header("dpop", proof.into())?;
        if let Some((token, _)) = proven.token.as_ref().filter(|_| !request.is_for_token()) {
            request.cover(token);
            request.header(
                "authorization",
                format!("DPoP {}", token.expose_secret()).into(),
            )?;
        }
        Ok(())
    }

    fn observe(&self, answer: AnswerHeaders<'_>) {
        if let Some(nonce) = answer.get("dpop-nonce") {
            self.0.lock().nonce = Some(nonce.to_owned());
        }
    }

    fn refused(&self, answer: &Exchange) -> bool {
        let Err(error) = &answer.outcome else {
            return false;
        };
        if error.okta_error_code.as_deref() == Some("use_dpop_nonce") {
            return true;
        }
        let mut proven = self.0.lock();
        // Somebody else was refused before, and has another by now.
        proven.token.take_if(|(_, since)| answer.sent_at >= *since);
        error.class == Class::OrgStopped
    }
}

/// An org in front of the sandbox's that demands all this.
struct Front {
    sandbox: String,
    host: String,
    sandbox_token: String,
    http: reqwest::Client,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Each call in order, and what it was answered.
    calls: Vec<(String, u16)>,
    proofs: HashSet<String>,
    assertions: HashSet<String>,
    /// Tokens that were given so far; the last one is good.
    tokens: u32,
    /// Which nonce is good.
    nonce: u32,
    /// Calls that were let through.
    passed: u32,
    /// What went wrong on our side.
    unfit: Vec<String>,
}

impl Seen {
    fn nonce(&self) -> String {
        format!("nonce-{}", self.nonce)
    }

    fn demand(&self, status: StatusCode, error: &str) -> Response {
        let challenge = format!("DPoP error=\"{error}\"");
        let headers = [
            ("dpop-nonce", self.nonce()),
            ("www-authenticate", challenge),
        ];
        let body = json!({ "error": error, "error_description": "as the headers say" });
        (status, headers, axum::Json(body)).into_response()
    }

    /// The answer to a call that is not let through.
    fn judge(&mut self, call: &str, headers: &HeaderMap, body: &[u8]) -> Option<Response> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let proof = header("dpop").unwrap_or_default().to_owned();
        if !proof.starts_with(&format!("proof {call} ")) || !self.proofs.insert(proof.clone()) {
            self.unfit.push(format!("{call}: {proof}"));
        }
        let has_nonce = proof.ends_with(&format!(" {}", self.nonce()));
        if call == "POST /oauth2/v1/token" {
            if !self
                .assertions
                .insert(String::from_utf8_lossy(body).into_owned())
            {
                self.unfit.push("an assertion was used twice".to_owned());
            }
            let tries = self.assertions.len();
            return Some(if tries == 1 {
                let headers = [("x-rate-limit-limit", "0"), ("x-rate-limit-remaining", "0")];
                (StatusCode::TOO_MANY_REQUESTS, headers).into_response()
            } else if !has_nonce {
                self.demand(StatusCode::BAD_REQUEST, "use_dpop_nonce")
            } else {
                self.tokens += 1;
                axum::Json(json!({ "access_token": format!("token-number-{}", self.tokens) }))
                    .into_response()
            });
        }
        let good = format!("DPoP token-number-{}", self.tokens);
        if header("authorization") != Some(&good) {
            return Some(self.demand(StatusCode::UNAUTHORIZED, "invalid_token"));
        }
        if !has_nonce {
            return Some(self.demand(StatusCode::UNAUTHORIZED, "use_dpop_nonce"));
        }
        self.passed += 1;
        match self.passed {
            // From here on none is good, until there is a new one.
            15 => self.tokens += 1,
            30 => self.nonce += 1,
            _ => {}
        }
        // It repeats all that it was sent.
        call.ends_with("/apps/0oa00000000000000003/connections/default")
            .then(|| {
                let text = format!("{proof}, {good}, {KEY}");
                let body = json!({ "errorCode": "E0000001", "errorSummary": text });
                (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
            })
    }
}

async fn serve(State(front): State<Arc<Front>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let call = format!("{} {}", parts.method, parts.uri.path());
    let judged = front.seen.lock().judge(&call, &parts.headers, &body);
    let answer = match judged {
        Some(answer) => answer,
        None => front.pass_on(parts, body).await,
    };
    front
        .seen
        .lock()
        .calls
        .push((call, answer.status().as_u16()));
    answer
}

impl Front {
    async fn pass_on(&self, parts: axum::http::request::Parts, body: Bytes) -> Response {
        let url = format!("{}{}", self.sandbox, parts.uri);
        let mut call = self.http.request(parts.method, url).body(body);
        for name in ["content-type", "accept"] {
            if let Some(value) = parts.headers.get(name) {
                call = call.header(name, value);
            }
        }
        let token = format!("SSWS {}", self.sandbox_token);
        let call = call
            .header("host", &self.host)
            .header("authorization", token);
        let answer = call.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.unwrap();
        let mut passed = (status, body).into_response();
        for name in ["content-type", "date", "x-okta-request-id"] {
            if let Some(value) = headers.get(name) {
                passed.headers_mut().insert(name, value.clone());
            }
        }
        passed
    }

    async fn before(world: &World) -> (Arc<Self>, String) {
        let address = world.sandbox.address();
        let front = Arc::new(Self {
            sandbox: format!("http://{address}"),
            host: format!("acme.localhost:{}", address.port()),
            sandbox_token: world.sandbox.api_token("acme"),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            seen: Mutex::default(),
        });
        let router = Router::new().fallback(serve).with_state(Arc::clone(&front));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (front, url)
    }
}

#[tokio::test]
async fn a_token_is_shared_and_renewed_once_and_each_request_has_a_proof_of_its_own() {
    let world = World::of(20, "limit = 0").await;
    let (front, url) = Front::before(&world).await;
    let authorizer: Arc<dyn Authorizer> = Arc::new(Prover::default());
    let wanted = [entries(0..20), new_entries(10)].concat();
    let run = world.run_at("acme", &url, wanted).await;
    let run = run.with_credentials(Credentials::Authorizer(authorizer));
    run.drive(&Engine::new()).await.unwrap();

    let counts = run.counts().await;
    assert_eq!((counts.changed, counts.failed), (29, 1));
    let (rows, requests) = (run.rows().await, run.requests().await);
    let seen = front.seen.lock();
    assert_eq!(seen.unfit, Vec::<String>::new());
    // Refused for its rate, for want of a nonce, and given; later once more, although many calls were refused at once.
    let is_for_token = |(call, _): &&(String, u16)| call == "POST /oauth2/v1/token";
    let asked = seen
        .calls
        .iter()
        .filter(is_for_token)
        .map(|(_, status)| *status);
    assert_eq!(asked.collect::<Vec<_>>(), [429, 400, 200, 200]);
    assert!(seen.calls[..3].iter().all(|call| is_for_token(&call)));
    assert_eq!(seen.assertions.len(), 4);
    let refused = seen.calls.iter().filter(|(_, status)| *status == 401);
    assert!(refused.count() >= 2, "{:?}", seen.calls);
    // What was refused was not done, and what was done was done once.
    let org = world.sandbox.state("acme").unwrap();
    assert_eq!(org["apps"].as_array().unwrap().len(), 30);
    // All calls are on record, those for tokens, too.
    let attempts = rows.iter().flat_map(|(_, attempts)| attempts);
    let recorded = attempts.filter(|attempt| attempt.call == "POST /oauth2/v1/token");
    assert_eq!(recorded.count(), 4);
    assert_eq!(requests, seen.calls.len() as u64);
}

#[tokio::test]
async fn what_an_answer_repeats_of_it_is_not_seen() {
    let world = World::of(4, "limit = 0").await;
    let (_front, url) = Front::before(&world).await;
    let run = world.run_at("acme", &url, entries(3..4)).await;
    let run = run.with_credentials(Credentials::Authorizer(Arc::new(Prover::default())));
    run.drive(&Engine::new()).await.unwrap();
    let (row, _) = run.rows().await.remove(0);
    assert_eq!(row.state, EntryState::Failed);
    let error = row.error.unwrap().details;
    assert_eq!(error.message, "[redacted], [redacted], [redacted]");
}

/// One org, two runs and one who authorizes them: they share the token as they share what the org allows.
#[tokio::test]
async fn runs_share_a_token_as_they_share_what_the_org_allows() {
    let world = World::of(20, "limit = 0").await;
    let (front, url) = Front::before(&world).await;
    let engine = Engine::new();
    let mut runs = Vec::new();
    for (name, apps) in [("acme", 4..12), ("acme-prod", 12..20)] {
        let run = world.run_at(name, &url, entries(apps)).await;
        // Each has read the same key.
        runs.push(run.with_credentials(Credentials::Authorizer(Arc::new(Prover::default()))));
    }
    let (one, other) = tokio::join!(runs[0].drive(&engine), runs[1].drive(&engine));
    one.unwrap();
    other.unwrap();
    for run in &runs {
        assert_eq!(run.counts().await.changed, 8);
    }
    let seen = front.seen.lock();
    assert_eq!(seen.unfit, Vec::<String>::new());
    assert_eq!(seen.assertions.len(), 4);
}
