//! Proxies between the client and an org: which calls they see, what they see of them, and what their refusals mean.

use std::ffi::OsString;
use std::time::Duration;

use okta_rollout::okta::{CallError, Class, HttpSettings, Proxies, connections};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::server::{Reply, Server, read_request};
use super::{TOKEN, ssws};

/// Settings with these variables in the environment.
fn behind(variables: &[(&str, String)]) -> HttpSettings {
    let proxies = Proxies::from_lookup(|name| {
        let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
        Some(OsString::from(value))
    });
    HttpSettings {
        connect_timeout: Duration::from_secs(5),
        proxies,
        ..HttpSettings::default()
    }
}

async fn failed(variables: &[(&str, String)]) -> CallError {
    let client = ssws("https://acme.okta.invalid", &behind(variables));
    let exchange = client.exchange(connections::get("0oa1").request()).await;
    assert_eq!(exchange.status, None);
    exchange.outcome.expect_err("no answer")
}

#[tokio::test]
async fn loopback_goes_past_a_proxy() {
    let proxy = Server::start([Reply::json(500, "{}")]).await;
    let variables = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].map(|key| (key, proxy.origin()));
    for host in ["127.0.0.1", "acme.localhost"] {
        let server = Server::start([Reply::json(200, "{}")]).await;
        let origin = format!("http://{host}:{}", server.port());
        let client = ssws(&origin, &behind(&variables));
        let exchange = client.exchange(connections::get("0oa1").request()).await;
        assert_eq!(exchange.status, Some(200), "{exchange:?}");
    }
    assert_eq!(proxy.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn other_hosts_go_through_it_without_showing_it_credentials() {
    let refusal = || Reply::with(502, "", b"<html>no route</html>");
    let proxy = Server::start([refusal(), refusal()]).await;
    let error = failed(&[("HTTPS_PROXY", proxy.origin())]).await;
    assert_eq!(error.class, Class::NotSent, "{error}");
    let requests = proxy.requests();
    // Once by the HTTP library, which does not say why it was refused, and once to find that out.
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert!(request.starts_with("CONNECT acme.okta.invalid:443 HTTP/1.1\r\n"));
        assert!(!request.contains(TOKEN) && !request.contains("authorization"));
    }
}

#[tokio::test]
async fn a_proxys_refusal_is_reported_with_the_variable_to_change() {
    for (reply, class, message, hint) in [
        (
            Reply::with(407, "Proxy-Authenticate: Basic\r\n", b""),
            Class::OrgStopped,
            "asks for a user and a password that it accepts (status 407)",
            "set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT",
        ),
        (
            Reply::with(403, "", b"<html>denied</html>"),
            Class::OrgStopped,
            "refuses the way to acme.okta.invalid (status 403)",
            "have acme.okta.invalid allowed there, or name it in NO_PROXY to go past the proxy",
        ),
        (
            Reply::with(404, "", b""),
            Class::OrgStopped,
            "refuses the way to acme.okta.invalid (status 404)",
            "have acme.okta.invalid allowed there, or name it in NO_PROXY to go past the proxy",
        ),
        (
            Reply::with(503, "", b""),
            Class::NotSent,
            "finds no way to acme.okta.invalid (status 503)",
            "check the proxy that HTTPS_PROXY names",
        ),
        (
            Reply::with(429, "", b""),
            Class::NotSent,
            "finds no way to acme.okta.invalid (status 429)",
            "check the proxy that HTTPS_PROXY names",
        ),
        (
            Reply::Send(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()),
            Class::OrgStopped,
            "does not speak HTTP",
            "set HTTPS_PROXY to the address of an HTTP proxy",
        ),
        (
            Reply::Send(Vec::new()),
            Class::NotSent,
            "gives no way to acme.okta.invalid: tunnel error: unexpected end of file",
            "check the proxy that HTTPS_PROXY names",
        ),
    ] {
        let proxy = Server::start([reply.clone(), reply]).await;
        let error = failed(&[("HTTPS_PROXY", proxy.origin())]).await;
        let named = format!("the proxy 127.0.0.1:{} (HTTPS_PROXY) ", proxy.port());
        assert_eq!(error.message, format!("{named}{message}"));
        assert_eq!(error.class, class, "{error}");
        assert_eq!(error.hint.as_deref(), Some(hint));
    }
}

