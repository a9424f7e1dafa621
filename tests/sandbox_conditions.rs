//! What surrounds an operation: authentication, budgets, faults, the third party's pages, and state
//! that outlives the process (API.md §7.3, §10).

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "support/raw.rs"]
mod raw;

use std::time::Duration;

use okta_rollout::sandbox::{Fault, Sandbox, SandboxError, Switches};
use raw::{Org, orgs, seed, settings};
use serde_json::{Value, json};

const HUB: &str = "/api/v1/apps/0oahub/connections/default";
const TOKEN: &str = r#"{"profile":{"authScheme":"TOKEN","token":"t1"}}"#;

#[tokio::test]
async fn only_the_orgs_own_token_is_taken() {
    let sandbox = orgs(settings("")).await;
    let acme = Org::of(&sandbox, "acme");
    let token = sandbox.api_token("acme");
    let other = sandbox.api_token("beta");
    for (authorization, outcome) in [
        (format!("SSWS {token}"), "200"),
        (format!("Bearer {token}"), "200"),
        (format!("SSWS{token}"), "200"),
        (format!("SSWS {other}"), "401 E0000011"),
        (format!("Bearer {other}"), "401 E0000011"),
        (format!("Basic {token}"), "401 E0000011"),
        (token.clone(), "401 E0000011"),
        (String::new(), "401 E0000011"),
    ] {
        let mut caller = acme.clone();
        caller.authorization = authorization.clone();
        let reply = caller.get("/api/v1/apps").await;
        assert_eq!(reply.outcome(), outcome, "{authorization}");
        let challenge = reply.header("www-authenticate").contains("invalid_token");
        let is_bearer = authorization.starts_with("Bearer");
        assert_eq!(challenge, is_bearer && outcome != "200");
    }
    let revoked = Switches {
        revoked_token: true,
        ..Switches::default()
    };
    sandbox.switch("acme", revoked).unwrap();
    assert_eq!(acme.get("/api/v1/apps").await.outcome(), "401 E0000011");
    let beta = Org::of(&sandbox, "beta");
    assert_eq!(beta.get("/api/v1/apps").await.status, 200);
}

#[tokio::test]
async fn scopes_and_roles_can_be_missing() {
    let sandbox = orgs(settings(
        "[switches.acme]\nmissingScopes=['okta.apps.manage']",
    ))
    .await;
    let acme = Org::of(&sandbox, "acme");
    assert_eq!(acme.get(HUB).await.status, 200);
    let refused = acme.post(HUB, TOKEN).await;
    assert_eq!((refused.status, refused.text.as_str()), (403, ""));
    let challenge = refused.header("www-authenticate");
    assert!(
        challenge.contains("error=\"insufficient_scope\""),
        "{challenge}"
    );
    assert!(
        challenge.contains("scope=\"okta.apps.manage\""),
        "{challenge}"
    );

    let put = acme
        .put("/_sandbox/orgs/acme/switches", r#"{"missingRole":true}"#)
        .await;
    assert_eq!(put.status, 204);
    assert_eq!(acme.get(HUB).await.outcome(), "403 E0000006");
    let shown = acme.get("/_sandbox/orgs/acme/switches").await.json();
    assert_eq!(shown["missingRole"], true);
}

#[tokio::test]
async fn every_answer_has_oktas_headers() {
    let sandbox = orgs(settings("limit=50")).await;
    let acme = Org::of(&sandbox, "acme");
    for (path, status, limit) in [
        ("/api/v1/apps", 200, "50"),
        ("/api/v1/apps/0oahub", 200, "250"),
        ("/api/v1/apps/0oagone", 404, "250"),
        ("/api/v1/idps", 200, "300"),
        ("/oauth2/v1/clients", 200, "50"),
    ] {
        let reply = acme.get(path).await;
        assert_eq!(
            (reply.status, reply.header("x-rate-limit-limit")),
            (status, limit)
        );
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.header("x-okta-request-id").len(), 32);
        let date = httpdate::parse_http_date(reply.header("date")).unwrap();
        let date = date
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let reset: u64 = reply.header("x-rate-limit-reset").parse().unwrap();
        assert!((59..=61).contains(&(reset - date)), "{}", reset - date);
    }
}

