//! Calls to one org: puts the org's credentials on a request, sends it, and reports everything that
//! was observed. An exchange never panics and never fails as such; what went wrong is its outcome.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LINK};
use secrecy::SecretString;
use tokio::time::Instant;
use url::Url;

use super::answer::{Body, Exchange};
use super::authorizer::{Authorization, Credentials};
use super::content::{Content, MAX_OBJECT, content};
use super::error::{self, CallError, Class};
use super::head::Head;
use super::http::{Http, HttpError};
use super::link;
use super::page::{Page, TooLarge};
use super::proxy::Proxy;
use super::request::{Method, Read, Request};
use super::resolve::is_loopback;
use crate::text::Veil;

/// How much of an answer is read that is no success (bytes): Okta's errors have less than 2 KiB.
const MAX_ERROR: usize = 64 * 1024;

/// One org as the API shows it: its origin, its credentials, the shared HTTP client. Cheap to clone.
#[derive(Clone)]
pub struct OrgClient {
    http: Http,
    proxy: Option<Arc<Proxy>>,
    origin: Url,
    origin_text: String,
    authorization: Authorization,
    veil: Veil,
}

impl OrgClient {
    /// A client for the org at `origin`, which is `https://host[:port]`, or plain http on loopback.
    ///
    /// # Errors
    /// [`HttpError::Origin`] for any other address, [`HttpError::Credential`] for a credential that is
    /// empty or cannot be a header.
    pub fn new(http: Http, origin: &str, credentials: Credentials) -> Result<Self, HttpError> {
        let origin = parse_origin(origin)?;
        let (authorization, veil) = credentials.into_parts()?;
        Ok(Self {
            proxy: http.proxy(&origin),
            http,
            origin_text: origin.origin().ascii_serialization(),
            origin,
            authorization,
            veil,
        })
    }

    /// Scheme, host and port, without a final slash.
    pub fn origin(&self) -> &str {
        &self.origin_text
    }

    /// What its requests carry.
    pub const fn authorization(&self) -> &Authorization {
        &self.authorization
    }

    /// Has its requests carry what those of others do that have the same credentials.
    pub fn share(&mut self, authorization: &Authorization) {
        self.authorization = authorization.clone();
    }

    /// What the org's texts are shown through: it knows the credentials, and every secret that was ever sent.
    pub const fn veil(&self) -> &Veil {
        &self.veil
    }

    /// Sends one request, once, and reports what was observed. Takes at most the time-out of
    /// [`HttpSettings`](super::HttpSettings).
    pub async fn exchange(&self, request: &Request) -> Exchange {
        let sent_at = Instant::now();
        request
            .secrets()
            .iter()
            .for_each(|secret| self.veil.cover(secret));
        let mut used_once = Vec::new();
        let (head, outcome) = match self.send(request, &mut used_once).await {
            Ok(response) => self.receive(response, request).await,
            Err(error) => (None, Err(error)),
        };
        let duration = sent_at.elapsed();
        let known = head.is_some();
        let head = head.unwrap_or_default();
        Exchange {
            status: known.then_some(head.status),
            rate: head.rate,
            date: head.date,
            sent_at,
            duration,
            outcome: outcome.map_err(|error| {
                let error = self.finish(error, &head, &used_once);
                self.authorization.explain(request, error)
            }),
            request_id: head.request_id,
        }
    }

