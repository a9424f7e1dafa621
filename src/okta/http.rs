//! The HTTP client all orgs share: time-outs, certificates, proxies, connection pool.
//!
//! One pool serves every org. Loopback hosts have a client of their own that no proxy setting
//! applies to, so that a sandbox works behind any company's environment.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, redirect};
use url::Url;

use super::proxy::{Proxies, Proxy, ProxyError};
use super::resolve::{Resolver, is_loopback};
use crate::input;
use crate::job::HttpPolicy;

/// Sent as `User-Agent`, so that Okta's system log tells who called.
const USER_AGENT: &str = concat!("okta-rollout/", env!("CARGO_PKG_VERSION"));

/// How long an idle connection is kept. Below the 60 s after which common load balancers close one:
/// a request sent while the other side closes is a lost answer. It also bounds the sockets of a run
/// over thousands of orgs.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Interval and patience of HTTP/2 pings while calls are open. Without them a connection whose peer
/// vanished would swallow call after call until each one's time-out.
const PING: Duration = Duration::from_secs(15);

/// The largest file of certificates that is read, in bytes: those of a whole system are some 300 KiB.
const MAX_CA_FILE: u64 = 16 * 1024 * 1024;

/// How calls are made: `[http]` of a job, and what no setting of a job says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// See [`HttpPolicy::connect_timeout`].
    pub connect_timeout: Duration,
    /// See [`HttpPolicy::timeout`].
    pub timeout: Duration,
    /// See [`HttpPolicy::ca_file`].
    pub ca_file: Option<PathBuf>,
    /// Idle HTTP/1.1 connections kept per org (HTTP/2 needs one); with none, each call has its own. It follows from the
    /// number of orgs.
    pub idle_per_org: usize,
    /// What the environment says of proxies.
    pub proxies: Proxies,
}

impl From<HttpPolicy> for HttpSettings {
    fn from(policy: HttpPolicy) -> Self {
        Self {
            connect_timeout: policy.connect_timeout,
            timeout: policy.timeout,
            ca_file: policy.ca_file,
            idle_per_org: 100,
            proxies: Proxies::default(),
        }
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        HttpPolicy::default().into()
    }
}

/// Why no call can be made at all. Names no secret.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The extra certificates cannot be used.
    #[error("caFile {}: {cause}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A variable that should name a proxy does not.
    #[error("{0}; nothing was sent")]
    Proxy(ProxyError),
    /// The TLS set-up of this machine is unusable.
    #[error("cannot set up HTTPS: {0}")]
    Tls(String),
    /// Not an address credentials may be sent to.
    #[error("{origin} is not an org's URL: {cause}")]
    Origin {
        /// Scheme and host as far as they could be read.
        origin: String,
        /// What is wrong with it.
        cause: &'static str,
    },
    /// The credential cannot be a header.
    #[error("the org's credential {0}")]
    Credential(&'static str),
}

// Its text is in the error's own: a source would be said again.
impl From<ProxyError> for HttpError {
    fn from(error: ProxyError) -> Self {
        Self::Proxy(error)
    }
}

impl HttpError {
    /// The edit that helps, where one is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Proxy(error) => Some(error.hint()),
            _ => None,
        }
    }
}

/// The shared HTTP client. Cheap to clone; clones share one connection pool.
#[derive(Clone, Debug)]
pub struct Http {
    remote: Client,
    loopback: Client,
    proxies: Proxies,
    timeout: Duration,
    connect_timeout: Duration,
}

impl Http {
    /// A client with these settings. Proxies do not apply to loopback hosts.
    ///
    /// # Errors
    /// [`HttpError::Proxy`] when a variable names a proxy that there cannot be, [`HttpError::CaFile`] when the file is unreadable or holds no PEM certificate,
    /// [`HttpError::Tls`] when the system's certificates cannot be used.
    pub fn new(settings: &HttpSettings) -> Result<Self, HttpError> {
        settings.proxies.checked()?;
        let extra = match &settings.ca_file {
            Some(path) => certificates(path)?,
            None => Vec::new(),
        };
        let build = |way: Way| {
            client(settings, extra.clone(), way).map_err(|error| {
                let cause = root_cause(&error);
                match &settings.ca_file {
                    Some(path) => HttpError::CaFile {
                        path: path.clone(),
                        cause,
                    },
                    None => HttpError::Tls(cause),
                }
            })
        };
        Ok(Self {
            remote: build(Way::ThroughProxies)?,
            loopback: build(Way::Direct)?,
            proxies: settings.proxies.clone(),
            timeout: settings.timeout,
            connect_timeout: settings.connect_timeout,
        })
    }

    /// The client for calls to `origin`.
    pub(super) fn client(&self, origin: &Url) -> &Client {
        if is_loopback(origin) {
            &self.loopback
        } else {
            &self.remote
        }
    }

    /// The proxy that calls to `origin` go through.
    pub(super) fn proxy(&self, origin: &Url) -> Option<Arc<Proxy>> {
        if is_loopback(origin) {
            None
        } else {
            self.proxies.of(origin)
        }
    }

    /// How long it may take to connect.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// How long a call may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// Whether a client goes through proxies.
#[derive(Clone, Copy)]
enum Way {
    ThroughProxies,
    Direct,
}

fn client(settings: &HttpSettings, extra: Vec<Certificate>, way: Way) -> reqwest::Result<Client> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let builder = Client::builder()
        .user_agent(USER_AGENT)
        .default_headers(headers)
        .dns_resolver(Arc::new(Resolver))
        // Followed nowhere: a redirect would take the org's credentials, or lose the method.
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.timeout)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(settings.idle_per_org)
        .http2_keep_alive_interval(PING)
        .http2_keep_alive_timeout(PING)
        .tls_certs_merge(extra);
    match way {
        Way::Direct => builder.no_proxy(),
        // Without a variable it is the operating system's settings that count, where it has some.
        Way::ThroughProxies => settings
            .proxies
            .rules()?
            .into_iter()
            .fold(builder, reqwest::ClientBuilder::proxy),
    }
    .build()
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, HttpError> {
    let failed = |cause: String| HttpError::CaFile {
        path: path.to_owned(),
        cause,
    };
    let pem = input::read(path, MAX_CA_FILE).map_err(|error| failed(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem)
        .map_err(|error| failed(format!("not PEM: {}", root_cause(&error))))?;
    if found.is_empty() {
        return Err(failed("holds no PEM certificate".to_owned()));
    }
    Ok(found)
}

/// The innermost text of an error's chain: the outer ones only say which layer failed.
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_bad_ca_file_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let cases: [(&str, Option<&[u8]>); 5] = [
            ("missing.pem", None),
            ("empty.pem", Some(b"")),
            ("binary.pem", Some(&[0, 159, 146, 150])),
            (
                "key.pem",
                Some(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            ),
            (
                "broken.pem",
                Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            ),
        ];
        for (name, content) in cases {
            let path = folder.path().join(name);
            if let Some(content) = content {
                fs::write(&path, content).expect("written");
            }
            let settings = HttpSettings {
                ca_file: Some(path.clone()),
                ..HttpSettings::default()
            };
            let error = Http::new(&settings).expect_err(name);
            assert!(matches!(&error, HttpError::CaFile { path: p, .. } if *p == path));
            let text = error.to_string();
            assert!(text.starts_with("caFile ") && text.contains(name), "{text}");
        }
    }

    #[test]
    fn a_folder_is_no_ca_file() {
        let settings = HttpSettings {
            ca_file: Some(std::env::temp_dir()),
            ..HttpSettings::default()
        };
        assert!(Http::new(&settings).is_err());
    }
}
