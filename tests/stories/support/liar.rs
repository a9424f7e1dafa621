//! A server in an org's place that answers whatever a story says, and counts what it is asked.

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

/// See the module.
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

/// A page of a list that goes on at this path.
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