    async fn send(
        &self,
        request: &Request,
        used_once: &mut Vec<SecretString>,
    ) -> Result<Response, CallError> {
        let url = self.url(request)?;
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
        };
        let http = self.http.client(&self.origin);
        let carried = (self.authorization).of(request, &url, &self.veil, used_once)?;
        let builder = carried.put_on(http.request(method, url));
        let builder = match request.body() {
            Some(body) => builder
                .header(CONTENT_TYPE, body.content_type())
                .body(body.bytes()),
            // Okta answers 411 to a POST that does not say how long it is (API.md §4).
            None if request.method != Method::Get => builder.header(CONTENT_LENGTH, "0"),
            None => builder,
        };
        match builder.send().await {
            Ok(response) => Ok(response),
            // Boxed: it is rare, and every call would have to have room for it.
            Err(error) => Err(Box::pin(self.unanswered(error)).await),
        }
    }

    /// Reads the answer. The head is returned whatever becomes of the body.
    async fn receive(
        &self,
        response: Response,
        request: &Request,
    ) -> (Option<Head>, Result<Body, CallError>) {
        self.authorization
            .observe(request, response.status().as_u16(), response.headers());
        let mut head = Head::read(
            response.status().as_u16(),
            response.headers(),
            &self.origin,
            SystemTime::now(),
        );
        head.request_id = head.request_id.map(|id| self.veil.identifier(id));
        let links = response.headers().get_all(LINK);
        let next = link::next(
            links.into_iter().filter_map(|value| value.to_str().ok()),
            &self.origin,
        );
        let accepted = response.status().is_success();
        let read = match request.page() {
            _ if !accepted => self.read_start(response).await,
            Some(keep) => self.read_page(response, Page::new(keep)).await,
            None => self.read_object(response).await,
        };
        let outcome = match read {
            Err(fault) => Err(error::cut_short(&head, fault)),
            Ok(bytes) if !accepted => Err(error::refused(&head, &bytes)),
            Ok(bytes) if content(&bytes) == Content::Foreign => Err(error::foreign(&head, &bytes)),
            Ok(bytes) => match next {
                Ok(next) => Ok(Body::new(bytes, next, &head, &self.veil)),
                Err(link::Foreign { host }) => Err(error::foreign_page(&host)),
            },
        };
        (Some(head), outcome)
    }

    async fn read_object(&self, mut response: Response) -> Result<Bytes, CallError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk(&mut response).await? {
            if bytes.len() + chunk.len() > MAX_OBJECT {
                // Whose it is says more than how large it is.
                if content(&bytes) == Content::Foreign {
                    break;
                }
                return Err(error::too_large("the answer is larger than 1 MiB"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.into())
    }

    /// A page as far as it is used.
    async fn read_page(&self, mut response: Response, mut page: Page) -> Result<Bytes, CallError> {
        while let Some(chunk) = self.chunk(&mut response).await? {
            page.push(&chunk)
                .map_err(|TooLarge(why)| error::too_large(why))?;
        }
        Ok(page.finish().into())
    }

    /// As much as an error has.
    async fn read_start(&self, mut response: Response) -> Result<Bytes, CallError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk(&mut response).await? {
            let room = MAX_ERROR - bytes.len();
            bytes.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if chunk.len() > room {
                break;
            }
        }
        Ok(bytes.into())
    }

    async fn chunk(&self, response: &mut Response) -> Result<Option<Bytes>, CallError> {
        match response.chunk().await {
            Ok(chunk) => Ok(chunk),
            Err(error) => Err(Box::pin(self.unanswered(error)).await),
        }
    }

    async fn unanswered(&self, error: reqwest::Error) -> CallError {
        let host = self.origin.host_str().unwrap_or_default();
        let proxy = self.proxy.as_deref();
        let said = match proxy.filter(|_| error::is_declined(&error)) {
            Some(proxy) => {
                let port = self.origin.port_or_known_default().unwrap_or_default();
                proxy.ask(host, port, self.http.connect_timeout()).await
            }
            None => None,
        };
        let timeout = self.http.timeout();
        error::unanswered(
            error,
            error::Way {
                host,
                proxy,
                said,
                timeout,
            },
        )
    }

    /// The address of a request: the origin's, with its path and query, so that no path can lead out of the org,
    /// where its credentials must not go.
    fn url(&self, request: &Request) -> Result<Url, CallError> {
        if !request.path().starts_with('/') {
            return Err(CallError::new(
                Class::Refused,
                format!("{} is not an address of this org", request.label()),
            ));
        }
        let (path, query) = match request.path().split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (request.path(), None),
        };
        let mut url = self.origin.clone();
        url.set_path(path);
        url.set_query(query);
        Ok(url)
    }

    /// Completes an error with what the head told, and makes its text safe to show.
    fn finish(&self, mut error: CallError, head: &Head, used_once: &[SecretString]) -> CallError {
        // Servers repeat what they were sent in the oddest places.
        let message = |text: &str| self.veil.message_without(text, used_once);
        error.message = message(&error.message);
        let shown = |text: Option<String>| text.map(|text| message(&text));
        error.hint = shown(error.hint.take());
        error.okta_error_code = shown(error.okta_error_code.take());
        error.error_id = shown(error.error_id);
        if head.status != 0 {
            error.http_status = Some(head.status);
        }
        error.request_id.clone_from(&head.request_id);
        error
    }
}

impl fmt::Debug for OrgClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrgClient({})", self.origin_text)
    }
}

/// A client that has no way to change the org: it takes nothing but a [`Read`], which holds a GET.
#[derive(Clone, Debug)]
pub struct ReadOnlyClient(OrgClient);

impl ReadOnlyClient {
    /// Gives up the means to write.
    pub const fn new(client: OrgClient) -> Self {
        Self(client)
    }