#[tokio::test]
async fn a_bucket_is_closed_when_it_is_spent() {
    let table = "limit=4\n[limits]\n'/api/v1/apps/{id}'=1\n[switches.beta]\nspentByOthers=3";
    let sandbox = orgs(settings(table)).await;
    let acme = Org::of(&sandbox, "acme");
    let mut seen = Vec::new();
    for path in [
        "/api/v1/apps",
        HUB,
        "/nothing",
        HUB,
        "/api/v1/apps/0oagone/features",
        HUB,
    ] {
        let reply = acme.get(path).await;
        seen.push((
            reply.status,
            reply.header("x-rate-limit-remaining").to_owned(),
        ));
    }
    let expected: Vec<_> = [
        (200, "3"),
        (200, "2"),
        (404, "299"),
        (200, "1"),
        (404, "0"),
        (429, "0"),
    ]
    .map(|(status, left)| (status, left.to_owned()))
    .into();
    assert_eq!(seen, expected);
    let refused = acme.get(HUB).await;
    assert_eq!(refused.outcome(), "429 E0000047");
    assert_eq!(refused.header("x-rate-limit-limit"), "4");
    assert_eq!(refused.header("retry-after"), "");
    assert_eq!(acme.get("/api/v1/apps/0oahub").await.status, 200);
    assert_eq!(acme.get("/api/v1/apps/0oahub").await.status, 429);

    let beta = Org::of(&sandbox, "beta");
    let first = beta.get(HUB).await;
    assert_eq!(
        (first.status, first.header("x-rate-limit-remaining")),
        (200, "0")
    );
    assert_eq!(beta.get(HUB).await.status, 429);
}

#[tokio::test]
async fn a_clock_may_be_wrong_but_is_wrong_everywhere() {
    let sandbox = orgs(settings("limit=50\n[switches.acme]\nclockSkewS=-7200")).await;
    let reply = Org::of(&sandbox, "acme").get(HUB).await;
    let date = httpdate::parse_http_date(reply.header("date")).unwrap();
    let behind = std::time::SystemTime::now()
        .duration_since(date)
        .unwrap()
        .as_secs();
    assert!((7190..7300).contains(&behind), "{behind}");
    let date = date
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let reset: u64 = reply.header("x-rate-limit-reset").parse().unwrap();
    assert!((59..=61).contains(&(reset - date)));
}

#[tokio::test]
async fn too_many_at_once_is_the_other_429() {
    let table =
        "concurrency=2\n[[faults.rules]]\nfault='hang'\npath='/api/v1/apps/0oahub'\ntimes=0";
    let sandbox = orgs(settings(table)).await;
    let acme = Org::of(&sandbox, "acme");
    let hung: Vec<_> = (0..2)
        .map(|_| {
            let acme = acme.clone();
            tokio::spawn(async move { acme.try_call("GET", "/api/v1/apps/0oahub", "").await })
        })
        .collect();
    let refused = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let reply = acme.get(HUB).await;
            if reply.status != 200 {
                return reply;
            }
        }
    })
    .await
    .unwrap();
    assert_eq!(refused.outcome(), "429 E0000047");
    assert_eq!(refused.header("x-rate-limit-limit"), "0");
    assert_eq!(refused.header("x-rate-limit-remaining"), "0");
    for one in hung {
        one.abort();
    }
    let open = tokio::time::timeout(Duration::from_secs(30), async {
        while acme.get(HUB).await.status != 200 {}
    });
    open.await.expect("hung calls leave when their clients do");
}

#[tokio::test]
async fn faults_do_what_their_names_say() {
    for (fault, outcome, applied) in [
        ("serverError", "500 E0000009", false),
        ("unavailable", "503 E0000010", false),
        ("badGateway", "502", false),
        ("foreignBody", "200", false),
        ("rateLimit", "429 E0000047", false),
        ("concurrency", "429 E0000047", false),
        ("appliedError", "500 E0000009", true),
        ("reset", "lost", false),
        ("lostAnswer", "lost", true),
        ("truncated", "torn", true),
        ("hang", "timeout", false),
    ] {
        let table =
            format!("limit=50\n[[faults.rules]]\nfault='{fault}'\norg='acme'\nmethod='POST'");
        let sandbox = orgs(settings(&table)).await;
        let acme = Org::of(&sandbox, "acme");
        let request = acme
            .request(reqwest::Method::POST, &format!("{HUB}?activate=true"))
            .header("content-type", "application/json")
            .timeout(Duration::from_millis(if fault == "hang" {
                50
            } else {
                30_000
            }))
            .body(TOKEN);
        let got = match request.send().await {
            Ok(answer) => {
                let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
                match answer.text().await {
                    Ok(text) => raw::Reply {
                        status,
                        headers,
                        text,
                    }
                    .outcome(),
                    Err(_) => "torn".to_owned(),
                }
            }
            Err(error) if error.is_timeout() => "timeout".to_owned(),
            Err(_) => "lost".to_owned(),
        };
        assert_eq!(got, outcome, "{fault}");
        let state = sandbox.state("acme").unwrap().to_string();
        assert_eq!(state.contains("ENABLED"), applied, "{fault}: {state}");
        let kept = sandbox.journal("acme").unwrap();
        let told: Fault = serde_json::from_value(json!(fault)).unwrap();
        assert_eq!(kept[0].fault, Some(told));
        let unanswered = ["lost", "timeout"].contains(&outcome);
        assert_eq!(kept[0].status.is_none(), unanswered, "{fault}");
        if fault != "rateLimit" {
            let again = acme.post(HUB, TOKEN).await;
            assert_eq!(again.status, 200, "{fault}: once only");
        }
    }
}

