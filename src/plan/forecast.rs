//! What a run would do to an entry, and with which calls: what it follows from and what it comes to.

use serde_json::Value;

use super::connection::LiveConnection;
use super::decide::{Obstacle, Secret, TokenPost};
use super::drift::Earlier;
use super::features::Difference;
use super::hub::SeenHub;
use crate::apps::Feature;
use crate::job::OnDrift;
use crate::ledger::AppMemory;
use crate::model::Site;
use crate::okta::features::FeatureState;
use crate::okta::{Bucket, Method};

/// What was read of an entry.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The app, if it is there; `None` = it is to be created.
    pub app: Option<SeenApp>,
    /// What decides over a TOKEN connection.
    pub token: TokenPost,
    /// What is remembered of the app.
    pub past: Past,
    /// What a run finds out of the app before it writes.
    pub identity: Identity,
    /// What decides over a three-legged connection.
    pub consent: SeenConsent,
    /// What was seen of its service app in the hub.
    pub hub: SeenHub,
}

/// What decides over the consent of a three-legged connection, beside the connection itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeenConsent {
    /// What is known of each of [`crate::manifest::ADMIN_SECRETS`], where the entry has them.
    pub admin: [Secret; 2],
    /// Whether it is to be renewed although there is one.
    pub renew: bool,
}

/// Whether an app whose id is given is the app it is said to be, and how a run finds out.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Identity {
    /// It is, as far as anybody has to look: it is known, or in a list that is made.
    #[default]
    Right,
    /// It is, which a look at it alone shows.
    Looked,
    /// It is not, or is not there: known, or in a list.
    Wrong(Obstacle),
    /// The same, which a look at it alone shows.
    LookedWrong(Obstacle),
}

/// What the ledger remembers of an app, and what the job says about changes by hand since.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// What was wanted of it before.
    pub earlier: Earlier,
    /// What was done to it before.
    pub app: AppMemory,
    /// The job's `onDrift`.
    pub on_drift: OnDrift,
}

/// What was read of an app that is there.
#[derive(Clone, Debug, Default)]
pub struct SeenApp {
    /// Its connection.
    pub connection: LiveConnection,
    /// Whether that shows a consent link that can be waited for.
    pub has_link: bool,
    /// Its features, as far as Okta shows them: those of an ENABLED connection, when the entry has any.
    pub features: Option<Vec<FeatureState>>,
}

/// What a run would do to an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Connect what is not connected.
    SetUp,
    /// Change what is.
    Change,
    /// Deactivate the connection.
    Deactivate,
    /// Get as far as a person's consent.
    Consent,
    /// Nothing: all is as wanted.
    #[default]
    Nothing,
    /// It would fail.
    Error,
}

/// A field that a run would write.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Okta shows another value.
    Field(Difference),
    /// Okta does not show the field yet: only an active connection has features.
    Unseen {
        /// Dotted path.
        field: String,
        /// What the manifest says.
        wanted: Value,
    },
    /// Okta never shows the field.
    Secret {
        /// Dotted path.
        field: &'static str,
        /// What the ledger can say of it.
        secret: Secret,
    },
    /// A consent that was given is asked for anew.
    Renewed,
}

/// A call that a run would send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `create_app`.
    CreateApp,
    /// Looks what the app is.
    ReadApp,
    /// Reads the connection.
    ReadConnection,
    /// Posts the connection.
    SetConnection,
    /// Hands in a consent's answer.
    CompleteConsent,
    /// Activates the connection.
    Activate,
    /// Deactivates the connection.
    Deactivate,
    /// Reads the features.
    ListFeatures,
    /// Puts a feature.
    SetFeature(Feature),
    /// Looks at a service app as a client.
    ReadClient,
    /// Looks at it as an app.
    ReadServiceApp,
    /// `create_service_app`.
    CreateServiceApp,
    /// Replaces a service app with what it should be.
    ReplaceClient,
    /// Lists its roles.
    ListRoles,
    /// `assign_role`.
    AssignRole,
    /// Lists its scopes.
    ListGrants,
    /// `grant_scope`.
    GrantScope,
    /// `require_dpop`.
    RequireDpop,
    /// Looks at an identity provider.
    ReadIdp,
    /// `create_idp`.
    CreateIdp,
    /// `update_idp`.
    UpdateIdp,
}

