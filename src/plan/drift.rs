//! Who made a field differ from the manifest, a hand or the manifest itself, and what becomes of it.
//!
//! A field was changed by hand when everything the app may be like wanted of it what the manifest wants now.

use std::fmt;

use serde_json::Value;

use super::connection::trim;
use super::decide::TokenPost;
use super::digest;
use super::features::{Difference, at};
use super::hub::had_wanted;
use super::idp::serves;
use crate::apps::Feature;
use crate::job::OnDrift;
use crate::ledger::{AppMemory, LastApplied, LastAppliedChange};
use crate::manifest::{Entry, Status};
use crate::model::{Changed, Why};
use crate::okta::idps::IdentityProvider;

/// What runs of this ledger wanted of an app before, as far as it may still be so.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Earlier {
    /// None had it as wanted.
    #[default]
    Never,
    /// What that was is not known any more.
    Unknown,
    /// What is wanted now.
    Same,
    /// What was last so, and what a run then began to make of it without getting to the end.
    Wishes(Vec<Entry>),
}

impl Earlier {
    /// As far as it can be told without a look at earlier entries.
    pub fn at_once(app: &AppMemory, entry: &Entry) -> Option<Self> {
        let Some(applied) = &app.applied else {
            return Some(Self::Never);
        };
        if app.moving_by.is_none() && *applied == LastApplied::Digest(digest(entry)) {
            Some(Self::Same)
        } else if *applied == LastApplied::Unclear || app.applied_by.is_none() {
            Some(Self::Unknown)
        } else {
            None
        }
    }

    /// From the earlier entries, if they were found.
    pub fn of(wishes: Option<Vec<Entry>>) -> Self {
        wishes.map_or(Self::Unknown, Self::Wishes)
    }

    /// What has to be known of the app before anything of it is written for this entry.
    pub fn left_for(&self, app: &AppMemory, entry: &Entry) -> Option<LastAppliedChange> {
        match self {
            Self::Never | Self::Same => None,
            Self::Unknown => {
                let is_reported = app.applied == Some(LastApplied::Unclear);
                (!is_reported).then_some(LastAppliedChange::Unclear)
            }
            Self::Wishes(wishes) => {
                let wanted = digest(entry);
                match wishes.as_slice() {
                    [_] => Some(LastAppliedChange::Moving),
                    between if between.iter().any(|wish| digest(wish) == wanted) => None,
                    _ => Some(LastAppliedChange::Unclear),
                }
            }
        }
    }

    /// Whether a feature was last wanted as the entry wants it now, so that it is most likely so.
    pub fn had_features(&self, entry: &Entry) -> bool {
        match self {
            Self::Never => false,
            Self::Unknown | Self::Same => !entry.features.is_empty(),
            Self::Wishes(wishes) => entry.features.names().any(|feature| {
                let wanted = entry.features.wanted(feature);
                let had = |wish: &Entry| {
                    wish.status == Status::Enabled && wish.features.wanted(feature) == wanted
                };
                wishes.iter().all(had)
            }),
        }
    }

    /// Tells changes by hand from those of the manifest.
    pub fn judge(&self, part: Part, differences: &[Difference]) -> Judged {
        let differences = differences.iter().cloned();
        let (by_hand, by_manifest) = differences.partition(|found| self.by_hand(part, found));
        Judged {
            by_hand,
            by_manifest,
        }
    }

    /// Whether an app need not be looked at, as an earlier run saw that it and its identity provider belong together, and
    /// that one serves it still.
    pub fn belongs(&self, idp: Option<&IdentityProvider>, app_id: &str) -> bool {
        *self == Self::Same && idp.is_some_and(|idp| serves(idp, app_id))
    }

    /// Why something is written that no hand has changed.
    pub fn why(&self) -> Why {
        match self {
            Self::Never => Why::New,
            Self::Unknown | Self::Same | Self::Wishes(_) => Why::Manifest,
        }
    }

