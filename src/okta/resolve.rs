//! Names to addresses: loopback names without asking anybody (RFC 6761 §6.3), the system's resolver
//! for the rest. Tells a name that does not exist from a resolver that has no answer now.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType, getaddrinfo};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::limits;

/// The resolver that the HTTP client is given.
#[derive(Debug)]
pub(super) struct Resolver;

/// The name is nobody's: no later try finds it.
#[derive(Debug, thiserror::Error)]
#[error("no such host")]
pub(super) struct UnknownHost;

type Failed = Box<dyn std::error::Error + Send + Sync>;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // Port 0 is replaced by the URL's.
            let addresses: Addrs = if is_loopback_name(name.as_str()) {
                let loopback = [
                    IpAddr::V4(Ipv4Addr::LOCALHOST),
                    IpAddr::V6(Ipv6Addr::LOCALHOST),
                ];
                Box::new(loopback.into_iter().map(|ip| SocketAddr::new(ip, 0)))
            } else {
                let name = name.as_str().to_owned();
                // The system's resolver blocks.
                let found = tokio::task::spawn_blocking(move || ask_system(&name)).await??;
                Box::new(found.into_iter())
            };
            Ok(addresses)
        })
    }
}

/// Whether a host is a name that nobody has.
pub(super) async fn is_unknown(host: &str) -> bool {
    let host = host.to_owned();
    let found = tokio::task::spawn_blocking(move || ask_system(&host)).await;
    matches!(found, Ok(Err(error)) if error.is::<UnknownHost>())
}

fn ask_system(name: &str) -> Result<Vec<SocketAddr>, Failed> {
    let hints = AddrInfoHints {
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    let found = getaddrinfo(Some(name), None, Some(hints)).map_err(|error| {
        // Unable to open a socket or its own files, the resolver says that it knows no such name.
        if let Some(lack) = limits::no_files_now() {
            return Failed::from(lack);
        }
        match error.kind() {
            LookupErrorKind::NoName | LookupErrorKind::NoData => Failed::from(UnknownHost),
            _ => std::io::Error::from(error).into(),
        }
    })?;
    let addresses: Vec<_> = found.flatten().map(|info| info.sockaddr).collect();
    if addresses.is_empty() {
        return Err(UnknownHost.into());
    }
    Ok(addresses)
}

/// `localhost` and every name under it.
fn is_loopback_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or(name);
    last.eq_ignore_ascii_case("localhost")
}

/// Whether a URL's host is this machine, whatever a resolver or proxy says.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_loopback_name(name),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_recognized() {
        let cases = [
            ("http://localhost:1", true),
            ("http://ACME.LocalHost", true),
            ("http://a.b.localhost.", true),
            ("http://127.0.0.1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:8080", true),
            ("http://localhost.example", false),
            ("http://notlocalhost", false),
            ("http://10.0.0.1", false),
            ("http://0.0.0.0", false),
            ("https://acme.okta.com", false),
        ];
        for (url, expected) in cases {
            let url = Url::parse(url).expect("a URL");
            assert_eq!(is_loopback(&url), expected, "{url}");
        }
    }
}
