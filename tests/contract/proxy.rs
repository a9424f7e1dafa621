//! A reverse proxy between the program and simulated orgs: passes everything on as it came, `Host`
//! included, and keeps both sides of it. An org behind it is `http://NAME.localhost:PORT` of the proxy,
//! and since the sandbox builds its links from `Host`, those lead through the proxy as well.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, header};
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::exchange::Exchange;

/// Larger than any body here (bytes): a page of 200 apps has 200 kB.
const BODY_MAX: usize = 4 << 20;

/// The proxy's port and what it heard. Ends when dropped.
pub struct Proxy {
    port: u16,
    between: Between,
    server: JoinHandle<()>,
}

/// What the proxy's handler knows.
#[derive(Clone)]
struct Between {
    /// Base URL of the sandbox.
    sandbox: Arc<str>,
    http: reqwest::Client,
    /// Paths whose PUT is answered with what was there before it.
    stale: Arc<BTreeSet<String>>,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

/// An answer, read to its end.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Proxy {
    /// Before the sandbox at this base URL. A PUT of a path in `stale` takes effect, and shows what was
    /// there before: an org whose left hand does not know yet what the right one did.
    pub async fn before(sandbox: String, stale: impl IntoIterator<Item = String>) -> Self {
        let between = Between {
            sandbox: sandbox.into(),
            http: reqwest::Client::builder()
                .no_proxy()
                .no_gzip()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            stale: Arc::new(stale.into_iter().collect()),
            exchanges: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().fallback(pass).with_state(between.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            port,
            between,
            server,
        }
    }

    /// Where the org of this name is, behind the proxy.
    pub fn host(&self, org: &str) -> String {
        format!("{org}.localhost:{}", self.port)
    }

    /// What was exchanged since this was last asked, in the order of the answers.
    pub fn exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.between.exchanges.lock().unwrap())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(between): State<Between>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_MAX).await.unwrap();
    let path = parts.uri.path_and_query().unwrap().to_string();
    let stale = parts.method == Method::PUT && between.stale.contains(&path);
    let before = if stale {
        let mut headers = parts.headers.clone();
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::CONTENT_TYPE);
        Some(between.ask(Method::GET, &path, headers, Bytes::new()).await)
    } else {
        None
    };
    let answer = between
        .ask(
            parts.method.clone(),
            &path,
            parts.headers.clone(),
            body.clone(),
        )
        .await;
    let answer = before.unwrap_or(answer);
    let mut response = Response::new(Body::from(answer.body.clone()));
    *response.status_mut() = answer.status.try_into().unwrap();
    *response.headers_mut() = answer.headers.clone();
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    between.exchanges.lock().unwrap().push(Exchange {
        method: parts.method.to_string(),
        path,
        headers: parts.headers,
        body,
        status: answer.status,
        answer_headers: answer.headers,
        answer: answer.body,
    });
    response
}

impl Between {
    async fn ask(&self, method: Method, path: &str, headers: HeaderMap, body: Bytes) -> Answer {
        let request = self
            .http
            .request(method, format!("{}{path}", self.sandbox))
            .headers(headers)
            .body(body);
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.unwrap(),
        }
    }
}
