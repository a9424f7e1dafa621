//! The worker's way through an entry's steps, without the work: which calls each step would make, and what it would
//! find. Follows `steps/*.rs` step by step; what both must decide alike is in [`super::decide`].

mod consent;

use std::slice::from_ref;

use serde_json::Value;

use super::connection::{LiveConnection, LiveStatus};
use super::decide::{
    Active, BeforeFeature, Obstacle, Secret, TokenPost, active, differences, inactive, no_feature,
    unsupported,
};
use super::drift::{Fate, Part};
use super::features::{Difference, compare};
use super::forecast::{Action, Call, Change, Forecast, Identity, Past, Seen, SeenApp, SeenConsent};
use super::look::Look;
use super::steps;
use super::wanted::Wanted;
use crate::apps::{AuthScheme, Feature};
use crate::manifest::{ADMIN_SECRETS, Connection, Entry};
use crate::model::Step;
use crate::okta::Method;

// How a step would end.
enum Outcome {
    Done,
    Connected,
    Consented,
    LeftAlone,
    Waits,
}

/// See the module.
pub(super) struct Walk<'a> {
    entry: &'a Entry,
    app: Option<&'a SeenApp>,
    token: TokenPost,
    // A connection that is not there yet shows itself as every new one does.
    live: LiveConnection,
    past: &'a Past,
    before: BeforeFeature,
    waits: bool,
    consent: SeenConsent,
    // Until it was looked at.
    identity: Option<&'a Identity>,
    forecast: Forecast,
}

impl<'a> Walk<'a> {
    /// At the beginning.
    pub(super) fn new(entry: &'a Entry, seen: &'a Seen) -> Self {
        let app = seen.app.as_ref();
        let live = app.map_or_else(
            || LiveConnection {
                status: LiveStatus::Disabled,
                ..LiveConnection::default()
            },
            |app| app.connection.clone(),
        );
        Self {
            entry,
            app,
            token: seen.token,
            past: &seen.past,
            live,
            before: BeforeFeature {
                look: seen.past.look,
                had: seen.past.earlier.had_features(entry),
                ..BeforeFeature::default()
            },
            waits: false,
            consent: seen.consent,
            identity: Some(&seen.identity),
            forecast: Forecast::default(),
        }
    }

    /// Takes up where a person has consented.
    pub(super) fn after_consent(entry: &'a Entry, seen: &'a Seen) -> Self {
        let mut walk = Self::new(entry, seen);
        walk.before.written = true;
        walk.waits = true;
        walk
    }

    /// Goes through steps until the end or an obstacle.
    pub(super) fn go(&mut self, steps: impl Iterator<Item = Step>) {
        let mut steps = steps.peekable();
        while let Some(step) = steps.next() {
            let is_last = steps.peek().is_none();
            match self.take(step, is_last) {
                Ok(Outcome::Done) => {}
                Ok(Outcome::Connected) => {
                    while steps
                        .next_if(|step| !matches!(step, Step::SetFeature(_)))
                        .is_some()
                    {}
                }
                Ok(Outcome::Consented) => {
                    while steps
                        .next_if(|step| *step != Step::ActivateConnection)
                        .is_some()
                    {}
                }
                Ok(Outcome::LeftAlone) => return,
                Ok(Outcome::Waits) => self.waits = true,
                Err(obstacle) => {
                    self.forecast.error = Some(obstacle);
                    return;
                }
            }
        }
    }

    fn take(&mut self, step: Step, is_last: bool) -> Result<Outcome, Obstacle> {
        match step {
            Step::FindApp | Step::AwaitConsent => {}
            Step::CreateApp => {
                if self.app.is_none() {
                    self.call(Call::CreateApp)?;
                }
            }
            Step::SetConnection => return self.set_connection(),
            Step::CompleteConsent => self.call(Call::CompleteConsent)?,
            Step::ActivateConnection => {
                self.call(Call::Activate)?;
                self.before.written = true;
                if is_last {
                    self.call(Call::ReadConnection)?;
                }
            }
            Step::DeactivateConnection => return self.deactivate(),
            Step::SetFeature(feature) => self.set_feature(feature)?,
        }
        Ok(Outcome::Done)
    }

