//! Proxies as the environment names them (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in capitals or not),
//! taken literally: a variable that names no proxy is an error before anything is sent, never a reason to go past it.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use super::resolve;

/// Variables by what they are for; of two that are set the first counts.
const HTTPS: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const HTTP: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
const ALL: [&str; 2] = ["ALL_PROXY", "all_proxy"];
const NONE: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Schemes of proxies that the HTTP library can use.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// Most bytes of a proxy's answer that are read for its status line.
const STATUS_LINE_MAX: usize = 256;

/// Which hosts are reached through which proxy. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    https: Option<Arc<Proxy>>,
    http: Option<Arc<Proxy>>,
    except: String,
    /// The variable that says so.
    except_variable: &'static str,
    fault: Option<ProxyError>,
}

/// A variable that is set, but not to a proxy's address. Does not repeat the value: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is not the address of a proxy: {cause}")]
pub struct ProxyError {
    variable: &'static str,
    cause: &'static str,
}

impl ProxyError {
    /// The edit that helps.
    pub fn hint(&self) -> String {
        let variable = self.variable;
        if NONE.contains(&variable) {
            return format!("set {variable} to host names with commas between them, or unset it");
        }
        format!("set {variable} to http://HOST:PORT, or unset it")
    }
}

impl Proxies {
    /// Reads the variables; what is wrong with them is kept for [`Self::checked`].
    pub fn from_lookup(get: impl Fn(&str) -> Option<OsString>) -> Self {
        Self::read(get).unwrap_or_else(|fault| Self {
            fault: Some(fault),
            ..Self::default()
        })
    }

    /// The proxies, if every variable is in order.
    ///
    /// # Errors
    /// The first variable that is not.
    pub fn checked(&self) -> Result<&Self, ProxyError> {
        self.fault.clone().map_or(Ok(self), Err)
    }

    // All are looked at, also those that another one wins over: whoever set one means it.
    fn read(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, ProxyError> {
        let one = |names: [&'static str; 2]| -> Result<Option<Arc<Proxy>>, ProxyError> {
            let [capitals, small] = names.map(|name| Proxy::parse(name, get(name)?).transpose());
            let (capitals, small) = (capitals.transpose()?, small.transpose()?);
            Ok(capitals.or(small).map(Arc::new))
        };
        let (https, http, all) = (one(HTTPS)?, one(HTTP)?, one(ALL)?);
        let except = NONE.into_iter().find_map(|name| {
            let value = get(name).filter(|value| !value.is_empty())?;
            Some(text(name, value).map(|except| (name, except)))
        });
        let (except_variable, except) = except.transpose()?.unwrap_or_default();
        Ok(Self {
            https: https.or_else(|| all.clone()),
            http: http.or(all),
            except,
            except_variable,
            fault: None,
        })
    }

    /// Each with its setting's name, its value without a password, and the variable that says so.
    pub fn listed(&self) -> Vec<(&'static str, String, &'static str)> {
        let proxies = [("proxy.http", &self.http), ("proxy.https", &self.https)];
        let proxies = proxies.into_iter().filter_map(|(setting, proxy)| {
            let proxy = proxy.as_ref()?;
            let address = &proxy.address;
            let host = address.host_str().unwrap_or_default();
            let port = address.port().map(|port| format!(":{port}"));
            let port = port.unwrap_or_default();
            let shown = format!("{}://{host}{port}", address.scheme());
            Some((setting, shown, proxy.variable))
        });
        let except = (!self.except.is_empty())
            .then(|| ("proxy.except", self.except.clone(), self.except_variable));
        proxies.chain(except).collect()
    }

    /// As the HTTP library takes them; none when no variable is set.
    pub(super) fn rules(&self) -> reqwest::Result<Vec<reqwest::Proxy>> {
        let except = || reqwest::NoProxy::from_string(&self.except);
        let https = self.https.as_ref().map(|proxy| {
            reqwest::Proxy::https(proxy.address.clone()).map(|rule| rule.no_proxy(except()))
        });
        let http = self.http.as_ref().map(|proxy| {
            reqwest::Proxy::http(proxy.address.clone()).map(|rule| rule.no_proxy(except()))
        });
        https.into_iter().chain(http).collect()
    }

    /// The proxy that calls to this origin go through.
    pub(super) fn of(&self, origin: &Url) -> Option<Arc<Proxy>> {
        let proxy = if origin.scheme() == "https" {
            &self.https
        } else {
            &self.http
        };
        let proxy = proxy.as_ref()?;
        proxy.intercept(origin.as_str(), &self.except)?;
        Some(Arc::clone(proxy))
    }
}

/// A proxy, and the variable that names it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    variable: &'static str,
    // May hold a password.
    address: Url,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// For people: where it is and which variable says so.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.address.host_str().unwrap_or_default();
        write!(f, "the proxy {host}")?;
        if let Some(port) = self.address.port() {
            write!(f, ":{port}")?;
        }
        write!(f, " ({})", self.variable)
    }
}

