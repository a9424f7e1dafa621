//! The exact bytes of every operation, and the reading of good answers.

use okta_rollout::apps::{App, Feature};
use okta_rollout::manifest::RotationMode;
use okta_rollout::okta::connections::{Activate, ConnectionBody, ConnectionStatus, Office365Admin};
use okta_rollout::okta::{
    Credentials, Http, HttpSettings, OrgClient, ReadOnlyClient, Request, apps, callback,
    connections, features,
};
use serde_json::json;

use super::server::{Reply, Server};
use super::{TOKEN, ssws};

/// The request as the server saw it: `line`, headers in order of name, body.
async fn on_the_wire(request: &Request) -> (String, Vec<String>, String) {
    let server = Server::start([Reply::json(200, "{}")]).await;
    let client = ssws(&server.origin(), &HttpSettings::default());
    let exchange = client.exchange(request).await;
    assert_eq!(exchange.status, Some(200), "{exchange:?}");
    let requests = server.requests();
    let (head, body) = requests[0].split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines().map(str::to_owned);
    let line = lines.next().expect("a request line");
    let host = format!("host: 127.0.0.1:{}", server.port());
    let mut headers: Vec<String> = lines.filter(|line| *line != host).collect();
    headers.sort();
    (line, headers, body.to_owned())
}

fn expected_headers(more: &[&str]) -> Vec<String> {
    let mut headers = vec![
        "accept-encoding: gzip".to_owned(),
        "accept: application/json".to_owned(),
        format!("authorization: SSWS {TOKEN}"),
        format!("user-agent: okta-rollout/{}", env!("CARGO_PKG_VERSION")),
    ];
    headers.extend(more.iter().map(ToString::to_string));
    headers.sort();
    headers
}

