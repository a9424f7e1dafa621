//! What is foretold of a call, its method and bucket, is what its request has.

use super::hub::federation;
use super::*;
use crate::okta::clients::{self, ClientKeys, ServiceClient, WholeClient};
use crate::okta::service_app::{self, ServiceApp};
use crate::okta::{callback, connections, features, grants, idps};

#[test]
fn calls_are_those_of_the_requests_they_stand_for() {
    let secret = || "x".to_owned().into();
    let body = connections::ConnectionBody::Oauth2;
    let settings = serde_json::Map::new();
    let capabilities = json!({});
    let requests = [
        (
            CreateApp,
            crate::okta::apps::create(App::Google, "L", None, &settings)
                .request()
                .clone(),
        ),
        (ReadApp, crate::okta::apps::get("0oa1").request().clone()),
        (ReadConnection, connections::get("0oa1").request().clone()),
        (
            SetConnection,
            connections::set("0oa1", &body, connections::Activate::No)
                .request()
                .clone(),
        ),
        (
            CompleteConsent,
            callback::complete(App::Google, "0oa1", &secret(), &secret())
                .request()
                .clone(),
        ),
        (Activate, connections::activate("0oa1").request().clone()),
        (
            Deactivate,
            connections::deactivate("0oa1").request().clone(),
        ),
        (ListFeatures, features::list("0oa1").request().clone()),
        (
            USER,
            features::put(
                "0oa1",
                Feature::UserProvisioning,
                features::body(&capabilities),
            )
            .request()
            .clone(),
        ),
    ];
    for (call, request) in requests {
        assert_eq!(call.method(), request.method, "{call:?}");
        assert_eq!(call.bucket(), request.bucket, "{call:?}");
    }
}

#[test]
fn calls_to_a_hub_are_those_of_the_requests_they_stand_for() {
    let client = || ServiceClient {
        id: "0oa9".to_owned(),
        name: "spoke".into(),
        keys: ClientKeys::NotShown,
    };
    let role = crate::manifest::AdminRole::Standard("USER_ADMIN".to_owned());
    let app = ServiceApp::supposed(client(), None);
    let requests = [
        (ReadClient, clients::get("0oa9").request().clone()),
        (ReadServiceApp, service_app::get("0oa9").request().clone()),
        (
            CreateServiceApp,
            clients::create("spoke", "https://a").request().clone(),
        ),
        (
            ReplaceClient,
            clients::replace(&WholeClient::supposed(client()), "spoke", None)
                .request()
                .clone(),
        ),
        (ListRoles, clients::roles("0oa9").request().clone()),
        (AssignRole, clients::assign("0oa9", &role).request().clone()),
        (ListGrants, grants::list("0oa9").request().clone()),
        (
            GrantScope,
            grants::grant("0oa9", "okta.users.manage", "https://hub")
                .request()
                .clone(),
        ),
        (
            RequireDpop,
            service_app::require_dpop(&app).request().clone(),
        ),
        (ReadIdp, idps::get("0oaI").request().clone()),
        (
            CreateIdp,
            idps::create("spoke", "https://a").request().clone(),
        ),
        (
            UpdateIdp,
            idps::replace(&federation::whole("spoke"), "spoke", "0oa1")
                .request()
                .clone(),
        ),
    ];
    for (call, request) in requests {
        assert_eq!(call.method(), request.method, "{call:?}");
        assert_eq!(call.bucket(), request.bucket, "{call:?}");
        assert_eq!(call.site(), Site::Hub, "{call:?}");
    }
}