/// What a proxy said when it was asked for the way to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// This status.
    Status(u16),
    /// Nothing that is HTTP.
    Gibberish,
    /// Nothing: there is no host of its name.
    Unknown,
}

impl Proxy {
    /// The variable that names it.
    pub(super) const fn variable(&self) -> &'static str {
        self.variable
    }

    // `None` = the variable is empty, which is as if it were not set.
    fn parse(variable: &'static str, value: OsString) -> Result<Option<Self>, ProxyError> {
        let value = text(variable, value)?;
        let value = value.trim();
        if value.is_empty() {
            return Ok(None);
        }
        let refused = |cause| Err(ProxyError { variable, cause });
        let whole = match value.contains("://") {
            true => value.to_owned(),
            // A bare word is more likely a mistake than a proxy at port 80.
            false if names_port(value) => format!("http://{value}"),
            false => return refused("it has neither a scheme nor a port"),
        };
        let Ok(address) = Url::parse(&whole) else {
            return refused("it cannot be read as http://HOST:PORT");
        };
        if !SCHEMES.contains(&address.scheme()) {
            return refused("its scheme is none of http, https and socks5");
        }
        if address.host_str().is_none_or(str::is_empty) {
            return refused("it names no host");
        }
        let rest = (address.path(), address.query(), address.fragment());
        if !matches!(rest, ("" | "/", None, None)) {
            return refused("it goes on after the host; an automatic configuration cannot be used");
        }
        let proxy = Self { variable, address };
        // What the HTTP library cannot read it would leave out.
        if proxy.intercept("https://acme.example/", "").is_none() {
            return refused("it cannot be read as http://HOST:PORT");
        }
        Ok(Some(proxy))
    }

    // What the HTTP library makes of it.
    fn intercept(&self, origin: &str, except: &str) -> Option<Intercept> {
        let matcher = Matcher::builder()
            .all(self.address.as_str())
            .no(except)
            .build();
        matcher.intercept(&origin.parse::<Uri>().ok()?)
    }

    /// Asks for the way to a host as the HTTP library did, which does not say why it was refused; `None` when that
    /// cannot be found out: the way is open now, the proxy speaks TLS itself, or it does not answer in time.
    pub(super) async fn ask(&self, host: &str, port: u16, patience: Duration) -> Option<Said> {
        if self.address.scheme().starts_with("socks") {
            let host = self.address.host_str().unwrap_or_default();
            return resolve::is_unknown(host).await.then_some(Said::Unknown);
        }
        if self.address.scheme() != "http" {
            return None;
        }
        let asked = tokio::time::timeout(patience, self.status_line(host, port)).await;
        let line = asked.ok()?.ok()?;
        let Some(rest) = line.strip_prefix(b"HTTP/1.") else {
            return (!line.is_empty()).then_some(Said::Gibberish);
        };
        let status = std::str::from_utf8(rest.get(2..5)?).ok()?;
        let status = status.parse().ok()?;
        (!(200..300).contains(&status)).then_some(Said::Status(status))
    }

    async fn status_line(&self, host: &str, port: u16) -> std::io::Result<Vec<u8>> {
        let proxy = self.address.socket_addrs(|| None);
        // An address needs no look-up, and a name had one a moment ago.
        let mut stream = TcpStream::connect(proxy?.as_slice()).await?;
        let target = format!("{host}:{port}");
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
        let intercept = self.intercept(&format!("https://{target}/"), "");
        if let Some(auth) = intercept.as_ref().and_then(Intercept::basic_auth) {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(auth.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        stream.write_all(&request).await?;
        let mut line = Vec::new();
        let mut answer = stream.take(STATUS_LINE_MAX as u64);
        while !line.contains(&b'\n') && answer.read_buf(&mut line).await? > 0 {}
        Ok(line)
    }
}

fn text(variable: &'static str, value: OsString) -> Result<String, ProxyError> {
    value.into_string().map_err(|_| ProxyError {
        variable,
        cause: "it is not UTF-8",
    })
}

fn names_port(value: &str) -> bool {
    let port = value.rsplit_once(':').map(|(_, port)| port);
    port.is_some_and(|port| port.trim_end_matches('/').parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Proxies {
        Proxies::from_lookup(|name| {
            let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
            Some(OsString::from(value))
        })
    }

    #[test]
    fn a_variable_names_a_proxy_or_is_refused_without_being_shown() {
        for (value, good) in [
            ("http://proxy:3128", true),
            ("http://proxy:3128/", true),
            ("http://proxy", true),
            ("https://proxy.corp.example:443", true),
            ("http://user:s3cret@proxy:3128", true),
            ("http://us%40er:s3cret%2F@proxy:3128", true),
            ("http://10.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("HTTP://PROXY:3128", true),
            ("  http://proxy:3128\n", true),
            ("socks5://proxy:1080", true),
            ("socks5h://proxy", true),
            ("proxy:3128", true),
            ("user:s3cret@proxy:3128", true),
            ("10.0.0.1:80", true),
            ("not-a-proxy", false),
            ("localhost", false),
            ("10.0.0.1", false),
            ("[::1]", false),
            ("proxy:", false),
            ("proxy:http", false),
            ("proxy:99999", false),
            ("http:/proxy:3128", false),
            ("http//proxy:3128", false),
            ("http://", false),
            ("http://:3128", false),
            ("http://proxy:s3cret", false),
            ("http://pro xy:3128", false),
            ("http://wpad/wpad.dat", false),
            ("http://proxy:3128?s3cret", false),
            ("http://proxy:3128#s3cret", false),
            ("ftp://proxy:21", false),
            ("s3cret://proxy:21", false),
            ("file:///etc/s3cret", false),
            ("://proxy:3128", false),
            ("-", false),
            ("s3cret password", false),
        ] {
            for names in [HTTPS, HTTP, ALL] {
                for name in names {
                    let proxies = of(&[(name, value)]);
                    let shown = format!("{proxies:?}");
                    assert!(!shown.contains("s3cret"), "{shown}");
                    match proxies.checked() {
                        Ok(_) => assert!(good, "{name}={value:?}"),
                        Err(error) => {
                            assert!(!good, "{name}={value:?}: {error}");
                            let told = format!("{error} {}", error.hint());
                            assert!(told.contains(name) && !told.contains("s3cret"), "{told}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_variable_that_counts_is_the_libraries_choice_and_is_named() {
        let (https, http) = ("https://acme.okta.com", "http://acme.okta.com");
        for (variables, origin, wanted) in [
            (&[][..], https, None),
            (&[("HTTPS_PROXY", "")][..], https, None),
            (&[("HTTPS_PROXY", "a:1")], https, Some("HTTPS_PROXY")),
            (&[("https_proxy", "a:1")], https, Some("https_proxy")),
            (
                &[("HTTPS_PROXY", "a:1"), ("https_proxy", "b:1")],
                https,
                Some("HTTPS_PROXY"),
            ),
            (
                &[("HTTPS_PROXY", ""), ("https_proxy", "b:1")],
                https,
                Some("https_proxy"),
            ),
            (
                &[("HTTPS_PROXY", "a:1"), ("ALL_PROXY", "b:1")],
                https,
                Some("HTTPS_PROXY"),
            ),
            (
                &[("HTTP_PROXY", "a:1"), ("all_proxy", "b:1")],
                https,
                Some("all_proxy"),
            ),
            (
                &[("HTTP_PROXY", "a:1"), ("all_proxy", "b:1")],
                http,
                Some("HTTP_PROXY"),
            ),
            (&[("HTTP_PROXY", "a:1")], https, None),
            (
                &[("HTTPS_PROXY", "a:1"), ("NO_PROXY", "okta.com")],
                https,
                None,
            ),
            (
                &[("HTTPS_PROXY", "a:1"), ("no_proxy", "x.example, .okta.com")],
                https,
                None,
            ),
            (&[("HTTPS_PROXY", "a:1"), ("NO_PROXY", "*")], https, None),
            (
                &[("HTTPS_PROXY", "a:1"), ("NO_PROXY", "kta.com")],
                https,
                Some("HTTPS_PROXY"),
            ),
        ] {
            let proxies = of(variables);
            let proxy = proxies.checked().unwrap().of(&origin.parse().unwrap());
            let variable = proxy.map(|proxy| proxy.variable());
            assert_eq!(variable, wanted, "{variables:?} {origin}");
        }
    }

    #[test]
    fn one_bad_variable_is_reported_although_another_one_wins() {
        let proxies = of(&[("HTTPS_PROXY", "a:1"), ("https_proxy", "not-a-proxy")]);
        let error = proxies.checked().unwrap_err();
        assert_eq!(
            error.to_string(),
            "https_proxy is not the address of a proxy: it has neither a scheme nor a port"
        );
        assert_eq!(
            error.hint(),
            "set https_proxy to http://HOST:PORT, or unset it"
        );
    }
}
