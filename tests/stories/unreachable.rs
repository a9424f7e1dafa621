//! Orgs that no try can reach before a setting is changed: each is stopped at the first one, by every command alike,
//! with the cause and the setting; the others are worked on.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Scenario, zscaler};

/// A server that says this to whoever comes, and counts them.
struct Told {
    address: String,
    visitors: Arc<AtomicUsize>,
}

impl Told {
    fn with(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let visitors = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&visitors);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 16_384];
                let read = stream.read(&mut request);
                let answered = stream.write_all(answer.as_bytes());
                // All that comes is read, or the system would answer with a reset.
                let shut = stream.shutdown(std::net::Shutdown::Write);
                let rest = std::io::copy(&mut stream, &mut std::io::sink());
                drop((read, answered, shut, rest));
            }
        });
        Self { address, visitors }
    }

    fn visitors(&self) -> usize {
        self.visitors.swap(0, Ordering::SeqCst)
    }
}

/// acme at this address and globex in the sandbox.
fn at(url: &str) -> Scenario {
    let mut story = Scenario::of([]);
    story.org_at("acme", url);
    story.manifest([zscaler("0oa1"), zscaler("0oa1").at("globex")]);
    // Retries that would be noticed.
    story.job("maxElapsed = '30s'\n");
    story
}

/// Every command says this of acme, tries once, and does what is to be done in globex.
fn stops(story: &Scenario, server: &Told, visits: usize, words: &[&str]) {
    let said = story.run().exits(3).said();
    for word in words {
        assert!(said.contains(word), "{word:?} is missing in:\n{said}");
    }
    assert_eq!(server.visitors(), visits, "{said}");
    let report = story.report();
    assert_eq!(report["entries"][0]["state"], "pending");
    assert_eq!(report["entries"][1]["state"], "done");
    assert_eq!(report["orgs"][0]["retries"], 0);
    let hint = report["orgs"][0]["stopped"]["hint"].as_str().unwrap();
    // A run keeps the addresses it began with.
    let next = if hint.contains("the org's url") {
        "then: okta-rollout run job.toml"
    } else {
        "then: okta-rollout resume"
    };
    assert!(hint.contains(next), "{hint}");

    let plan = story.okta_rollout(&["plan", "m.json"]).exits(3);
    let shown = plan.data();
    for word in words {
        assert!(shown.contains(word), "{word:?} is missing in:\n{shown}");
    }
    assert_eq!(server.visitors(), visits, "{shown}");

    let export = [
        "export", "--org", "acme", "--org", "globex", "--orgs", "m.json",
    ];
    let said = story.okta_rollout(&export).exits(3).said();
    for word in words {
        assert!(said.contains(word), "{word:?} is missing in:\n{said}");
    }
    assert_eq!(server.visitors(), visits, "{said}");
}

#[test]
fn a_host_that_nobody_knows() {
    let nobody = Told::with("");
    let story = at("https://acme.okta.invalid");
    let words = [
        "cannot resolve acme.okta.invalid: no such host",
        "correct the org's url",
    ];
    stops(&story, &nobody, 0, &words);
}

#[test]
fn a_server_without_tls() {
    let plain = Told::with("HTTP/1.1 400 Bad Request\r\n\r\n");
    let story = at(&format!("https://{}", plain.address));
    let words = ["cannot set up TLS with 127.0.0.1", "HTTPS address"];
    stops(&story, &plain, 1, &words);
}

