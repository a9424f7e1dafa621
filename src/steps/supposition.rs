//! What if Okta did what it is asked: answers a step's calls from what was seen of the app and what the calls before
//! would have made of it, and notes each call and what it would change.

use serde_json::Value;

use super::StepError;
use super::rehearsed::RehearsedOrg;
use super::shown::{Listed, ShownConnection};
use crate::apps::{AuthScheme, Feature};
use crate::ledger::Consent;
use crate::manifest::{ADMIN_SECRETS, Connection, Entry};
use crate::model::{Site, UnixMillis};
use crate::okta::features::FeatureState;
use crate::plan::{
    Action, Call, Change, Difference, Forecast, Identity, LiveConnection, LiveStatus, Obstacle,
    Part, Secret, Seen, compare, differences, inactive, unsupported, wanted_scheme,
};

const TOKEN: &str = "connection.profile.token";

/// An app as it would be after the calls so far.
pub struct Supposition<'a> {
    /// The entry.
    pub(super) entry: &'a Entry,
    /// What was seen.
    pub(super) seen: &'a Seen,
    // The connection as it would be by now. One that is not there yet shows itself as every new one does.
    connection: LiveConnection,
    // Until somebody looked.
    identity: Option<&'a Identity>,
    // Whether a person would have to consent.
    waits: bool,
    /// The service app that the connection signs in as.
    pub(super) client_id: Option<String>,
    pub(super) forecast: Forecast,
    /// Where its calls are made, in a rehearsal.
    orgs: RehearsedOrgs<'a>,
}

/// The orgs of an entry, in a rehearsal.
#[derive(Clone, Copy, Default)]
pub struct RehearsedOrgs<'a> {
    /// Its own.
    pub own: Option<&'a RehearsedOrg>,
    /// Its hub.
    pub hub: Option<&'a RehearsedOrg>,
}

impl<'a> Supposition<'a> {
    /// Before the first call.
    pub(super) fn of(entry: &'a Entry, seen: &'a Seen) -> Self {
        let new = || LiveConnection {
            status: LiveStatus::Disabled,
            ..LiveConnection::default()
        };
        let app = seen.app.as_ref();
        Self {
            entry,
            seen,
            connection: app.map_or_else(new, |app| app.connection.clone()),
            identity: Some(&seen.identity),
            waits: false,
            client_id: None,
            forecast: Forecast::default(),
            orgs: RehearsedOrgs::default(),
        }
    }

    /// The same where its calls are made to these orgs.
    pub(super) fn at(self, orgs: RehearsedOrgs<'a>) -> Self {
        Self { orgs, ..self }
    }

