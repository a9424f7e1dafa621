//! What every API request passes before a handler sees it and every answer after: org by `Host`,
//! concurrency and rate limits, faults, authentication, media types, latency, Okta's headers, journal.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};

use super::answer::{self, Refusal, with_type};
use super::auth::{Claim, Entry};
use super::caller::Caller;
use super::faults::Fault;
use super::journal::Call;
use super::latency;
use super::limits::Taken;
use super::org::{Admission, Org};
use super::role_edits::edited;
use super::serve::Cut;
use super::settings::Switches;
use super::world::{World, now_ms};

/// Largest body a request may have; Okta's own limit is not published.
const BODY_MAX: usize = 1024 * 1024;

/// What a proxy says when Okta is not there.
const GATEWAY_PAGE: &str = "<html><head><title>502 Bad Gateway</title></head>\
    <body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>";

/// What a captive portal says in Okta's place.
const PORTAL_PAGE: &str = "<html><body>Please sign in to the network.</body></html>";

/// What nginx says to a POST without length.
const LENGTH_PAGE: &str = "<html><head><title>411 Length Required</title></head>\
    <body><center><h1>411 Length Required</h1></center><hr><center>nginx</center></body></html>";

/// The middleware around all API routes.
pub(super) async fn gate(
    State(world): State<Arc<World>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(caller) = world.caller(request.headers()) else {
        return Refusal::no_such_path().into_response();
    };
    if lacks_length(request.method(), request.headers()) {
        return with_type(StatusCode::LENGTH_REQUIRED, "text/html", LENGTH_PAGE);
    }
    let (parts, body) = request.into_parts();
    let switches = caller.org.switches();
    let clock_ms = now_ms() + i64::from(switches.clock_skew_s) * 1000;
    let Some(in_flight) = caller.org.enter(&switches) else {
        let answer = Refusal::rate_limited().into_response();
        let answer = finish(answer, concurrency(clock_ms), clock_ms);
        return note(&caller.org, &parts, None, answer);
    };
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let admission = caller.org.admit(method, path, &switches, clock_ms);
    let visit = Visit {
        world,
        caller,
        switches,
        admission,
        next,
    };
    let org = Arc::clone(&visit.caller.org);
    let noted = parts.clone();
    let answer = visit.answer(parts, body).await;
    drop(in_flight);
    let taken = match admission.fault {
        Some(Fault::Concurrency) => concurrency(clock_ms),
        _ => admission.taken,
    };
    note(
        &org,
        &noted,
        admission.fault,
        finish(answer, taken, clock_ms),
    )
}

/// One request with everything that decides about it.
struct Visit {
    world: Arc<World>,
    caller: Caller,
    switches: Arc<Switches>,
    admission: Admission,
    next: Next,
}

impl Visit {
    async fn answer(self, mut parts: Parts, body: Body) -> Response {
        if !self.admission.taken.granted {
            return Refusal::rate_limited().into_response();
        }
        if let Some(fault) = self.admission.fault
            && !fault.applies()
        {
            if fault == Fault::Hang {
                // Nothing comes back from there that could be noted later.
                note(&self.caller.org, &parts, Some(fault), cut(Cut::Close));
            }
            return instead(fault).await;
        }
        let Ok(body) = to_bytes(body, BODY_MAX).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let claim = Claim {
            org: &self.caller.org,
            origin: &self.caller.origin,
            switches: &self.switches,
            operation: operation(&parts),
            now_s: (now_ms() + i64::from(self.switches.clock_skew_s) * 1000).div_euclid(1000),
        };
        let entry = match claim.check(&parts, &body) {
            Ok(entry) => entry,
            Err(refused) => return refused.into_response(),
        };
        let fault = self.admission.fault;
        let answer = match entry {
            Entry::Whole(rights) => {
                parts.extensions.insert(rights);
                self.apply(parts, body).await
            }
            Entry::Blind => answer::nothing(),
        };
        match fault {
            Some(Fault::LostAnswer) => cut(Cut::Close),
            Some(Fault::AppliedError) => Refusal::internal().into_response(),
            Some(Fault::Truncated) => truncated(answer).await,
            _ => answer,
        }
    }

    /// Runs the handler, after as long as the call takes. A call that takes time continues when its
    /// client goes away, as Okta's would.
    async fn apply(self, parts: Parts, body: Bytes) -> Response {
        let Self {
            world,
            caller,
            switches,
            admission,
            next,
        } = self;
        let settings = &world.settings;
        let turn = admission.turn.to_string();
        let takes = latency::draw(
            switches.latency.unwrap_or(settings.latency),
            parts.method.as_str(),
            operation(&parts),
            settings.seed,
            &["latency", &caller.org.name, &turn],
        );
        let edit = match edited(parts.method.as_str(), parts.uri.path()) {
            None => None,
            Some(client) => match caller.org.role_edits.begin(client) {
                None => return Refusal::roles_in_use().into_response(),
                edit => edit,
            },
        };
        let mut request = Request::from_parts(parts, Body::from(body));
        request.extensions_mut().insert(caller);
        let work = async move {
            if takes > Duration::ZERO {
                tokio::time::sleep(takes).await;
            }
            let answer = next.run(request).await;
            drop(edit);
            answer
        };
        if takes == Duration::ZERO {
            return work.await;
        }
        let work = tokio::spawn(work);
        work.await
            .unwrap_or_else(|_| Refusal::internal().into_response())
    }
}

