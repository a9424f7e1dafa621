//! Somebody who is notified: keeps what is posted to it, and answers as a story wants.

use std::net::TcpListener as StdListener;
use std::sync::mpsc::{Receiver as Heard, channel};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::PATIENCE;

/// Where it is notified: nobody else may know.
const PATH: &str = "/services/tell-tale-webhook-path";

/// How one post is answered.
#[derive(Clone, Copy)]
pub enum Reply {
    /// With this status.
    Status(u16),
    /// With a redirect to this path.
    Redirect(&'static str),
    /// Well, but only after so long.
    After(Duration),
    /// Never.
    Never,
}

/// What was posted.
pub struct Posted {
    pub path: String,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Posted {
    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// What it is about.
    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that it was signed with this key, just now.
    #[track_caller]
    pub fn is_signed_with(&self, key: &[u8]) {
        let timestamp = self.header("webhook-timestamp");
        let age = jiff::Timestamp::now().as_second() - timestamp.parse::<i64>().unwrap();
        assert!((0..=60).contains(&age), "{timestamp}");
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(
            [self.header("webhook-id"), ".", timestamp, "."]
                .concat()
                .as_bytes(),
        );
        mac.update(&self.bytes);
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(self.header("webhook-signature"), expected);
    }
}

/// See the file.
pub struct Receiver {
    /// Its address.
    pub url: String,
    posted: Heard<Posted>,
    // It ends with the story.
    _runtime: Runtime,
}

impl Receiver {
    /// One that answers each post by its number, from 0.
    pub fn that(replies: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}{PATH}", listener.local_addr().unwrap());
        let (tell, posted) = channel();
        let replies = std::sync::Arc::new(replies);
        let number = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let answer = move |request: Request| {
            let (tell, replies) = (tell.clone(), std::sync::Arc::clone(&replies));
            let number = number.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move {
                let (head, body) = request.into_parts();
                let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                let path = head.uri.path().to_owned();
                let headers = head.headers;
                // A story that ended does not listen any more.
                drop(tell.send(Posted {
                    path,
                    headers,
                    bytes,
                }));
                reply(replies(number)).await
            }
        };
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            axum::serve(listener, Router::new().fallback(answer))
                .await
                .unwrap();
        });
        Self {
            url,
            posted,
            _runtime: runtime,
        }
    }

    /// One that takes everything.
    pub fn ready() -> Self {
        Self::that(|_| Reply::Status(204))
    }

    /// The next post.
    #[track_caller]
    pub fn next(&self) -> Posted {
        self.posted.recv_timeout(PATIENCE).expect("a post")
    }

    /// What was posted and not looked at yet.
    pub fn all(&self) -> Vec<Posted> {
        self.posted.try_iter().collect()
    }
}

async fn reply(reply: Reply) -> Response {
    match reply {
        Reply::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Reply::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response(),
        Reply::After(pause) => {
            tokio::time::sleep(pause).await;
            StatusCode::OK.into_response()
        }
        Reply::Never => std::future::pending().await,
    }
}
