//! Who is let in, and what every answer forbids.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::field;
use crate::support::{Desk, Scenario, google, zscaler};

fn served(story: &mut Scenario) -> Desk {
    story.set("DESK_TOKEN", "tell-tale-desk-token");
    let mut desk = story.desk(&["serve", "--token", "env:DESK_TOKEN"]);
    desk.live.says("listens on http://");
    desk
}

#[test]
fn only_who_has_the_token_is_let_in() {
    let mut story = Scenario::of([google("0oa1")]);
    story.run().exits(4);
    // It stands in the link that is printed, once.
    let printed = story.desk(&["serve"]);
    assert!(printed.token.len() >= 32, "{}", printed.token);
    drop(printed);
    story.write("desk.token", "tell-tale-other\n");
    let desk = story.desk(&["serve", "--token", "file:desk.token"]);
    assert_eq!(desk.token, "tell-tale-other");
    let bearer = |token: &str| vec![("Authorization", format!("Bearer {token}"))];
    let every = [
        "/",
        "/consents",
        "/runs",
        "/jobs",
        "/events",
        "/metrics",
        "/nowhere",
        "/share",
    ];
    for path in every {
        for headers in [
            vec![],
            bearer("tell-tale"),
            vec![("Cookie", format!("okta-rollout-{}=x", desk.address))],
        ] {
            // Wrong ones are answered later and later.
            if !headers.is_empty() && path != "/consents" {
                continue;
            }
            let page = desk.ask("GET", path, &headers, "").is(401);
            assert!(page.body.len() < 100, "{}", page.body);
            page.hides("acme").hides("<");
        }
    }
    desk.ask("POST", "/consents/answers", &[], "answers=x")
        .is(401);
    let health = desk.ask("GET", "/healthz", &[], "").is(200);
    assert_eq!(health.body, "ok\n");
    // A token leads to a cookie, and away from the address that has it.
    let entered = desk.ask("GET", "/?token=tell-tale-other", &[], "").is(303);
    assert_eq!(entered.header("location"), Some("/consents"));
    let cookie = entered.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(
        !cookie.contains("tell-tale") && !cookie.contains("Secure"),
        "{cookie}"
    );
    desk.enter().is(200).shows("acme");
    desk.ask("GET", "/consents", &bearer("tell-tale-other"), "")
        .is(200)
        .shows("acme");
    desk.ask("GET", "/metrics", &bearer("tell-tale-other"), "")
        .is(200);
    let first = desk.get("/").is(303);
    assert_eq!(first.header("location"), Some("/consents"));
    desk.get("/nowhere").is(404);
    drop(desk);
    // With the same token its browsers are known again.
    let again = served(&mut story);
    again.ask("GET", "/?token=tell-tale-other", &[], "").is(401);
}

#[test]
fn while_too_many_wrong_tokens_wait_no_other_is_judged() {
    let mut story = Scenario::of([]);
    let desk = served(&mut story);
    let right = format!("/?token={}", desk.token);
    let mut waiting = Vec::new();
    let refused = loop {
        let mut wrong = TcpStream::connect(&desk.address).unwrap();
        let head = format!("GET /?token=x HTTP/1.1\r\nHost: {}\r\n\r\n", desk.address);
        wrong.write_all(head.as_bytes()).unwrap();
        waiting.push(wrong);
        assert!(
            waiting.len() < 400,
            "the right one is found out among {}",
            waiting.len()
        );
        let page = desk.ask("GET", &right, &[], "");
        if page.status != 303 {
            break page;
        }
    };
    assert!(waiting.len() > 60, "{}", waiting.len());
    let again = refused.is(429);
    assert!(again.header("retry-after").is_some());
    // Whoever shows nothing is answered as ever.
    desk.ask("GET", "/consents", &[], "").is(401);
    desk.ask("GET", "/healthz", &[], "").is(200);
}

