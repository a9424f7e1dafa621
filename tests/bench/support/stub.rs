//! A server that stands for any number of orgs on one port: it sets up whatever it is asked to, takes a second for
//! it as Okta does, and keeps each org's rate limit. It holds far less than a sandbox of 10,000 orgs would.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::response::Response;
use okta_rollout::pacing::unix_millis;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Calls a minute and org.
const LIMIT: i64 = 50;

const LATENCY: Duration = Duration::from_secs(1);

/// How often it is looked whether somebody called; far below what is measured.
const LOOK: Duration = Duration::from_millis(1);

/// Longer than any start.
const PATIENCE: Duration = Duration::from_mins(1);

/// The rate-limit windows of all orgs, and when the first call came.
#[derive(Default)]
pub struct Stub {
    first: Mutex<Option<Instant>>,
    calls: AtomicU64,
    /// By host: when its window ends, and what is left of it.
    windows: Mutex<HashMap<String, (i64, i64)>>,
}

impl Stub {
    /// Serves it; its port.
    pub async fn serve(self: &Arc<Self>) -> anyhow::Result<u16> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let router = axum::Router::new()
            .fallback(answer)
            .with_state(Arc::clone(self));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(port)
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// As if nothing had been asked yet.
    pub fn forget(&self) {
        *self.first.lock() = None;
        self.windows.lock().clear();
    }

    /// Waits for the first call since [`Self::forget`]; when it came.
    pub fn first_call(&self) -> anyhow::Result<Instant> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(first) = *self.first.lock() {
                return Ok(first);
            }
            std::thread::sleep(LOOK);
        }
        anyhow::bail!("no call came")
    }

    fn take(&self, host: &str) -> (i64, i64) {
        let now = unix_millis().0 / 1_000;
        let mut windows = self.windows.lock();
        let window = windows.entry(host.to_owned()).or_default();
        if window.0 <= now {
            *window = (now + 60, LIMIT);
        }
        window.1 -= 1;
        *window
    }
}

async fn answer(State(stub): State<Arc<Stub>>, request: Request) -> Response {
    stub.first.lock().get_or_insert_with(Instant::now);
    stub.calls.fetch_add(1, Ordering::Relaxed);
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let path = request.uri().path().to_owned();
    // One app has a bucket of its own.
    let looks = path.rsplit_once('/').map(|(above, _)| above) == Some("/api/v1/apps");
    let bucket = if looks {
        format!("{host} by id")
    } else {
        host.to_owned()
    };
    let (reset, left) = stub.take(&bucket);
    let (method, body) = (request.method().clone(), request.into_body());
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    tokio::time::sleep(LATENCY).await;
    let (status, shown) = if left < 0 {
        (429, json!({ "errorCode": "E0000047" }))
    } else if method == Method::POST {
        (200, json!({ "status": "ENABLED", "authScheme": "TOKEN" }))
    } else if method == Method::GET && path == "/api/v1/apps" {
        (200, json!([]))
    } else if method == Method::GET && !path.ends_with("/features") {
        let id = path.rsplit('/').next();
        (200, json!({ "id": id, "name": "zscalerbyz", "label": "" }))
    } else if method == Method::GET {
        let feature =
            json!({ "name": "USER_PROVISIONING", "status": "DISABLED", "capabilities": {} });
        (200, json!([feature]))
    } else {
        let capabilities: Value = serde_json::from_slice(&body).unwrap_or_default();
        (
            200,
            json!({ "name": "USER_PROVISIONING", "status": "ENABLED", "capabilities": capabilities }),
        )
    };
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-rate-limit-limit", LIMIT)
        .header("x-rate-limit-remaining", left.max(0))
        .header("x-rate-limit-reset", reset)
        .body(Body::from(shown.to_string()))
        .unwrap_or_default()
}
