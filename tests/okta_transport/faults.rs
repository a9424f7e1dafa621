//! Every way in which a call can go wrong on the wire, and the class that follows.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use okta_rollout::apps::App;
use okta_rollout::okta::connections::{Activate, ConnectionBody};
use okta_rollout::okta::{CallError, Class, Exchange, HttpSettings, callback, connections};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::server::{Reply, Server, read_request};
use super::{TOKEN, impatient, ssws};

const TRANSIENT: Class = Class::Transient { retry_after: None };

/// One GET against a server that does this.
async fn get(reply: Reply) -> Exchange {
    let server = Server::start([reply]).await;
    let client = impatient(&server.origin());
    client.exchange(connections::get("0oa1").request()).await
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("compressed");
    encoder.finish().expect("compressed")
}

#[tokio::test]
async fn a_call_without_a_whole_answer_is_unclear() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let truncated = format!("{head}content-length: 100\r\n\r\n{{\"status\":");
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n5\r\n{{\"sta\r\n");
    let html = Reply::with(
        200,
        "content-type: text/html\r\n",
        b"<html>Please sign in</html>",
    );
    let no_gzip = Reply::with(200, "content-encoding: gzip\r\n", b"not gzip at all");
    let cut_gzip = gzip(br#"{"status":"ENABLED"}"#)[..20].to_vec();
    let cut_gzip = Reply::with(200, "content-encoding: gzip\r\n", &cut_gzip);
    let cases: [(&str, Reply, Option<u16>); 13] = [
        ("answer lost", Reply::Send(Vec::new()), None),
        ("reset at once", Reply::Reset(Vec::new()), None),
        ("reset in the head", Reply::Reset(head.into()), None),
        ("closed in the head", Reply::Send(head.into()), None),
        (
            "no HTTP",
            Reply::Send(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()),
            None,
        ),
        ("silence", Reply::Hang(Vec::new()), None),
        (
            "silence after the head",
            Reply::Hang(truncated.clone().into()),
            Some(200),
        ),
        ("cut body", Reply::Send(truncated.into()), Some(200)),
        ("cut chunks", Reply::Send(chunked.into()), Some(200)),
        ("captive portal", html, Some(200)),
        ("broken gzip", no_gzip, Some(200)),
        ("cut gzip", cut_gzip, Some(200)),
        (
            "HTML 403",
            Reply::with(403, "", b"<h1>blocked</h1>"),
            Some(403),
        ),
    ];
    for (what, reply, status) in cases {
        let exchange = get(reply).await;
        let error = exchange.outcome.expect_err(what);
        assert_eq!(error.class, Class::Unclear, "{what}: {error}");
        assert_eq!(exchange.status, status, "{what}");
        assert_eq!(error.http_status, status, "{what}");
        assert!(
            !error.message.contains('<') && !error.message.contains(TOKEN),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_time_out_says_how_long_it_waited() {
    let error = get(Reply::Hang(Vec::new()))
        .await
        .outcome
        .expect_err("none");
    assert_eq!(error.message, "no answer from 127.0.0.1 within 0.2 s");
}

#[tokio::test]
async fn where_the_status_decides_the_body_does_not_matter() {
    let html = Reply::with(
        502,
        "content-type: text/html\r\n",
        b"<html>Bad gateway</html>",
    );
    let cut = "HTTP/1.1 503 Unavailable\r\nretry-after: 7\r\ncontent-length: 50\r\n\r\n{";
    let limited = "HTTP/1.1 429 Too Many\r\nx-rate-limit-limit: 50\r\n\
                   x-rate-limit-remaining: 0\r\ncontent-length: 50\r\n\r\n";
    let cases = [
        ("HTML 502", html, TRANSIENT),
        (
            "cut 503",
            Reply::Reset(cut.into()),
            Class::Transient {
                retry_after: Some(Duration::from_secs(7)),
            },
        ),
        (
            "cut 429",
            Reply::Send(limited.into()),
            Class::RateLimited {
                concurrency: false,
                retry_after: None,
            },
        ),
    ];
    for (what, reply, class) in cases {
        let exchange = get(reply).await;
        assert!(exchange.status.is_some(), "{what}");
        assert_eq!(exchange.outcome.expect_err(what).class, class, "{what}");
    }
}

#[tokio::test]
async fn an_empty_403_names_the_missing_scope() {
    let challenge = "www-authenticate: Bearer error=\"insufficient_scope\", \
                     scope=\"okta.apps.manage\"\r\nx-okta-request-id: r1\r\n";
    let exchange = get(Reply::with(403, challenge, b"")).await;
    let error = exchange.outcome.expect_err("403");
    assert_eq!(error.class, Class::OrgStopped);
    assert!(error.message.contains("okta.apps.manage"), "{error}");
    assert_eq!(error.request_id.as_deref(), Some("r1"));
    assert_eq!(error.http_status, Some(403));
}

#[tokio::test]
async fn doubled_and_broken_rate_headers_are_survived() {
    let headers = "x-rate-limit-limit: 50\r\nx-rate-limit-limit: 600\r\n\
                   x-rate-limit-remaining: many\r\nx-rate-limit-reset: -5\r\ndate: soon\r\n";
    let exchange = get(Reply::with(200, headers, b"{}")).await;
    assert_eq!(exchange.rate.limit, Some(50));
    assert_eq!(exchange.rate.remaining, None);
    assert_eq!(exchange.rate.reset, None);
    assert_eq!(exchange.date, None);
    assert!(exchange.outcome.is_ok());
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_carries_no_credentials() {
    let elsewhere = Server::start([Reply::json(200, "{}")]).await;
    let to = format!("location: {}/stolen?code=1\r\n", elsewhere.origin());
    for status in [301, 302, 303, 307, 308] {
        let error = get(Reply::with(status, &to, b""))
            .await
            .outcome
            .expect_err("3xx");
        assert_eq!(error.class, Class::Refused, "{status}");
        assert!(
            error.message.contains("redirected to 127.0.0.1 "),
            "{error}"
        );
        assert!(!error.message.contains("stolen"), "{error}");
    }
    assert_eq!(elsewhere.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn gzip_is_understood() {
    let body = gzip(br#"{"status":"ENABLED"}"#);
    let exchange = get(Reply::with(200, "content-encoding: gzip\r\n", &body)).await;
    let body = exchange.outcome.expect("a body");
    assert_eq!(body.bytes(), br#"{"status":"ENABLED"}"#);
}

#[tokio::test]
async fn a_huge_body_is_not_read_to_its_end() {
    // 32 MiB of blanks in 32 KiB.
    let bomb = gzip(&vec![b' '; 32 * 1024 * 1024]);
    let server = Server::start([Reply::with(200, "content-encoding: gzip\r\n", &bomb)]).await;
    let client = ssws(&server.origin(), &HttpSettings::default());
    let exchange = client.exchange(connections::get("0oa1").request()).await;
    let error = exchange.outcome.expect_err("too large");
    assert_eq!(error.class, Class::Unclear);
    assert_eq!(error.message, "the answer is larger than 1 MiB");
}

/// A port where nobody listens.
async fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address").port()
}

async fn failed_get(origin: &str, settings: &HttpSettings) -> CallError {
    let client = ssws(origin, settings);
    let exchange = client.exchange(connections::get("0oa1").request()).await;
    assert_eq!(exchange.status, None);
    exchange.outcome.expect_err("no answer")
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let origin = format!("http://acme.localhost:{}", closed_port().await);
    let error = failed_get(&origin, &HttpSettings::default()).await;
    assert_eq!(error.class, Class::NotSent);
    assert!(
        error
            .message
            .starts_with("cannot connect to acme.localhost: "),
        "{error}"
    );
    assert!(error.hint.is_some());
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_not_sent_and_never_will_be() {
    let error = failed_get("https://acme.okta.invalid", &HttpSettings::default()).await;
    assert_eq!(error.class, Class::OrgStopped);
    assert_eq!(
        error.message,
        "cannot resolve acme.okta.invalid: no such host"
    );
    assert!(
        error
            .details
            .hint
            .is_some_and(|hint| hint.contains("the org's url"))
    );
}

#[tokio::test]
async fn a_secret_that_an_answer_repeats_is_not_passed_on() {
    let code = "4/0AVMBsJ-live+code";
    let body = format!(
        r#"{{"errorCode":"E0000007","errorSummary":"no /callback?code=4%2F0AVMBsJ-live%2Bcode&state=st4te for SSWS {TOKEN}, code {code}"}}"#
    );
    let server = Server::start([Reply::json(404, &body)]).await;
    let client = impatient(&server.origin());
    let write = callback::complete(App::Google, "0oa1", &code.into(), &"st4te".into());
    let exchange = client.exchange(write.request()).await;
    let shown = format!("{exchange:?} {client:?} {write:?}");
    for secret in ["live", "st4te", TOKEN] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    let error = exchange.outcome.expect_err("404");
    let redacted =
        "no /callback?code=[redacted]&state=[redacted] for SSWS [redacted], code [redacted]";
    assert_eq!(error.message, redacted);

    let body = ConnectionBody::Token {
        base_url: None,
        token: "t0ken-of-app".into(),
    };
    let answer = r#"{"errorCode":"E0000001","errorSummary":"bad token t0ken-of-app"}"#;
    let server = Server::start([Reply::json(400, answer)]).await;
    let client = impatient(&server.origin());
    let write = connections::set("0oa1", &body, Activate::Yes);
    let error = client
        .exchange(write.request())
        .await
        .outcome
        .expect_err("400");
    assert_eq!(error.message, "bad token [redacted]");

    // Wherever a server repeats it.
    let answer = r#"{"errorCode":"t0ken-of-app","errorSummary":"no","errorId":"t0ken-of-app"}"#;
    let header = "content-type: application/json\r\nx-okta-request-id: t0ken-of-app\r\n";
    let server = Server::start([Reply::with(400, header, answer.as_bytes())]).await;
    let client = impatient(&server.origin());
    let exchange = client.exchange(write.request()).await;
    assert_eq!(exchange.request_id.as_deref(), Some("[redacted]"));
    let error = exchange.outcome.expect_err("400");
    let code = error.okta_error_code.as_deref();
    assert_eq!(code, Some("unknown value (12 characters)"));
    for told in [&error.error_id, &error.request_id] {
        assert_eq!(told.as_deref(), Some("[redacted]"));
    }
}

#[tokio::test]
async fn no_transport_error_shows_the_query() {
    let write = callback::complete(App::Slack, "0oa1", &"liveC0de".into(), &"st4te".into());
    let closed = format!("http://127.0.0.1:{}", closed_port().await);
    let silent = Server::start([Reply::Hang(Vec::new())]).await;
    let broken = Server::start([Reply::Send(Vec::new())]).await;
    for origin in [closed, silent.origin(), broken.origin()] {
        let exchange = impatient(&origin).exchange(write.request()).await;
        let shown = format!("{exchange:?}");
        assert!(exchange.outcome.is_err());
        for secret in ["liveC0de", "st4te", "code=", TOKEN] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}

/// A connection that was kept open and breaks on its second use must not make the HTTP library send
/// the call again by itself: it may have arrived, and some calls may only be made once.
#[tokio::test]
async fn a_call_that_may_have_arrived_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let (connections_seen, mut requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let request = read_request(&mut stream).await;
            connections_seen.send(request).expect("a listener");
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
            stream.write_all(answer).await.expect("answered");
            let request = read_request(&mut stream).await;
            connections_seen.send(request).expect("a listener");
        }
    });
    let client = ssws(&origin, &HttpSettings::default());
    let first = client.exchange(connections::get("0oa1").request()).await;
    assert_eq!(first.status, Some(200));
    let write = callback::complete(App::Slack, "0oa1", &"c0de".into(), &"st4te".into());
    let exchange = client.exchange(write.request()).await;
    assert_eq!(exchange.outcome.expect_err("lost").class, Class::Unclear);
    // A third call shows that nothing was sent between the second and it.
    client.exchange(connections::get("0oa3").request()).await;
    let mut lines = Vec::new();
    while let Ok(request) = requests.try_recv() {
        let line = request.lines().next().unwrap_or_default().to_owned();
        lines.push(line);
    }
    assert_eq!(
        lines,
        [
            "GET /api/v1/apps/0oa1/connections/default HTTP/1.1",
            "POST /api/v1/apps/slack/0oa1/oauth2/callback?code=c0de&state=st4te HTTP/1.1",
            "GET /api/v1/apps/0oa3/connections/default HTTP/1.1",
        ]
    );
}
