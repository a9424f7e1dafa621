//! Simulated orgs whose apps are all set up with the same two calls, and who counts what they were asked.

use okta_rollout::apps::Feature;
use okta_rollout::okta::connections::{self, Activate, Connection, ConnectionBody};
use okta_rollout::okta::features;
use okta_rollout::okta::{Credentials, Http, HttpSettings, OrgClient, Write};
use okta_rollout::sandbox::{Sandbox, SandboxSettings, SeedApp};
use serde_json::{Value, json};
use tokio::runtime::Handle;

/// Calls of an entry: one POST of the connection, one PUT of the feature.
pub const CALLS: usize = 2;

/// SCIM server of every app.
pub const BASE_URL: &str = "https://scim.zscalerbeta.net/1/2/scim";

/// The orgs of one measurement.
pub struct Fleet {
    /// The orgs.
    pub sandbox: Sandbox,
    /// Apps of each org.
    pub apps: Vec<usize>,
}

impl Fleet {
    /// Serves one org for each number in `apps`, with so many apps. The server has threads of its own, as one
    /// elsewhere would, and is the same for all clients.
    pub async fn start(
        server: &Handle,
        settings: SandboxSettings,
        apps: &[usize],
    ) -> anyhow::Result<Self> {
        let started = server.spawn(Sandbox::start(settings, None, None));
        let sandbox = started.await??;
        for (org, apps) in apps.iter().enumerate() {
            sandbox.add_org(&org_name(org))?;
            for app in 0..*apps {
                let app = SeedApp {
                    name: "zscalerbyz".into(),
                    id: Some(app_id(org, app)),
                    label: None,
                };
                sandbox.add_app(&org_name(org), &app)?;
            }
        }
        Ok(Self {
            sandbox,
            apps: apps.to_vec(),
        })
    }

    /// Calls it takes to set all apps up.
    pub fn calls(&self) -> usize {
        self.apps.iter().sum::<usize>() * CALLS
    }

    /// Where an org is reached.
    pub fn url(&self, org: &str) -> String {
        self.sandbox.url(org)
    }

    /// What an org accepts.
    pub fn token(&self, org: &str) -> String {
        self.sandbox.api_token(org)
    }

    /// A client for each org, over one pool of connections.
    pub fn clients(&self) -> anyhow::Result<Vec<OrgClient>> {
        let http = Http::new(&HttpSettings::default())?;
        let names = (0..self.apps.len()).map(org_name);
        names
            .map(|name| {
                let token = Credentials::Ssws(self.token(&name).into());
                Ok(OrgClient::new(http.clone(), &self.url(&name), token)?)
            })
            .collect()
    }
}

/// The name of an org.
pub fn org_name(org: usize) -> String {
    format!("org-{org}")
}

/// The id of an app.
pub fn app_id(org: usize, app: usize) -> String {
    format!("0oa{org:05}{app:012}")
}

/// What its user provisioning is to be.
pub fn capabilities() -> Value {
    json!({ "create": { "lifecycleCreate": { "status": "ENABLED" } },
            "update": { "profile": { "status": "ENABLED" }, "lifecycleDeactivate": { "status": "ENABLED" },
                        "password": { "status": "DISABLED", "seed": "RANDOM", "change": "KEEP_EXISTING" } } })
}

/// The calls that set an app up.
pub fn calls(org: usize, app: usize) -> (Write<Option<Connection>>, Write<()>) {
    let id = app_id(org, app);
    let body = ConnectionBody::Token {
        base_url: Some(BASE_URL.into()),
        token: "secret".into(),
    };
    (
        connections::set(&id, &body, Activate::Yes),
        features::put(
            &id,
            Feature::UserProvisioning,
            features::body(&capabilities()),
        ),
    )
}

/// A count or a sum of milliseconds as a number to divide.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub const fn number(count: u64) -> f64 {
    count as f64
}
