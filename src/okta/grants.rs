//! What a service app may ask for: `/api/v1/apps/{appId}/grants` (API.md §1 row 15, §6).

use serde_json::json;

use super::fields::{self, fields};
use super::request::{Bucket, Method, Read, Request, RequestBody, Write, segment};
use crate::text::{Told, Veil};

/// The scopes that were granted to an app.
pub fn list(app_id: &str) -> Read<Vec<Told>> {
    Read::new(Bucket::Apps, path(app_id), |answer, veil| {
        let listed: Vec<Listed> = fields::list(answer)?;
        let listed = listed.into_iter();
        Some(listed.filter_map(|grant| grant.scope(veil)).collect())
    })
}

/// Grants a scope; `issuer` is the org's own URL, exactly. Gives the scope as the answer shows it, if it does.
pub fn grant(app_id: &str, scope: &str, issuer: &str) -> Write<Option<Told>> {
    let body = json!({ "scopeId": scope, "issuer": issuer });
    let request = Request::new(Method::Post, Bucket::Apps, path(app_id));
    Write::new(
        request.with_body(RequestBody::json(&body)),
        |answer, veil| {
            let shown = fields::object::<Listed>(answer);
            Some(shown.and_then(|grant| grant.scope(veil)))
        },
    )
}

fn path(app_id: &str) -> String {
    format!("/api/v1/apps/{}/grants", segment(app_id))
}

/// A grant as it comes.
#[derive(Default)]
struct Listed {
    scope_id: Option<String>,
    status: Option<String>,
}

fields!(Listed {
    "scopeId" => text(scope_id),
    "status" => text(status),
});

impl Listed {
    // One that was revoked is none.
    fn scope(self, veil: &Veil) -> Option<Told> {
        let holds = self.status.is_none_or(|status| status == "ACTIVE");
        self.scope_id
            .filter(|_| holds)
            .map(|scope| veil.told(&scope))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::answer::Body;
    use super::super::head::Head;
    use super::*;

    #[test]
    fn scopes_that_hold_are_read() {
        let answer = json!([
            { "scopeId": "okta.users.manage", "status": "ACTIVE", "issuer": "https://hub" },
            { "scopeId": "okta.groups.manage" },
            { "scopeId": "okta.apps.manage", "status": "REVOKED" },
            { "id": "oag1" }, 7,
        ]);
        let body = Body::new(
            answer.to_string().into(),
            None,
            &Head::default(),
            &Veil::default(),
        );
        let found = list("0oa9").decode(body).unwrap();
        let found: Vec<_> = found.iter().map(Told::raw).collect();
        assert_eq!(found, ["okta.users.manage", "okta.groups.manage"]);
        let call = grant("0oa9", "okta.users.manage", "https://hub.okta.com");
        assert_eq!(call.request().label(), "POST /api/v1/apps/0oa9/grants");
        let sent: Value = serde_json::from_slice(&call.request().body().unwrap().bytes()).unwrap();
        assert_eq!(
            sent,
            json!({ "scopeId": "okta.users.manage", "issuer": "https://hub.okta.com" })
        );
    }
}