#[tokio::test]
async fn a_post_needs_a_length() {
    let sandbox = orgs(settings("")).await;
    let acme = Org::of(&sandbox, "acme");
    let mut stream = tokio::net::TcpStream::connect(sandbox.address())
        .await
        .unwrap();
    let request = format!(
        "POST {HUB}/lifecycle/activate HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\nConnection: close\r\n\r\n",
        acme.host, acme.authorization
    );
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
        .await
        .unwrap();
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text)
        .await
        .unwrap();
    assert!(text.starts_with("HTTP/1.1 411 "), "{text}");
}

#[tokio::test]
async fn a_person_approves_or_denies_without_a_script() {
    let sandbox = orgs(settings("")).await;
    let acme = Org::of(&sandbox, "acme");
    let path = "/api/v1/apps/0oazoom/connections/default";
    let set = acme
        .post(path, r#"{"profile":{"authScheme":"OAUTH2"}}"#)
        .await
        .json();
    let link = set["_links"]["authorize"]["href"]
        .as_str()
        .unwrap()
        .to_owned();
    let here = link.split_once(&acme.host).unwrap().1.to_owned();
    let browser = |path: &str| {
        acme.http
            .get(format!("{}{path}", acme.base))
            .header("host", &acme.host)
    };
    let page = acme.send(browser(&here)).await.unwrap();
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains("Approve") && page.text.contains("Deny"));
    assert!(!page.text.contains("<script"));

    let mut shown = Vec::new();
    for button in ["deny", "approve"] {
        let url = url::Url::parse(&link).unwrap();
        let field = |name: &str| {
            let found = url.query_pairs().find(|(key, _)| key == name).unwrap();
            found.1.into_owned()
        };
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("redirect_uri", &field("redirect_uri"))
            .append_pair("state", &field("state"))
            .append_pair("decision", button)
            .finish();
        let press = acme
            .http
            .post(format!("{}{here}", acme.base))
            .header("host", &acme.host)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let pressed = acme.send(press).await.unwrap();
        assert_eq!(pressed.status, 303);
        let back = pressed
            .header("location")
            .split_once(&acme.host)
            .unwrap()
            .1
            .to_owned();
        shown.push(acme.send(browser(&back)).await.unwrap());
    }
    assert_eq!(shown[0].outcome(), "400 E0000001");
    assert!(shown[0].text.contains("access_denied"));
    assert_eq!(shown[1].status, 200);
    assert_eq!(shown[1].text, sandbox.approve(&link).await.unwrap());
    let href = shown[1].json()["continue_oauth_flow_url"]["href"].to_string();
    let call = href
        .trim_matches('"')
        .split_once(&acme.host)
        .unwrap()
        .1
        .to_owned();
    assert_eq!(acme.post(&call, "").await.status, 204);
}

#[tokio::test]
async fn the_third_party_answers_only_what_an_org_sent() {
    let sandbox = orgs(settings("")).await;
    let acme = Org::of(&sandbox, "acme");
    let query = |redirect: &str| {
        let redirect: String = url::form_urlencoded::byte_serialize(redirect.as_bytes()).collect();
        format!(
            "/_third-party/google/authorize?response_type=code&client_id=%3Cscript%3E&state=s&redirect_uri={redirect}"
        )
    };
    let port = sandbox.address().port();
    for redirect in [
        "https://evil.example/admin/app/google/1/oauth2/redirect".to_owned(),
        format!("http://evil.localhost:{port}/admin/app/google/1/oauth2/redirect"),
        format!("http://acme.localhost:{port}/elsewhere"),
        "http://acme.localhost:1/admin/app/google/1/oauth2/redirect".to_owned(),
        "nonsense".to_owned(),
    ] {
        assert_eq!(acme.get(&query(&redirect)).await.status, 400, "{redirect}");
        let link = format!("{}{}", sandbox.url("acme"), query(&redirect));
        assert!(sandbox.approve(&link).await.is_err(), "{redirect}");
    }
    let ours = format!("http://acme.localhost:{port}/admin/app/google/0oagoogle/oauth2/redirect");
    let page = acme.get(&query(&ours)).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("&lt;script&gt;") && !page.text.contains("<script>"));
    for link in [
        "",
        "nonsense",
        "http://acme.localhost/_third-party/google/authorize",
    ] {
        assert!(sandbox.approve(link).await.is_err(), "{link}");
    }
}

