//! What is remembered of apps across runs: as which entry wants it an app last was, and whose secrets it holds.

use serde::{Deserialize, Serialize, Serializer};

use super::{KeyId, Mac, WishDigest};
use crate::apps::App;
use crate::model::EntryNo;

/// What the ledger remembers of an app across runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppMemory {
    /// The fingerprint its secrets were last set with.
    pub hmac: Option<Mac>,
    /// The key it was made with; `None` = before keys had ids.
    pub key_id: Option<KeyId>,
    /// What Okta called the app it is an instance of when a run looked.
    pub name: Option<Box<str>>,
    /// What was wanted when a run last found or made it so.
    pub applied: Option<LastApplied>,
    /// Whether a run has seen its connection active, or Okta has taken its consent: it need not be given again.
    pub connected: bool,
    /// The entry that found or made it so; `None` when that is not known any more.
    pub applied_by: Option<EntryKey>,
    /// The entry that began to make something else of it, and has not come to its end.
    pub moving_by: Option<EntryKey>,
    /// The service app that its connection signs in as.
    pub client: Option<Box<HubClient>>,
}

/// A service app in a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubClient {
    /// The hub's URL as in [`OrgRow::url`](super::OrgRow::url).
    pub hub_url: Box<str>,
    /// Its `client_id` there.
    pub client_id: Box<str>,
}

/// An identity provider in a hub, and the app that it lets people in from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Federation {
    /// Its id in the hub.
    pub id: String,
    /// The client that the app signs people in as, once it was seen that app and provider belong together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// What an app last was as wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastApplied {
    /// What has this digest.
    Digest(WishDigest),
    /// It is not like that any more.
    Unclear,
}

/// As hex, empty where it is unclear: plans that were saved compare it.
impl Serialize for LastApplied {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Digest(digest) => serializer.serialize_str(&hex::encode(digest)),
            Self::Unclear => serializer.serialize_str(""),
        }
    }
}

/// An entry among those of all runs, as the backend finds it; [`Ledger::wishers`](crate::ledger::Ledger::wishers) names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryKey(pub(in crate::ledger) i64);

/// What a transition makes of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastAppliedChange {
    /// It is as the entry wants it.
    AsWanted {
        /// See [`AppMemory::applied`].
        digest: WishDigest,
        /// See [`AppMemory::connected`]; once set it stays.
        connected: bool,
    },
    /// Okta has taken its consent, whatever becomes of the entry.
    Consented,
    /// Its consent is about to be renewed: the one it had does not stand any more.
    Reconnecting,
    /// It is on its way there, from what was last wanted of it.
    Moving,
    /// It is somewhere among more than two wishes.
    Unclear,
}

/// What an app is like from a transition on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastAppliedUpdate {
    /// The org's URL as in [`OrgRow::url`](super::OrgRow::url).
    pub org_url: String,
    /// The app instance.
    pub app_id: String,
    /// What the entry's calls made of it.
    pub like: LastAppliedChange,
}

/// What an app instance was seen to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppName {
    /// The org's URL as in [`OrgRow::url`](super::OrgRow::url).
    pub org_url: String,
    /// The app instance.
    pub app_id: String,
    /// See [`AppMemory::name`].
    pub name: Box<str>,
}

/// Which service app was found or made for an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppClient {
    /// The org's URL as in [`OrgRow::url`](super::OrgRow::url).
    pub org_url: String,
    /// The app instance.
    pub app_id: String,
    /// See [`AppMemory::client`].
    pub client: HubClient,
}

/// An entry that is still to be begun or to continue, and how its app is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The entry's number.
    pub no: EntryNo,
    /// The app it speaks of.
    pub app: App,
    /// How it is found.
    pub found: FoundBy,
}

/// How an entry's app instance is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// By a label that has not led to it yet.
    Label,
    /// By an id, and nobody has seen yet what it is an instance of.
    UnseenId,
    /// By an id, and it was seen; or it was found by its label.
    Seen,
}
