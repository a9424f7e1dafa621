//! The third party, as a person meets it: a page that asks for consent, without a script, and two
//! buttons that lead back to Okta.

use std::sync::Arc;

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use url::Url;

use super::super::catalog;
use super::super::world::World;
use super::callback::{code_of, page_json};

/// The parameters of an authorization request (RFC 6749 §4.1.1).
#[derive(Clone, Deserialize)]
pub(super) struct Authorization {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    #[serde(default)]
    scope: String,
    state: String,
}

/// The page's form: the request again, and which button was pressed.
#[derive(Deserialize)]
pub(super) struct Decision {
    redirect_uri: String,
    state: String,
    #[serde(rename = "decision")]
    button: String,
}

/// `GET /_third-party/{app}/authorize`.
pub(super) async fn consent(
    State(world): State<Arc<World>>,
    Path(app): Path<String>,
    query: Result<Query<Authorization>, QueryRejection>,
) -> Response {
    let title = catalog::facts(&app).title;
    let request = query.ok().map(|Query(request)| request).filter(|request| {
        request.response_type == "code" && is_ours(&world, &request.redirect_uri)
    });
    match request {
        Some(request) => shown(StatusCode::OK, title, &form(title, &request)),
        None => refused(title),
    }
}

/// `POST /_third-party/{app}/authorize`: one of the buttons.
pub(super) async fn decide(
    State(world): State<Arc<World>>,
    Path(app): Path<String>,
    form: Result<Form<Decision>, FormRejection>,
) -> Response {
    let title = catalog::facts(&app).title;
    let Some(Form(form)) = form.ok().filter(|form| is_ours(&world, &form.redirect_uri)) else {
        return refused(title);
    };
    let answer = if form.button == "approve" {
        ("code", code_of(world.settings.seed, &form.state))
    } else {
        ("error", "access_denied".to_owned())
    };
    match redirected(&form.redirect_uri, answer, &form.state) {
        Some(url) => Redirect::to(url.as_str()).into_response(),
        None => refused(title),
    }
}

/// Where the third party sends the browser.
fn redirected(redirect_uri: &str, (key, value): (&str, String), state: &str) -> Option<Url> {
    let mut url = Url::parse(redirect_uri).ok()?;
    url.query_pairs_mut()
        .append_pair(key, &value)
        .append_pair("state", state);
    Some(url)
}

/// What Okta's page shows after an administrator approved `authorize_url`.
pub(in super::super) fn approve(world: &World, authorize_url: &str) -> Option<String> {
    let url = Url::parse(authorize_url).ok()?;
    let uri: Uri = authorize_url.parse().ok()?;
    let Query(request) = Query::<Authorization>::try_from_uri(&uri).ok()?;
    if !url.path().starts_with("/_third-party/") || !is_ours(world, &request.redirect_uri) {
        return None;
    }
    let back = Url::parse(&request.redirect_uri).ok()?;
    let mut segments = back.path().strip_prefix("/admin/app/")?.split('/');
    let (name, id) = (segments.next()?, segments.next()?);
    let code = code_of(world.settings.seed, &request.state);
    let origin = back.origin().ascii_serialization();
    Some(page_json(&origin, name, id, &code, &request.state))
}

/// A third party only sends people back to where its client registered: an org of this sandbox.
fn is_ours(world: &World, redirect_uri: &str) -> bool {
    Url::parse(redirect_uri).is_ok_and(|url| {
        url.scheme() == "http"
            && url.port() == Some(world.port)
            && url
                .host_str()
                .is_some_and(|host| world.at_host(host).is_some())
            && url.path().ends_with("/oauth2/redirect")
    })
}

fn form(title: &str, request: &Authorization) -> Markup {
    html! {
        h1 { "Sign in to " (title) }
        p { "Okta (" code { (request.client_id) } ") wants to manage users and groups:" }
        ul { @for scope in request.scope.split_whitespace() { li { (scope) } } }
        form method="post" {
            input type="hidden" name="redirect_uri" value=(request.redirect_uri);
            input type="hidden" name="state" value=(request.state);
            button type="submit" name="decision" value="approve" { "Approve" }
            " "
            button type="submit" name="decision" value="deny" { "Deny" }
        }
        p { small { "A simulated page: no account is needed and nothing leaves this machine." } }
    }
}

fn refused(title: &str) -> Response {
    let body = html! {
        h1 { "This request cannot be answered" }
        p { "It is not one a simulated org sent. Open the link exactly as Okta gave it." }
    };
    shown(StatusCode::BAD_REQUEST, title, &body)
}

fn shown(status: StatusCode, title: &str, body: &Markup) -> Response {
    // The form leads away to the org, so `form-action` cannot be limited to this page's origin.
    const HEADERS: [(HeaderName, HeaderValue); 3] = [
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "Consent for " (title) }
            }
            body { main { (body) } }
        }
    };
    let html = axum::response::Html(page.into_string());
    (status, HEADERS, html).into_response()
}
