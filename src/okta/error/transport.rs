//! Classifies calls that brought no answer: by whether the request can have left, and by whether the same call can
//! ever succeed. What cannot before somebody changes a setting stops the org at the first try.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError};

use super::super::http::root_cause;
use super::super::proxy::{Proxy, Said};
use super::super::resolve::UnknownHost;
use super::socks::{self, No};
use super::{CallError, Class};
use crate::limits::Lack;

/// Words of the HTTP library for what befell its way through a proxy. It has no types for them.
const TUNNEL: &str = "tunnel error: ";
const NOT_CONNECTED: &str = "tunnel error: failed to create underlying connection";
const ASKS: &str = "tunnel error: proxy authorization required";
const DECLINED: &str = "tunnel error: unsuccessful";

/// The way a call took.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Way<'a> {
    /// The org's host.
    pub host: &'a str,
    /// The proxy in front of it.
    pub proxy: Option<&'a Proxy>,
    /// What the proxy says when it is asked once more, if it declined.
    pub said: Option<Said>,
    /// How long the call might take.
    pub timeout: Duration,
}

/// Whether a proxy did not lead to the org and the HTTP library does not say why, so that it is worth asking.
pub(in super::super) fn is_declined(error: &reqwest::Error) -> bool {
    let unsaid = |text: &str| text == DECLINED || socks::no(text) == Some(No::Unconnected);
    chain(error).any(|cause| unsaid(&cause.to_string()))
}

/// The error of a call that ended without a complete answer.
pub(in super::super) fn unanswered(error: reqwest::Error, way: Way<'_>) -> CallError {
    // The address carries the query, which may carry a code.
    let error = error.without_url();
    let Way { host, timeout, .. } = way;
    if error.is_builder() {
        let cause = root_cause(&error);
        return CallError::new(Class::Refused, format!("cannot build the request: {cause}"));
    }
    if error.is_connect() {
        return unconnected(&error, way);
    }
    if error.is_timeout() {
        let seconds = timeout.as_secs_f64();
        return CallError::new(
            Class::Unclear,
            format!("no answer from {host} within {seconds} s"),
        );
    }
    let cause = root_cause(&error);
    CallError::new(
        Class::Unclear,
        format!("no usable answer from {host}: {cause}"),
    )
}

/// Nothing left: the connection itself could not be made.
fn unconnected(error: &reqwest::Error, way: Way<'_>) -> CallError {
    if let Some(lack) = chain(error).find_map(|cause| cause.downcast_ref().and_then(lack)) {
        return lack;
    }
    let Some(proxy) = way.proxy else {
        return failed(error, &Other::Org(way.host));
    };
    for cause in chain(error) {
        let text = cause.to_string();
        if text == ASKS {
            return asks_who(proxy);
        }
        if text == DECLINED {
            return declined(proxy, way);
        }
        if text == NOT_CONNECTED {
            return failed(error, &Other::Proxy(proxy));
        }
        if text == socks::LOOKED_UP {
            return failed(error, &Other::Org(way.host));
        }
        if let Some(no) = socks::no(&text).filter(|no| *no != No::Way) {
            return no_socks(no, error, proxy, way);
        }
        if text.starts_with(TUNNEL) || socks::no(&text).is_some() {
            let cause = root_cause(error);
            return CallError::new(
                Class::NotSent,
                format!("{proxy} gives no way to {}: {cause}", way.host),
            )
            .hint(format!("check the proxy that {} names", proxy.variable()));
        }
    }
    if error.is_timeout() {
        // Nothing tells which of the two it was.
        return CallError::new(
            Class::NotSent,
            format!("cannot connect to {} through {proxy} in time", way.host),
        )
        .hint(format!(
            "check the network and the proxy that {} names",
            proxy.variable()
        ));
    }
    failed(error, &Other::Org(way.host))
}

/// The error of a connection that this machine had nothing left for.
fn lack(error: &io::Error) -> Option<CallError> {
    let hint = match Lack::of(error) {
        Some(lack) => lack.hint(),
        None if error.kind() == io::ErrorKind::AddrNotAvailable => {
            "wait until connections of other programs have ended, or lower maxInFlight"
        }
        None => return None,
    };
    let message = format!("this machine has no room for another connection: {error}");
    Some(CallError::new(Class::NoRoom, message).hint(hint))
}