impl Call {
    /// Its HTTP method.
    pub const fn method(self) -> Method {
        match self {
            Self::ReadApp
            | Self::ReadConnection
            | Self::ListFeatures
            | Self::ReadClient
            | Self::ReadServiceApp
            | Self::ListRoles
            | Self::ListGrants
            | Self::ReadIdp => Method::Get,
            Self::SetFeature(_) | Self::ReplaceClient | Self::RequireDpop | Self::UpdateIdp => {
                Method::Put
            }
            Self::CreateApp
            | Self::SetConnection
            | Self::CompleteConsent
            | Self::Activate
            | Self::Deactivate
            | Self::CreateServiceApp
            | Self::AssignRole
            | Self::GrantScope
            | Self::CreateIdp => Method::Post,
        }
    }

    /// The rate-limit bucket it spends from (API.md §1).
    pub const fn bucket(self) -> Bucket {
        match self {
            Self::ReadApp | Self::ReadServiceApp | Self::RequireDpop => Bucket::AppById,
            Self::ReadClient
            | Self::CreateServiceApp
            | Self::ReplaceClient
            | Self::ListRoles
            | Self::AssignRole => Bucket::Clients,
            Self::CreateApp
            | Self::ReadConnection
            | Self::SetConnection
            | Self::CompleteConsent
            | Self::Activate
            | Self::Deactivate
            | Self::ListFeatures
            | Self::SetFeature(_)
            | Self::ListGrants
            | Self::GrantScope => Bucket::Apps,
            Self::ReadIdp | Self::CreateIdp | Self::UpdateIdp => Bucket::Rest,
        }
    }

    /// Which of the entry's orgs it is sent to.
    pub const fn site(self) -> Site {
        match self {
            Self::CreateApp
            | Self::ReadApp
            | Self::ReadConnection
            | Self::SetConnection
            | Self::CompleteConsent
            | Self::Activate
            | Self::Deactivate
            | Self::ListFeatures
            | Self::SetFeature(_) => Site::Own,
            Self::ReadClient
            | Self::ReadServiceApp
            | Self::CreateServiceApp
            | Self::ReplaceClient
            | Self::ListRoles
            | Self::AssignRole
            | Self::ListGrants
            | Self::GrantScope
            | Self::RequireDpop
            | Self::ReadIdp
            | Self::CreateIdp
            | Self::UpdateIdp => Site::Hub,
        }
    }
}

/// What a run would do to one entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecast {
    /// What would be done.
    pub action: Action,
    /// Whether a connection that works with an API token would sign in as a service app from then on.
    pub migrates: bool,
    /// The fields that would be written and differ, or may.
    pub changes: Vec<Change>,
    /// The fields that somebody changed by hand and that the job leaves alone.
    pub left_alone: Vec<Difference>,
    /// Admin credentials that changed and that a run leaves, because setting them costs a consent.
    pub left_secrets: Vec<&'static str>,
    /// Wanted fields that Okta does not show, so that nobody can tell whether they are as wanted.
    pub unverifiable: Vec<String>,
    /// The calls, in order, up to the end or to a person's consent.
    pub calls: Vec<Call>,
    /// The calls after the consent.
    pub after_consent: Vec<Call>,
    /// How many of all these calls, in the own org, turn out needless if what Okta does not show yet is already as wanted.
    pub uncertain: u64,
    /// Why it would fail.
    pub error: Option<Obstacle>,
}

impl Forecast {
    /// Of an entry that cannot even be looked at: a run makes `calls` to find that out.
    pub fn failed(error: Obstacle, calls: Vec<Call>) -> Self {
        Self {
            action: Action::Error,
            calls,
            error: Some(error),
            ..Self::default()
        }
    }

    /// Whether anything would be written before a person's consent, so that it has to be known what the app is.
    pub fn writes(&self) -> bool {
        self.calls.iter().any(|call| call.method() != Method::Get)
    }
}
