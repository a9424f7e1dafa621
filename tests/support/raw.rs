//! A bare HTTP client for talking to a sandbox without the product's own client.

use okta_rollout::sandbox::{Sandbox, SandboxSettings, SeedApp};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    /// The body as JSON; null when there is none.
    pub fn json(&self) -> Value {
        if self.text.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.text).expect(&self.text)
    }

    /// A header's text, empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Status and `errorCode`, as tables of expectations write them.
    pub fn outcome(&self) -> String {
        let body = serde_json::from_str::<Value>(&self.text).unwrap_or_default();
        match body["errorCode"].as_str() {
            Some(code) => format!("{} {code}", self.status),
            None => self.status.to_string(),
        }
    }
}

/// One org, as a client sees it.
#[derive(Clone, Debug)]
pub struct Org {
    pub http: reqwest::Client,
    pub base: String,
    pub host: String,
    pub authorization: String,
}

impl Org {
    pub fn of(sandbox: &Sandbox, name: &str) -> Self {
        let url = sandbox.url(name);
        Self {
            http: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            base: format!("http://{}", sandbox.address()),
            host: url.trim_start_matches("http://").to_owned(),
            authorization: format!("SSWS {}", sandbox.api_token(name)),
        }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .header("host", &self.host)
            .header("authorization", &self.authorization)
            .header("accept", "application/json")
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<Reply, reqwest::Error> {
        let response = request.send().await?;
        Ok(Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await?,
        })
    }

    /// Sends; `body` empty means none.
    pub async fn try_call(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<Reply, reqwest::Error> {
        let method: Method = method.parse().unwrap();
        let mut request = self.request(method.clone(), path);
        if !body.is_empty() {
            request = request
                .header("content-type", "application/json")
                .body(body.to_owned());
        } else if method != Method::GET {
            request = request.header("content-length", "0");
        }
        self.send(request).await
    }

    pub async fn call(&self, method: &str, path: &str, body: &str) -> Reply {
        self.try_call(method, path, body).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, "").await
    }

    pub async fn post(&self, path: &str, body: &str) -> Reply {
        self.call("POST", path, body).await
    }

    pub async fn put(&self, path: &str, body: &str) -> Reply {
        self.call("PUT", path, body).await
    }
}

/// The apps of [`orgs`], one of each kind.
pub const APPS: [(&str, &str); 7] = [
    ("google", "0oagoogle"),
    ("office365", "0oaoffice"),
    ("slack", "0oaslack"),
    ("zoomus", "0oazoom"),
    ("zscalerbyz", "0oazscaler"),
    ("okta_org2org", "0oahub"),
    ("bookmark", "0oabookmark"),
];

/// A sandbox with the orgs `acme` and `beta`, each with one app of every kind.
pub async fn orgs(settings: SandboxSettings) -> Sandbox {
    let sandbox = Sandbox::start(settings, None, None).await.unwrap();
    for org in ["acme", "beta"] {
        seed(&sandbox, org);
    }
    sandbox
}

/// An org with one app of every kind.
pub fn seed(sandbox: &Sandbox, org: &str) {
    sandbox.add_org(org).unwrap();
    for (name, id) in APPS {
        let app = SeedApp {
            name: name.to_owned(),
            id: Some(id.to_owned()),
            label: None,
        };
        sandbox.add_app(org, &app).unwrap();
    }
}

/// Settings without rate limits, changed by a table of the job file's `[sandbox]`.
pub fn settings(table: &str) -> SandboxSettings {
    let mut settings: SandboxSettings = toml::from_str(table).unwrap();
    if !table.contains("limit") {
        settings.limit = 0;
    }
    settings
}
