//! The provisioning features of an app: `/api/v1/apps/{appId}/features` (API.md §5).

use serde_json::Value;
use serde_json_borrow::Value as Shown;

use super::answer::Body;
use super::request::{Bucket, Method, Read, Request, RequestBody, Write, segment};
use crate::apps::Feature;

/// A feature as Okta shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureState {
    /// `USER_PROVISIONING`, `INBOUND_PROVISIONING`, or one this program does not know.
    pub name: String,
    /// Okta's summary; it does not follow the capabilities (API.md §5.3).
    pub status: Option<String>,
    /// The settings; `null` when Okta left them out.
    pub capabilities: Value,
}

/// Reads all features. Okta answers 400 until the connection is enabled (API.md §5.4).
pub fn list(app_id: &str) -> Read<Vec<FeatureState>> {
    Read::new(Bucket::Apps, path(app_id, ""), |answer| {
        let found = answer.as_array()?;
        Some(found.iter().filter_map(FeatureState::read).collect())
    })
}

/// Reads one feature.
pub fn get(app_id: &str, feature: Feature) -> Read<FeatureState> {
    Read::new(Bucket::Apps, named(app_id, feature), FeatureState::read)
}

/// The body of a [`put`]: the bare object of API.md §5.1 or §5.2. Whether Okta merges or replaces is not documented,
/// so callers send it whole.
pub fn body(capabilities: &Value) -> RequestBody {
    RequestBody::json(capabilities)
}

/// Sets a feature. What the answer shows, if it shows the feature, is looked at with [`shown`].
pub fn put(app_id: &str, feature: Feature, body: RequestBody) -> Write<()> {
    let request = Request::new(Method::Put, Bucket::Apps, named(app_id, feature)).with_body(body);
    Write::new(request, |_| Some(()))
}

/// What `look` makes of the capabilities of an answer that shows a feature; they are not copied.
pub fn shown<R>(answer: &Body, look: impl FnOnce(&Shown<'_>) -> R) -> Option<R> {
    let answer = answer.json()?;
    let fields = answer.as_object()?;
    fields.get("name").and_then(Shown::as_str)?;
    Some(look(fields.get("capabilities").unwrap_or(&Shown::Null)))
}

fn named(app_id: &str, feature: Feature) -> String {
    path(app_id, &format!("/{}", feature.name()))
}

fn path(app_id: &str, rest: &str) -> String {
    format!("/api/v1/apps/{}/features{rest}", segment(app_id))
}

impl FeatureState {
    fn read(answer: &Shown<'_>) -> Option<Self> {
        let fields = answer.as_object()?;
        let text = |key: &str| fields.get(key).and_then(Shown::as_str).map(str::to_owned);
        Some(Self {
            name: text("name")?,
            status: text("status"),
            capabilities: fields
                .get("capabilities")
                .map(Value::from)
                .unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::answer::Head;
    use super::*;

    #[test]
    fn features_are_read_leniently() {
        let cases = [
            (
                json!({"name": "USER_PROVISIONING", "status": "ENABLED", "description": 1,
                       "capabilities": {"create": {}}, "_links": null}),
                Some((Some("ENABLED"), json!({"create": {}}))),
            ),
            (
                json!({"name": "USER_PROVISIONING", "status": 3}),
                Some((None, Value::Null)),
            ),
            (json!({"status": "ENABLED"}), None),
            (json!({"name": null}), None),
            (json!([]), None),
        ];
        for (answer, expected) in cases {
            let expected = expected.map(|(status, capabilities)| FeatureState {
                name: "USER_PROVISIONING".to_owned(),
                status: status.map(str::to_owned),
                capabilities,
            });
            let text = answer.to_string();
            let shown = serde_json::from_str(&text).expect("JSON");
            assert_eq!(FeatureState::read(&shown), expected, "{answer}");
            let body = Body::new(text.clone().into(), None, &Head::default());
            let looked = super::shown(&body, |shown| Value::from(shown));
            assert_eq!(looked, expected.map(|state| state.capabilities), "{answer}");
        }
    }

    #[test]
    fn the_body_of_a_put_is_the_bare_capabilities() {
        let capabilities = json!({"create": {"lifecycleCreate": {"status": "ENABLED"}}});
        let write = put("0oa1", Feature::UserProvisioning, body(&capabilities));
        let bytes = write.request().body().expect("a body").bytes();
        assert_eq!(bytes, capabilities.to_string());
        assert_eq!(
            write.request().label(),
            "PUT /api/v1/apps/0oa1/features/USER_PROVISIONING"
        );
    }
}
