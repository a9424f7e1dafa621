//! `/healthz` and `/metrics`. Only who has the token sees more than that the process lives.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use parking_lot::Mutex;
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

use super::metrics::{JobMetrics, page};
use crate::failure::Failure;
use crate::manifest::{SecretRef, SecretUse, Secrets};

/// What pages are made from.
pub(super) type Shown = Arc<Mutex<Vec<JobMetrics>>>;

/// Bytes of a token that is drawn.
const TOKEN: usize = 24;

/// Listens, on loopback only.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let hint = "use --listen 127.0.0.1:8080, or another port";
    if !address.ip().is_loopback() {
        let error = anyhow::anyhow!(
            "--listen {address} is not an address of this machine alone; nothing was started"
        );
        return Err(Failure::usage(error).hint(hint));
    }
    TcpListener::bind(address).await.map_err(|error| {
        let error = anyhow::Error::from(error).context(format!("{address} cannot be listened on"));
        Failure::usage(error).hint(hint)
    })
}

/// The token that is given, or a new one.
pub(super) async fn token(reference: Option<&str>) -> Result<SecretString, Failure> {
    let Some(reference) = reference else {
        let bytes: [u8; TOKEN] = rand::rng().random();
        return Ok(hex::encode(bytes).into());
    };
    // What stands there may be the token itself.
    let hint = "give --token env:NAME or --token file:PATH";
    let reference = SecretRef::parse(reference).map_err(|error| {
        Failure::usage(anyhow::Error::from(error).context("--token cannot be used")).hint(hint)
    })?;
    let secrets = Secrets::new(Path::new("."), false);
    let token = secrets.resolve(&reference, SecretUse::Token).await;
    token.map_err(|error| {
        Failure::usage(anyhow::Error::from(error).context("--token cannot be read")).hint(hint)
    })
}

/// Answers until the process ends.
pub(super) async fn answer(listener: TcpListener, token: &SecretString, shown: Shown) {
    let site = Site {
        token: digest(token.expose_secret()),
        shown,
    };
    let router = Router::new()
        .route("/healthz", get("ok\n"))
        .route("/", get(metrics))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(site));
    // It only ends with an error, and it has none: what cannot be accepted is tried again.
    drop(axum::serve(listener, router).await);
}

struct Site {
    token: [u8; 32],
    shown: Shown,
}

async fn metrics(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if !site.admits(query.as_deref(), &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let headers = [
        (CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, page(&site.shown.lock())).into_response()
}

impl Site {
    fn admits(&self, query: Option<&str>, headers: &HeaderMap) -> bool {
        let bearer = headers.get(AUTHORIZATION);
        let bearer = bearer.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let in_query = pairs.filter(|(name, _)| name == "token");
        let mut given = in_query
            .map(|(_, value)| value)
            .chain(bearer.map(Into::into));
        // Of digests nobody learns by how long it takes to compare them.
        given.any(|given| digest(&given) == self.token)
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}