fn asks_who(proxy: &Proxy) -> CallError {
    let variable = proxy.variable();
    CallError::new(
        Class::OrgStopped,
        format!("{proxy} asks for a user and a password that it accepts (status 407)"),
    )
    .hint(format!("set {variable} to http://USER:PASSWORD@HOST:PORT"))
}

fn declined(proxy: &Proxy, Way { host, said, .. }: Way<'_>) -> CallError {
    let variable = proxy.variable();
    match said {
        Some(Said::Status(407)) => asks_who(proxy),
        // These may pass.
        Some(Said::Status(status @ (408 | 425 | 429 | 500..))) => CallError::new(
            Class::NotSent,
            format!("{proxy} finds no way to {host} (status {status})"),
        )
        .hint(format!("check the proxy that {variable} names")),
        Some(Said::Status(status)) => CallError::new(
            Class::OrgStopped,
            format!("{proxy} refuses the way to {host} (status {status})"),
        )
        .hint(format!(
            "have {host} allowed there, or name it in NO_PROXY to go past the proxy"
        )),
        Some(Said::Gibberish | Said::Unknown) => {
            CallError::new(Class::OrgStopped, format!("{proxy} does not speak HTTP"))
                .hint(format!("set {variable} to the address of an HTTP proxy"))
        }
        None => CallError::new(Class::NotSent, format!("{proxy} gives no way to {host}"))
            .hint(format!("check the proxy that {variable} names")),
    }
}

/// The error of a SOCKS proxy that will say no again.
fn no_socks(no: No, error: &reqwest::Error, proxy: &Proxy, way: Way<'_>) -> CallError {
    let (variable, host) = (proxy.variable(), way.host);
    let (message, hint) = match no {
        No::Unconnected if way.said == Some(Said::Unknown) => (
            format!("cannot resolve {proxy}: {UnknownHost}"),
            format!("correct {variable}"),
        ),
        No::Unconnected | No::Way => return failed(error, &Other::Proxy(proxy)),
        No::SignIn => (
            format!("{proxy} asks for a user and a password that it accepts"),
            format!("set {variable} to socks5://USER:PASSWORD@HOST:PORT"),
        ),
        No::Rules => (
            format!("{proxy} refuses the way to {host}"),
            format!("have {host} allowed there, or name it in NO_PROXY to go past the proxy"),
        ),
        No::Address => (
            format!("{proxy} cannot connect to {host}: {}", root_cause(error)),
            format!("set {variable} to socks5h://HOST:PORT, which lets the proxy look the host up"),
        ),
        No::Language => (
            format!("{proxy} does not speak SOCKS"),
            format!("set {variable} to the address of a SOCKS proxy"),
        ),
    };
    CallError::new(Class::OrgStopped, message).hint(hint)
}

/// Whom a connection could not be made to.
enum Other<'a> {
    Org(&'a str),
    Proxy(&'a Proxy),
}

impl Other<'_> {
    fn name(&self) -> String {
        match self {
            Self::Org(host) => (*host).to_owned(),
            Self::Proxy(proxy) => proxy.to_string(),
        }
    }

    /// The edit that says where it is.
    fn correct(&self) -> String {
        match self {
            Self::Org(_) => "correct the org's url".to_owned(),
            Self::Proxy(proxy) => format!("correct {}", proxy.variable()),
        }
    }

    /// The error with a hint that may be about where the other side is.
    fn advise(&self, error: CallError, hint: String) -> CallError {
        match self {
            Self::Org(_) => error.edit(hint),
            Self::Proxy(_) => error.hint(hint),
        }
    }

    fn check(&self) -> String {
        match self {
            Self::Org(_) => {
                "check the org's url and the network; behind a proxy set HTTPS_PROXY".to_owned()
            }
            Self::Proxy(proxy) => {
                format!(
                    "check the network and the proxy that {} names",
                    proxy.variable()
                )
            }
        }
    }
}

fn failed(error: &reqwest::Error, other: &Other<'_>) -> CallError {
    let (name, cause) = (other.name(), root_cause(error));
    if chain(error).any(<dyn Error>::is::<UnknownHost>) {
        let hint = match other {
            Other::Org(_) => format!("{}; behind a proxy set HTTPS_PROXY", other.correct()),
            Other::Proxy(_) => other.correct(),
        };
        let unknown = CallError::new(Class::OrgStopped, format!("cannot resolve {name}: {cause}"));
        return other.advise(unknown, hint);
    }
    if error.is_dns() {
        return CallError::new(Class::NotSent, format!("cannot resolve {name}: {cause}"))
            .hint("check the network and this machine's name servers");
    }
    if let Some(fault) = chain(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return tls(fault, other);
    }
    let message = if error.is_timeout() {
        format!("cannot connect to {name} in time")
    } else {
        format!("cannot connect to {name}: {cause}")
    };
    other.advise(CallError::new(Class::NotSent, message), other.check())
}

