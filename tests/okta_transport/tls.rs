//! HTTPS: certificates that are trusted, not trusted, or not there, and HTTP/2 where it is offered.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{self, Response};
use okta_rollout::okta::{CallError, Class, Exchange, HttpSettings, connections};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

use super::server::{Reply, Server, read_request};
use super::{TOKEN, ssws};

/// A company's own CA, as a PEM file, and a server with a certificate of it.
struct Company {
    folder: TempDir,
    acceptor: TlsAcceptor,
}

impl Company {
    fn new(host: &str, protocol: &str) -> Self {
        Self::valid((1975, 4096), host, protocol)
    }

    /// Its server's certificate is valid from the beginning of one year to that of the other.
    fn valid(years: (i32, i32), host: &str, protocol: &str) -> Self {
        let ca_key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_pem = ca.self_signed(&ca_key).expect("a CA").pem();
        let issuer = Issuer::new(ca, ca_key);

        let key = KeyPair::generate().expect("a key");
        let mut leaf = CertificateParams::new(vec![host.to_owned()]).expect("parameters");
        leaf.not_before = date_time_ymd(years.0, 1, 1);
        leaf.not_after = date_time_ymd(years.1, 1, 1);
        let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .expect("a configuration");
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];

        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("ca.pem"), ca_pem).expect("written");
        Self {
            folder,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }

    fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Listens, and hands one TLS connection, if it comes about, to `serve`.
    async fn listen<F, T>(
        &self,
        serve: impl FnOnce(TlsStream<TcpStream>) -> F + Send + 'static,
    ) -> (u16, JoinHandle<Option<T>>)
    where
        F: Future<Output = T> + Send,
        T: Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let acceptor = self.acceptor.clone();
        let task = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a connection");
            match acceptor.accept(stream).await {
                Ok(stream) => Some(serve(stream).await),
                Err(_) => None,
            }
        });
        (port, task)
    }
}

async fn http1(mut stream: TlsStream<TcpStream>) -> String {
    let request = read_request(&mut stream).await;
    let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    stream.write_all(answer).await.expect("answered");
    stream.shutdown().await.expect("closed");
    request
}

/// Serves one request over HTTP/2 and returns its head.
async fn http2(stream: TlsStream<TcpStream>) -> http::request::Parts {
    let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
    let (request, mut respond) = connection
        .accept()
        .await
        .expect("a stream")
        .expect("a request");
    let head = Response::builder().status(204).body(()).expect("a head");
    respond.send_response(head, true).expect("answered");
    // Drives the connection until the client leaves.
    while let Some(Ok(_)) = connection.accept().await {}
    request.into_parts().0
}

async fn activate(port: u16, ca_file: Option<PathBuf>) -> Exchange {
    let settings = HttpSettings {
        connect_timeout: Duration::from_secs(5),
        ca_file,
        ..HttpSettings::default()
    };
    let client = ssws(&format!("https://acme.localhost:{port}"), &settings);
    client
        .exchange(connections::activate("0oa1").request())
        .await
}

/// A call that no later one can make good.
async fn failed(port: u16, ca_file: Option<PathBuf>) -> CallError {
    let error = activate(port, ca_file)
        .await
        .outcome
        .expect_err("a failure");
    assert_eq!(error.class, Class::OrgStopped, "{error}");
    error
}