    /// What the manifest changed of a connection, as far as it can be told without a look at it.
    pub fn changed_since(&self, entry: &Entry) -> Vec<Changed> {
        let Self::Wishes(wishes) = self else {
            return Vec::new();
        };
        let fields = CONNECTION.iter().filter_map(|path| {
            let wanted = wanted_at(entry, Part::Connection, path)?;
            let before = wishes.first()?;
            let before = wanted_at(before, Part::Connection, path);
            (before.as_ref() != Some(&wanted)).then(|| Changed {
                field: format!("{}.{path}", Part::Connection),
                why: Why::Manifest,
                values: Some((before, wanted)),
            })
        });
        fields.collect()
    }

    fn by_hand(&self, part: Part, found: &Difference) -> bool {
        match self {
            Self::Never | Self::Unknown => false,
            Self::Same => true,
            Self::Wishes(wishes) => wishes.iter().all(|wish| was_wanted(wish, part, found)),
        }
    }
}

fn was_wanted(wish: &Entry, part: Part, found: &Difference) -> bool {
    let is_on = wish.status == Status::Enabled;
    match (part, &wish.hub) {
        (Part::Hub, hub) => hub.as_ref().is_some_and(|hub| had_wanted(hub, found)),
        // The id of the service app that was made for it: no wish says which.
        (Part::Connection, Some(_)) if found.path == CLIENT_ID => is_on,
        _ => wanted_at(wish, part, &found.path).as_ref() == Some(&found.wanted),
    }
}

// What an entry wants of a field, if anything. One that is to be off wants nothing else.
fn wanted_at(wish: &Entry, part: Part, path: &str) -> Option<Value> {
    match part {
        Part::Connection if path == STATUS => match wish.status {
            Status::Disabled => Some(Value::from("DISABLED")),
            Status::Enabled => wish.connection.as_ref().map(|_| Value::from("ENABLED")),
        },
        _ if wish.status == Status::Disabled => None,
        Part::Connection => {
            let connection = wish.connection.as_ref()?;
            if path == "baseUrl" {
                return connection.base_url.as_deref().map(trim).map(Value::from);
            }
            at(&serde_json::to_value(connection).ok()?, path).cloned()
        }
        Part::Feature(feature) => at(&wish.features.wanted(feature)?, path).cloned(),
        Part::Hub => None,
    }
}

const STATUS: &str = "status";
const CLIENT_ID: &str = "profile.clientId";

/// What a connection is written with, besides its secrets.
const CONNECTION: [&str; 5] = [
    STATUS,
    "profile.authScheme",
    "baseUrl",
    CLIENT_ID,
    "profile.signing.rotationMode",
];

/// What of an entry differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its service app in the hub.
    Hub,
    /// Its connection.
    Connection,
    /// One of its features.
    Feature(Feature),
}

/// As paths of the manifest begin.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub => f.write_str("hub"),
            Self::Connection => f.write_str("connection"),
            Self::Feature(feature) => write!(f, "features.{feature}"),
        }
    }
}

/// Differences by who made them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Somebody, since a run had them as wanted.
    pub by_hand: Vec<Difference>,
    /// The manifest, or nobody knows.
    pub by_manifest: Vec<Difference>,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing: it is as wanted.
    AsWanted,
    /// It was changed by hand and stays so; it is active, so that its features can be looked at.
    LeftActive,
    /// It was switched by hand and stays so, with all that belongs to it.
    LeftAlone,
    /// It is written: as a whole, since Okta takes it so.
    Write,
}

impl Judged {
    /// What becomes of the connection.
    pub fn connection(&self, policy: OnDrift) -> Fate {
        let is_switched = || self.by_hand.iter().any(|found| found.path == STATUS);
        match policy {
            _ if self.by_hand.is_empty() && self.by_manifest.is_empty() => Fate::AsWanted,
            OnDrift::Report if is_switched() => Fate::LeftAlone,
            OnDrift::Report if self.by_manifest.is_empty() => Fate::LeftActive,
            OnDrift::Report | OnDrift::Repair => Fate::Write,
        }
    }

