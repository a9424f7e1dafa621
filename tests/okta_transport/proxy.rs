//! Proxies come from the environment, which a test cannot change for itself: these tests run another
//! test of this file in a process of its own.

use std::process::{Command, Stdio};

use tokio::task::spawn_blocking;

use super::TOKEN;
use super::server::{Reply, Server};

/// Runs one test of this binary with these variables and asserts that it passes.
async fn run_test(name: &str, environment: &[(&str, String)]) {
    let this = std::env::current_exe().expect("the test binary");
    let mut command = Command::new(this);
    command.args(["--exact", name]).stdin(Stdio::null());
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(variable);
        command.env_remove(variable.to_lowercase());
    }
    command.envs(environment.iter().map(|(key, value)| (key, value)));
    let output = spawn_blocking(move || command.output())
        .await
        .expect("joined")
        .expect("the test ran");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[tokio::test]
async fn loopback_goes_past_a_proxy() {
    let proxy = Server::start([Reply::json(500, "{}")]).await;
    let environment = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].map(|key| (key, proxy.origin()));
    run_test("requests::an_answer_is_reported_whole", &environment).await;
    run_test(
        "requests::names_under_localhost_need_no_resolver_and_name_the_host",
        &environment,
    )
    .await;
    assert_eq!(proxy.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn other_hosts_go_through_it_without_showing_it_credentials() {
    let proxy = Server::start([Reply::with(502, "", b"<html>no route</html>")]).await;
    let environment = [("HTTPS_PROXY", proxy.origin())];
    run_test("faults::an_unresolvable_host_is_not_sent", &environment).await;
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].starts_with("CONNECT acme.okta.invalid:443 HTTP/1.1\r\n"));
    assert!(!requests[0].contains(TOKEN) && !requests[0].contains("authorization"));
}
