//! The end of a three-legged flow (API.md §4): Okta's page that shows where to continue, and the API call
//! that continues.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::super::answer::{self, Answer, Refusal, with_type};
use super::super::names;
use super::super::org::Changed;
use super::super::settings::BadState;
use super::super::world::{World, now_ms};
use crate::sandbox::caller::Caller;

/// `POST /api/v1/apps/{appName}/{appId}/oauth2/callback?code=&state=`.
pub(super) async fn complete(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path((name, id)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    let given = |key: &str| query.get(key).map_or("", String::as_str);
    let (state, code) = (given("state"), given("code"));
    let settings = &world.settings;
    caller.org.change(&id, |app| {
        if *app.name != *name {
            return Err(Refusal::not_found(&id, "AppInstance"));
        }
        let place = app
            .consents
            .iter()
            .position(|open| *open.state == *state)
            .filter(|place| {
                app.consents[*place].is_live(&settings.assume, now_ms())
                    && code == code_of(settings.seed, state)
            });
        let Some(place) = place else {
            return Err(match settings.assume.bad_state_status {
                BadState::Invalid => Refusal::invalid("state", "The state is invalid or expired."),
                BadState::Forbidden => Refusal::forbidden(),
                BadState::NotFound => Refusal::not_found("state", "OAuthState"),
            });
        };
        app.consents.remove(place);
        app.connection.granted = true;
        Ok(((), Changed::Yes))
    })?;
    Ok(answer::no_content())
}

/// The code the third party gives out for a state. It remembers nothing: a code is the digest of its
/// state under a key of this sandbox.
pub(super) fn code_of(seed: u64, state: &str) -> String {
    names::token("4/", 40, seed, &["code", state])
}

/// Okta's redirect URI, as the browser meets it after the third party.
pub(super) async fn page(
    State(world): State<Arc<World>>,
    headers: HeaderMap,
    Path((name, id)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let Some(caller) = world.caller(&headers) else {
        return Refusal::no_such_path().into_response();
    };
    if let (Some(code), Some(state)) = (query.get("code"), query.get("state")) {
        let shown = page_json(&caller.origin, &name, &id, code, state);
        return with_type(StatusCode::OK, "application/json", shown);
    }
    // What Okta shows here is not documented (API.md §4).
    let error = query.get("error").map_or("invalid_request", String::as_str);
    Refusal::invalid("oauth2", format!("The authorization failed: {error}")).into_response()
}

/// What Okta's page shows.
pub(super) fn page_json(origin: &str, name: &str, id: &str, code: &str, state: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("code", code)
        .append_pair("state", state)
        .finish();
    json!({ "continue_oauth_flow_url": {
        "href": format!("{origin}/api/v1/apps/{name}/{id}/oauth2/callback?{query}"),
        "method": "POST"
    } })
    .to_string()
}
