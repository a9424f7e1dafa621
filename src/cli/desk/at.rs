//! Where the desk is: an address that is listened on before anything else is done, a token, and TLS.

use std::path::Path;
use std::sync::Arc;

use rand::RngExt as _;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::cli::args;
use crate::cli::carried::completed_for;
use crate::cli::output::Output;
use crate::desk::address::Address;
use crate::desk::asked::{Complete, Doer};
use crate::desk::shelves::Scope;
use crate::desk::{Desk, Jobs, Opening};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::job::LedgerUrl;
use crate::manifest::{SecretRef, SecretUse, Secrets};
use crate::settings::Settings;

/// Bytes of a token that is drawn.
const TOKEN: usize = 24;

/// See the first lines of this file.
pub(in crate::cli) struct At {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    address: Address,
    token: SecretString,
}

impl At {
    /// As the flags say.
    ///
    /// # Errors
    /// When it cannot be, or must not: then nothing was started.
    pub async fn of(flags: &args::DeskAt) -> Result<Self, Failure> {
        let listen = flags.listen.unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
        let is_guarded = flags.tls_cert.is_some() || flags.behind_proxy.is_some();
        if !listen.ip().is_loopback() && !is_guarded {
            let error = anyhow::anyhow!(
                "--listen {listen} is not an address of this machine alone, and what is sent there would be read on the \
                 way; nothing was started"
            );
            let hint = "give --tls-cert and --tls-key, or --behind-proxy HOST; or use --listen 127.0.0.1:8080";
            return Err(Failure::usage(error).hint(hint));
        }
        let tls = match (&flags.tls_cert, &flags.tls_key) {
            (Some(certificate), Some(key)) => Some(Tls::read(certificate, key)?),
            _ => None,
        };
        let token = token(flags.token.as_deref()).await?;
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            let error =
                anyhow::Error::from(error).context(format!("{listen} cannot be listened on"));
            Failure::usage(error).hint("use --listen 127.0.0.1:8080, or another port")
        })?;
        let bound = listener.local_addr().map_err(Failure::usage)?;
        let address = match (&tls, &flags.behind_proxy) {
            (_, Some(host)) => Address::proxy(bound, host).ok_or_else(|| no_host(host))?,
            (Some(tls), None) => Address::tls(bound, tls.certificate.clone()),
            (None, None) => Address::loopback(bound),
        };
        Ok(Self {
            listener,
            tls: tls.map(|tls| tls.acceptor),
            address,
            token,
        })
    }

    /// Prints the link with the token: the first line on standard output.
    pub fn say(&self, output: Output) -> Result<(), Failure> {
        let (base, token) = (self.address.base(), self.token.expose_secret());
        let token: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
        output.page(|page| page.line(format_args!("{base}/?token={token}")))?;
        output.note(format_args!("listens on {base}"));
        Ok(())
    }

    /// As [`Self::say`], where there are only numbers for programs; a token that was drawn is in the header that lets in.
    pub fn say_numbers(&self, is_drawn: bool, output: Output) -> Result<(), Failure> {
        let (base, token) = (self.address.base(), self.token.expose_secret());
        output.page(|page| {
            page.line(format_args!("{base}/metrics"))?;
            if is_drawn {
                page.line(format_args!("Authorization: Bearer {token}"))?;
            }
            Ok(())
        })?;
        output.note(format_args!("listens on {base}"));
        Ok(())
    }

    /// Opens the desk there.
    pub fn open(
        self,
        (scope, ledgers): (Scope, Vec<LedgerUrl>),
        (jobs, doer): (Jobs, Doer),
        engine: &Engine,
        settings: &Settings,
    ) -> Desk {
        let opening = Opening {
            listener: self.listener,
            tls: self.tls,
            address: self.address,
            token: self.token,
            scope,
            ledgers,
            jobs,
            doer,
            complete: complete(settings),
        };
        Desk::open(opening, engine)
    }
}

fn complete(settings: &Settings) -> Complete {
    let settings = settings.clone();
    Arc::new(move |ledger: Option<&LedgerUrl>, text: &str| completed_for(&settings, ledger, text))
}

fn no_host(host: &str) -> Failure {
    let error = anyhow::anyhow!("--behind-proxy {host}: this is no name of a host");
    Failure::usage(error).hint("give one such as --behind-proxy desk.example.com")
}

/// The token that is given, or a new one.
async fn token(reference: Option<&str>) -> Result<SecretString, Failure> {
    let Some(reference) = reference else {
        let bytes: [u8; TOKEN] = rand::rng().random();
        return Ok(hex::encode(bytes).into());
    };
    // What stands there may be the token itself.
    let hint = "give --token env:NAME or --token file:PATH";
    let reference = SecretRef::parse(reference).map_err(|error| {
        Failure::usage(anyhow::Error::from(error).context("--token cannot be used")).hint(hint)
    })?;
    let secrets = Secrets::new(Path::new("."), false);
    let token = secrets.resolve(&reference, SecretUse::Token).await;
    token.map_err(|error| {
        Failure::usage(anyhow::Error::from(error).context("--token cannot be read")).hint(hint)
    })
}

struct Tls {
    acceptor: TlsAcceptor,
    /// That of the desk itself.
    certificate: CertificateDer<'static>,
}

impl Tls {
    fn read(certificate: &Path, key: &Path) -> Result<Self, Failure> {
        let cannot = |file: &Path, flag: &str, why: String| {
            let error = anyhow::anyhow!("{flag} {}: {why}; nothing was started", file.display());
            Failure::usage(error).hint("give a certificate chain and its private key, both PEM")
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| cannot(certificate, "--tls-cert", error.to_string()))?;
        let Some(own) = chain.first().cloned() else {
            let why = "it holds no certificate".to_owned();
            return Err(cannot(certificate, "--tls-cert", why));
        };
        let secret = PrivateKeyDer::from_pem_file(key)
            .map_err(|error| cannot(key, "--tls-key", error.to_string()))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(chain, secret)
            })
            .map_err(|error| cannot(key, "--tls-key", error.to_string()))?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate: own,
        })
    }
}
