//! What a step decides from what was seen.

use std::fmt;

use serde::Serialize;

use super::connection::{LiveConnection, LiveStatus, Shown};
use super::features::Difference;
use super::look::Look;
use crate::apps::{App, AuthScheme, Feature};
use crate::failure::Remedy;
use crate::ledger::{Fingerprint, Mac};
use crate::manifest::{Connection, Entry};
use crate::nearest::nearest_few;
use crate::text::Told;

/// Where people look when Okta's API does not tell more.
const ADMIN_CONSOLE: &str = "look at the app's Provisioning tab in the Admin Console";

/// Why an entry cannot become as wanted, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// What is in the way.
    pub message: String,
    /// The next command or edit.
    pub hint: String,
    /// Where that helps.
    #[serde(skip)]
    pub remedy: Remedy,
}

impl Obstacle {
    /// An obstacle that an edit of the manifest removes.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
            remedy: Remedy::Manifest,
        }
    }

    /// An obstacle that is removed elsewhere.
    pub fn outside(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            remedy: Remedy::Outside,
            ..Self::new(message, hint)
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The app among those with the entry's label; `None` = it is to be created. `others` are the labels that the org's
/// instances of the app have.
pub fn found_app<'a, 'l>(
    entry: &Entry,
    found: &'a [String],
    others: impl IntoIterator<Item = &'l Told>,
) -> Result<Option<&'a str>, Obstacle> {
    let label = entry.label.as_deref().unwrap_or_default();
    match found {
        [] if entry.create.is_some() && entry.rotation.is_none() => Ok(None),
        [] if entry.create.is_some() => Err(Obstacle::outside(
            format!("no {} app is labelled {label:?} yet", entry.app),
            "set it up first: okta-rollout run FILE",
        )),
        [] => Err(no_such_label(entry.app, label, others)),
        [id] => Ok(Some(id)),
        ids => Err(Obstacle::new(
            format!(
                "{} {} apps are labelled {label:?}: {}",
                ids.len(),
                entry.app,
                ids.join(", ")
            ),
            "give one of these ids as appId instead of the label",
        )),
    }
}

/// Labels that a person may have meant; more would hide them.
const NEAR_LABELS: usize = 3;

fn no_such_label<'l>(
    app: App,
    label: &str,
    others: impl IntoIterator<Item = &'l Told>,
) -> Obstacle {
    let message = format!("no {app} app is labelled {label:?}");
    let edit = "correct the label, or give the app's id as appId";
    let mut others = others.into_iter().peekable();
    let veil = others.peek().map(|other| other.veil().clone());
    let near = nearest_few(label, others.map(Told::raw), NEAR_LABELS);
    let shown = |label: &str| {
        veil.as_ref()
            .map_or(String::new(), |veil| veil.shown(label))
    };
    match near.as_slice() {
        [] => Obstacle::new(message, edit),
        [same, ..] if same.to_lowercase() == label.to_lowercase() => {
            let same = shown(same);
            Obstacle::new(
                format!("{message}: upper and lower case count, and it is {same:?}"),
                edit,
            )
        }
        near => {
            let near: Vec<String> = near
                .iter()
                .map(|label| format!("{:?}", shown(label)))
                .collect();
            Obstacle::new(format!("{message}; the nearest: {}", near.join(", ")), edit)
        }
    }
}

/// The app that was found belongs to another row already.
pub fn app_taken(entry: &Entry, id: &str, row: u64) -> Obstacle {
    let label = entry.label.as_deref().unwrap_or_default();
    Obstacle::new(
        format!("{label:?} is app {id}, which row {row} of the manifest sets up already"),
        "remove one of the two rows",
    )
}

/// What the ledger can say of a connection's secret, which Okta never shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secret {
    /// It is the one this ledger set last.
    Unchanged,
    /// It is, but was set for another base URL: both are known by one fingerprint.
    Moved,
    /// This ledger set another one last.
    Changed,
    /// This ledger never set it, or does not know which of two Okta holds.
    #[default]
    Unknown,
}

impl Secret {
    /// From the fingerprint stored last and those of the secret as it is now, under each key.
    pub fn of(stored: Option<Mac>, now: [Option<&Fingerprint>; 2]) -> Self {
        let is_one = |stored| now.iter().flatten().any(|now| now.hmac == Some(stored));
        match stored {
            // So it is after a lost answer, too.
            None => Self::Unknown,
            Some(stored) if is_one(stored) => Self::Unchanged,
            Some(_) => Self::Changed,
        }
    }

    /// As plans spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unchanged | Self::Moved => "unchanged",
            Self::Changed => "changed",
            Self::Unknown => "unknown",
        }
    }
}

