//! Exchanges recorded with a real org: the sandbox, given the same requests, answers the same statuses,
//! media types and bodies; and the judge takes what was recorded, on both sides.

use std::collections::BTreeMap;

use okta_rollout::sandbox::{Sandbox, SeedApp};
use serde_json::Value;

use crate::okta_docs::OktaDocs;
use crate::raw::{Org, settings};

/// One recorded request with its answer.
struct Recorded {
    method: String,
    host: String,
    path: String,
    body: String,
    status: u16,
    media_type: String,
    answer: String,
}

impl Recorded {
    fn read(exchange: &Value) -> Self {
        let (request, response) = (&exchange["request"], &exchange["response"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let host = text(&request["host"]);
        let url = text(&request["url"]);
        let path = url.strip_prefix(&format!("https://{host}")).unwrap();
        Self {
            method: text(&request["method"]),
            path: path.to_owned(),
            body: text(&request["body"]),
            status: response["code"].as_u64().unwrap().try_into().unwrap(),
            media_type: text(&response["headers"]["Content-Type"][0]),
            answer: text(&response["body"]),
            host,
        }
    }

    fn app_id(&self) -> &str {
        self.path.split('/').nth(4).unwrap()
    }

    /// Sends it to a simulated org, and compares the answers whole.
    async fn replay(&self, org: &Org) {
        let reply = org.call(&self.method, &self.path, &self.body).await;
        let (method, path) = (&self.method, &self.path);
        assert_eq!(reply.status, self.status, "{method} {path}: {}", reply.text);
        assert_eq!(reply.header("content-type"), self.media_type, "{path}");
        let here = format!("http://{}", org.host);
        let answer = self
            .answer
            .replace(&format!("https://{}", self.host), &here);
        assert_eq!(json(&reply.text), json(&answer), "{method} {path}");
    }

    /// Holds the judge against what is known to be true.
    fn judge(&self, docs: &OktaDocs) {
        let (method, path) = (&self.method, &self.path);
        let request = docs.validate_request(method, path, json(&self.body).as_ref());
        assert_eq!(request, Ok(()), "{method} {path}");
        let answer = json(&self.answer);
        let answer = docs.validate_response(method, path, self.status, answer.as_ref());
        assert_eq!(answer, Ok(()), "{method} {path}");
    }
}

/// `None` is no body at all, which is not `null`.
fn json(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| serde_json::from_str(text).expect(text))
}

#[tokio::test]
async fn recorded_requests_get_the_recorded_answers() {
    let docs = OktaDocs::open();
    let sandbox = Sandbox::start(settings(""), None, None).await.unwrap();
    let mut replayed = BTreeMap::new();
    for (name, text) in docs.recordings() {
        let recording: Value = serde_saphyr::from_str(&text).unwrap();
        let exchanges = recording["interactions"].as_array().unwrap();
        let exchanges: Vec<_> = exchanges.iter().map(Recorded::read).collect();
        let org = org_of(&sandbox, &name, &exchanges[0]).await;
        for recorded in &exchanges {
            recorded.replay(&org).await;
            recorded.judge(&docs);
            let operation = docs.operation_of(&recorded.method, &recorded.path);
            *replayed.entry(operation.unwrap()).or_insert(0) += 1;
        }
    }
    // What was recorded: a folder that holds less proves less.
    let expected = [
        ("GET /api/v1/apps/{appId}/connections/default", 1),
        ("GET /api/v1/apps/{appId}/features/{featureName}", 3),
        ("POST /api/v1/apps/{appId}/connections/default", 1),
        (
            "POST /api/v1/apps/{appId}/connections/default/lifecycle/activate",
            1,
        ),
        ("PUT /api/v1/apps/{appId}/features/{featureName}", 2),
    ];
    let expected = expected.map(|(operation, times)| (operation.to_owned(), times));
    assert_eq!(replayed, BTreeMap::from(expected));
}

/// An org for one recording, with the app it was made on in the state it was in.
async fn org_of(sandbox: &Sandbox, name: &str, first: &Recorded) -> Org {
    let name = name.to_lowercase().replace(['_', '.'], "-");
    sandbox.add_org(&name).unwrap();
    let app = SeedApp {
        name: "okta_org2org".to_owned(),
        id: Some(first.app_id().to_owned()),
        label: None,
    };
    sandbox.add_app(&name, &app).unwrap();
    let org = Org::of(sandbox, &name);
    if first.path.contains("/features/") {
        // Features answer on an active connection only, so that one was.
        let path = format!(
            "/api/v1/apps/{}/connections/default?activate=true",
            first.app_id()
        );
        let token = r#"{"profile":{"authScheme":"TOKEN","token":"t"}}"#;
        assert_eq!(org.post(&path, token).await.status, 200);
    }
    org
}