    /// With the means to write, for what only asks for a token.
    pub(super) const fn whole(&self) -> &OrgClient {
        &self.0
    }

    /// As [`OrgClient::origin`].
    pub fn origin(&self) -> &str {
        self.0.origin()
    }

    /// As [`OrgClient::veil`].
    pub const fn veil(&self) -> &Veil {
        self.0.veil()
    }

    /// As [`OrgClient::exchange`].
    pub async fn exchange<T>(&self, read: &Read<T>) -> Exchange {
        self.0.exchange(read.request()).await
    }
}

fn parse_origin(text: &str) -> Result<Url, HttpError> {
    let url = Url::parse(text).map_err(|_| HttpError::Origin {
        // Not repeated: what is no URL may be a token in the wrong place.
        origin: "the given text".to_owned(),
        cause: "it is not a URL",
    })?;
    let cause = if !matches!(url.scheme(), "http" | "https") {
        "it must begin with https://"
    } else if url.scheme() == "http" && !is_loopback(&url) {
        "plain http is for loopback addresses only"
    } else if !url.username().is_empty() || url.password().is_some() {
        "it must not hold a user name or password"
    } else if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        "it must end after the host"
    } else {
        return Ok(url);
    };
    Err(HttpError::Origin {
        origin: url.origin().ascii_serialization(),
        cause,
    })
}

#[cfg(test)]
mod tests {
    use super::super::http::HttpSettings;
    use super::super::request::Bucket;
    use super::*;

    fn client(origin: &str, token: &str) -> Result<OrgClient, HttpError> {
        let http = Http::new(&HttpSettings::default()).expect("a client");
        OrgClient::new(http, origin, Credentials::Ssws(token.to_owned().into()))
    }

    #[test]
    fn only_origins_are_accepted() {
        let cases = [
            ("https://acme.okta.com", Some("https://acme.okta.com")),
            ("https://ACME.okta.com:443/", Some("https://acme.okta.com")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("http://acme.localhost:1", Some("http://acme.localhost:1")),
            ("http://[::1]:1", Some("http://[::1]:1")),
            ("http://acme.okta.com", None),
            ("https://user@acme.okta.com", None),
            ("https://acme.okta.com/api", None),
            ("https://acme.okta.com?x", None),
            ("https://acme.okta.com#x", None),
            ("ftp://acme.okta.com", None),
            ("file:///etc/passwd", None),
            ("acme.okta.com", None),
            ("00secretToken", None),
            ("", None),
        ];
        for (origin, expected) in cases {
            match (client(origin, "t0ken"), expected) {
                (Ok(client), Some(expected)) => assert_eq!(client.origin(), expected),
                (Err(error), None) => {
                    let text = error.to_string();
                    assert!(
                        !text.contains("user@") && !text.contains("secret"),
                        "{text}"
                    );
                }
                (result, _) => panic!("{origin}: {result:?}"),
            }
        }
    }

    #[test]
    fn credentials_that_cannot_be_sent_are_refused_without_being_shown() {
        for token in ["", "a b", "secret\n", "secret\r\nX: y", "s\u{e4}cret"] {
            let error = client("https://acme.okta.com", token).expect_err("refused");
            assert!(matches!(error, HttpError::Credential(_)));
            assert!(!error.to_string().contains("cret"), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let client = client("https://acme.okta.com", "s3cret").expect("a client");
        let shown = format!("{client:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn no_path_leads_out_of_the_org() {
        let client = client("https://acme.okta.com", "t0ken").expect("a client");
        let cases = [
            ("//evil.example/x", "//evil.example/x"),
            ("/\\evil.example", "//evil.example"),
            ("/@evil.example", "/@evil.example"),
            (
                "/api/v1/apps?q=a%2Fb&limit=1?",
                "/api/v1/apps?q=a%2Fb&limit=1?",
            ),
            (
                "/api/v1/apps/%252E%252E/a%20b",
                "/api/v1/apps/%252E%252E/a%20b",
            ),
        ];
        for (path, sent) in cases {
            let request = Request::new(Method::Get, Bucket::Rest, path.to_owned());
            let url = client.url(&request).expect("stays in the org");
            assert_eq!(url.as_str(), format!("https://acme.okta.com{sent}"));
            assert_eq!(url, Url::parse(url.as_str()).expect("a URL"), "{path}");
        }
        for path in [".evil.example/", ":8443/", "@evil.example/", ""] {
            let request = Request::new(Method::Get, Bucket::Rest, path.to_owned());
            let error = client.url(&request).expect_err(path);
            assert_eq!(error.class, Class::Refused);
        }
    }
}