#[test]
fn pages_of_others_and_rebound_names_do_nothing() {
    let mut story = Scenario::of([google("0oa1")]);
    story.run().exits(4);
    let desk = served(&mut story);
    let page = desk.enter();
    let form = page.form("/consents/fresh");
    let entered = desk.ask("GET", "/?token=tell-tale-desk-token", &[], "");
    let cookie = entered.cookie();
    let with = |more: &[(&'static str, &str)]| {
        let more = more
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        [("Cookie", cookie.clone())]
            .into_iter()
            .chain(more)
            .collect::<Vec<_>>()
    };
    let link = story.link();
    for (headers, status) in [
        (with(&[("Origin", "http://evil.example")]), 403),
        (with(&[("Origin", "null")]), 403),
        (with(&[("Origin", "http://127.0.0.1:1")]), 403),
        (with(&[("Sec-Fetch-Site", "cross-site")]), 403),
        (with(&[("Host", "evil.example")]), 421),
        (with(&[("Host", "127.0.0.1")]), 421),
    ] {
        desk.post_with("/consents/fresh", &form, &headers)
            .is(status)
            .hides("acme");
        desk.ask("GET", "/consents", &headers, "").is(
            if status == 403 && headers[1].0 == "Sec-Fetch-Site" {
                200
            } else {
                status
            },
        );
    }
    // Nothing of another page is shown in a frame or loaded as a part.
    for dest in ["iframe", "script", "image"] {
        let headers = with(&[
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Dest", dest),
            ("Sec-Fetch-Mode", "no-cors"),
        ]);
        desk.ask("GET", "/consents", &headers, "").is(403);
    }
    forged(&desk, &form);
    assert_eq!(story.link(), link, "nothing was sent");
    let calls = story.calls("acme");
    let posts = calls.iter().filter(|call| call.starts_with("POST"));
    assert_eq!(posts.count(), 1);
    let own = format!("http://{}", desk.address);
    desk.post_with("/consents/fresh", &form, &with(&[("Origin", &own)]))
        .is(200);
    assert_ne!(story.link(), link);
}

/// A form that is not the desk's own does nothing.
fn forged(desk: &Desk, form: &[(String, String)]) {
    let mut forged: Vec<_> = form
        .iter()
        .filter(|(name, _)| name != "csrf")
        .cloned()
        .collect();
    for path in [
        "/consents/fresh",
        "/consents/open",
        "/consents/answers",
        "/who",
        "/share",
        "/jobs/run",
        "/jobs/stop",
        "/runs/x/stop",
        "/runs/x/approve",
    ] {
        desk.post(path, &forged).is(403);
        desk.get(path).is(405);
    }
    forged.push(field("csrf", "0000"));
    desk.post("/consents/fresh", &forged).is(403);
}

#[test]
fn every_answer_forbids_what_no_page_needs() {
    let mut story = Scenario::of([google("0oa1")]);
    story.run().exits(4);
    let desk = served(&mut story);
    desk.enter();
    for path in [
        "/consents",
        "/runs",
        "/jobs",
        "/nowhere",
        "/metrics",
        "/healthz",
        "/share/x",
    ] {
        let page = desk.get(path);
        for (name, wanted) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(page.header(name), Some(wanted), "{path} {name}");
        }
        let policy = page.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action ",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
    }
    let consents = desk.get("/consents").is(200);
    let policy = consents.header("content-security-policy").unwrap();
    assert!(
        policy.contains("form-action 'self' https://accounts.google.com"),
        "{policy}"
    );
    // Nothing is loaded from anywhere.
    for tag in ["<img", "<link", "<iframe", "src=", "http-equiv"] {
        assert!(!consents.body.contains(tag), "{tag}");
    }
    consents.shows("rel=\"noopener\"");
}