    /// The org that a step's calls are made to, in a rehearsal.
    pub(super) const fn org(&self, site: Site) -> Option<&'a RehearsedOrg> {
        match site {
            Site::Own => self.orgs.own,
            Site::Hub => self.orgs.hub,
        }
    }

    /// The run whose halt the entry heeds, in a rehearsal, is that of its own org.
    pub(super) const fn own_org(&self) -> Option<&'a RehearsedOrg> {
        self.orgs.own
    }

    pub(super) fn note(&mut self, call: Call) {
        if self.waits {
            self.forecast.after_consent.push(call);
        } else {
            self.forecast.calls.push(call);
        }
    }

    /// Looks what the app is, before the first write to it.
    pub(super) fn see_identity(&mut self) -> Result<(), StepError> {
        if self.seen.app.is_none() {
            return Ok(());
        }
        match self.identity.take() {
            None | Some(Identity::Right) => Ok(()),
            Some(Identity::Looked) => {
                self.note(Call::ReadApp);
                Ok(())
            }
            Some(Identity::Wrong(obstacle)) => Err(obstacle.clone().into()),
            Some(Identity::LookedWrong(obstacle)) => {
                self.note(Call::ReadApp);
                Err(obstacle.clone().into())
            }
        }
    }

    /// What is known of the app although nothing was written to it.
    pub(super) fn known_identity(&self) -> Result<(), StepError> {
        match self.identity {
            Some(Identity::Wrong(obstacle)) => Err(obstacle.clone().into()),
            _ => Ok(()),
        }
    }

    /// Reads the connection.
    pub(super) fn read_connection(&mut self) -> ShownConnection {
        self.note(Call::ReadConnection);
        let has_link = self.seen.app.as_ref().is_some_and(|app| app.has_link);
        self.shown(has_link)
    }

    fn shown(&self, has_link: bool) -> ShownConnection {
        ShownConnection {
            live: self.connection.clone(),
            // Nobody opens it.
            link: has_link.then(|| {
                Ok(Consent {
                    authorize_url: String::new(),
                    state: String::new(),
                    since: UnixMillis(0),
                })
            }),
        }
    }

    /// Posts the connection.
    pub(super) fn set_connection(&mut self) -> Option<ShownConnection> {
        self.note(Call::SetConnection);
        let wanted = &self.wanted()?;
        // An app that Okta cannot provision takes everything and does nothing (API.md §3.4).
        let differences = differences(&self.connection, wanted).ok()?;
        self.forecast.migrates = migrates(&self.connection, wanted);
        let scheme = wanted.profile.auth_scheme;
        let waits = self.entry.app.needs_consent();
        let had = self.connection.is_enabled_with(scheme) || self.seen.past.app.connected;
        if waits && had {
            self.forecast.changes.push(Change::Renewed);
        }
        self.change(Part::Connection, differences);
        if scheme == AuthScheme::Token {
            self.change_secret(TOKEN, self.seen.token.secret);
        }
        if wanted.profile.settings.is_some() {
            for (field, secret) in ADMIN_SECRETS.into_iter().zip(self.seen.consent.admin) {
                self.change_secret(field, secret);
            }
        }
        if !waits {
            self.is_active();
        }
        Some(self.shown(waits))
    }

    /// The connection as the entry wants it.
    fn wanted(&self) -> Option<Connection> {
        let mut wanted = self.entry.connection.clone()?;
        if self.entry.hub.is_some() {
            wanted.profile.client_id.clone_from(&self.client_id);
        }
        Some(wanted)
    }

    /// The link that is out already is waited for.
    pub(super) fn carry_over(&mut self) {
        let wanted = self.entry.connection.as_ref();
        let differs = wanted.and_then(|wanted| differences(&self.connection, wanted).ok());
        self.change(Part::Connection, differs.unwrap_or_default());
        self.wait();
    }

    /// Whatever comes next comes after a person's consent.
    pub(super) fn wait(&mut self) {
        self.waits = true;
    }

    /// Hands in a consent's answer.
    pub(super) fn complete_consent(&mut self) {
        self.note(Call::CompleteConsent);
    }

    /// Activates the connection.
    pub(super) fn activate(&mut self) {
        self.note(Call::Activate);
        if !self.waits {
            self.switch("ENABLED");
        }
        self.is_active();
    }

    /// Deactivates the connection.
    pub(super) fn deactivate(&mut self) {
        self.note(Call::Deactivate);
        self.switch("DISABLED");
        self.connection.status = LiveStatus::Disabled;
    }

    fn switch(&mut self, wanted: &str) {
        let differs = Difference::text("status", self.connection.status.name(), wanted);
        self.change(Part::Connection, vec![differs]);
    }

    fn is_active(&mut self) {
        self.connection.status = LiveStatus::Enabled;
        self.connection.auth_scheme =
            wanted_scheme(self.entry).map(|scheme| scheme.name().to_owned());
    }

    /// The app's id, if it is there, as far as it matters.
    pub(super) fn app_id(&self) -> Option<String> {
        let app = self.seen.app.as_ref();
        app.map(|_| self.seen.hub.own_app_id.clone())
    }

    /// Creates the app, and gives its id.
    pub(super) fn create_app(&mut self) -> String {
        self.note(Call::CreateApp);
        String::new()
    }

    /// Lists the features.
    pub(super) fn list_features(&mut self) -> Result<Listed, StepError> {
        self.note(Call::ListFeatures);
        match self.features() {
            Some(features) => Ok(Listed::Shown(features.clone())),
            // Only an active connection shows them.
            None if self.connection.status == LiveStatus::Enabled => Ok(Listed::NotYet),
            None => {
                // It is refused, and a look at the connection tells why.
                self.note(Call::ReadConnection);
                Err(match self.connection.status {
                    LiveStatus::Unknown => unsupported(&self.connection),
                    _ => inactive(&self.connection),
                }
                .into())
            }
        }
    }

    fn features(&self) -> Option<&'a Vec<FeatureState>> {
        self.seen.app.as_ref()?.features.as_ref()
    }

    /// Puts a feature. What the answer shows is as wanted.
    pub(super) fn set_feature(&mut self, feature: Feature, wanted: &Value) {
        self.note(Call::SetFeature(feature));
        let part = Part::Feature(feature);
        let Some(features) = self.features() else {
            let lists = |calls: &[Call]| calls.contains(&Call::ListFeatures);
            let listed = lists(&self.forecast.calls) || lists(&self.forecast.after_consent);
            // What is not shown yet may turn out to be as wanted.
            self.forecast.uncertain += u64::from(listed);
            for leaf in compare(&Value::Null, wanted) {
                self.forecast.changes.push(Change::Unseen {
                    field: format!("{part}.{}", leaf.path),
                    wanted: leaf.wanted,
                });
            }
            self.forecast.unverifiable.push(part.to_string());
            return;
        };
        let live = features.iter().find(|state| state.name == *feature.name());
        self.change(
            part,
            match live {
                Some(live) => compare(live, wanted),
                None => compare(&Value::Null, wanted),
            },
        );
    }

    /// Fields that somebody changed by hand stay so.
    pub(super) fn leave(&mut self, part: Part, by_hand: &[Difference]) {
        let left = by_hand
            .iter()
            .map(|difference| below(part, difference.clone()));
        self.forecast.left_alone.extend(left);
    }

    pub(super) fn change(&mut self, part: Part, differences: Vec<Difference>) {
        for found in differences {
            let found = below(part, found);
            // A list in the hub grows by one with each of its steps.
            let mut changes = self.forecast.changes.iter_mut();
            let same = changes.find_map(|change| match change {
                Change::Field(before) if part == Part::Hub && before.path == found.path => {
                    Some(before)
                }
                _ => None,
            });
            if let Some(before) = same {
                before.wanted = found.wanted;
            } else {
                self.forecast.changes.push(Change::Field(found));
            }
        }
    }

    fn change_secret(&mut self, field: &'static str, secret: Secret) {
        self.forecast.changes.push(Change::Secret { field, secret });
    }

    /// Notes what Okta never shows, or did not show of this connection (API.md §3.2).
    pub(super) fn note_unverifiable(&mut self) {
        let Some(wanted) = &self.entry.connection else {
            return;
        };
        let (live, profile) = (&self.connection, &wanted.profile);
        let mut note = |field: &str| self.forecast.unverifiable.push(field.to_owned());
        if profile.token.is_some() {
            note(TOKEN);
        }
        if profile.settings.is_some() {
            ADMIN_SECRETS.into_iter().for_each(&mut note);
        }
        // A connection that is not active may have nothing to show yet.
        if live.status != LiveStatus::Enabled {
            return;
        }
        if wanted.base_url.is_some() && live.base_url.is_none() {
            note("connection.baseUrl");
        }
        let has_client = profile.client_id.is_some() || self.entry.hub.is_some();
        if has_client && live.client_id.is_none() {
            note("connection.profile.clientId");
        }
        if profile.signing.is_some() && live.rotation_mode.is_none() {
            note("connection.profile.signing.rotationMode");
        }
    }

    /// What came of it.
    pub(super) fn finish(&mut self, left_secrets: &[String], error: Option<Obstacle>) -> Forecast {
        let mut forecast = std::mem::take(&mut self.forecast);
        let is_left = |field: &&str| left_secrets.iter().any(|left| left == field);
        forecast.left_secrets = ADMIN_SECRETS.into_iter().filter(is_left).collect();
        let makes = |any: &[Call]| forecast.calls.iter().any(|call| any.contains(call));
        let connects = makes(&[Call::SetConnection, Call::Activate]);
        let sets = |call: &Call| matches!(call, Call::SetFeature(_));
        let app = self.seen.app.as_ref();
        let was_active = app.is_some_and(|app| app.connection.status == LiveStatus::Enabled);
        forecast.action = if error.is_some() {
            Action::Error
        } else if self.waits {
            Action::Consent
        } else if makes(&[Call::Deactivate]) {
            Action::Deactivate
        } else if makes(&[Call::CreateApp]) || connects && !was_active {
            Action::SetUp
        } else if connects || forecast.calls.iter().any(sets) || makes(&IN_HUB) {
            Action::Change
        } else {
            Action::Nothing
        };
        forecast.error = error;
        forecast
    }
}

/// Whether a connection that works with an API token is to sign in as a service app instead.
fn migrates(live: &LiveConnection, wanted: &Connection) -> bool {
    live.is_enabled_with(AuthScheme::Token) && wanted.profile.auth_scheme == AuthScheme::Oauth2
}

/// What changes a service app or an identity provider.
const IN_HUB: [Call; 7] = [
    Call::CreateIdp,
    Call::UpdateIdp,
    Call::CreateServiceApp,
    Call::ReplaceClient,
    Call::AssignRole,
    Call::GrantScope,
    Call::RequireDpop,
];

fn below(part: Part, found: Difference) -> Difference {
    Difference {
        path: format!("{part}.{}", found.path),
        ..found
    }
}
