//! What an org, or whatever answers in its place, sends: headers, `Link`, error bodies.

use okta_rollout::okta::{Credentials, Exchange, Http, HttpSettings, OrgClient, apps};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::harness::fuzz;

/// Must not be repeated, whatever the answer is.
const TOKEN: &str = "00s3cretApiToken";

/// A client, and a server that gives each call the bytes it is told.
struct Wire {
    runtime: Runtime,
    listener: TcpListener,
    client: OrgClient,
}

impl Wire {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let settings = HttpSettings {
            timeout: std::time::Duration::from_secs(20),
            ..HttpSettings::default()
        };
        let client = runtime.block_on(async {
            let http = Http::new(&settings).unwrap();
            OrgClient::new(http, &origin, Credentials::Ssws(TOKEN.into())).unwrap()
        });
        Self {
            runtime,
            listener,
            client,
        }
    }

    /// What the client makes of an answer.
    fn answered(&self, status: &str, headers: &[u8], body: &[u8]) -> Exchange {
        let mut answer = format!("HTTP/1.1 {status} Status\r\nconnection: close\r\n").into_bytes();
        answer.extend_from_slice(headers);
        answer.extend_from_slice(format!("\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes());
        answer.extend_from_slice(body);
        let serve = async {
            let (mut stream, _) = self.listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut bytes = [0; 4096];
                match stream.read(&mut bytes).await {
                    Ok(count) if count > 0 => request.extend_from_slice(&bytes[..count]),
                    _ => break,
                }
            }
            // The client may leave early.
            drop(stream.write_all(&answer).await);
            drop(stream.shutdown().await);
        };
        let list = apps::list(None);
        self.runtime.block_on(async {
            let (exchange, ()) = tokio::join!(self.client.exchange(list.request()), serve);
            exchange
        })
    }
}

fn judge(exchange: &Exchange) {
    let body = exchange.outcome.as_ref().ok();
    if let Some(next) = body.and_then(|body| body.next.as_ref()) {
        // It carries the org's credentials: nothing but a path, which is put behind this org's address.
        assert!(next.starts_with('/'), "{next:?}");
        assert!(next.bytes().all(|byte| byte.is_ascii_graphic()), "{next:?}");
    }
    if let Err(error) = &exchange.outcome {
        let shown = format!("{error} {:?}", error.hint);
        assert!(!shown.contains(TOKEN), "{shown}");
        assert!(
            !error.message.contains(|c: char| c.is_control()),
            "{shown:?}"
        );
        assert!(
            error.message.chars().count() < 2_000,
            "{}",
            error.message.len()
        );
    }
    assert!(!format!("{exchange:?}").contains(TOKEN));
    if let Some(body) = body {
        // A list or not: it says which.
        drop(apps::list(None).decode(body.clone()));
    }
}

#[test]
fn headers() {
    let wire = Wire::new();
    fuzz("headers", Vec::new(), |input, random| {
        let status = ["200", "401", "403", "429", "503", "302"][random.below(6)];
        judge(&wire.answered(status, input, b"[]"));
    });
}

#[test]
fn links() {
    let wire = Wire::new();
    let origin = wire.client.origin().to_owned();
    let ours = format!("<{origin}/api/v1/apps?after=0oa1&limit=200>; rel=\"next\"");
    fuzz("link", vec![ours.into_bytes()], |input, _| {
        let line: Vec<u8> = input
            .iter()
            .copied()
            .filter(|byte| !b"\r\n\0".contains(byte))
            .collect();
        judge(&wire.answered("200", &[b"link: ".as_slice(), &line].concat(), b"[]"));
    });
}

#[test]
fn error_bodies() {
    let wire = Wire::new();
    fuzz("error", Vec::new(), |input, random| {
        let (status, body) = input.split_at(input.len().min(3));
        let status = std::str::from_utf8(status).ok().filter(|status| {
            status.len() == 3
                && status
                    .parse()
                    .is_ok_and(|status| (400..600).contains(&status))
        });
        let kind = ["application/json", "text/html", "text/plain; charset=x"][random.below(3)];
        let headers = format!("content-type: {kind}");
        judge(&wire.answered(status.unwrap_or("400"), headers.as_bytes(), body));
    });
}