#[tokio::test]
async fn the_journal_counts_and_keeps_no_values() {
    let sandbox = orgs(settings("journal=2")).await;
    let acme = Org::of(&sandbox, "acme");
    let callback = "/api/v1/apps/google/0oagoogle/oauth2/callback?code=hush&state=hush";
    for path in [HUB, callback, callback] {
        acme.post(path, "").await;
    }
    acme.get(HUB).await;
    let kept = sandbox.journal("acme").unwrap();
    assert_eq!(kept.iter().map(|call| call.no).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(kept[0].query, ["code", "state"]);
    assert_eq!(kept[0].status, Some(400));
    let counts = sandbox.counts("acme").unwrap();
    assert_eq!(counts["POST /api/v1/apps/{name}/{id}/oauth2/callback"], 2);
    assert_eq!(counts["GET /api/v1/apps/{id}/connections/default"], 1);
    let shown = acme.get("/_sandbox/orgs/acme/requests").await;
    assert_eq!(shown.json()["counts"], json!(counts));
    assert!(!shown.text.contains("hush"));
    let state = acme.get("/_sandbox/orgs/acme/state").await.json();
    assert_eq!(state, sandbox.state("acme").unwrap());
    assert_eq!(
        acme.get("/_sandbox/orgs").await.json(),
        json!(["acme", "beta"])
    );
    assert_eq!(acme.get("/_sandbox/orgs/nobody/state").await.status, 404);
}

#[tokio::test]
async fn state_and_port_outlive_the_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let start = || async {
        let state = Some(folder.path().to_owned());
        let sandbox = Sandbox::start(settings(""), state, None).await.unwrap();
        seed(&sandbox, "acme");
        sandbox
    };
    let sandbox = start().await;
    let acme = Org::of(&sandbox, "acme");
    acme.post(&format!("{HUB}?activate=true"), TOKEN).await;
    let body = r#"{"create":{"lifecycleCreate":{"status":"ENABLED"}}}"#;
    acme.put("/api/v1/apps/0oahub/features/USER_PROVISIONING", body)
        .await;
    acme.post(
        "/api/v1/apps",
        r#"{"name":"zscalerbyz","label":"Z","settings":{}}"#,
    )
    .await;
    let google = "/api/v1/apps/0oagoogle/connections/default";
    let set = acme
        .post(google, r#"{"profile":{"authScheme":"OAUTH2"}}"#)
        .await
        .json();
    let link = set["_links"]["authorize"]["href"].as_str().unwrap();
    let (before, port) = (sandbox.state("acme").unwrap(), sandbox.address().port());
    let written = std::fs::read_to_string(folder.path().join("acme.jsonl")).unwrap();
    assert!(!written.contains("t1"), "{written}");
    sandbox.stop().await;

    let sandbox = start().await;
    assert_eq!(sandbox.state("acme").unwrap(), before);
    assert_eq!(sandbox.address().port(), port);
    let acme = Org::of(&sandbox, "acme");
    let page: Value = serde_json::from_str(&sandbox.approve(link).await.unwrap()).unwrap();
    let href = page["continue_oauth_flow_url"]["href"].as_str().unwrap();
    let call = href.split_once(&acme.host).unwrap().1;
    assert_eq!(acme.post(call, "").await.status, 204);

    let taken = Sandbox::start(settings(""), None, Some(sandbox.address())).await;
    let error = taken.unwrap_err();
    assert!(matches!(error, SandboxError::Listen { .. }), "{error}");
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    let elsewhere = start().await;
    assert_ne!(elsewhere.address().port(), port, "remembered, but taken");
    let open = Sandbox::start(settings(""), None, Some("0.0.0.0:0".parse().unwrap())).await;
    assert!(matches!(open, Err(SandboxError::NotLoopback(_))));
}
