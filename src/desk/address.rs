//! Where the desk is: the address that people open, and the names that it answers to. A name that somebody else made lead
//! here (DNS rebinding) is none of them.

use std::net::{IpAddr, SocketAddr};

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use url::{Position, Url};

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
    /// Those by which a proxy is reached: as browsers say it, and as it was given.
    Proxy { name: String, given: String },
}

/// The port that a browser does not name.
const HTTPS: u16 = 443;

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

    /// Of one behind a proxy that people reach by this name, with a port unless it is that of https; `None` = it is no name
    /// of a host.
    pub fn proxy(bound: SocketAddr, host: &str) -> Option<Self> {
        let url = Url::parse(&format!("https://{host}")).ok()?;
        let is_host = !host.contains(['/', '\\', '?', '#', '@'])
            && host.chars().all(|c| !c.is_whitespace() && !c.is_control());
        let name = url[Position::BeforeHost..Position::AfterPort].to_owned();
        is_host.then(|| Self {
            bound,
            names: Names::Proxy {
                name,
                given: host.to_ascii_lowercase(),
            },
        })
    }

    /// Whether browsers reach it through TLS.
    pub const fn is_secure(&self) -> bool {
        !matches!(self.names, Names::Loopback)
    }

    /// Whether requests come through a proxy, which says where they are from.
    pub const fn is_proxied(&self) -> bool {
        matches!(self.names, Names::Proxy { .. })
    }

    /// The address to open, without a path: `http://127.0.0.1:8080`.
    pub fn base(&self) -> String {
        match &self.names {
            Names::Loopback => format!("http://{}", self.bound),
            Names::Proxy { name, .. } => format!("https://{name}"),
            Names::Certificate(certificate) if self.bound.ip().is_unspecified() => {
                format!("https://{}:{}", name_of(certificate), self.bound.port())
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
        if let Names::Proxy { name, given } = &self.names {
            return host == *name || host == *given;
        }
        let Some((name, port)) = split(&host) else {
            return false;
        };
        let default = if self.is_secure() { HTTPS } else { 80 };
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
            Names::Proxy { .. } => false,
        }
    }

    /// The origin of pages that are opened by this name.
    pub fn origin(&self, host: &str) -> String {
        match &self.names {
            Names::Proxy { .. } => self.base(),
            Names::Certificate(_) => format!("https://{}", host.to_ascii_lowercase()),
            Names::Loopback => format!("http://{}", host.to_ascii_lowercase()),
        }
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

/// A name that people can open, and that the certificate is valid for: its first one. One for all names below a domain is
/// this machine's there.
fn name_of(certificate: &CertificateDer<'_>) -> String {
    let machine = gethostname::gethostname();
    let machine = machine.to_string_lossy();
    let label = machine.split('.').next().unwrap_or_default();
    let parsed = webpki::EndEntityCert::try_from(certificate).ok();
    let names = parsed.iter().flat_map(|parsed| parsed.valid_dns_names());
    let mut names = names.map(|name| match name.strip_prefix('*') {
        Some(domain) => format!("{label}{domain}"),
        None => name.to_owned(),
    });
    let name = names.find(|name| is_valid_for(certificate, name));
    name.unwrap_or_else(|| machine.into_owned())
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
        let proxied = Address::proxy(at("127.0.0.1:8080"), "desk.example.com").unwrap();
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

    #[test]
    fn the_address_that_is_printed_is_one_that_is_answered_to() {
        let hosts = ["*.corp.example", "Desk.corp.example"].map(str::to_owned);
        for (names, wanted) in [
            (&hosts[1..], Some("https://desk.corp.example:8443")),
            (&hosts[..1], None),
            (&hosts[..], None),
        ] {
            let made = rcgen::generate_simple_self_signed(names).unwrap();
            let tls = Address::tls(at("[::]:8443"), made.cert.der().clone());
            let base = tls.base().to_ascii_lowercase();
            assert!(tls.admits(base.strip_prefix("https://").unwrap()), "{base}");
            assert!(base.ends_with(".corp.example:8443"), "{base}");
            assert!(wanted.is_none_or(|wanted| wanted == base), "{base}");
        }
    }

    #[test]
    fn a_proxy_is_reached_by_its_name_as_browsers_say_it() {
        for (given, name) in [
            ("desk.example.com", "desk.example.com"),
            ("Desk.Example.com:443", "desk.example.com"),
            ("desk.example.com:8443", "desk.example.com:8443"),
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("XN--Bcher-kva.example:443", "xn--bcher-kva.example"),
            ("[::1]:443", "[::1]"),
        ] {
            let proxied = Address::proxy(at("127.0.0.1:8080"), given).unwrap();
            assert_eq!(proxied.base(), format!("https://{name}"));
            assert!(proxied.admits(name), "{given}");
            for host in [name.to_ascii_uppercase(), given.to_owned()] {
                assert!(proxied.admits(&host), "{given} {host}");
                assert_eq!(proxied.origin(&host), format!("https://{name}"));
            }
            for host in ["evil.example", "127.0.0.1:8080", "desk.example.com.", ""] {
                assert!(!proxied.admits(host), "{given} {host}");
            }
        }
        for nothing in [
            "",
            "https://desk.example.com",
            "a/b",
            "a?b",
            "u@a",
            "a b",
            "a:x",
        ] {
            let proxied = Address::proxy(at("127.0.0.1:8080"), nothing);
            assert!(proxied.is_none(), "{nothing}");
        }
    }
}
