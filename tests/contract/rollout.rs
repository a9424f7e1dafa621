//! The program in a folder of its own, with simulated orgs behind a proxy that listens in.

use std::process::{Output, Stdio};
use std::time::Duration;

use okta_rollout::sandbox::{Sandbox, SeedApp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::exchange::Exchange;
use crate::proxy::Proxy;
use crate::raw::{self, seed, settings};

const ORGS: [&str; 4] = ["acme", "beta", "gamma", "hub"];

/// No command takes this long; one that hangs fails the test instead.
const PATIENCE: Duration = Duration::from_mins(2);

/// More apps than one page of a list holds (200).
const MANY: u32 = 205;

/// A service app of the hub that was made for another app of `beta`.
const FORMER: &str = "spoke beta";

/// A feature whose PUT shows at first what was there before.
const STALE: &str = "/api/v1/apps/0oastale/features/USER_PROVISIONING";

/// The folder, the orgs and the proxy of one contract test.
pub struct Rollout {
    folder: TempDir,
    sandbox: Sandbox,
    proxy: Proxy,
}

impl Rollout {
    /// The orgs `acme` (asked with `SSWS`), `beta` (asked with `Bearer`), both with many apps, their `hub` with many
    /// service apps, and `gamma`, whose token the manifest has wrong.
    pub async fn begin() -> Self {
        let sandbox = Sandbox::start(settings(""), None, None).await.unwrap();
        for org in ORGS {
            seed(&sandbox, org);
            for (name, id, label) in [
                ("zscalerbyz", "0oastale", "Zscaler that lags"),
                ("okta_org2org", "0oahub2", "Hub by hand"),
                ("okta_org2org", "0oafresh", "Hub never set up"),
                ("okta_org2org", "0oaspoke", "Hub with a service app"),
            ] {
                add(&sandbox, org, name, Some(id), label);
            }
        }
        for org in ["acme", "beta"] {
            for n in 1..=MANY {
                add(&sandbox, org, "google", None, &format!("Google {n:03}"));
            }
            // Behind all the others, hence on the second page.
            add(&sandbox, org, "zoomus", None, "Zoom of the fleet");
        }
        let proxy =
            Proxy::before(format!("http://{}", sandbox.address()), [STALE.to_owned()]).await;
        register_service_apps(&sandbox, &proxy.host("beta")).await;
        let rollout = Self {
            folder: tempfile::tempdir().unwrap(),
            sandbox,
            proxy,
        };
        rollout.write_orgs();
        for (name, secret) in [
            ("app-token", "an-apps-token"),
            ("bad-token", "bad-token"),
            ("admin-password", "an administrator's password"),
        ] {
            std::fs::write(rollout.folder.path().join(name), secret).unwrap();
        }
        rollout
    }

    fn write_orgs(&self) {
        let mut orgs = json!({});
        for (org, key) in [
            ("acme", "apiToken"),
            ("beta", "accessToken"),
            ("gamma", "apiToken"),
            ("hub", "apiToken"),
        ] {
            let url = format!("http://{}", self.proxy.host(org));
            orgs[org] = json!({ "url": url, "auth": { key: format!("file:{org}-token") } });
            let token = self.folder.path().join(format!("{org}-token"));
            std::fs::write(token, self.token(org)).unwrap();
        }
        let file = self.folder.path().join("orgs.json");
        std::fs::write(file, json!({ "orgs": orgs }).to_string()).unwrap();
    }

    fn token(&self, org: &str) -> String {
        match org {
            "gamma" => "tokenOfAnotherOrg".to_owned(),
            _ => self.sandbox.api_token(org),
        }
    }

    /// The `Host` and `Authorization` that a request has to carry. Which org it is for, its `Host` tells;
    /// one for none of the orgs is held against the first.
    pub fn meant(&self, exchange: &Exchange) -> (String, String) {
        let given = exchange.headers.get("host").unwrap().to_str().unwrap();
        let org = ORGS
            .into_iter()
            .find(|org| given == self.proxy.host(org))
            .unwrap_or(ORGS[0]);
        let scheme = if org == "beta" { "Bearer" } else { "SSWS" };
        (
            self.proxy.host(org),
            format!("{scheme} {}", self.token(org)),
        )
    }

    /// Runs these entries; the report.
    pub async fn run(&self, name: &str, entries: &Value, code: i32) -> Value {
        let manifest = json!({ "apps": entries }).to_string();
        std::fs::write(self.folder.path().join(name), manifest).unwrap();
        let arguments = ["run", name, "--orgs", "orgs.json", "--format", "json"];
        self.told(&arguments, code).await
    }

    /// What a command that ends with this code tells programs.
    pub async fn told(&self, arguments: &[&str], code: i32) -> Value {
        let output = self.fed(arguments, "", code).await;
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command with this on its standard input; it must end with this code.
    pub async fn fed(&self, arguments: &[&str], input: &str, code: i32) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_okta-rollout"))
            .current_dir(self.folder.path())
            .args(arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that reads nothing may have ended already.
        drop(stdin.write_all(input.as_bytes()).await);
        drop(stdin);
        let output = timeout(PATIENCE, child.wait_with_output()).await;
        let output = output.expect("a command that ends").unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        output
    }

    /// Grants everything that waits, as an administrator would; what Okta's pages then show, by app.
    pub async fn approve_all(&self) -> Vec<(String, String)> {
        let waiting = self.told(&["consent", "list", "--format", "json"], 0).await;
        let mut pages = Vec::new();
        for consent in waiting.as_array().unwrap() {
            let link = consent["authorizeUrl"].as_str().unwrap();
            let org = consent["org"].as_str().unwrap();
            pages.push((
                consent["app"].as_str().unwrap().to_owned(),
                self.approve(org, link).await,
            ));
        }
        pages
    }

    /// The third party knows its orgs by their own address; the program knows the proxy's.
    async fn approve(&self, org: &str, link: &str) -> String {
        let own = self.sandbox.url(org).replace("http://", "");
        let outside = self.proxy.host(org);
        let encoded = |host: &str| host.replace(':', "%3A");
        let link = link
            .replace(&outside, &own)
            .replace(&encoded(&outside), &encoded(&own));
        let page = self.sandbox.approve(&link).await.unwrap();
        assert!(page.contains(&own), "{page}");
        page.replace(&own, &outside)
    }

    /// What was exchanged since this was last asked.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.proxy.exchanges()
    }
}

fn add(sandbox: &Sandbox, org: &str, name: &str, id: Option<&str>, label: &str) {
    let app = SeedApp {
        name: name.to_owned(),
        id: id.map(str::to_owned),
        label: Some(label.to_owned()),
    };
    sandbox.add_app(org, &app).unwrap();
}

/// Of these the program needs the one whose keys are at `host`, and has to look through all of them for it.
async fn register_service_apps(sandbox: &Sandbox, host: &str) {
    let hub = raw::Org::of(sandbox, "hub");
    let others = (1..=MANY).map(|n| format!("service {n:03}"));
    for name in others.chain([FORMER.to_owned()]) {
        let client = json!({ "client_name": name, "application_type": "service",
            "grant_types": ["client_credentials"], "response_types": ["token"],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks_uri": format!("http://{host}/api/v1/apps/0oaformer/connections/default/jwks") });
        let made = hub.post("/oauth2/v1/clients", &client.to_string()).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    // One that serves no app yet.
    let client = json!({ "client_id": "none", "token_endpoint_auth_method": "private_key_jwt" });
    let idp = json!({ "type": "OKTA_INTEGRATION", "name": "people of beta", "protocol": { "type": "OIDC",
        "oktaIdpOrgUrl": format!("http://{host}"), "credentials": { "client": client } } });
    let made = hub.post("/api/v1/idps", &idp.to_string()).await;
    assert_eq!(made.status, 200, "{}", made.text);
}
