//! Manifests that make the program send every kind of request it can send.

use serde_json::{Value, json};

/// All six apps, every scheme, service apps and identity providers in the hub to be made and to be mended, apps by id, by label and to be created, features in full and in part.
/// Labels of one kind of app only in `acme`, of several in `beta`: the lists are asked for differently.
pub fn all_there_is() -> Value {
    json!([
        { "org": "acme", "app": "zscalerbyz", "appId": "0oazscaler", "connection": token_at_zscaler(),
          "features": { "USER_PROVISIONING": user() } },
        { "org": "acme", "app": "zscalerbyz", "appId": "0oastale", "connection": token_at_zscaler(),
          "features": { "USER_PROVISIONING": user() } },
        { "org": "acme", "app": "okta_org2org", "appId": "0oahub",
          "connection": { "profile": { "authScheme": "TOKEN", "token": "file:app-token" } },
          "features": { "USER_PROVISIONING": partly_user(), "INBOUND_PROVISIONING": inbound() } },
        { "org": "acme", "app": "google", "label": "Google 205", "connection": consent(),
          "features": { "USER_PROVISIONING": user(), "INBOUND_PROVISIONING": partly_inbound() } },
        { "org": "acme", "app": "office365", "appId": "0oaoffice",
          "connection": { "profile": { "authScheme": "OAUTH2",
            "settings": { "adminUsername": "admin@acme.example", "adminPassword": "file:admin-password" } } },
          "features": { "USER_PROVISIONING": user() } },
        { "org": "beta", "app": "slack", "label": "Slack (new)", "connection": consent(),
          "create": { "signOnMode": "SAML_2_0", "settings": { "app": { "domain": "beta" } } } },
        { "org": "beta", "app": "zoomus", "label": "Zoom of the fleet", "connection": consent() },
        { "org": "beta", "app": "okta_org2org", "appId": "0oahub",
          "connection": { "profile": { "authScheme": "OAUTH2", "clientId": "0oaservice",
            "signing": { "rotationMode": "AUTO" } } },
          "features": { "INBOUND_PROVISIONING": inbound() } },
        { "org": "beta", "app": "okta_org2org", "label": "Hub (new)",
          "create": { "signOnMode": "OPENID_CONNECT", "settings": { "app": { "baseUrl": "https://hub.okta.com" } } },
          "connection": { "profile": { "authScheme": "OAUTH2", "clientId": "0oaservice" } } },
        { "org": "beta", "app": "zscalerbyz", "label": "Zscaler (new)", "connection": token_at_zscaler(),
          "create": { "settings": { "app": {} } } },
        { "org": "acme", "app": "okta_org2org", "appId": "0oaspoke", "connection": signed("AUTO"),
          "hub": { "org": "hub", "clientName": "spoke acme",
            "roles": ["USER_ADMIN", { "role": "cr0custom", "resourceSet": "iamcustom" }],
            "scopes": ["okta.users.manage", "okta.groups.manage"], "dpop": true } },
        { "org": "beta", "app": "okta_org2org", "appId": "0oaspoke", "connection": signed("MANUAL"),
          "hub": { "org": "hub", "clientName": "spoke beta", "roles": ["GROUP_MEMBERSHIP_ADMIN"],
            "scopes": ["okta.groups.manage"] } },
        { "org": "beta", "app": "okta_org2org", "label": "Hub of people", "connection": signed("AUTO"), "create": federated(),
          "hub": { "org": "hub", "clientName": "spoke of people", "idp": { "name": "people of beta" },
            "roles": ["USER_ADMIN"], "scopes": ["okta.users.manage"] } },
        { "org": "beta", "app": "okta_org2org", "label": "Hub of more", "connection": signed("AUTO"), "create": federated(),
          "hub": { "org": "hub", "clientName": "spoke of more", "idp": {},
            "roles": ["USER_ADMIN"], "scopes": ["okta.users.manage"] } },
    ])
}

/// One that was set up is to be off.
pub fn switched_off() -> Value {
    json!([{ "org": "acme", "app": "zscalerbyz", "appId": "0oazscaler", "status": "DISABLED" }])
}

/// Everything Okta says no to, and one app it says yes to without meaning it.
pub fn refused() -> Value {
    let bad = json!({ "profile": { "authScheme": "TOKEN", "token": "file:bad-token" } });
    json!([
        { "org": "acme", "app": "zscalerbyz", "appId": "0oagone", "connection": token_at_zscaler() },
        { "org": "acme", "app": "zscalerbyz", "appId": "0oabookmark", "connection": token_at_zscaler() },
        { "org": "acme", "app": "okta_org2org", "appId": "0oahub2", "connection": bad },
        { "org": "acme", "app": "okta_org2org", "appId": "0oafresh",
          "features": { "USER_PROVISIONING": partly_user() } },
        { "org": "beta", "app": "office365", "appId": "0oaoffice", "connection": consent() },
        { "org": "beta", "app": "slack", "label": "Slack of nowhere", "connection": consent(),
          "create": { "signOnMode": "SECURE_PASSWORD_STORE", "settings": { "app": { "domain": "beta" } } } },
        { "org": "gamma", "app": "okta_org2org", "appId": "0oahub", "status": "DISABLED" },
    ])
}

fn token_at_zscaler() -> Value {
    json!({ "baseUrl": "https://scim.zscalerbeta.net/1/2/scim",
        "profile": { "authScheme": "TOKEN", "token": "file:app-token" } })
}

fn signed(rotation: &str) -> Value {
    json!({ "profile": { "authScheme": "OAUTH2", "signing": { "rotationMode": rotation } } })
}

/// An app that signs people in to its hub.
fn federated() -> Value {
    json!({ "signOnMode": "OPENID_CONNECT", "settings": { "app": { "baseUrl": "https://hub.okta.com" } } })
}

fn consent() -> Value {
    json!({ "profile": { "authScheme": "OAUTH2" } })
}

/// `USER_PROVISIONING` in full.
fn user() -> Value {
    let on = json!({ "status": "ENABLED" });
    json!({ "create": { "lifecycleCreate": on },
        "update": { "profile": on, "lifecycleDeactivate": on,
            "password": { "status": "ENABLED", "seed": "OKTA", "change": "CHANGE" } } })
}

fn partly_user() -> Value {
    json!({ "update": { "password": { "status": "ENABLED", "seed": "RANDOM" } } })
}

/// `INBOUND_PROVISIONING` in full, with both schedules and a format of one's own.
fn inbound() -> Value {
    let hourly = json!({ "expression": "0 * * * *", "timezone": "Europe/Berlin" });
    json!({
        "importSettings": {
            "username": { "userNameFormat": "CUSTOM", "userNameExpression": "user.email" },
            "schedule": { "status": "ENABLED", "incrementalImport": hourly,
                "fullImport": { "expression": "0 21 * * 1", "timezone": "Asia/Tokyo" } } },
        "importRules": { "userCreateAndMatch": {
            "exactMatchCriteria": "EMAIL", "allowPartialMatch": false,
            "autoConfirmPartialMatch": false, "autoConfirmExactMatch": true,
            "autoConfirmNewUsers": false, "autoActivateNewUsers": false } } })
}

fn partly_inbound() -> Value {
    json!({ "importRules": { "userCreateAndMatch": { "autoConfirmExactMatch": true } } })
}
