//! An org of the sandbox behind TLS that only a company trusts.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::Scenario;

impl Scenario {
    /// From the next manifest on, this org of the sandbox has an https address with a certificate of a private CA, whose
    /// PEM file is the answer.
    pub fn signs(&mut self, org: &str) -> String {
        let host = format!("{org}.localhost");
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = ca.self_signed(&ca_key).unwrap().pem();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![host.clone()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = self
            .runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let sandbox = self.sandbox.address();
        self.runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Whoever does not trust it goes away.
                    if let Ok(mut client) = acceptor.accept(client).await {
                        let mut org = TcpStream::connect(sandbox).await.unwrap();
                        let ended = tokio::io::copy_bidirectional(&mut client, &mut org).await;
                        drop(ended);
                    }
                });
            }
        });
        self.org_at(org, &format!("https://{host}:{port}"));
        pem
    }
}