#[tokio::test]
async fn a_private_ca_is_trusted_when_named() {
    let company = Company::new("acme.localhost", "http/1.1");
    let (port, served) = company.listen(http1).await;
    let exchange = activate(port, Some(company.ca_file())).await;
    assert_eq!(exchange.status, Some(200), "{exchange:?}");
    let request = served.await.expect("served").expect("a TLS connection");
    assert!(request.contains(TOKEN));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_gets_no_credentials() {
    let company = Company::new("acme.localhost", "http/1.1");
    let (port, served) = company.listen(http1).await;
    let error = failed(port, None).await;
    assert!(
        error
            .message
            .contains("acme.localhost shows a certificate that is not trusted"),
        "{error}"
    );
    assert!(
        error
            .details
            .hint
            .is_some_and(|hint| hint.contains("caFile"))
    );
    assert_eq!(served.await.expect("served"), None);
}

#[tokio::test]
async fn a_certificate_for_another_host_is_not_trusted_either() {
    let company = Company::new("other.localhost", "http/1.1");
    let (port, served) = company.listen(http1).await;
    let error = failed(port, Some(company.ca_file())).await;
    assert!(
        error
            .message
            .starts_with("acme.localhost shows a certificate for another host: "),
        "{error}"
    );
    assert!(error.message.contains("other.localhost"), "{error}");
    assert!(
        error
            .details
            .hint
            .is_some_and(|hint| hint.contains("the org's url"))
    );
    assert_eq!(served.await.expect("served"), None);
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_reported_as_that() {
    for (years, what, hint) in [
        ((2001, 2002), "has expired", "renewed"),
        ((2901, 2902), "is not valid yet", "clock"),
    ] {
        let company = Company::valid(years, "acme.localhost", "http/1.1");
        let (port, served) = company.listen(http1).await;
        let error = failed(port, Some(company.ca_file())).await;
        let expected = format!("acme.localhost shows a certificate that {what}: ");
        assert!(error.message.starts_with(&expected), "{error}");
        assert!(error.details.hint.is_some_and(|said| said.contains(hint)));
        assert_eq!(served.await.expect("served"), None);
    }
}

#[tokio::test]
async fn sides_that_share_no_protocol_will_not_by_trying_again() {
    // An alert for the version, as servers send that know only newer or older ones.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let alert = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46];
        stream.write_all(&alert).await.expect("answered");
        read_request(&mut stream).await
    });
    let error = failed(port, None).await;
    let expected = "cannot set up TLS with acme.localhost: ";
    assert!(error.message.starts_with(expected), "{error}");
    assert!(error.message.contains("ProtocolVersion"), "{error}");
}

#[tokio::test]
async fn a_handshake_that_breaks_off_may_succeed_later() {
    for hello in [&[][..], &[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x50]] {
        // Nothing, and an alert for an internal error.
        let server = Server::start([Reply::Send(hello.to_vec())]).await;
        let exchange = activate(server.port(), None).await;
        let error = exchange.outcome.expect_err("no connection");
        assert_eq!(error.class, Class::NotSent, "{error}");
    }
}

#[tokio::test]
async fn https_to_a_plain_server_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        stream.write_all(answer).await.expect("answered");
        read_request(&mut stream).await
    });
    let error = failed(port, None).await;
    let expected = "cannot set up TLS with acme.localhost: ";
    assert!(error.message.starts_with(expected), "{error}");
    assert!(!served.await.expect("served").contains(TOKEN));
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_not_sent() {
    let server = Server::start([Reply::Hang(Vec::new())]).await;
    let settings = HttpSettings {
        connect_timeout: Duration::from_millis(200),
        ..HttpSettings::default()
    };
    let client = ssws(
        &format!("https://acme.localhost:{}", server.port()),
        &settings,
    );
    let exchange = client.exchange(connections::get("0oa1").request()).await;
    let error = exchange.outcome.expect_err("no connection");
    assert_eq!(error.class, Class::NotSent);
    assert_eq!(error.message, "cannot connect to acme.localhost in time");
}

#[tokio::test]
async fn http2_is_used_where_it_is_offered() {
    let company = Company::new("acme.localhost", "h2");
    let (port, served) = company.listen(http2).await;
    let exchange = activate(port, Some(company.ca_file())).await;
    assert_eq!(exchange.status, Some(204), "{exchange:?}");
    assert!(exchange.outcome.is_ok());
    let request = served.await.expect("served").expect("a TLS connection");
    assert_eq!(request.version, http::Version::HTTP_2);
    assert_eq!(
        request.uri.to_string(),
        format!(
            "https://acme.localhost:{port}/api/v1/apps/0oa1/connections/default/lifecycle/activate"
        )
    );
    let header = |name: &str| {
        request
            .headers
            .get(name)
            .map(|value| value.to_str().expect("text"))
    };
    assert_eq!(
        header("authorization"),
        Some(format!("SSWS {TOKEN}").as_str())
    );
    assert_eq!(header("content-length"), Some("0"));
    assert_eq!(header("accept"), Some("application/json"));
}
