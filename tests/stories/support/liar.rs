//! A server in an org's place that answers whatever a story says, and counts what it is asked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;

use super::Scenario;

/// One call to a liar.
#[derive(Clone, Debug)]
pub struct Asked {
    /// From 0.
    pub no: usize,
    /// Path and query.
    pub path: String,
}

/// The server, which runs until it is dropped.
pub struct Liar {
    /// Where it is.
    pub url: String,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Liar {
    /// The calls since a story last asked: `GET /api/v1/apps?limit=200`, and so on.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

/// What a liar answers.
pub type Lie = Response<Body>;

/// An answer with these header lines.
pub fn lie(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Lie {
    let start = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    let built = headers
        .iter()
        .fold(start, |built, (name, value)| built.header(*name, *value));
    built.body(body.into()).unwrap()
}

/// A page of a list that continues at this path.
pub fn page(next: &str, apps: &str) -> Lie {
    lie(
        200,
        &[("link", &format!("<{next}>; rel=\"next\""))],
        apps.to_owned(),
    )
}

impl Scenario {
    /// Serves lies.
    pub fn lies(&self, answer: impl Fn(&Asked) -> Lie + Send + Sync + 'static) -> Liar {
        let calls: Arc<Mutex<Vec<String>>> = Arc::default();
        let (seen, answer) = (Arc::clone(&calls), Arc::new(answer));
        let router = Router::new().fallback(move |request: Request| {
            let path = request.uri().path_and_query().unwrap().to_string();
            let method = request.method().to_string();
            let no = {
                let mut seen = seen.lock().unwrap();
                seen.push(format!("{method} {path}"));
                seen.len() - 1
            };
            let answer = Arc::clone(&answer);
            async move { answer(&Asked { no, path }) }
        });
        Liar {
            url: self.serve(router),
            calls,
        }
    }
}

/// A call to an org, and what the org answered it honestly.
pub struct Honest {
    /// The header that has the API token.
    pub credential: String,
    /// The body that was sent.
    pub sent: String,
    /// Path and query.
    pub path: String,
    /// The status.
    pub status: u16,
    /// What carries information of Okta's.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Honest {
    /// As it is.
    pub fn told(&self) -> Lie {
        self.told_as(self.status, &self.body)
    }

    /// With another status and body.
    pub fn told_as(&self, status: u16, body: &str) -> Lie {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        lie(status, &headers, body.to_owned())
    }
}

/// Every answer of one org of the sandbox, as long as it is on.
#[derive(Clone)]
pub struct Distorted {
    /// Where the org seems to be.
    pub url: String,
    is_on: Arc<AtomicBool>,
}

impl Distorted {
    /// Whether answers are distorted from now on.
    pub fn turn(&self, on: bool) {
        self.is_on.store(on, Ordering::SeqCst);
    }
}

impl Scenario {
    /// From the next manifest on, this org of the sandbox is behind a server that distorts its answers.
    pub fn distorts(
        &mut self,
        org: &str,
        distort: impl Fn(&Honest) -> Lie + Send + Sync + 'static,
    ) -> Distorted {
        let honest = self.url(org);
        let host = honest.trim_start_matches("http://").to_owned();
        let name = host.split(':').next().unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .resolve(name, self.sandbox.address())
            .build()
            .unwrap();
        let is_on = Arc::new(AtomicBool::new(true));
        let (on, distort) = (Arc::clone(&is_on), Arc::new(distort));
        let router = Router::new().fallback(move |request: Request| {
            let (client, honest, host) = (client.clone(), honest.clone(), host.clone());
            let (on, distort) = (Arc::clone(&on), Arc::clone(&distort));
            async move {
                let answer = passed_on(&client, &honest, &host, request).await;
                if on.load(Ordering::SeqCst) {
                    distort(&answer)
                } else {
                    answer.told()
                }
            }
        });
        let url = self.serve(router);
        self.org_at(org, &url);
        Distorted { url, is_on }
    }
}

/// Headers that Okta's clients read.
const PASSED_ON: [&str; 6] = [
    "link",
    "date",
    "x-okta-request-id",
    "x-rate-limit-limit",
    "x-rate-limit-remaining",
    "x-rate-limit-reset",
];

async fn passed_on(client: &reqwest::Client, honest: &str, host: &str, request: Request) -> Honest {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let sent = String::from_utf8(body.to_vec()).unwrap();
    let path = head.uri.path_and_query().unwrap().to_string();
    let mut there = client.request(head.method, format!("{honest}{path}"));
    for name in ["authorization", "content-type", "content-length", "accept"] {
        if let Some(value) = head.headers.get(name) {
            there = there.header(name, value);
        }
    }
    let answer = there.body(body).send().await.unwrap();
    let status = answer.status().as_u16();
    let here = head.headers["host"].to_str().unwrap().to_owned();
    let headers = PASSED_ON
        .iter()
        .filter_map(|name| {
            let value = answer.headers().get(*name)?.to_str().unwrap();
            Some(((*name).to_owned(), value.replace(host, &here)))
        })
        .collect();
    let credential = head.headers["authorization"].to_str().unwrap().to_owned();
    Honest {
        credential,
        sent,
        path,
        status,
        headers,
        body: answer.text().await.unwrap().replace(host, &here),
    }
}