    /// What a write changes that makes these differences go, but for those that are left.
    pub fn changes(&self, part: Part, why: Why, left: &[Difference]) -> Vec<Changed> {
        let by_hand = self.by_hand.iter().map(|found| (found, Why::Drift));
        let all = by_hand.chain(self.by_manifest.iter().map(|found| (found, why)));
        all.filter(|(found, _)| !left.contains(found))
            .map(|(found, why)| Changed {
                field: format!("{part}.{}", found.path),
                why,
                values: Some((found.live.clone(), found.wanted.clone())),
            })
            .collect()
    }

    /// The fields of a feature that stay as they are.
    pub fn left(&self, policy: OnDrift) -> &[Difference] {
        match policy {
            OnDrift::Report => &self.by_hand,
            OnDrift::Repair => &[],
        }
    }
}

impl Fate {
    /// Of a TOKEN connection: what is not shown of it may have to be set as well.
    #[must_use]
    pub fn with(self, token: TokenPost) -> Self {
        match self {
            Self::AsWanted | Self::LeftActive if token.is_due() => Self::Write,
            fate => fate,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::decide::Secret;
    use super::super::tests::entry;
    use super::*;

    const CREATE: &str = "create.lifecycleCreate.status";
    const USER: Part = Part::Feature(Feature::UserProvisioning);

    fn wish(base_url: &str, create: &str) -> Entry {
        let profile = json!({ "authScheme": "TOKEN", "token": format!("env:{create}") });
        entry(json!({ "org": "a", "app": "zscalerbyz", "appId": "0oa1",
            "connection": { "baseUrl": base_url, "profile": profile },
            "features": { "USER_PROVISIONING": { "create": { "lifecycleCreate": { "status": create } } } } }))
    }

    fn found(path: &str, wanted: &str) -> Difference {
        Difference::text(path, Some("theirs"), wanted)
    }

    #[test]
    fn a_field_is_a_hands_if_it_was_wanted_so_before() {
        let (one, other) = ("https://one", "https://other");
        let now = || wish(one, "ENABLED");
        let with_slash = wish("https://one/", "ENABLED");
        let mut off = now();
        off.status = Status::Disabled;
        let mut features_only = now();
        features_only.connection = None;
        let wishes = |wishes: &[Entry]| Earlier::Wishes(wishes.to_vec());
        // By hand: the connection's status, its base URL, its scheme, the feature's field.
        for (earlier, expected) in [
            (Earlier::Never, [false; 4]),
            (Earlier::Unknown, [false; 4]),
            (Earlier::Same, [true; 4]),
            (wishes(&[now()]), [true; 4]),
            (wishes(&[with_slash]), [true; 4]),
            (wishes(&[off]), [false; 4]),
            (wishes(&[features_only]), [false, false, false, true]),
            (wishes(&[wish(other, "ENABLED")]), [true, false, true, true]),
            (wishes(&[wish(one, "DISABLED")]), [true, true, true, false]),
            (
                wishes(&[now(), wish(other, "DISABLED")]),
                [true, false, true, false],
            ),
        ] {
            let by_hand = [
                (Part::Connection, found("status", "ENABLED")),
                (Part::Connection, found("baseUrl", one)),
                (Part::Connection, found("profile.authScheme", "TOKEN")),
                (USER, found(CREATE, "ENABLED")),
            ]
            .map(|(part, found)| !earlier.judge(part, &[found]).by_hand.is_empty());
            assert_eq!(by_hand, expected, "{earlier:?}");
        }
    }

    #[test]
    fn a_feature_was_had_if_all_it_may_be_like_wanted_it_so() {
        let one = "https://one";
        let now = wish(one, "ENABLED");
        let other = wish(one, "DISABLED");
        let moved = wish("https://other", "ENABLED");
        let mut off = now.clone();
        off.status = Status::Disabled;
        let mut none = now.clone();
        none.features = crate::manifest::Features::default();
        let wishes = |wishes: &[&Entry]| Earlier::Wishes(wishes.iter().copied().cloned().collect());
        for (earlier, had) in [
            (Earlier::Never, false),
            (Earlier::Unknown, true),
            (Earlier::Same, true),
            (wishes(&[&moved]), true),
            (wishes(&[&other]), false),
            (wishes(&[&off]), false),
            (wishes(&[&none]), false),
            (wishes(&[&moved, &now]), true),
            (wishes(&[&moved, &other]), false),
        ] {
            assert_eq!(earlier.had_features(&now), had, "{earlier:?}");
            assert!(!earlier.had_features(&none), "{earlier:?}");
        }
    }

    #[test]
    fn a_connection_is_written_if_the_manifest_changed_it_and_no_hand_switched_it() {
        let judged = |by_hand: &[&str], by_manifest: &[&str]| {
            let all = |paths: &[&str]| paths.iter().map(|path| found(path, "ours")).collect();
            Judged {
                by_hand: all(by_hand),
                by_manifest: all(by_manifest),
            }
        };
        for (by_hand, by_manifest, fate, with_token) in [
            (&[][..], &[][..], Fate::AsWanted, Fate::Write),
            (&["baseUrl"], &[], Fate::LeftActive, Fate::Write),
            (&["baseUrl"], &["status"], Fate::Write, Fate::Write),
            (&["status"], &["baseUrl"], Fate::LeftAlone, Fate::LeftAlone),
            (&[], &["status"], Fate::Write, Fate::Write),
        ] {
            let judged = judged(by_hand, by_manifest);
            let reported = judged.connection(OnDrift::Report);
            assert_eq!(reported, fate, "{judged:?}");
            let due = TokenPost {
                secret: Secret::Changed,
                force: false,
            };
            assert_eq!(reported.with(due), with_token, "{judged:?}");
            let differs = !by_hand.is_empty() || !by_manifest.is_empty();
            let repaired = judged.connection(OnDrift::Repair);
            assert_eq!(repaired == Fate::Write, differs, "{judged:?}");
        }
    }

    #[test]
    fn a_secrets_name_is_no_part_of_what_is_compared() {
        let mut renamed = wish("https://one", "ENABLED");
        let before = digest(&renamed);
        let profile = &mut renamed.connection.as_mut().unwrap().profile;
        profile.token = Some("env:OTHER".to_owned().try_into().unwrap());
        assert_eq!(digest(&renamed), before);
        assert_ne!(digest(&wish("https://one", "DISABLED")), before);
    }

    #[test]
    fn only_an_app_that_was_as_something_else_is_left_first() {
        let (now, before) = (
            wish("https://one", "ENABLED"),
            wish("https://one", "DISABLED"),
        );
        let other = wish("https://other", "ENABLED");
        let app = |applied| AppMemory {
            applied: Some(applied),
            ..AppMemory::default()
        };
        let between =
            |wishes: &[&Entry]| Earlier::Wishes(wishes.iter().copied().cloned().collect());
        let (d, unclear) = (LastApplied::Digest([1; 16]), LastApplied::Unclear);
        for (earlier, applied, expected) in [
            (Earlier::Never, d, None),
            (Earlier::Same, d, None),
            (Earlier::Unknown, unclear, None),
            (Earlier::Unknown, d, Some(LastAppliedChange::Unclear)),
            (between(&[&before]), d, Some(LastAppliedChange::Moving)),
            (between(&[&before, &now]), d, None),
            (between(&[&now, &before]), d, None),
            (
                between(&[&before, &other]),
                d,
                Some(LastAppliedChange::Unclear),
            ),
        ] {
            assert_eq!(
                earlier.left_for(&app(applied), &now),
                expected,
                "{earlier:?}"
            );
        }
    }
}
