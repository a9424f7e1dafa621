//! Orgs with many apps each, for runs that are long enough to be disturbed, and what goes wrong in them.

use std::path::Path;

use serde_json::{Value, json};

use crate::history::once_only;

/// Some orgs and, in each of them, the same apps.
pub struct Fleet {
    pub orgs: usize,
    /// Apps of each org.
    pub apps: usize,
}

/// For runs that are disturbed all along.
pub const LARGE: Fleet = Fleet { orgs: 20, apps: 60 };

/// For a story about one moment of a run.
pub const SMALL: Fleet = Fleet { orgs: 5, apps: 20 };

/// What goes wrong in 13.3 of 100 calls: 500, 503, HTML instead of JSON (a proxy's 502, a captive
/// portal's 200), a reset, an answer that is lost after its call was applied, a 500 after it was, an
/// answer that breaks off, and a call that hangs.
pub const FAULTS: &str = "\
    [faults.percent]\n\
    serverError = 2.5\nunavailable = 2.0\nbadGateway = 1.2\nforeignBody = 0.8\nreset = 2.0\n\
    lostAnswer = 2.0\nappliedError = 1.5\ntruncated = 1.0\nhang = 0.3\n";

impl Fleet {
    pub fn names(&self) -> Vec<String> {
        (1..=self.orgs).map(|no| format!("org-{no:02}")).collect()
    }

    /// All apps of all orgs.
    pub const fn entries(&self) -> usize {
        self.orgs * self.apps
    }

    /// The manifest; `org` says what is known of an org.
    pub fn manifest(&self, org: impl Fn(&str) -> Value) -> Value {
        let names = self.names();
        let orgs: serde_json::Map<_, _> =
            names.iter().map(|name| (name.clone(), org(name))).collect();
        let apps: Vec<_> = names
            .iter()
            .flat_map(|org| (0..self.apps).map(|n| entry(org, n)))
            .collect();
        json!({ "orgs": orgs, "apps": apps })
    }

    /// The apps that are there before in an org, as (app, id).
    pub fn seeds(&self, org: &str) -> impl Iterator<Item = (&'static str, String)> {
        let given = (0..self.apps).filter(|n| !is_created(*n));
        given.map(move |n| (app(n), id(org, n)))
    }

    /// In every org of this state folder each app that is to be created was created once, each that
    /// needs consent was consented to once, and no grant was lost.
    pub fn assert_once_only(&self, folder: &Path) {
        let created = (0..self.apps).filter(|n| is_created(*n)).count();
        let consented = (0..self.apps).filter(|n| needs_consent(*n)).count();
        for org in self.names() {
            once_only(folder, &org).assert((created, consented));
        }
    }
}

/// All six in turn.
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

/// Some Google, Org2Org and Slack apps do not exist yet.
fn is_created(n: usize) -> bool {
    matches!(n % 20, 6 | 10 | 14)
}

/// Two of three apps do.
fn needs_consent(n: usize) -> bool {
    !matches!(app(n), "zscalerbyz" | "okta_org2org")
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
