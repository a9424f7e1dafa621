//! Entries of manifests, and the apps they need.

use okta_rollout::sandbox::SeedApp;
use serde_json::{Value, json};

/// An entry of a manifest.
#[derive(Clone)]
pub struct Entry {
    pub(super) json: Value,
    pub(super) seed: Option<SeedApp>,
}

impl Entry {
    fn new(app: &str, id: &str, connection: &Value) -> Self {
        Self {
            json: json!({ "org": "acme", "app": app, "appId": id, "connection": connection }),
            seed: Some(SeedApp {
                name: app.to_owned(),
                id: Some(id.to_owned()),
                label: None,
            }),
        }
    }

    /// As it stands in the manifest.
    pub fn json(&self) -> Value {
        self.json.clone()
    }

    /// In this org instead of acme.
    pub fn at(mut self, org: &str) -> Self {
        self.json["org"] = json!(org);
        self
    }

    /// The app that it needs.
    pub fn seed(&self) -> SeedApp {
        self.seed.clone().unwrap()
    }

    /// Its org.
    pub fn org(&self) -> &str {
        self.json["org"].as_str().unwrap()
    }

    /// The app's id, if it is found by that.
    pub fn id(&self) -> Option<&str> {
        self.json.get("appId").and_then(Value::as_str)
    }

    /// Whether it has this key.
    pub fn has(&self, key: &str) -> bool {
        self.json.get(key).is_some()
    }

    /// With a feature.
    pub fn feature(mut self, (name, capabilities): (&str, Value)) -> Self {
        self.json["features"][name] = capabilities;
        self
    }

    /// With another value of this key.
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.json[key] = value;
        self
    }

    /// Found by its label instead of its id.
    pub fn labelled(mut self, label: &str) -> Self {
        self.json.as_object_mut().unwrap().remove("appId");
        self.json["label"] = json!(label);
        if let Some(seed) = &mut self.seed {
            seed.id = None;
            seed.label = Some(label.to_owned());
        }
        self
    }

    /// Without this key.
    pub fn without(mut self, key: &str) -> Self {
        self.json.as_object_mut().unwrap().remove(key);
        self
    }

    /// `status: DISABLED`.
    pub fn disabled(mut self) -> Self {
        self.json["status"] = json!("DISABLED");
        self
    }

    /// Of an app that the org does not have.
    pub fn missing(mut self) -> Self {
        self.seed = None;
        self
    }

    /// Whose id is that of another integration in the org.
    pub fn in_truth(mut self, app: &str) -> Self {
        if let Some(seed) = &mut self.seed {
            app.clone_into(&mut seed.name);
        }
        self
    }

    /// With this reference to its token.
    pub fn token(mut self, reference: &str) -> Self {
        self.json["connection"]["profile"]["token"] = json!(reference);
        self
    }
}

pub fn zscaler(id: &str) -> Entry {
    let profile = json!({ "authScheme": "TOKEN", "token": "file:secrets/app-token" });
    let url = "https://scim.zscalerbeta.net/1/2/scim";
    Entry::new(
        "zscalerbyz",
        id,
        &json!({ "baseUrl": url, "profile": profile }),
    )
}

pub fn org2org(id: &str) -> Entry {
    let profile = json!({ "authScheme": "TOKEN", "token": "file:secrets/app-token" });
    Entry::new("okta_org2org", id, &json!({ "profile": profile }))
}

/// An Org2Org app that signs in to the org `hub` as a service app of this name.
pub fn spoke(id: &str, client_name: &str) -> Entry {
    let profile = json!({ "authScheme": "OAUTH2", "signing": { "rotationMode": "AUTO" } });
    let hub = json!({ "org": "hub", "clientName": client_name, "roles": ["USER_ADMIN", "GROUP_MEMBERSHIP_ADMIN"],
        "scopes": ["okta.users.manage", "okta.groups.manage"], "dpop": true });
    Entry::new("okta_org2org", id, &json!({ "profile": profile })).with("hub", hub)
}

pub fn google(id: &str) -> Entry {
    three_legged("google", id)
}

pub fn slack(id: &str) -> Entry {
    three_legged("slack", id)
}

pub fn zoomus(id: &str) -> Entry {
    three_legged("zoomus", id)
}

pub fn office365(id: &str) -> Entry {
    let admin = json!({ "adminUsername": "admin@acme.example",
        "adminPassword": "file:secrets/admin-password" });
    let profile = json!({ "authScheme": "OAUTH2", "settings": admin });
    Entry::new("office365", id, &json!({ "profile": profile }))
}

fn three_legged(app: &str, id: &str) -> Entry {
    Entry::new(app, id, &json!({ "profile": { "authScheme": "OAUTH2" } }))
}

/// `USER_PROVISIONING` in full.
pub fn user() -> (&'static str, Value) {
    let on = json!({ "status": "ENABLED" });
    let password = json!({ "status": "ENABLED", "seed": "RANDOM", "change": "KEEP_EXISTING" });
    let update = json!({ "profile": on, "lifecycleDeactivate": on, "password": password });
    (
        "USER_PROVISIONING",
        json!({ "create": { "lifecycleCreate": on }, "update": update }),
    )
}

/// `USER_PROVISIONING` of which the manifest says only one thing.
pub fn partly_user() -> (&'static str, Value) {
    (
        "USER_PROVISIONING",
        json!({ "create": { "lifecycleCreate": { "status": "ENABLED" } } }),
    )
}

/// `INBOUND_PROVISIONING` in full; its schedule is DISABLED and says no more.
pub fn inbound() -> (&'static str, Value) {
    let matching = json!({ "exactMatchCriteria": "EMAIL", "allowPartialMatch": false,
        "autoConfirmPartialMatch": false, "autoConfirmExactMatch": true,
        "autoConfirmNewUsers": false, "autoActivateNewUsers": false });
    let settings = json!({ "username": { "userNameFormat": "EMAIL" },
        "schedule": { "status": "DISABLED" } });
    (
        "INBOUND_PROVISIONING",
        json!({ "importSettings": settings, "importRules": { "userCreateAndMatch": matching } }),
    )
}
