//! The app integrations of an org: `/api/v1/apps` (API.md §9).

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::fields::{self, fields};
use super::request::{Bucket, Method, Read, Request, RequestBody, Write, segment};
use crate::apps::App;
use crate::text::{Told, Veil};

/// Okta's largest page; a smaller one costs more calls of a small budget.
pub const PAGE: u32 = 200;

/// An app integration, as far as it is needed to find one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppInstance {
    /// Its id, `0oa…`.
    pub id: String,
    /// Okta's name of the app it is an instance of; empty if Okta left it out.
    pub name: Told,
    /// What administrators call it; empty if Okta left it out.
    pub label: Told,
    /// Whether it is in use.
    pub status: AppStatus,
}

/// `status` of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppStatus {
    /// In use.
    Active,
    /// Switched off.
    Inactive,
    /// None, or one that Okta does not describe.
    Missing,
}

/// The first page of the org's apps, all or those of one kind: for [`next`], as are further pages with
/// [`Body::next`](super::Body::next) until there is none.
pub fn first_page(name: Option<App>) -> String {
    match name {
        // The names have no character that would need encoding; blank and quotes do.
        Some(app) => format!(
            "/api/v1/apps?limit={PAGE}&filter=name%20eq%20%22{}%22",
            app.name()
        ),
        None => format!("/api/v1/apps?limit={PAGE}"),
    }
}

/// The [`first_page`].
pub fn list(name: Option<App>) -> Read<Vec<AppInstance>> {
    next(&first_page(name))
}

/// A further page; `path` is what [`Body::next`](super::Body::next) said. The cursor is Okta's and
/// opaque: it is taken from there and never built.
pub fn next(path: &str) -> Read<Vec<AppInstance>> {
    Read::page(Bucket::Apps, path.to_owned(), keep, |page, veil| {
        let listed: Vec<Listed> = fields::list(page)?;
        let listed = listed.into_iter();
        Some(listed.filter_map(|app| app.instance(veil)).collect())
    })
}

/// One app, from a bucket of its own (API.md §10.1).
pub fn get(app_id: &str) -> Read<AppInstance> {
    let path = format!("/api/v1/apps/{}", segment(app_id));
    Read::new(Bucket::AppById, path, AppInstance::read)
}

/// Creates an app integration, active from the start. Not idempotent: Okta allows two apps with one label.
pub fn create(
    app: App,
    label: &str,
    sign_on_mode: Option<&str>,
    settings: &Map<String, Value>,
) -> Write<AppInstance> {
    let mut body = json!({ "name": app.name(), "label": label, "settings": settings });
    if let Some(mode) = sign_on_mode {
        body["signOnMode"] = mode.into();
    }
    let request = Request::new(
        Method::Post,
        Bucket::Apps,
        "/api/v1/apps?activate=true".to_owned(),
    )
    .with_body(RequestBody::json(&body));
    Write::new(request, AppInstance::read)
}

impl AppInstance {
    pub(super) fn read(answer: &[u8], veil: &Veil) -> Option<Self> {
        fields::object::<Listed>(answer)?.bounded()?.instance(veil)
    }
}

/// Longest text that is kept of an app (bytes): Okta's labels have at most 100 characters. A longer one counts as left
/// out, so that a list of many apps takes the memory it should.
pub(super) const MAX_TEXT: usize = 512;

/// An app as it comes.
#[derive(Default, Serialize)]
struct Listed {
    id: Option<String>,
    name: Option<String>,
    label: Option<String>,
    status: Option<String>,
}

fields!(Listed {
    "id" => text(id),
    "name" => text(name),
    "label" => text(label),
    "status" => text(status),
});

impl Listed {
    // Without texts that are too long; what has no id is nothing.
    fn bounded(self) -> Option<Self> {
        let kept = |text: Option<String>| text.filter(|text| text.len() <= MAX_TEXT);
        Some(Self {
            id: Some(kept(self.id).filter(|id| !id.is_empty())?),
            name: kept(self.name),
            label: kept(self.label),
            status: kept(self.status),
        })
    }

    // What is no id, or holds a secret, is not kept or sent as one.
    fn instance(self, veil: &Veil) -> Option<AppInstance> {
        let told = |text: Option<String>| veil.told(&text.unwrap_or_default());
        Some(AppInstance {
            id: veil.word(&self.id?)?,
            name: told(self.name),
            label: told(self.label),
            status: match self.status.as_deref() {
                Some("ACTIVE") => AppStatus::Active,
                Some("INACTIVE") => AppStatus::Inactive,
                _ => AppStatus::Missing,
            },
        })
    }
}

/// What is kept of an element of a page: nothing, if it is no app, and no element at all, if it is no JSON.
fn keep(element: &[u8]) -> Result<Option<Vec<u8>>, serde_json::Error> {
    let Some(app) = fields::object::<Listed>(element).and_then(Listed::bounded) else {
        return serde_json::from_slice(element).map(|IgnoredAny| None);
    };
    serde_json::to_vec(&app).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_ask_for_whole_pages() {
        let path = |name| list(name).request().path().to_owned();
        assert_eq!(path(None), "/api/v1/apps?limit=200");
        assert_eq!(
            path(Some(App::Office365)),
            "/api/v1/apps?limit=200&filter=name%20eq%20%22office365%22"
        );
        let one = get("0oa/1");
        assert_eq!(one.request().path(), "/api/v1/apps/0oa%2F1");
        assert_eq!(one.request().bucket, Bucket::AppById);
    }

    #[test]
    fn apps_are_read_leniently() {
        let veil = Veil::default();
        veil.cover(&"00t0kenOfTheOrg".into());
        let cases = [
            (
                json!({"id": "0oa1", "name": "google", "label": "G", "status": "ACTIVE", "new": {}}),
                Some((["0oa1", "google", "G"], AppStatus::Active)),
            ),
            (
                json!({"id": "0oa1", "label": null, "status": 1}),
                Some((["0oa1", "", ""], AppStatus::Missing)),
            ),
            (json!({"name": "google"}), None),
            (json!({"id": ""}), None),
            (json!({"id": "0oa1\u{200b}"}), None),
            (json!({"id": "00t0kenOfTheOrg"}), None),
            (json!(7), None),
        ];
        for (answer, expected) in cases {
            let expected = expected.map(|([id, name, label], status)| AppInstance {
                id: id.to_owned(),
                name: name.into(),
                label: label.into(),
                status,
            });
            let text = answer.to_string();
            let read = AppInstance::read(text.as_bytes(), &veil);
            assert_eq!(read, expected, "{answer}");
        }
    }
}