    fn set_connection(&mut self) -> Result<Outcome, Obstacle> {
        let Some(wanted) = &self.entry.connection else {
            return Ok(Outcome::Done);
        };
        self.note_unverifiable(wanted);
        if self.entry.app.needs_consent() {
            return self.start_consent(wanted);
        }
        let is_token = wanted.profile.auth_scheme == AuthScheme::Token;
        let differences = differences(&self.live, wanted);
        let token = is_token.then_some(self.token);
        let is_due = token.is_some_and(TokenPost::is_due);
        if !is_due || self.past.look == Look::Always {
            self.call(Call::ReadConnection)?;
            match self.connection(&differences.clone()?, token) {
                Fate::AsWanted | Fate::LeftActive => return Ok(Outcome::Connected),
                Fate::LeftAlone => return Ok(Outcome::LeftAlone),
                Fate::Write => {}
            }
        }
        self.call(Call::SetConnection)?;
        self.before.written = true;
        if differences.is_err() {
            // It is accepted and shows nothing, so that a proof is asked for (API.md §3.4).
            self.call(Call::ReadConnection)?;
        }
        self.note_connection(&differences?);
        if is_token {
            self.note_secret(TOKEN, self.token.secret);
        }
        Ok(Outcome::Connected)
    }

    fn deactivate(&mut self) -> Result<Outcome, Obstacle> {
        self.call(Call::ReadConnection)?;
        if active(&self.live)? == Active::No {
            return Ok(Outcome::Done);
        }
        let on = Difference::text("status", self.live.status.name(), "DISABLED");
        if self.connection(from_ref(&on), None) == Fate::LeftAlone {
            return Ok(Outcome::LeftAlone);
        }
        self.call(Call::Deactivate)?;
        self.call(Call::ReadConnection)?;
        self.note_connection(&[on]);
        Ok(Outcome::Done)
    }

    // What becomes of the connection; what is left alone is noted as such.
    fn connection(&mut self, differences: &[Difference], token: Option<TokenPost>) -> Fate {
        let judged = self.past.earlier.judge(Part::Connection, differences);
        let fate = judged.connection(self.past.on_drift);
        let fate = token.map_or(fate, |token| fate.with(token));
        if matches!(fate, Fate::LeftActive | Fate::LeftAlone) {
            self.note_left(Part::Connection, &judged.by_hand);
        }
        fate
    }

    fn note_left(&mut self, part: Part, left: &[Difference]) {
        let path = part.to_string();
        let left = left.iter().map(|difference| below(&path, difference));
        self.forecast.left_alone.extend(left);
    }

    fn set_feature(&mut self, feature: Feature) -> Result<(), Obstacle> {
        let all = Wanted::of(&self.entry.features);
        let Some(wanted) = all.get(feature) else {
            return Ok(());
        };
        let reads = self.before.reads(all.is_complete());
        if reads && !self.before.listed {
            self.call(Call::ListFeatures)?;
            self.before.listed = true;
        }
        let part = Part::Feature(feature);
        let path = part.to_string();
        let Some(features) = self.app.and_then(|app| app.features.as_ref()) else {
            if !self.before.written {
                // The list is refused, and a look at the connection tells why.
                self.call(Call::ReadConnection)?;
                return Err(match self.live.status {
                    LiveStatus::Unknown => unsupported(&self.live),
                    _ => inactive(&self.live),
                });
            }
            self.forecast.uncertain += u64::from(reads);
            self.call(Call::SetFeature(feature))?;
            for leaf in compare(&Value::Null, wanted) {
                self.note_unseen(format!("{path}.{}", leaf.path), leaf.wanted);
            }
            self.forecast.unverifiable.push(path);
            return Ok(());
        };
        let live = features.iter().find(|state| state.name == *feature.name());
        let mut differences = match live {
            Some(live) => compare(live, wanted),
            None if reads => return Err(no_feature(feature)),
            None => compare(&Value::Null, wanted),
        };
        let judged = self.past.earlier.judge(part, &differences);
        let left = judged.left(self.past.on_drift);
        differences.retain(|difference| !left.contains(difference));
        self.note_left(part, left);
        if !reads || !differences.is_empty() {
            self.call(Call::SetFeature(feature))?;
        }
        for difference in &differences {
            let change = Change::Field(below(&path, difference));
            self.forecast.changes.push(change);
        }
        Ok(())
    }