#[tokio::test]
async fn the_proxys_own_password_goes_to_it_and_is_reported_to_nobody() {
    let refusal = || Reply::with(403, "", b"");
    let proxy = Server::start([refusal(), refusal()]).await;
    let url = format!("http://us%40er:s3cret@127.0.0.1:{}", proxy.port());
    let error = failed(&[("all_proxy", url)]).await;
    assert!(error.message.contains("(all_proxy)"), "{error}");
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    let requests = proxy.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        // "us@er:s3cret"
        let found = request.lines().find_map(|line| line.split_once(": Basic "));
        let (name, value) = found.expect("a header");
        assert!(
            name.eq_ignore_ascii_case("proxy-authorization"),
            "{request}"
        );
        assert_eq!(value, "dXNAZXI6czNjcmV0");
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_reached_is_reported_as_the_proxy() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let error = failed(&[("https_proxy", format!("127.0.0.1:{port}"))]).await;
    assert_eq!(error.class, Class::NotSent, "{error}");
    let expected = format!("cannot connect to the proxy 127.0.0.1:{port} (https_proxy): ");
    assert!(error.message.starts_with(&expected), "{error}");

    let error = failed(&[("HTTPS_PROXY", "http://proxy.invalid:3128".to_owned())]).await;
    assert_eq!(error.class, Class::OrgStopped, "{error}");
    assert_eq!(
        error.message,
        "cannot resolve the proxy proxy.invalid:3128 (HTTPS_PROXY): no such host"
    );
    assert_eq!(error.hint.as_deref(), Some("correct HTTPS_PROXY"));

    let plain = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    let port = says_at_once(plain).await;
    let error = failed(&[("HTTPS_PROXY", format!("https://127.0.0.1:{port}"))]).await;
    let expected = format!("cannot set up TLS with the proxy 127.0.0.1:{port} (HTTPS_PROXY): ");
    assert!(error.message.starts_with(&expected), "{error}");
    assert_eq!(error.class, Class::OrgStopped, "{error}");

    let port = says_at_once(plain).await;
    let error = failed(&[("ALL_PROXY", format!("socks5h://127.0.0.1:{port}"))]).await;
    assert_eq!(
        error.message,
        format!("the proxy 127.0.0.1:{port} (ALL_PROXY) does not speak SOCKS")
    );
}

/// The port of a SOCKS5 proxy that answers each of a client's messages with the next of these.
async fn socks(answers: &'static [&'static [u8]]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        for answer in answers {
            let mut message = [0; 512];
            let length = stream.read(&mut message).await.expect("a message");
            assert!(length > 0, "it said something");
            stream.write_all(answer).await.expect("answered");
        }
    });
    port
}