/// The answer of a fault that keeps the request from being applied.
async fn instead(fault: Fault) -> Response {
    match fault {
        Fault::ServerError => Refusal::internal().into_response(),
        Fault::Unavailable => Refusal::read_only().into_response(),
        Fault::BadGateway => with_type(StatusCode::BAD_GATEWAY, "text/html", GATEWAY_PAGE),
        Fault::ForeignBody => with_type(StatusCode::OK, "text/html", PORTAL_PAGE),
        Fault::Reset => cut(Cut::Reset),
        // Ends when the client hangs up: its connection, and this with it, is dropped then.
        Fault::Hang => std::future::pending().await,
        Fault::RateLimit | Fault::Concurrency => Refusal::rate_limited().into_response(),
        Fault::LostAnswer | Fault::AppliedError | Fault::Truncated => cut(Cut::Close),
    }
}

fn cut(how: Cut) -> Response {
    let mut answer = Response::default();
    answer.extensions_mut().insert(how);
    answer
}

/// The answer with its full length announced and half of it sent; one without body is lost whole.
async fn truncated(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return cut(Cut::Close);
    };
    if body.is_empty() {
        return cut(Cut::Close);
    }
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let half = stream::once(std::future::ready(Ok(body.slice(..body.len() / 2))));
    let end = stream::once(async {
        // Lets what is there go out before the connection breaks.
        tokio::task::yield_now().await;
        Err(Cut::Close)
    });
    Response::from_parts(parts, Body::from_stream(half.chain(end)))
}

fn lacks_length(method: &Method, headers: &HeaderMap) -> bool {
    matches!(*method, Method::POST | Method::PUT)
        && !headers.contains_key(header::CONTENT_LENGTH)
        && !headers.contains_key(header::TRANSFER_ENCODING)
}

/// Headers of the concurrency 429: nothing but a guess when to come back (API.md §10.1).
const fn concurrency(clock_ms: i64) -> Taken {
    Taken {
        limit: 0,
        remaining: 0,
        resets_ms: clock_ms + 1_000,
        granted: false,
    }
}

/// Adds what every answer of Okta has.
fn finish(mut answer: Response, taken: Taken, clock_ms: i64) -> Response {
    const RECORDED: [(HeaderName, &str); 5] = [
        (header::SERVER, "nginx"),
        (header::CACHE_CONTROL, "no-cache, no-store"),
        (header::PRAGMA, "no-cache"),
        (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (
            HeaderName::from_static("accept-ch"),
            "Sec-CH-UA-Platform-Version",
        ),
    ];
    let headers = answer.headers_mut();
    for (name, value) in RECORDED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in [
        ("x-rate-limit-limit", i64::from(taken.limit)),
        ("x-rate-limit-remaining", i64::from(taken.remaining)),
        // Whole seconds, cut: recorded resets are at most a window ahead of `Date` (API.md §10.1).
        ("x-rate-limit-reset", taken.resets_ms.div_euclid(1_000)),
    ] {
        headers.insert(name, HeaderValue::from(value));
    }
    let seconds = u64::try_from(clock_ms / 1000).unwrap_or_default();
    let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(seconds));
    let id = format!("{:032x}", rand::random::<u128>());
    for (name, text) in [
        (header::DATE, date),
        (HeaderName::from_static("x-okta-request-id"), id),
    ] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
    answer
}

/// The route a request took, with placeholders; its path where it took none.
fn operation(parts: &Parts) -> &str {
    parts
        .extensions
        .get::<MatchedPath>()
        .map_or_else(|| parts.uri.path(), MatchedPath::as_str)
}

fn note(org: &Org, parts: &Parts, fault: Option<Fault>, answer: Response) -> Response {
    let query = parts.uri.query().unwrap_or_default();
    let was_cut = answer.extensions().get::<Cut>().is_some();
    let call = Call {
        no: 0,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, _)| name.into_owned())
            .collect(),
        status: (!was_cut).then(|| answer.status().as_u16()),
        fault,
        at_ms: now_ms(),
    };
    org.note(call, operation(parts));
    answer
}

/// Answers a path nobody knows.
pub(super) async fn no_such_path() -> Refusal {
    Refusal::no_such_path()
}

/// Answers a known path with another method.
pub(super) async fn wrong_method() -> Refusal {
    Refusal::wrong_method()
}
