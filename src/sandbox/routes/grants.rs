//! What a service app may do: its roles (`/oauth2/v1/clients/{id}/roles`) and scopes (`/api/v1/apps/{id}/grants`;
//! API.md §1, rows 15 and 16; §6).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::answer::{self, Answer, Refusal};
use super::super::names;
use super::super::org::Changed;
use super::super::service::{Grant, Role, Service};
use super::super::world::{World, now_ms};
use super::apps::{blank, required, when};
use super::clients::no_client;
use super::{json_body, text_at};
use crate::sandbox::caller::Caller;

/// Roles that an org has without anybody making them.
const STANDARD: [&str; 12] = [
    "ACCESS_CERTIFICATIONS_ADMIN",
    "ACCESS_REQUESTS_ADMIN",
    "API_ACCESS_MANAGEMENT_ADMIN",
    "APP_ADMIN",
    "GROUP_MEMBERSHIP_ADMIN",
    "HELP_DESK_ADMIN",
    "ORG_ADMIN",
    "READ_ONLY_ADMIN",
    "REPORT_ADMIN",
    "SUPER_ADMIN",
    "USER_ADMIN",
    "WORKFLOWS_ADMIN",
];

/// `GET /oauth2/v1/clients/{id}/roles`.
pub(super) async fn roles(caller: Caller, Path(id): Path<String>) -> Answer {
    listed(&caller, &id, no_client, |service| &service.roles, show_role)
}

/// `POST /oauth2/v1/clients/{id}/roles`.
pub(super) async fn assign(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let body = json_body(&body)?;
    let kind = required(&body, &["type"], "type")?;
    let custom = if kind == "CUSTOM" {
        let role = required(&body, &["role"], "role")?;
        let set = required(&body, &["resource-set"], "resource-set")?;
        Some((role.into(), set.into()))
    } else if STANDARD.contains(&kind) {
        None
    } else {
        return Err(Refusal::invalid("type", "The entered role is invalid."));
    };
    let custom: Option<(Box<str>, Box<str>)> = custom;
    let shown = caller.org.change(&id, |app| {
        let service = app.service.as_mut().ok_or_else(|| no_client(&id))?;
        let is_same = |role: &Role| *role.kind == *kind && role.custom == custom;
        if service.roles.iter().any(is_same) {
            return Err(Refusal::role_assigned());
        }
        let place = service.roles.len().to_string();
        let parts = ["role", &id, kind, &place];
        let role = Role {
            id: names::token("JBC", 21, world.settings.seed, &parts).into(),
            kind: kind.into(),
            custom,
            since_ms: now_ms(),
        };
        let shown = show_role(&role, &id, &caller.origin);
        service.roles.push(role);
        Ok((shown, Changed::Yes))
    })?;
    answer::json_as(StatusCode::CREATED, &shown)
}

/// `GET /api/v1/apps/{id}/grants`.
pub(super) async fn grants(caller: Caller, Path(id): Path<String>) -> Answer {
    let no_app = |id: &str| Refusal::not_found(id, "AppInstance");
    listed(&caller, &id, no_app, |service| &service.grants, show_grant)
}

/// `POST /api/v1/apps/{id}/grants`.
pub(super) async fn grant(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let body = json_body(&body)?;
    let scope = required(&body, &["scopeId"], "scopeId")?;
    let issuer = text_at(&body, &["issuer"])?.ok_or_else(|| blank("issuer"))?;
    if issuer != &*caller.origin {
        return Err(Refusal::invalid(
            "issuer",
            "issuer: The issuer must be the org's own URL.",
        ));
    }
    if !scope.starts_with("okta.") {
        return Err(Refusal::invalid("scopeId", "scopeId: Invalid scope."));
    }
    let shown = caller.org.change(&id, |app| {
        let service = app
            .service
            .as_mut()
            .ok_or_else(|| Refusal::not_found(&id, "AppInstance"))?;
        let known = service.grants.iter().find(|grant| *grant.scope == *scope);
        if let Some(known) = known {
            return Ok((show_grant(known, &id, &caller.origin), Changed::No));
        }
        let grant = Grant {
            id: names::token("oag", 17, world.settings.seed, &["grant", &id, scope]).into(),
            scope: scope.into(),
            since_ms: now_ms(),
        };
        let shown = show_grant(&grant, &id, &caller.origin);
        service.grants.push(grant);
        Ok((shown, Changed::Yes))
    })?;
    answer::json_as(StatusCode::CREATED, &shown)
}

/// What a service app has of a kind.
fn listed<T>(
    caller: &Caller,
    id: &str,
    missing: impl Fn(&str) -> Refusal,
    has: impl Fn(&Service) -> &[T],
    show: impl Fn(&T, &str, &str) -> Value,
) -> Answer {
    let found = caller.org.read(id, |app| {
        let all = has(app.service.as_deref()?).iter();
        let shown: Value = all.map(|one| show(one, id, &caller.origin)).collect();
        Some(shown)
    });
    let shown = found.ok().flatten().ok_or_else(|| missing(id))?;
    answer::json(&shown)
}

fn show_role(role: &Role, client: &str, origin: &str) -> Value {
    let at = when(role.since_ms);
    let mut shown = json!({
        "id": role.id,
        "label": role.kind,
        "type": role.kind,
        "status": "ACTIVE",
        "created": at,
        "lastUpdated": at,
        "assignmentType": "CLIENT",
        "_links": { "assignee": { "href": format!("{origin}/oauth2/v1/clients/{client}") } },
    });
    if let Some((id, set)) = &role.custom {
        shown["role"] = json!(id);
        shown["resource-set"] = json!(set);
    }
    shown
}

fn show_grant(grant: &Grant, client: &str, origin: &str) -> Value {
    let at = when(grant.since_ms);
    json!({
        "id": grant.id,
        "status": "ACTIVE",
        "created": at,
        "createdBy": { "id": "00usandbox", "type": "User" },
        "lastUpdated": at,
        "issuer": origin,
        "clientId": client,
        "scopeId": grant.scope,
        "source": "ADMIN",
        "_links": {
            "app": { "href": format!("{origin}/api/v1/apps/{client}") },
            "client": { "href": format!("{origin}/oauth2/v1/clients/{client}") },
        },
    })
}