fn tls(fault: &rustls::Error, other: &Other<'_>) -> CallError {
    let name = other.name();
    if let rustls::Error::InvalidCertificate(certificate) = fault {
        return untrusted(certificate, other);
    }
    let class = if is_a_mismatch(fault) {
        Class::OrgStopped
    } else {
        Class::NotSent
    };
    let hint = match other {
        Other::Org(_) => "check that the org's url names an HTTPS address".to_owned(),
        Other::Proxy(proxy) => format!(
            "check that the proxy takes TLS, else set {} to http://HOST:PORT",
            proxy.variable()
        ),
    };
    let failed = CallError::new(class, format!("cannot set up TLS with {name}: {fault}"));
    other.advise(failed, hint)
}

fn untrusted(fault: &CertificateError, other: &Other<'_>) -> CallError {
    let name = other.name();
    let (what, hint) = match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "a certificate that has expired",
            "have it renewed; if this machine's clock is wrong, set it".to_owned(),
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "a certificate that is not valid yet",
            "set this machine's clock; if that is right, have the certificate issued anew"
                .to_owned(),
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "a certificate for another host",
            format!("{}: it has to have the name that the certificate is for", other.correct()),
        ),
        _ => (
            "a certificate that is not trusted",
            "if a company proxy or private CA signs it, name its PEM file as caFile under [http] of the job file"
                .to_owned(),
        ),
    };
    let untrusted = CallError::new(
        Class::OrgStopped,
        format!("{name} shows {what}: invalid peer certificate: {fault}"),
    );
    match fault {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            other.advise(untrusted, hint)
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => untrusted.hint(hint),
        _ => untrusted.setting(hint),
    }
}

/// Whether the two sides cannot agree, however often they try: no TLS at all, or none that both know.
fn is_a_mismatch(fault: &rustls::Error) -> bool {
    use AlertDescription as Alert;
    match fault {
        rustls::Error::InvalidMessage(_)
        | rustls::Error::PeerIncompatible(_)
        | rustls::Error::NoApplicationProtocol
        | rustls::Error::NoCertificatesPresented => true,
        rustls::Error::AlertReceived(alert) => matches!(
            alert,
            Alert::HandshakeFailure
                | Alert::ProtocolVersion
                | Alert::InsufficientSecurity
                | Alert::UnrecognisedName
                | Alert::CertificateRequired
                | Alert::AccessDenied
                | Alert::NoApplicationProtocol
                | Alert::UnexpectedMessage
                | Alert::IllegalParameter
        ),
        _ => false,
    }
}

/// An error and what is behind it. What an I/O error wraps is not its source.
fn chain<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    type Cause<'a> = &'a (dyn Error + 'static);
    fn next<'a>(current: Cause<'a>) -> Option<Cause<'a>> {
        match current.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as Cause<'a>),
            None => current.source(),
        }
    }
    let first: Option<Cause<'a>> = Some(error);
    std::iter::successors(first, |current| next(*current))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_lacks_is_reported_as_that() {
        for (error, hint) in [
            (io::Error::from_raw_os_error(23), Some("ulimit -n")),
            (io::Error::from_raw_os_error(24), Some("ulimit -n")),
            (io::ErrorKind::AddrNotAvailable.into(), Some("maxInFlight")),
            (io::ErrorKind::OutOfMemory.into(), Some("memory")),
            (io::ErrorKind::ConnectionRefused.into(), None),
            (io::ErrorKind::NetworkUnreachable.into(), None),
        ] {
            let lack = lack(&error);
            assert_eq!(lack.is_some(), hint.is_some(), "{error}");
            let (Some(lack), Some(hint)) = (lack, hint) else {
                continue;
            };
            assert_eq!(lack.class, Class::NoRoom);
            let begin = "this machine has no room for another connection: ";
            assert!(lack.message.starts_with(begin), "{lack}");
            assert!(lack.details.hint.is_some_and(|text| text.contains(hint)));
        }
    }
}
