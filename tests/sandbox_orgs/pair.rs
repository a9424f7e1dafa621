//! A hub and a spoke, and what is done in them.

use okta_rollout::sandbox::{Drift, Sandbox, SandboxSettings, SeedApp, Switches};
use serde_json::{Value, json};

use crate::raw::Org;

pub const CLIENTS: &str = "/oauth2/v1/clients";

/// A hub and a spoke with an app that leads to it.
pub struct Pair {
    pub sandbox: Sandbox,
    pub hub: Org,
    pub spoke: Org,
    /// The spoke's app.
    pub app: String,
}

impl Pair {
    pub async fn with(settings: SandboxSettings) -> Self {
        Self::within(Sandbox::start(settings, None, None).await.unwrap()).await
    }

    /// The orgs of a sandbox, and no app yet.
    pub fn of(sandbox: Sandbox) -> Self {
        for org in ["hub", "spoke"] {
            sandbox.add_org(org).unwrap();
        }
        let [hub, spoke] = ["hub", "spoke"].map(|org| Org::of(&sandbox, org));
        Self {
            app: String::new(),
            sandbox,
            hub,
            spoke,
        }
    }

    /// With the app.
    pub async fn within(sandbox: Sandbox) -> Self {
        let mut pair = Self::of(sandbox);
        let body = json!({ "name": "okta_org2org", "label": "To the hub", "signOnMode": "SAML_2_0",
            "settings": { "app": { "baseUrl": pair.sandbox.url("hub") } } });
        let made = pair.spoke.post("/api/v1/apps", &body.to_string()).await;
        made.json()["id"]
            .as_str()
            .unwrap()
            .clone_into(&mut pair.app);
        pair
    }

    pub fn service(&self, name: &str) -> Value {
        let uri = format!(
            "{}/api/v1/apps/{}/connections/default/jwks",
            self.sandbox.url("spoke"),
            self.app
        );
        json!({ "client_name": name, "application_type": "service", "grant_types": ["client_credentials"],
            "response_types": ["token"], "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri })
    }

    pub async fn register(&self, name: &str) -> String {
        let body = self.service(name).to_string();
        let made = self.hub.post(CLIENTS, &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()["client_id"].as_str().unwrap().to_owned()
    }

    pub async fn assign(&self, client: &str, role: &Value) -> String {
        let path = format!("{CLIENTS}/{client}/roles");
        self.hub.post(&path, &role.to_string()).await.outcome()
    }

    pub async fn grant(&self, client: &str, scope: &str) -> String {
        let path = format!("/api/v1/apps/{client}/grants");
        let body = json!({ "issuer": self.sandbox.url("hub"), "scopeId": scope });
        self.hub.post(&path, &body.to_string()).await.outcome()
    }

    /// Registers a client that may do what connections need.
    pub async fn whole(&self, name: &str) -> String {
        let client = self.register(name).await;
        let role = json!({ "type": "USER_ADMIN" });
        assert_eq!(self.assign(&client, &role).await, "201");
        assert_eq!(self.grant(&client, "okta.users.manage").await, "201");
        client
    }

    pub async fn connect(&self, client: &str) -> String {
        self.connect_with(client, "AUTO").await
    }

    pub async fn connect_with(&self, client: &str, rotation: &str) -> String {
        let path = format!(
            "/api/v1/apps/{}/connections/default?activate=true",
            self.app
        );
        let body = json!({ "profile": { "authScheme": "OAUTH2", "clientId": client,
            "signing": { "rotationMode": rotation } } });
        self.spoke.post(&path, &body.to_string()).await.outcome()
    }

    /// An app that the spoke has from every start on.
    pub fn seed(sandbox: &Sandbox) -> String {
        let app = SeedApp {
            name: "google".to_owned(),
            ..SeedApp::default()
        };
        sandbox.add_app("spoke", &app).unwrap()
    }

    /// How long calls of an org take from now on.
    pub fn slow(&self, org: &str, latency: Option<&str>) {
        let latency = latency.map(|text| text.parse().unwrap());
        let switches = Switches {
            latency,
            ..Switches::default()
        };
        self.sandbox.switch(org, switches).unwrap();
    }

    /// Changes the hub (or the spoke) behind everybody's back.
    pub fn drift(&self, org: &str, drift: &Drift) {
        self.sandbox.drift(org, drift).unwrap();
    }

    /// How the connection fares: whether its pushes are accepted, and after how many changes they were not.
    pub fn fares(&self) -> (Value, u64) {
        let state = self.sandbox.state("spoke").unwrap();
        let apps = state["apps"].as_array().unwrap();
        let app = apps.iter().find(|app| app["id"] == self.app.as_str());
        let connection = &app.unwrap()["connection"];
        let interruptions = connection["interruptions"].as_u64().unwrap();
        (connection["pushes"].clone(), interruptions)
    }
}
