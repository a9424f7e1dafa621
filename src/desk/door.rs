//! Who may come in: requests by one of the desk's own names, from its own pages, by somebody who has the token. And what
//! every answer forbids the browser.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, LOCATION, ORIGIN, REFERRER_POLICY, RETRY_AFTER,
    SET_COOKIE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Response};

use super::form::Form;
use super::server::Peer;
use super::site::Site;
use super::slow::Turn;

/// What every answer says, unless it says otherwise itself.
const HEADERS: [(HeaderName, HeaderValue); 8] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // With `no-referrer` a browser sends `Origin: null` for the desk's own forms.
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
];

/// Lets a request in, or not.
pub(super) async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let from = from(&site, &request);
    let mut response = match judge(&site, &request, from) {
        Judged::In => next.run(request).await,
        Judged::Out(response) => response,
        // Answered late: whoever tries tokens has time.
        Judged::Wrong(turn) => {
            if site.slow.down(from, turn).await {
                unauthorized()
            } else {
                too_many()
            }
        }
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// What becomes of a request.
enum Judged {
    /// It may come in.
    In,
    /// This is all it gets.
    Out(Response),
    /// It has a token, and not the right one.
    Wrong(Turn),
}

fn judge(site: &Site, request: &Request, from: IpAddr) -> Judged {
    let (path, headers) = (request.uri().path(), request.headers());
    if matches!(path, "/healthz" | "/favicon.ico") {
        return Judged::In;
    }
    let hosts = headers.get_all(HOST).into_iter().collect::<Vec<_>>();
    let host = match hosts.as_slice() {
        [host] => host.to_str().ok().filter(|host| site.address.admits(host)),
        _ => None,
    };
    let Some(host) = host else {
        let message = "this desk is not reached by that name";
        return Judged::Out((StatusCode::MISDIRECTED_REQUEST, message).into_response());
    };
    if is_from_elsewhere(request.method(), headers, &site.address.origin(host)) {
        let message = "this came from a page of somebody else's";
        return Judged::Out((StatusCode::FORBIDDEN, message).into_response());
    }
    // A link for one org says itself what it is good for.
    if path.starts_with("/share/") {
        return Judged::In;
    }
    let query = request.uri().query().filter(|_| path == "/");
    let query = Form::of(query.unwrap_or_default().as_bytes());
    let by_token = query.get("token").map(|token| site.keys.is_token(token));
    let Some(is_right) = by_token.or_else(|| site.admits(headers)) else {
        return Judged::Out(if is_followed_from_elsewhere(request) {
            once_more()
        } else {
            unauthorized()
        });
    };
    let Some(turn) = site.slow.turn(from) else {
        return Judged::Out(too_many());
    };
    if !is_right {
        return Judged::Wrong(turn);
    }
    if by_token.is_none() {
        return Judged::In;
    }
    let cookie = site.set_cookie(&site.cookie_name(), &site.keys.cookie(), "");
    let headers = [(LOCATION, "/consents".to_owned()), (SET_COOKIE, cookie)];
    Judged::Out((StatusCode::SEE_OTHER, headers).into_response())
}

/// Whether a browser sends this for a page that is not the desk's.
fn is_from_elsewhere(method: &Method, headers: &HeaderMap, own: &str) -> bool {
    if let Some(origin) = headers.get(ORIGIN) {
        return !origin.as_bytes().eq_ignore_ascii_case(own.as_bytes());
    }
    let says = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_cross = matches!(says("sec-fetch-site"), Some("cross-site" | "same-site"));
    // Somebody may follow a link to here, but nothing of here is part of another page.
    let is_followed = matches!(says("sec-fetch-mode"), Some("navigate") | None)
        && matches!(says("sec-fetch-dest"), Some("document") | None)
        && matches!(*method, Method::GET | Method::HEAD);
    is_cross && !is_followed
}

/// Whether somebody follows a link on a page of somebody else's. A browser sends no `SameSite=Strict` cookie then, not even
/// the one that the redirect before has just set.
fn is_followed_from_elsewhere(request: &Request) -> bool {
    let is = |name: &str, wanted: &str| {
        let value = request.headers().get(name);
        value.is_some_and(|value| value.as_bytes() == wanted.as_bytes())
    };
    *request.method() == Method::GET
        && is("sec-fetch-mode", "navigate")
        && (is("sec-fetch-site", "cross-site") || is("sec-fetch-site", "same-site"))
}

/// Has the browser ask again, this time by itself: with its cookie, if it has one. It shows nothing.
fn once_more() -> Response {
    let headers = [(WWW_AUTHENTICATE, "Bearer")];
    let page = Html("<!DOCTYPE html><meta http-equiv=\"refresh\" content=\"0\">");
    (StatusCode::UNAUTHORIZED, headers, page).into_response()
}

/// Where a request is from: who speaks to a proxy, the proxy says.
fn from(site: &Site, request: &Request) -> IpAddr {
    let peer = request.extensions().get::<Peer>();
    let peer = peer.map_or(IpAddr::from([0; 4]), |peer| peer.0);
    if !site.address.is_proxied() {
        return peer;
    }
    let last = request
        .headers()
        .get_all("x-forwarded-for")
        .into_iter()
        .next_back();
    let last = last.and_then(|value| address(value.to_str().ok()?.rsplit(',').next()?));
    last.unwrap_or(peer)
}

/// As proxies write it: some with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.trim_matches(['[', ']']).parse().ok();
    bare.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

fn unauthorized() -> Response {
    let message = "open this by the link that the program printed when it began\n";
    let headers = [(WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, headers, message).into_response()
}

fn too_many() -> Response {
    let message = "too many wrong tokens came from your address: try again in a while\n";
    let headers = [(RETRY_AFTER, "10")];
    (StatusCode::TOO_MANY_REQUESTS, headers, message).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_however_a_proxy_writes_it() {
        for (text, wanted) in [
            (" 192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1:4711", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:4711", Some("2001:db8::1")),
            ("unknown", None),
            ("", None),
        ] {
            let wanted = wanted.map(|wanted| wanted.parse::<IpAddr>().unwrap());
            assert_eq!(address(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_comes_from_pages_of_others_is_told_apart() {
        const OWN: &str = "http://127.0.0.1:8080";
        let post = Method::POST;
        let get = Method::GET;
        for (method, headers, wanted) in [
            (&get, &[][..], false),
            (&post, &[], false),
            (&post, &[("origin", OWN)], false),
            (&post, &[("origin", "null")], true),
            (&post, &[("origin", "http://127.0.0.1:8081")], true),
            (&post, &[("origin", "https://127.0.0.1:8080")], true),
            (&get, &[("origin", "https://evil.example")], true),
            (
                &get,
                &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
                false,
            ),
            (
                &get,
                &[
                    ("sec-fetch-site", "same-origin"),
                    ("sec-fetch-mode", "cors"),
                ],
                false,
            ),
            (
                &get,
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "document"),
                ],
                false,
            ),
            (
                &get,
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "iframe"),
                ],
                true,
            ),
            (
                &get,
                &[
                    ("sec-fetch-site", "same-site"),
                    ("sec-fetch-mode", "no-cors"),
                ],
                true,
            ),
            (
                &post,
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                ],
                true,
            ),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, value.parse().unwrap());
            }
            assert_eq!(
                is_from_elsewhere(method, &map, OWN),
                wanted,
                "{method} {headers:?}"
            );
        }
    }
}