#[test]
fn a_proxy_that_wants_to_know_who_asks() {
    let proxy = Told::with("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    let mut story = at("https://acme.okta.example");
    story.set("HTTPS_PROXY", &format!("http://{}", proxy.address));
    let words = [
        "(HTTPS_PROXY) asks for a user and a password",
        "set HTTPS_PROXY to",
    ];
    stops(&story, &proxy, 1, &words);
}

#[test]
fn a_proxy_that_lets_nobody_there() {
    let proxy = Told::with("HTTP/1.1 403 Forbidden\r\n\r\n");
    let mut story = at("https://acme.okta.example");
    story.set("all_proxy", &proxy.address);
    let words = [
        "(all_proxy) refuses the way to acme.okta.example (status 403)",
        "NO_PROXY",
    ];
    // Once to call, and once to find out why not.
    stops(&story, &proxy, 2, &words);
}

#[test]
fn a_proxy_that_is_nowhere() {
    let nobody = Told::with("");
    let mut story = at("https://acme.okta.example");
    story.set("https_proxy", "http://proxy.invalid:3128");
    let words = [
        "cannot resolve the proxy proxy.invalid:3128 (https_proxy)",
        "correct https_proxy",
    ];
    stops(&story, &nobody, 0, &words);
}

#[test]
fn who_is_excepted_from_the_proxy_goes_past_it() {
    let proxy = Told::with("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    let mut story = at("https://acme.okta.invalid");
    story.set("HTTPS_PROXY", &proxy.address);
    story.set("NO_PROXY", "example.com,.okta.invalid");
    stops(&story, &proxy, 0, &["no such host"]);
}

#[test]
fn a_variable_that_names_no_proxy_is_wrong_usage_and_nothing_is_sent() {
    let export = ["export", "--org", "acme", "--orgs", "m.json"];
    for variable in [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        let mut story = Scenario::of([zscaler("0oa1")]);
        story.run().exits(0);
        story.calls("acme");
        story.set(variable, "not-a-proxy:s3cret");
        for command in [
            &["run", "job.toml", "--new"][..],
            &["resume"],
            &["plan", "job.toml"],
            &["check", "job.toml"],
            &["consent", "complete", "x"],
            &["consent", "refresh"],
            &export,
        ] {
            let ran = story.okta_rollout(command).exits(2);
            let said = ran
                .says(&format!("{variable} is not the address of a proxy: "))
                .says(&format!("set {variable} to http://HOST:PORT, or unset it"))
                .said();
            assert!(!said.contains("s3cret"), "{said}");
            let causes = said.matches("is not the address of a proxy").count();
            assert_eq!(causes, 1, "{said}");
        }
        assert!(story.calls("acme").is_empty());
        // Who calls nobody needs no proxy.
        story.okta_rollout(&["status"]).exits(0);
    }
}

#[test]
fn commands_that_only_look_report_what_they_wait_for_as_run_does() {
    let mut story = Scenario::of([]);
    // Nobody listens there: it may heal.
    story.org_at("acme", "http://127.0.0.1:1");
    story.manifest([zscaler("0oa1")]);
    let job = "manifest = 'm.json'\n[retry]\ninitial = '24h'\nmax = '24h'\nmaxElapsed = '48h'\n";
    story.write("job.toml", job);
    for (command, what) in [
        (
            &["plan", "job.toml"][..],
            "the next try: cannot connect to 127.0.0.1",
        ),
        (
            &["export", "--org", "acme", "--job", "job.toml"],
            "the next try: cannot connect to 127.0.0.1",
        ),
        (&["run", "job.toml"], "the next try of 1 entry"),
    ] {
        let mut waits = story.begin(command);
        waits.says("acme: waits ");
        waits.has_said(what);
        waits.signal("INT");
        assert_eq!(waits.ends(), Some(130));
    }
}

#[test]
fn commands_that_only_look_report_a_budget_that_is_used_up() {
    let settings = "limit = 1\nwindow = '1h'";
    let story = Scenario::with(settings, [zscaler("0oa1"), zscaler("0oa2")]);
    for command in [
        &["plan", "job.toml"][..],
        &["export", "--org", "acme", "--orgs", "m.json"],
    ] {
        let mut waits = story.begin(command);
        waits.says("acme: waits ");
        waits.has_said("budget of /api/v1/apps: 0 of 1 left");
        waits.signal("HUP");
        assert_eq!(waits.ends(), Some(129));
    }
}
