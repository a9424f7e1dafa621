//! Five orgs of twenty apps each, for runs that are long enough to be disturbed.

use serde_json::{Value, json};

pub const ORGS: [&str; 5] = ["acme", "globex", "hub", "initech", "umbrella"];

/// Apps of each org.
pub const APPS: usize = 20;

/// Of these, apps that are created, and apps that somebody must consent to.
pub const ONCE_ONLY: (usize, usize) = (3, 13);

/// What goes wrong in about 13 of 100 calls.
pub const FAULTS: &str = "\
    [faults.percent]\n\
    serverError = 2.5\nunavailable = 2.0\nbadGateway = 2.0\nreset = 2.0\n\
    lostAnswer = 2.0\nappliedError = 1.5\ntruncated = 1.0\nhang = 0.3\n";

/// The manifest; `org` says what is known of an org.
pub fn manifest(org: impl Fn(&str) -> Value) -> Value {
    let orgs: serde_json::Map<_, _> = ORGS
        .iter()
        .map(|name| ((*name).to_owned(), org(name)))
        .collect();
    let apps: Vec<_> = ORGS
        .iter()
        .flat_map(|org| (0..APPS).map(|n| entry(org, n)))
        .collect();
    json!({ "orgs": orgs, "apps": apps })
}

/// The apps that are there before, as (org, app, id).
pub fn seeds() -> impl Iterator<Item = (&'static str, &'static str, String)> {
    ORGS.iter().flat_map(|org| {
        let given = (0..APPS).filter(|n| !is_created(*n));
        given.map(|n| (*org, app(n), id(org, n)))
    })
}

/// Two of three apps need consent.
fn app(n: usize) -> &'static str {
    const APPS: [&str; 6] = [
        "google",
        "zscalerbyz",
        "slack",
        "office365",
        "okta_org2org",
        "zoomus",
    ];
    APPS[n % APPS.len()]
}

fn id(org: &str, n: usize) -> String {
    format!("0oa{org}{n:04}")
}

/// A Google, an Org2Org and a Slack app do not exist yet.
fn is_created(n: usize) -> bool {
    matches!(n, 6 | 10 | 14)
}

fn entry(org: &str, n: usize) -> Value {
    let app = app(n);
    let profile = match app {
        "okta_org2org" if !is_created(n) => {
            json!({ "authScheme": "OAUTH2", "clientId": "0oaClient" })
        }
        "zscalerbyz" | "okta_org2org" => {
            json!({ "authScheme": "TOKEN", "token": "file:token.txt" })
        }
        "office365" => json!({ "authScheme": "OAUTH2", "settings": {
            "adminUsername": "admin@acme.example", "adminPassword": "file:token.txt" } }),
        _ => json!({ "authScheme": "OAUTH2" }),
    };
    let mut entry = json!({ "org": org, "app": app, "connection": { "profile": profile } });
    if app == "zscalerbyz" {
        entry["connection"]["baseUrl"] = "https://scim.example/1".into();
    }
    if is_created(n) {
        entry["label"] = format!("{app} {n}").into();
        entry["create"] = json!({ "settings":
            { "app": { "baseUrl": "https://hub.example", "domain": "acme.example" } } });
    } else {
        entry["appId"] = id(org, n).into();
    }
    // Some whole, some in part, and some not at all.
    let create = json!({ "lifecycleCreate": { "status": "ENABLED" } });
    let update = json!({ "lifecycleDeactivate": { "status": "ENABLED" },
        "password": { "status": "DISABLED" }, "profile": { "status": "ENABLED" } });
    let wanted = match n % 4 {
        0 => return entry,
        1 => json!({ "create": create }),
        _ => json!({ "create": create, "update": update }),
    };
    entry["features"] = json!({ "USER_PROVISIONING": wanted });
    entry
}
