//! `POST /oauth2/v1/token` (API.md §7.1, §7.2).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::super::answer::with_type;
use super::super::caller::Caller;
use super::super::client_keys;
use super::super::oauth::{self, Expected, Issued, OAuthRefusal, Sent, TokenRequest};
use super::super::world::{World, now_ms};

const PATH: &str = "/oauth2/v1/token";

/// Gives a token.
pub(super) async fn issue(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let switches = caller.org.switches();
    let now_s = (now_ms() + i64::from(switches.clock_skew_s) * 1000).div_euclid(1000);
    let answer = grant(&world, &caller, &headers, &body, now_s);
    let shows_nonce = match &answer {
        Ok(_) => headers.contains_key("dpop"),
        Err(refused) => refused.error == "use_dpop_nonce",
    };
    let mut answer = answer.unwrap_or_else(IntoResponse::into_response);
    if shows_nonce && let Ok(nonce) = HeaderValue::from_str(&caller.org.nonce(now_s)) {
        answer
            .headers_mut()
            .insert(HeaderName::from_static("dpop-nonce"), nonce);
    }
    answer
}

fn grant(
    world: &World,
    caller: &Caller,
    headers: &HeaderMap,
    body: &Bytes,
    now_s: i64,
) -> Result<Response, OAuthRefusal> {
    let org = &caller.org;
    let switches = org.switches();
    let is_form = headers.get(header::CONTENT_TYPE).is_some_and(|given| {
        let given = given.to_str().unwrap_or_default();
        given.starts_with("application/x-www-form-urlencoded")
    });
    if !is_form {
        return Err(OAuthRefusal::bad("invalid_request", "Invalid request"));
    }
    let request = TokenRequest::read(body)?;
    let url = format!("{}{PATH}", caller.origin);
    let known = |id: &str| client_keys::known(world, org, id, now_ms());
    let mut seen = org.oauth();
    let expected = Expected {
        known: &known,
        audience: switches.audience.as_deref().unwrap_or(&url),
        now_s,
    };
    let (id, client) = request.client(&expected, &mut seen)?;
    let proven = if client.dpop || headers.contains_key("dpop") {
        let sent = Sent {
            method: "POST",
            url: &url,
            token: None,
            now_s,
        };
        let proven = sent
            .proven(headers, &mut seen)
            .map_err(|why| OAuthRefusal::bad("invalid_dpop_proof", why))?;
        let nonce = proven.nonce.as_deref().unwrap_or_default();
        if !org.takes_nonce(nonce, now_s) {
            return Err(OAuthRefusal::bad(
                "use_dpop_nonce",
                "Authorization server requires nonce in DPoP proof.",
            ));
        }
        Some(proven)
    } else {
        None
    };
    let scopes = request.scopes(&client)?;
    let life_s = switches.token_life_s.unwrap_or(oauth::TOKEN_LIFE_S);
    let kind = if proven.is_some() { "DPoP" } else { "Bearer" };
    let scope = scopes.join(" ");
    let issued = Issued {
        client: id,
        scopes,
        key: proven.map(|proven| proven.key),
        ends_s: now_s + i64::from(life_s),
        calls: switches.token_calls,
    };
    let token = org.issue(&mut seen, issued, now_s);
    let body = json!({
        "token_type": kind,
        "expires_in": life_s,
        "access_token": token,
        "scope": scope,
    });
    Ok(with_type(
        axum::http::StatusCode::OK,
        "application/json",
        body.to_string(),
    ))
}