/// What decides whether a TOKEN connection is looked at before it is posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenPost {
    /// What is known of the secret.
    pub secret: Secret,
    /// Post it anyway (`--force`).
    pub force: bool,
}

impl TokenPost {
    /// Whether it is posted whatever Okta shows.
    pub fn is_due(self) -> bool {
        self.force || self.secret != Secret::Unchanged
    }
}

/// What differs from the wanted connection; nothing = it is as wanted.
pub fn differences(
    live: &LiveConnection,
    wanted: &Connection,
) -> Result<Vec<Difference>, Obstacle> {
    match live.compare(wanted) {
        Shown::AsWanted => Ok(Vec::new()),
        Shown::Different(differences) => Ok(differences),
        Shown::Unsupported => Err(unsupported(live)),
    }
}

/// Whether a three-legged connection needs a consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consented {
    /// It is active: posting it again could cost the consent.
    Yes,
    /// A person has to consent.
    No,
}

/// Whether a three-legged connection needs a consent, or why that cannot be told.
pub fn consented(live: &LiveConnection, scheme: AuthScheme) -> Result<Consented, Obstacle> {
    match live.status {
        LiveStatus::Unknown => Err(unsupported(live)),
        LiveStatus::Enabled if live.is_enabled_with(scheme) => Ok(Consented::Yes),
        LiveStatus::Enabled => Err(Obstacle::outside(
            format!(
                "the connection is active, but not with {scheme} ({})",
                live.describe()
            ),
            ADMIN_CONSOLE,
        )),
        // It may be active for all we know, and posting it would cost its consent.
        LiveStatus::Missing => Err(Obstacle::outside(
            format!(
                "Okta does not show whether the connection is active ({})",
                live.describe()
            ),
            ADMIN_CONSOLE,
        )),
        LiveStatus::Disabled => Ok(Consented::No),
    }
}

/// Whether a connection that is to be off is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Active {
    /// It is, or may be.
    Yes,
    /// It is off.
    No,
}

/// Whether a connection that is to be off is on.
pub fn active(live: &LiveConnection) -> Result<Active, Obstacle> {
    match live.status {
        LiveStatus::Disabled => Ok(Active::No),
        LiveStatus::Unknown => Err(unsupported(live)),
        LiveStatus::Enabled | LiveStatus::Missing => Ok(Active::Yes),
    }
}

/// What a run did before it comes to a feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BeforeFeature {
    /// It listed the features.
    pub listed: bool,
    /// It wrote the connection.
    pub written: bool,
    /// Whether what is there has to be known.
    pub look: Look,
    /// Whether features were as wanted when the connection was last written.
    pub had: bool,
}

impl BeforeFeature {
    /// Whether the live features are read first: not where this run set the connection up, the manifest gives them in
    /// full (`complete`), and nothing says that they are right already.
    pub fn reads(self, complete: bool) -> bool {
        let looks = !self.written || self.look == Look::Always;
        self.listed || looks || self.had || !complete
    }
}

/// The app is none of the six, whatever the manifest says.
pub fn unsupported(live: &LiveConnection) -> Obstacle {
    Obstacle::new(
        format!(
            "this app has no provisioning connection in Okta's API ({})",
            live.describe()
        ),
        "check that the id or label is that of a supported app",
    )
}

/// Features can be set on an active connection only, and the entry does not manage the connection.
pub fn inactive(live: &LiveConnection) -> Obstacle {
    Obstacle::new(
        format!(
            "the features cannot be set: the connection shows {}",
            live.describe()
        ),
        "the connection must be ENABLED before features can be set",
    )
}

/// The app does not list the feature.
pub fn no_feature(feature: Feature) -> Obstacle {
    Obstacle::new(
        format!("the app does not have the feature {feature}"),
        "remove the feature from the entry, or check the app in the Admin Console",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_posted_unless_it_is_known_to_be_the_same() {
        let made = |byte| Fingerprint {
            org_url: String::new(),
            app_id: String::new(),
            hmac: Some([byte; 32]),
            key_id: [0; 8],
        };
        let (now, under_old_key) = (made(1), made(2));
        for (stored, secret) in [
            (Some(1), Secret::Unchanged),
            (Some(2), Secret::Unchanged),
            (Some(3), Secret::Changed),
            (None, Secret::Unknown),
        ] {
            let stored: Option<u8> = stored;
            let found = Secret::of(
                stored.map(|byte| [byte; 32]),
                [Some(&now), Some(&under_old_key)],
            );
            assert_eq!(found, secret, "{stored:?}");
            let due = |force| TokenPost { secret, force }.is_due();
            assert_eq!(due(false), secret != Secret::Unchanged);
            assert!(due(true));
        }
    }
}
