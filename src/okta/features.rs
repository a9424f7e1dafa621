//! The provisioning features of an app: `/api/v1/apps/{appId}/features` (API.md §5).

use serde_json::Value;
use serde_json::value::RawValue;
use serde_json_borrow::Value as Shown;

use super::answer::Body;
use super::fields::{self, fields};
use super::request::{Bucket, Method, Read, Request, RequestBody, Write, segment};
use crate::apps::Feature;
use crate::text::{Told, Veil};

/// A feature as Okta shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureState {
    /// `USER_PROVISIONING`, `INBOUND_PROVISIONING`, or one this program does not know.
    pub name: Told,
    /// The settings; `null` when Okta left them out. As Okta told them: only for comparing and for sending them back.
    pub capabilities: Value,
}

/// Reads all features. Okta answers 400 until the connection is enabled (API.md §5.4).
pub fn list(app_id: &str) -> Read<Vec<FeatureState>> {
    Read::new(Bucket::Apps, path(app_id, ""), |answer, veil| {
        let found: Vec<Listed> = fields::list(answer)?;
        let named = found.into_iter().filter(|feature| feature.name.is_some());
        named.map(|feature| feature.state(veil)).collect()
    })
}

/// Reads one feature.
pub fn get(app_id: &str, feature: Feature) -> Read<FeatureState> {
    Read::new(Bucket::Apps, named(app_id, feature), |answer, veil| {
        fields::object::<Listed>(answer)?.state(veil)
    })
}

/// The body of a [`put`]: the bare object of API.md §5.1 or §5.2. Whether Okta merges or replaces is not documented,
/// so callers send it whole.
pub fn body(capabilities: &Value) -> RequestBody {
    RequestBody::json(capabilities)
}

/// Sets a feature. What the answer shows, if it shows the feature, is looked at with [`shown`].
pub fn put(app_id: &str, feature: Feature, body: RequestBody) -> Write<()> {
    let request = Request::new(Method::Put, Bucket::Apps, named(app_id, feature)).with_body(body);
    Write::new(request, |_, _| Some(()))
}

/// What `look` makes of the capabilities of an answer that shows a feature.
pub fn shown<R>(answer: &Body, look: impl FnOnce(&Shown<'_>) -> R) -> Option<R> {
    let found: Listed = fields::object(answer.text())?;
    found.name.as_ref()?;
    Some(look(&serde_json::from_str(found.capabilities()?).ok()?))
}

fn named(app_id: &str, feature: Feature) -> String {
    path(app_id, &format!("/{}", feature.name()))
}

fn path(app_id: &str, rest: &str) -> String {
    format!("/api/v1/apps/{}/features{rest}", segment(app_id))
}

/// A feature as it comes.
#[derive(Default)]
struct Listed {
    name: Option<String>,
    capabilities: Option<Box<RawValue>>,
}

fields!(Listed {
    "name" => text(name),
    "capabilities" => raw(capabilities),
});

impl Listed {
    /// The text of the capabilities, `null` without any; nothing when they are too many.
    fn capabilities(&self) -> Option<&str> {
        let raw = self.capabilities.as_deref().map_or("null", RawValue::get);
        fields::is_bearable(raw).then_some(raw)
    }

    fn state(self, veil: &Veil) -> Option<FeatureState> {
        Some(FeatureState {
            capabilities: serde_json::from_str(self.capabilities()?).ok()?,
            name: veil.told(&self.name?),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fields::MAX_VALUES;
    use super::super::head::Head;
    use super::*;

    #[test]
    fn features_are_read_leniently() {
        let cases = [
            (
                json!({"name": "USER_PROVISIONING", "status": "ENABLED", "description": 1,
                       "capabilities": {"create": {}}, "_links": null}),
                Some(json!({"create": {}})),
            ),
            (
                json!({"name": "USER_PROVISIONING", "status": 3}),
                Some(Value::Null),
            ),
            (json!({"status": "ENABLED"}), None),
            (json!({"name": null}), None),
            (json!([]), None),
        ];
        for (answer, expected) in cases {
            let expected = expected.map(|capabilities| FeatureState {
                name: "USER_PROVISIONING".into(),
                capabilities,
            });
            let text = answer.to_string();
            let state = fields::object::<Listed>(text.as_bytes());
            let state = state.and_then(|listed| listed.state(&Veil::default()));
            assert_eq!(state, expected, "{answer}");
            let body = Body::new(
                text.clone().into(),
                None,
                &Head::default(),
                &Veil::default(),
            );
            let looked = super::shown(&body, |shown| Value::from(shown));
            assert_eq!(looked, expected.map(|state| state.capabilities), "{answer}");
        }
    }

    #[test]
    fn capabilities_with_too_many_values_are_not_read() {
        for (values, is_read) in [(MAX_VALUES, true), (MAX_VALUES + 1, false)] {
            // The list itself is one.
            let many = vec!["0"; values].join(",");
            for capabilities in [format!("[{many}]"), format!("{{\"a\":[{many}]}}")] {
                let is_read = is_read && capabilities.starts_with('[');
                let feature = format!(r#"{{"name":"X","capabilities":{capabilities}}}"#);
                let state = fields::object::<Listed>(feature.as_bytes())
                    .and_then(|listed| listed.state(&Veil::default()));
                assert_eq!(state.is_some(), is_read, "{values}");
                let whole = format!("[{feature}]");
                let body = Body::new(whole.into(), None, &Head::default(), &Veil::default());
                assert_eq!(list("0oa1").decode(body).is_ok(), is_read, "{values}");
                let body = Body::new(feature.into(), None, &Head::default(), &Veil::default());
                assert_eq!(super::shown(&body, |_| ()).is_some(), is_read, "{values}");
            }
        }
        // A long text is one value.
        assert!(fields::is_bearable(&format!("\"{}\"", "x".repeat(1 << 20))));
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