/// A request, its expected request line without the version, and its expected body.
type Operation = (Request, String, &'static str);

fn connection_operations() -> Vec<Operation> {
    let base = "/api/v1/apps/0oa1/connections/default";
    let set = |body: &ConnectionBody, activate| {
        connections::set("0oa1", body, activate).request().clone()
    };
    let token = ConnectionBody::Token {
        base_url: Some("https://scim.example/1/2/scim".to_owned()),
        token: "t0k".into(),
    };
    let office = ConnectionBody::Office365 {
        admin: Some(Office365Admin {
            username: "admin".into(),
            password: "pa55".into(),
        }),
    };
    let hub = ConnectionBody::Org2Org {
        client_id: "0oa9".to_owned(),
        rotation_mode: Some(RotationMode::Auto),
    };
    vec![
        (
            connections::get("0oa1").request().clone(),
            format!("GET {base}"),
            "",
        ),
        (
            set(&token, Activate::Yes),
            format!("POST {base}?activate=true"),
            r#"{"baseUrl":"https://scim.example/1/2/scim","profile":{"authScheme":"TOKEN","token":"t0k"}}"#,
        ),
        (
            set(&ConnectionBody::Oauth2, Activate::No),
            format!("POST {base}"),
            r#"{"profile":{"authScheme":"OAUTH2"}}"#,
        ),
        (
            set(&office, Activate::No),
            format!("POST {base}"),
            r#"{"profile":{"authScheme":"OAUTH2","settings":{"adminUsername":"admin","adminPassword":"pa55"}}}"#,
        ),
        (
            set(&hub, Activate::Yes),
            format!("POST {base}?activate=true"),
            r#"{"profile":{"authScheme":"OAUTH2","clientId":"0oa9","signing":{"rotationMode":"AUTO"}}}"#,
        ),
        (
            connections::activate("0oa1").request().clone(),
            format!("POST {base}/lifecycle/activate"),
            "",
        ),
        (
            connections::deactivate("0oa1").request().clone(),
            format!("POST {base}/lifecycle/deactivate"),
            "",
        ),
    ]
}

fn other_operations() -> Vec<Operation> {
    let capabilities = json!({"create": {"lifecycleCreate": {"status": "ENABLED"}}});
    let callback = callback::complete(App::Google, "0oa1", &"c/1".into(), &"s 1".into());
    vec![
        (
            apps::list(None).request().clone(),
            "GET /api/v1/apps?limit=200".to_owned(),
            "",
        ),
        (
            apps::list(Some(App::Slack)).request().clone(),
            "GET /api/v1/apps?limit=200&filter=name%20eq%20%22slack%22".to_owned(),
            "",
        ),
        (
            apps::next("/api/v1/apps?after=0oa2&limit=200")
                .request()
                .clone(),
            "GET /api/v1/apps?after=0oa2&limit=200".to_owned(),
            "",
        ),
        (
            features::list("0oa1").request().clone(),
            "GET /api/v1/apps/0oa1/features".to_owned(),
            "",
        ),
        (
            features::get("0oa1", Feature::InboundProvisioning)
                .request()
                .clone(),
            "GET /api/v1/apps/0oa1/features/INBOUND_PROVISIONING".to_owned(),
            "",
        ),
        (
            features::put(
                "0oa1",
                Feature::UserProvisioning,
                features::body(&capabilities),
            )
            .request()
            .clone(),
            "PUT /api/v1/apps/0oa1/features/USER_PROVISIONING".to_owned(),
            r#"{"create":{"lifecycleCreate":{"status":"ENABLED"}}}"#,
        ),
        (
            callback.request().clone(),
            "POST /api/v1/apps/google/0oa1/oauth2/callback?code=c%2F1&state=s%201".to_owned(),
            "",
        ),
    ]
}

#[tokio::test]
async fn every_operation_is_sent_as_documented() {
    let operations = connection_operations()
        .into_iter()
        .chain(other_operations());
    for (request, expected_line, expected_body) in operations {
        let (line, headers, body) = on_the_wire(&request).await;
        assert_eq!(line, format!("{expected_line} HTTP/1.1"));
        assert_eq!(body, expected_body, "{line}");
        let length = format!("content-length: {}", expected_body.len());
        let more: &[&str] = if line.starts_with("GET") {
            &[]
        } else if expected_body.is_empty() {
            &[&length]
        } else {
            &[&length, "content-type: application/json"]
        };
        assert_eq!(headers, expected_headers(more), "{line}");
    }
}

#[tokio::test]
async fn access_tokens_are_sent_as_bearer() {
    let server = Server::start([Reply::json(200, "{}")]).await;
    let http = Http::new(&HttpSettings::default()).expect("an HTTP client");
    let credentials = Credentials::Bearer("eyJ.x".into());
    let client = OrgClient::new(http, &server.origin(), credentials).expect("a client");
    client.exchange(connections::get("0oa1").request()).await;
    assert!(server.requests()[0].contains("\r\nauthorization: Bearer eyJ.x\r\n"));
}

#[tokio::test]
async fn an_answer_is_reported_whole() {
    let headers = "content-type: application/json\r\n\
                   date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                   x-okta-request-id: abc123\r\n\
                   x-rate-limit-limit: 50\r\n\
                   x-rate-limit-remaining: 49\r\n\
                   x-rate-limit-reset: 784111837\r\n";
    let body = br#"{"status":"ENABLED","profile":{"authScheme":"TOKEN"}}"#;
    let server = Server::start([Reply::with(200, headers, body)]).await;
    let client = ReadOnlyClient::new(ssws(&server.origin(), &HttpSettings::default()));
    assert_eq!(client.origin(), server.origin());
    let read = connections::get("0oa1");
    let exchange = client.exchange(&read).await;
    assert_eq!(exchange.status, Some(200));
    assert_eq!(exchange.date, Some(784_111_777));
    assert_eq!(exchange.request_id.as_deref(), Some("abc123"));
    assert_eq!(exchange.rate.limit, Some(50));
    assert_eq!(exchange.rate.remaining, Some(49));
    assert_eq!(exchange.rate.reset, Some(784_111_837));
    let connection = read
        .decode(exchange.outcome.expect("a body"))
        .expect("read");
    assert_eq!(connection.status(), ConnectionStatus::Enabled);
}

#[tokio::test]
async fn names_under_localhost_need_no_resolver_and_name_the_host() {
    let server = Server::start([Reply::json(200, "{}")]).await;
    let origin = format!("http://acme.localhost:{}", server.port());
    let client = ssws(&origin, &HttpSettings::default());
    let exchange = client.exchange(connections::get("0oa1").request()).await;
    assert_eq!(exchange.status, Some(200), "{exchange:?}");
    let host = format!("\r\nhost: acme.localhost:{}\r\n", server.port());
    assert!(server.requests()[0].contains(&host));
}

#[tokio::test]
async fn any_2xx_is_accepted_and_a_write_needs_no_body() {
    let body = ConnectionBody::Oauth2;
    for (status, answer) in [
        (200, "{}"),
        (201, ""),
        (202, "{\"cut"),
        (204, ""),
        (200, "null"),
    ] {
        let server = Server::start([Reply::json(status, answer)]).await;
        let client = ssws(&server.origin(), &HttpSettings::default());
        let write = connections::set("0oa1", &body, Activate::No);
        let exchange = client.exchange(write.request()).await;
        let connection = write
            .decode(exchange.outcome.expect("accepted"))
            .expect("decoded");
        assert_eq!(connection.is_some(), answer == "{}", "{status} {answer}");
    }
}

#[tokio::test]
async fn pages_are_followed_within_the_org_only() {
    let page = |link: &str| {
        let headers = format!(
            "link: </api/v1/apps?limit=200>; rel=\"self\"\r\nlink: <{link}>; rel=\"next\"\r\n"
        );
        Reply::with(200, &headers, br#"[{"id":"0oa1","label":"A"}]"#)
    };
    let replies = [
        page("/api/v1/apps?after=0oa1&limit=200"),
        Reply::json(200, "[]"),
        page("https://evil.example/api/v1/apps?after=x"),
    ];
    let server = Server::start(replies).await;
    let client = ssws(&server.origin(), &HttpSettings::default());

    let first = apps::list(None);
    let body = client
        .exchange(first.request())
        .await
        .outcome
        .expect("a page");
    let next = body.next.clone().expect("a next page");
    assert_eq!(first.decode(body).expect("apps").len(), 1);
    let body = client
        .exchange(apps::next(&next).request())
        .await
        .outcome
        .expect("a page");
    assert_eq!(body.next, None);
    assert!(server.requests()[1].starts_with("GET /api/v1/apps?after=0oa1&limit=200 HTTP/1.1\r\n"));

    let error = client
        .exchange(first.request())
        .await
        .outcome
        .expect_err("refused");
    assert!(error.message.contains("evil.example"), "{error}");
    assert!(!error.message.contains("after="), "{error}");
}
