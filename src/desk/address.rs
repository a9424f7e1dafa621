//! Where the desk is: the address that people open, and the names that it answers to. A name that somebody else made lead
//! here (DNS rebinding) is none of them.

use std::net::{IpAddr, SocketAddr};

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;

/// See the first lines of this file.
#[derive(Clone, Debug)]
pub struct Address {
    bound: SocketAddr,
    names: Names,
}

#[derive(Clone, Debug)]
enum Names {
    /// Those of this machine for itself.
    Loopback,
    /// Those of the certificate.
    Certificate(CertificateDer<'static>),
    /// That by which a proxy is reached.
    Proxy(String),
}

impl Address {
    /// Of one that this machine alone reaches.
    pub const fn loopback(bound: SocketAddr) -> Self {
        Self {
            bound,
            names: Names::Loopback,
        }
    }

    /// Of one that is reached through TLS, with this certificate.
    pub const fn tls(bound: SocketAddr, certificate: CertificateDer<'static>) -> Self {
        Self {
            bound,
            names: Names::Certificate(certificate),
        }
    }

    /// Of one behind a proxy that people reach by this name.
    pub fn proxy(bound: SocketAddr, host: &str) -> Self {
        Self {
            bound,
            names: Names::Proxy(host.to_ascii_lowercase()),
        }
    }

    /// Whether browsers reach it through TLS.
    pub const fn is_secure(&self) -> bool {
        !matches!(self.names, Names::Loopback)
    }

    /// Whether requests come through a proxy, which says where they are from.
    pub const fn is_proxied(&self) -> bool {
        matches!(self.names, Names::Proxy(_))
    }

    /// The address to open, without a path: `http://127.0.0.1:8080`.
    pub fn base(&self) -> String {
        match &self.names {
            Names::Loopback => format!("http://{}", self.bound),
            Names::Proxy(host) => format!("https://{host}"),
            Names::Certificate(_) if self.bound.ip().is_unspecified() => {
                let host = gethostname::gethostname();
                format!("https://{}:{}", host.to_string_lossy(), self.bound.port())
            }
            Names::Certificate(_) => format!("https://{}", self.bound),
        }
    }

    /// The port that is listened on.
    pub const fn port(&self) -> u16 {
        self.bound.port()
    }

    /// Whether a request's `Host` is one of its names.
    pub fn admits(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        if let Names::Proxy(name) = &self.names {
            return host == *name;
        }
        let Some((name, port)) = split(&host) else {
            return false;
        };
        let default = if self.is_secure() { 443 } else { 80 };
        if port.unwrap_or(default) != self.bound.port() {
            return false;
        }
        let ip = name.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        match &self.names {
            Names::Loopback => {
                name == "localhost"
                    || ip.is_some_and(|ip| ip == self.bound.ip() || ip.is_loopback())
            }
            Names::Certificate(certificate) => {
                ip == Some(self.bound.ip()) || is_valid_for(certificate, name)
            }
            Names::Proxy(_) => false,
        }
    }

    /// The origin of pages that are opened by this name.
    pub fn origin(&self, host: &str) -> String {
        let scheme = if self.is_secure() { "https" } else { "http" };
        format!("{scheme}://{}", host.to_ascii_lowercase())
    }
}

/// `[::1]:80` is `[::1]` and 80.
fn split(host: &str) -> Option<(&str, Option<u16>)> {
    let end = host.rfind(']').map_or(0, |end| end + 1);
    match host[end..].rfind(':') {
        Some(colon) => {
            let (name, port) = host.split_at(end + colon);
            Some((name, Some(port[1..].parse().ok()?)))
        }
        None => Some((host, None)),
    }
}

fn is_valid_for(certificate: &CertificateDer<'_>, name: &str) -> bool {
    let name = name.trim_matches(['[', ']']);
    let (Ok(parsed), Ok(name)) = (
        ParsedCertificate::try_from(certificate),
        ServerName::try_from(name),
    ) else {
        return false;
    };
    verify_server_name(&parsed, &name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(bound: &str) -> SocketAddr {
        bound.parse().unwrap()
    }

    #[test]
    fn it_answers_to_its_own_names_only() {
        let local = Address::loopback(at("127.0.0.1:8080"));
        let proxied = Address::proxy(at("127.0.0.1:8080"), "desk.example.com");
        let made = rcgen::generate_simple_self_signed(["desk.corp.example".to_owned()]).unwrap();
        let tls = Address::tls(at("0.0.0.0:8443"), made.cert.der().clone());
        for (address, host, wanted) in [
            (&local, "127.0.0.1:8080", true),
            (&local, "localhost:8080", true),
            (&local, "LocalHost:8080", true),
            (&local, "[::1]:8080", true),
            (&local, "127.0.0.1", false),
            (&local, "127.0.0.1:8081", false),
            (&local, "evil.example:8080", false),
            (&local, "127.0.0.1.evil.example:8080", false),
            (&local, "localhost.evil.example:8080", false),
            (&local, "", false),
            (&local, "127.0.0.1:8080:8080", false),
            (&local, "127.0.0.1:x", false),
            (&proxied, "desk.example.com", true),
            (&proxied, "Desk.Example.com", true),
            (&proxied, "desk.example.com:443", false),
            (&proxied, "127.0.0.1:8080", false),
            (&tls, "desk.corp.example:8443", true),
            (&tls, "desk.corp.example", false),
            (&tls, "evil.example:8443", false),
            (&tls, "127.0.0.1:8443", false),
        ] {
            assert_eq!(address.admits(host), wanted, "{address:?} {host}");
        }
        assert_eq!(local.base(), "http://127.0.0.1:8080");
        assert_eq!(proxied.base(), "https://desk.example.com");
        assert_eq!(
            proxied.origin("Desk.example.com"),
            "https://desk.example.com"
        );
        assert!(!local.is_secure() && tls.is_secure() && proxied.is_secure());
    }
}
