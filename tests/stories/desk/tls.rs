//! A desk that others reach by TLS answers to the names of its certificate, and to no others.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::door::free_port;
use crate::support::{Page, Scenario};

const NAME: &str = "desk.corp.example";

/// Writes a certificate for the name and its key; who vouches for it.
fn certificate(story: &Scenario) -> CertificateDer<'static> {
    let ca_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    story.write("desk.pem", &(leaf.pem() + &ca.pem()));
    story.write("desk.key", &key.serialize_pem());
    ca.der().clone()
}

async fn ask(ca: &CertificateDer<'static>, port: u16, path: &str, host: &str) -> Page {
    let mut roots = RootCertStore::empty();
    roots.add(ca.clone()).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from(NAME).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // It may end without a farewell.
    drop(stream.read_to_end(&mut answer).await);
    Page::of(&String::from_utf8_lossy(&answer))
}

#[test]
fn by_tls_it_answers_to_the_names_of_its_certificate() {
    let story = Scenario::of([]);
    let ca = certificate(&story);
    let (port, runtime) = (free_port(), tokio::runtime::Runtime::new().unwrap());
    let listen = format!("0.0.0.0:{port}");
    let tls = ["--tls-cert", "desk.pem", "--tls-key", "desk.key"];
    let arguments = [&["serve", "--listen", &listen][..], &tls].concat();
    let desk = story.desk(&arguments);
    assert_eq!(desk.base, format!("https://{NAME}:{port}"));
    let ask = |path: &str, host: &str| runtime.block_on(ask(&ca, port, path, host));
    let path = format!("/?token={}", desk.token);
    let entered = ask(&path, &format!("{NAME}:{port}")).is(303);
    let cookie = entered.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("__Host-") && cookie.contains("; Secure"),
        "{cookie}"
    );
    for host in [
        NAME.to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1:{port}"),
    ] {
        ask(&path, &host).is(421);
    }
    // Who does not speak TLS is told nothing.
    let mut plain = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    std::io::Write::write_all(&mut plain, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    drop(std::io::Read::read_to_end(&mut plain, &mut answer));
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1"));
}