#[tokio::test]
async fn a_socks_proxys_refusal_stops_where_trying_again_is_in_vain() {
    const NO_WAY_TO_SIGN_IN: &[&[u8]] = &[&[5, 0xff]];
    const WRONG_PASSWORD: &[&[u8]] = &[&[5, 2], &[1, 1]];
    const HTTP: &[&[u8]] = &[b"HTTP/1.1 400 Bad Request\r\n\r\n"];
    // Nobody has to sign in, and then a code of RFC 1928 §6.
    const BROKEN: &[&[u8]] = &[&[5, 0], &[5, 1, 0, 1, 0, 0, 0, 0, 0, 0]];
    const REFUSED: &[&[u8]] = &[&[5, 0], &[5, 2, 0, 1, 0, 0, 0, 0, 0, 0]];
    const UNREACHABLE: &[&[u8]] = &[&[5, 0], &[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]];
    const OTHER_KIND: &[&[u8]] = &[&[5, 0], &[5, 8, 0, 1, 0, 0, 0, 0, 0, 0]];
    for (answers, user, class, message, hint) in [
        (
            NO_WAY_TO_SIGN_IN,
            "",
            Class::OrgStopped,
            "asks for a user and a password that it accepts",
            "set ALL_PROXY to socks5://USER:PASSWORD@HOST:PORT",
        ),
        (
            WRONG_PASSWORD,
            "ann:s3cret@",
            Class::OrgStopped,
            "asks for a user and a password that it accepts",
            "set ALL_PROXY to socks5://USER:PASSWORD@HOST:PORT",
        ),
        (
            REFUSED,
            "",
            Class::OrgStopped,
            "refuses the way to acme.okta.invalid",
            "have acme.okta.invalid allowed there, or name it in NO_PROXY to go past the proxy",
        ),
        (
            OTHER_KIND,
            "",
            Class::OrgStopped,
            "cannot connect to acme.okta.invalid: SOCKS error: address type not supported",
            "set ALL_PROXY to socks5h://HOST:PORT, which lets the proxy look the host up",
        ),
        (
            HTTP,
            "",
            Class::OrgStopped,
            "does not speak SOCKS",
            "set ALL_PROXY to the address of a SOCKS proxy",
        ),
        (
            BROKEN,
            "",
            Class::NotSent,
            "gives no way to acme.okta.invalid: SOCKS error: general server failure",
            "check the proxy that ALL_PROXY names",
        ),
        (
            UNREACHABLE,
            "",
            Class::NotSent,
            "gives no way to acme.okta.invalid: SOCKS error: host unreachable",
            "check the proxy that ALL_PROXY names",
        ),
    ] {
        let port = socks(answers).await;
        let error = failed(&[("ALL_PROXY", format!("socks5h://{user}127.0.0.1:{port}"))]).await;
        let named = format!("the proxy 127.0.0.1:{port} (ALL_PROXY) ");
        assert_eq!(error.message, format!("{named}{message}"));
        assert_eq!(error.class, class, "{error}");
        assert_eq!(error.hint.as_deref(), Some(hint));
    }
}

#[tokio::test]
async fn a_name_that_nobody_has_stops_behind_a_socks_proxy_too() {
    // The org's, which is looked up here, without the proxy.
    let error = failed(&[("ALL_PROXY", "socks5://127.0.0.1:9".to_owned())]).await;
    assert_eq!(error.class, Class::OrgStopped, "{error}");
    assert_eq!(
        error.message,
        "cannot resolve acme.okta.invalid: no such host"
    );
    let error = failed(&[("ALL_PROXY", "socks5h://proxy.invalid:1080".to_owned())]).await;
    assert_eq!(error.class, Class::OrgStopped, "{error}");
    assert_eq!(
        error.message,
        "cannot resolve the proxy proxy.invalid:1080 (ALL_PROXY): no such host"
    );
    assert_eq!(error.hint.as_deref(), Some("correct ALL_PROXY"));
}

/// The port of a server that speaks first, whoever comes.
async fn says_at_once(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.write_all(bytes).await.expect("answered");
        read_request(&mut stream).await
    });
    port
}

#[tokio::test]
async fn who_is_named_in_no_proxy_is_reached_past_it() {
    let proxy = Server::start([Reply::with(403, "", b"")]).await;
    for except in [
        "okta.invalid",
        ".okta.invalid",
        "x.example, acme.okta.invalid",
        "*",
    ] {
        let variables = [
            ("HTTPS_PROXY", proxy.origin()),
            ("NO_PROXY", except.to_owned()),
        ];
        let error = failed(&variables).await;
        assert_eq!(
            error.message,
            "cannot resolve acme.okta.invalid: no such host"
        );
        assert_eq!(error.class, Class::OrgStopped);
    }
    assert_eq!(proxy.requests(), Vec::<String>::new());
}