    fn call(&mut self, call: Call) -> Result<(), Obstacle> {
        if call.method() != Method::Get && self.app.is_some() {
            self.look_before_writing()?;
        }
        self.push(call);
        Ok(())
    }

    fn look_before_writing(&mut self) -> Result<(), Obstacle> {
        match self.identity.take() {
            None | Some(Identity::Right) => Ok(()),
            Some(Identity::Looked) => {
                self.push(Call::ReadApp);
                Ok(())
            }
            Some(Identity::Wrong(obstacle)) => Err(obstacle.clone()),
            Some(Identity::LookedWrong(obstacle)) => {
                self.push(Call::ReadApp);
                Err(obstacle.clone())
            }
        }
    }

    fn push(&mut self, call: Call) {
        if self.waits {
            self.forecast.after_consent.push(call);
        } else {
            self.forecast.calls.push(call);
        }
    }

    fn note_connection(&mut self, differences: &[Difference]) {
        for difference in differences {
            let change = Change::Field(below("connection", difference));
            self.forecast.changes.push(change);
        }
    }

    fn note_secret(&mut self, field: &'static str, secret: Secret) {
        self.forecast.changes.push(Change::Secret { field, secret });
    }

    fn note_unseen(&mut self, field: String, wanted: Value) {
        self.forecast.changes.push(Change::Unseen { field, wanted });
    }

    // What Okta never shows, or did not show of this connection (API.md §3.2).
    fn note_unverifiable(&mut self, wanted: &Connection) {
        let profile = &wanted.profile;
        let mut note = |field: &str| self.forecast.unverifiable.push(field.to_owned());
        if profile.token.is_some() {
            note(TOKEN);
        }
        if profile.settings.is_some() {
            ADMIN_SECRETS.into_iter().for_each(&mut note);
        }
        // A connection that is not active may have nothing to show yet.
        if self.live.status != LiveStatus::Enabled {
            return;
        }
        if wanted.base_url.is_some() && self.live.base_url.is_none() {
            note("connection.baseUrl");
        }
        if profile.client_id.is_some() && self.live.client_id.is_none() {
            note("connection.profile.clientId");
        }
        if profile.signing.is_some() && self.live.rotation_mode.is_none() {
            note("connection.profile.signing.rotationMode");
        }
    }

    /// What came of it.
    pub(super) fn finish(mut self) -> Forecast {
        // Nothing has to be written to it, and yet it is not what the entry says.
        if let Some(Identity::Wrong(obstacle)) = self.identity
            && self.forecast.error.is_none()
        {
            self.forecast.error = Some(obstacle.clone());
        }
        let deactivates = self.forecast.calls.contains(&Call::Deactivate);
        let puts = self
            .forecast
            .calls
            .iter()
            .any(|call| matches!(call, Call::SetFeature(_)));
        let was_active = self.live.status == LiveStatus::Enabled;
        self.forecast.action = if self.forecast.error.is_some() {
            Action::Error
        } else if self.waits {
            Action::Consent
        } else if deactivates {
            Action::Deactivate
        } else if self.app.is_none() && self.forecast.calls.contains(&Call::CreateApp)
            || self.before.written && !was_active
        {
            Action::SetUp
        } else if self.before.written || puts {
            Action::Change
        } else {
            Action::Nothing
        };
        self.forecast
    }
}

fn below(what: &str, difference: &Difference) -> Difference {
    Difference {
        path: format!("{what}.{}", difference.path),
        ..difference.clone()
    }
}

const TOKEN: &str = "connection.profile.token";

impl Forecast {
    /// Of an entry whose consent link is out already: a run leaves it to the person who has it.
    pub fn waiting(entry: &Entry, past: Past, identity: Identity) -> Self {
        let seen = Seen {
            app: Some(SeenApp::default()),
            past,
            identity,
            ..Seen::default()
        };
        let mut walk = Walk::after_consent(entry, &seen);
        walk.go(steps(entry)
            .into_iter()
            .skip_while(|step| *step != Step::AwaitConsent));
        walk.finish()
    }
}

/// Foretells what a run would do to an entry that was seen like this.
pub fn forecast(entry: &Entry, seen: &Seen) -> Forecast {
    let mut walk = Walk::new(entry, seen);
    walk.go(steps(entry).into_iter());
    walk.finish()
}

#[cfg(test)]
mod tests;