#[test]
fn an_address_that_others_reach_is_guarded() {
    let story = Scenario::of([]);
    for (arguments, wanted) in [
        (
            &["serve", "--listen", "0.0.0.0:0"][..],
            "not an address of this machine alone",
        ),
        (
            &["run", "job.toml", "--desk", "--listen", "[::]:0"],
            "not an address of this machine alone",
        ),
        (
            &["run", "job.toml", "--listen", "127.0.0.1:0"],
            "--listen is about the desk",
        ),
        (
            &["run", "job.toml", "--behind-proxy", "x"],
            "--behind-proxy is about the desk",
        ),
        (&["serve", "--tls-cert", "none.pem"], "--tls-key"),
        (
            &["serve", "--tls-cert", "none.pem", "--tls-key", "none.pem"],
            "--tls-cert none.pem",
        ),
        (
            &["serve", "--behind-proxy", "https://desk.example.com/"],
            "no name of a host",
        ),
        (&["serve", "--token", "open"], "--token cannot be used"),
    ] {
        story.okta_rollout(arguments).exits(2).says(wanted);
    }
    let desk = story.desk_at(
        "127.0.0.1:0",
        &["serve", "--behind-proxy", "desk.example.com"],
    );
    assert!(desk.base == "https://desk.example.com", "{}", desk.base);
    drop(desk);
    // Behind a proxy it answers to that name alone.
    let port = free_port();
    let at = format!("127.0.0.1:{port}");
    let desk = story.desk_at(
        &at,
        &[
            "serve",
            "--behind-proxy",
            "desk.example.com",
            "--listen",
            &at,
        ],
    );
    let host = |host: &str| vec![("Host", host.to_owned())];
    let path = format!("/?token={}", desk.token);
    desk.ask("GET", &path, &host(&at), "").is(421);
    desk.ask("GET", &path, &host("desk.example.com:443"), "")
        .is(421);
    let entered = desk
        .ask("GET", &path, &host("desk.example.com"), "")
        .is(303);
    let cookie = entered.header("set-cookie").unwrap();
    assert!(
        cookie.contains("; Secure") && cookie.starts_with("__Host-"),
        "{cookie}"
    );
    let mut headers = host("desk.example.com");
    headers.push(("Authorization", format!("Bearer {}", desk.token)));
    headers.push(("Origin", "https://desk.example.com".to_owned()));
    desk.ask("GET", "/consents", &headers, "").is(200);
}

pub(super) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn large_bodies_and_slow_connections_change_nothing() {
    let mut story = Scenario::of([zscaler("0oa1")]);
    let desk = served(&mut story);
    desk.enter();
    let form = desk.get("/consents").form("/consents/answers");
    let with = |length: usize| {
        let mut fields = form.clone();
        fields.push(field("answers", &"x".repeat(length)));
        fields
    };
    desk.post("/consents/answers", &with(3 * 1024 * 1024))
        .is(200)
        .shows("no answer was found");
    desk.post("/consents/answers", &with(4 * 1024 * 1024))
        .is(413);
    let entered = desk.ask("GET", &format!("/?token={}", desk.token), &[], "");
    let cookie = entered.cookie();
    // A gigabyte is refused by its length, before any of it is read.
    let mut huge = TcpStream::connect(&desk.address).unwrap();
    let head = format!(
        "POST /consents/answers HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\nContent-Length: 1000000000\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n",
        desk.address
    );
    huge.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    huge.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    let many = "X-Y: z\r\n".repeat(200);
    let mut crowded = TcpStream::connect(&desk.address).unwrap();
    crowded
        .write_all(format!("GET /healthz HTTP/1.1\r\n{many}\r\n").as_bytes())
        .unwrap();
    crowded.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");
    // Two hundred that say nothing, or half a word.
    let slow: Vec<_> = (0..200)
        .map(|no| {
            let mut stream = TcpStream::connect(&desk.address).unwrap();
            if no % 2 == 0 {
                stream.write_all(b"GET /cons").unwrap();
            }
            stream
        })
        .collect();
    desk.get("/consents").is(200);
    drop(slow);
}
