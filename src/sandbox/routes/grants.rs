//! What a service app may do: its roles (`/oauth2/v1/clients/{id}/roles`) and scopes (`/api/v1/apps/{id}/grants`;
//! API.md §1, rows 15 and 16; §6).

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::answer::{self, Answer, Refusal};
use super::super::names;
use super::super::org::Changed;
use super::super::service::{Grant, Role, Service};
use super::super::world::{World, now_ms};
use super::clients::no_client;
use super::fields::{blank, required, when};
use super::{json_body, text_at};
use crate::sandbox::caller::Caller;

/// Roles that an org has without anybody making them, and what they are called.
const STANDARD: [(&str, &str); 12] = [
    (
        "ACCESS_CERTIFICATIONS_ADMIN",
        "Access Certifications Administrator",
    ),
    ("ACCESS_REQUESTS_ADMIN", "Access Requests Administrator"),
    (
        "API_ACCESS_MANAGEMENT_ADMIN",
        "API Access Management Administrator",
    ),
    ("APP_ADMIN", "Application Administrator"),
    ("GROUP_MEMBERSHIP_ADMIN", "Group Membership Administrator"),
    ("HELP_DESK_ADMIN", "Help Desk Administrator"),
    ("ORG_ADMIN", "Organization Administrator"),
    ("READ_ONLY_ADMIN", "Read Only Administrator"),
    ("REPORT_ADMIN", "Report Administrator"),
    ("SUPER_ADMIN", "Super Administrator"),
    ("USER_ADMIN", "Group Administrator"),
    ("WORKFLOWS_ADMIN", "Workflows Administrator"),
];

/// Standard roles that Okta made of a custom role and a resource set: they are shown like these.
const OF_A_SET: [&str; 3] = [
    "ACCESS_CERTIFICATIONS_ADMIN",
    "ACCESS_REQUESTS_ADMIN",
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
    } else if STANDARD.iter().any(|(known, _)| *known == kind) {
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
        let is_bound = custom.is_some() || OF_A_SET.contains(&kind);
        let prefix = if is_bound { "irb" } else { "JBC" };
        let (of, set) = custom
            .as_ref()
            .map_or(("", ""), |(of, set)| (&**of, &**set));
        let parts = ["role", &id, kind, of, set];
        let role = Role {
            id: names::token(
                prefix,
                if is_bound { 17 } else { 21 },
                world.settings.seed,
                &parts,
            )
            .into(),
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

/// `GET /api/v1/apps/{id}/grants?expand=scope`.
pub(super) async fn grants(
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    let no_app = |id: &str| Refusal::not_found(id, "AppInstance");
    let whole = query.get("expand").is_some_and(|what| what == "scope");
    let show = |grant: &Grant, id: &str, origin: &str| {
        let mut shown = show_grant(grant, id, origin);
        if whole {
            shown["_embedded"] = json!({ "scope": { "id": grant.scope } });
        }
        shown
    };
    listed(&caller, &id, no_app, |service| &service.grants, show)
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
    let (kind, id) = (&*role.kind, &role.id);
    // A custom role is called what whoever made it calls it; here that is its id.
    let custom = role
        .custom
        .as_ref()
        .map(|(of, set)| (&**of, set.to_string()));
    let standard = STANDARD.iter().find(|(known, _)| *known == kind);
    let label = standard.map(|(_, label)| *label);
    let label = label.or(custom.as_ref().map(|(of, _)| *of));
    let mut shown = json!({
        "id": id,
        "label": label,
        "type": role.kind,
        "status": "ACTIVE",
        "created": at,
        "lastUpdated": at,
        "assignmentType": "CLIENT",
        "_links": { "assignee": { "href": format!("{origin}/oauth2/v1/clients/{client}") } },
    });
    let own = OF_A_SET.contains(&kind);
    let own = own.then(|| (kind, kind.replace("_ADMIN", "_IAM_POLICY")));
    if let Some((of, set)) = custom.or(own) {
        let roles = format!("{origin}/api/v1/iam/roles/{of}");
        let sets = format!("{origin}/api/v1/iam/resource-sets/{set}");
        let links = &mut shown["_links"];
        links["role"] = json!({ "href": roles });
        links["permissions"] = json!({ "href": format!("{roles}/permissions") });
        links["resource-set"] = json!({ "href": sets });
        links["member"] = json!({ "href": format!("{sets}/bindings/{of}/members/{id}") });
        shown["role"] = json!(of);
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
            "self": {
                "href": format!("{origin}/api/v1/apps/{client}/grants/{}", grant.id),
                "hints": { "allow": ["GET"] },
            },
            "app": { "href": format!("{origin}/api/v1/apps/{client}") },
            "client": { "href": format!("{origin}/oauth2/v1/clients/{client}") },
        },
    })
}
