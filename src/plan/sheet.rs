//! A plan as a whole: every org with its entries and its cost, and the shape in which programs get it.
//!
//! `plan --format json` prints one object:
//!
//! ```json
//! { "file": "rollout.csv",
//!   "continues": "k3f9",
//!   "entries": [ { "org": "acme", "app": "google", "appId": "0oa…", "label": "…", "row": 2,
//!       "action": "set_up|change|deactivate|nothing|consent|error",
//!       "changes": [ { "field": "connection.baseUrl", "live": "https://a", "wanted": "https://b" },
//!                    { "field": "features.USER_PROVISIONING.update.profile.status", "wanted": "ENABLED" },
//!                    { "field": "connection.profile.token", "secret": "changed|unchanged|unknown" } ],
//!       "leftAlone": [],
//!       "needsReconnect": [ { "field": "connection.profile.settings.adminPassword", "secret": "changed" } ],
//!       "unverifiable": [ "connection.profile.token" ],
//!       "calls": 2, "callsAfterConsent": 0, "uncertain": 0,
//!       "error": { "message": "…", "hint": "…" } } ],
//!   "totals": { "entries": 0, "setUp": 0, "change": 0, "deactivate": 0, "consent": 0, "nothing": 0, "errors": 0 },
//!   "orgs": [ { "org": "acme", "calls": { "/api/v1/apps": 2 }, "total": 2, "callsAfterConsent": 0, "uncertain": 0,
//!       "seconds": 2, "error": null } ] }
//! ```
//!
//! A change without `live` is of a field that Okta does not show yet; `live: null` is one that is not set. `calls` is
//! what a run sends for the entry, up to a person's consent; up to `uncertain` of its calls, and of those after the
//! consent, turn out needless if what Okta does not show yet is as wanted. An org's `calls` include the pages of its
//! apps that are listed to find labels, and what entries of other orgs send to it. A job with waves has
//! `"waves": [ { "name": "canaries", "orgs": 1, "entries": 3, "calls": 6 } ]` besides. `leftAlone` is like `changes`: what somebody changed by
//! hand and a job with `onDrift = "report"` leaves so. `needsReconnect` is what changed and is left until somebody asks
//! for it with `--reconnect`. `continues` is the interrupted run that `run` would continue with instead of
//! beginning anew, and `null` otherwise. An entry whose connection works
//! with an API token and is to sign in as a service app has `"migration": { "from": "TOKEN", "to": "OAUTH2", "pauses": false }`
//! besides. An org that is reached as a service app has
//! `"scopes": { "needed": [ "okta.apps.manage", "okta.apps.read" ], "missing": [] }` besides.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::cost::{Buckets, Cost, Pace};
use super::decide::{Obstacle, Secret};
use super::forecast::{Action, Change, Forecast};
use super::scopes::Scopes;
use super::wave::WavePlan;
use crate::apps::App;
use crate::manifest::Entry;

/// Which entry it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Which {
    /// Its app.
    pub app: App,
    /// The app instance, given or found.
    pub app_id: Option<Box<str>>,
    /// The label, if the manifest gives one.
    pub label: Option<Box<str>>,
    /// Row in the manifest.
    pub row: u64,
}

impl Which {
    /// An entry in this row.
    pub fn of(entry: &Entry, row: u64) -> Self {
        Self {
            app: entry.app,
            app_id: entry.app_id.as_deref().map(Into::into),
            label: entry.label.as_deref().map(Into::into),
            row,
        }
    }

    /// `google "Google Workspace" (row 3)`.
    pub fn name(&self) -> String {
        let Self { app, row, .. } = self;
        match (&self.label, &self.app_id) {
            (Some(label), _) => format!("{app} {label:?} (row {row})"),
            (None, Some(id)) => format!("{app} {id} (row {row})"),
            (None, None) => format!("{app} (row {row})"),
        }
    }
}

/// What a run would do to one entry. Most entries of a large plan need nothing: they hold no lists.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryPlan {
    /// The entry it is about.
    pub which: Which,
    /// What would be done.
    pub action: Action,
    /// See [`Forecast::migrates`].
    pub migrates: bool,
    /// See [`Forecast::changes`].
    pub changes: Vec<Change>,
    /// See [`Forecast::left_alone`].
    pub left_alone: Vec<Change>,
    /// See [`Forecast::left_secrets`].
    pub left_secrets: Vec<Change>,
    /// See [`Forecast::unverifiable`].
    pub unverifiable: Vec<String>,
    /// How many calls.
    pub calls: u64,
    /// How many after a consent.
    pub after_consent: u64,
    /// See [`Forecast::uncertain`].
    pub uncertain: u64,
    /// Why it would fail.
    pub error: Option<Obstacle>,
    /// Tells whether the live state moved since: equal for what was seen alike.
    pub seen: [u8; 16],
}

impl EntryPlan {
    /// From what is foretold.
    pub fn new(which: Which, forecast: Forecast, seen: [u8; 16]) -> Self {
        Self {
            which,
            action: forecast.action,
            migrates: forecast.migrates,
            changes: forecast.changes,
            left_alone: forecast.left_alone.into_iter().map(Change::Field).collect(),
            left_secrets: forecast
                .left_secrets
                .into_iter()
                .map(|field| Change::Secret {
                    field,
                    secret: Secret::Changed,
                })
                .collect(),
            unverifiable: forecast.unverifiable,
            calls: forecast.calls.len() as u64,
            after_consent: forecast.after_consent.len() as u64,
            uncertain: forecast.uncertain,
            error: forecast.error,
            seen,
        }
    }
}

/// One org of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct OrgPlan {
    /// Its name.
    pub name: String,
    /// Its entries, in manifest order.
    pub entries: Vec<EntryPlan>,
    /// What they, and entries of other orgs, cost it.
    pub cost: Cost,
    /// What they cost other orgs, by name, until that is booked there.
    pub elsewhere: BTreeMap<String, Cost>,
    /// What it lets through.
    pub pace: Pace,
    /// Why it could not be read.
    pub error: Option<Obstacle>,
    /// What its entries need of the scopes of a service app, where it is reached as one.
    pub scopes: Option<Scopes>,
}

impl OrgPlan {
    /// About how long its calls take.
    pub fn time(&self) -> Duration {
        self.cost.time(&self.pace)
    }

    /// Calls a minute that it allows us in the bucket that takes most of them, if it has shown that.
    pub fn calls_a_minute(&self) -> Option<u64> {
        self.pace.allowances.get(&self.cost.busiest()?).copied()
    }
}

/// Books what entries cost other orgs than their own on those.
pub fn book_elsewhere(orgs: &mut [OrgPlan]) {
    let mut by_name: BTreeMap<String, Cost> = BTreeMap::new();
    for (name, cost) in orgs
        .iter_mut()
        .flat_map(|org| std::mem::take(&mut org.elsewhere))
    {
        by_name.entry(name).or_default().merge(cost);
    }
    for org in orgs {
        if let Some(cost) = by_name.remove(&org.name) {
            org.cost.merge(cost);
        }
    }
}

/// Entries by what would be done to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// All of them.
    pub entries: u64,
    /// [`Action::SetUp`].
    pub set_up: u64,
    /// [`Action::Change`].
    pub change: u64,
    /// [`Action::Deactivate`].
    pub deactivate: u64,
    /// [`Action::Consent`].
    pub consent: u64,
    /// [`Action::Nothing`].
    pub nothing: u64,
    /// [`Action::Error`].
    pub errors: u64,
}

impl Totals {
    /// Of a plan's orgs.
    pub fn of(orgs: &[OrgPlan]) -> Self {
        let mut totals = Self::default();
        for entry in orgs.iter().flat_map(|org| &org.entries) {
            totals.entries += 1;
            *match entry.action {
                Action::SetUp => &mut totals.set_up,
                Action::Change => &mut totals.change,
                Action::Deactivate => &mut totals.deactivate,
                Action::Consent => &mut totals.consent,
                Action::Nothing => &mut totals.nothing,
                Action::Error => &mut totals.errors,
            } += 1;
        }
        totals
    }

    /// Entries that a run would do something to.
    pub const fn changes(&self) -> u64 {
        self.set_up + self.change + self.deactivate + self.consent
    }
}

/// A plan as programs get it; see the module.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sheet<'a> {
    file: &'a str,
    continues: Option<&'a str>,
    entries: Vec<EntryView<'a>>,
    totals: Totals,
    #[serde(skip_serializing_if = "<[WavePlan]>::is_empty")]
    waves: &'a [WavePlan],
    orgs: Vec<OrgView<'a>>,
}

impl<'a> Sheet<'a> {
    /// Of the file as typed, and the interrupted run of it that `run` would continue with.
    pub fn new(file: &'a str, continues: Option<&'a str>, orgs: &'a [OrgPlan]) -> Self {
        Self {
            file,
            continues,
            entries: orgs.iter().flat_map(entries).collect(),
            totals: Totals::of(orgs),
            waves: &[],
            orgs: orgs.iter().map(OrgView::of).collect(),
        }
    }

    /// The same of a job with these waves.
    #[must_use]
    pub fn in_waves(self, waves: &'a [WavePlan]) -> Self {
        Self { waves, ..self }
    }
}

fn entries(org: &OrgPlan) -> impl Iterator<Item = EntryView<'_>> {
    org.entries.iter().map(|entry| EntryView::of(org, entry))
}

/// From an API token to a service app, over a connection that is active all the time.
#[derive(Serialize)]
struct Migration {
    from: &'static str,
    to: &'static str,
    pauses: bool,
}

/// The service app is ready before the connection is switched, which is never deactivated (API.md §6).
const MIGRATION: Migration = Migration {
    from: "TOKEN",
    to: "OAUTH2",
    pauses: false,
};

/// An entry as programs get it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryView<'a> {
    org: &'a str,
    app: App,
    app_id: Option<&'a str>,
    label: Option<&'a str>,
    row: u64,
    action: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    migration: Option<Migration>,
    changes: &'a [Change],
    left_alone: &'a [Change],
    needs_reconnect: &'a [Change],
    unverifiable: &'a [String],
    calls: u64,
    calls_after_consent: u64,
    uncertain: u64,
    error: Option<&'a Obstacle>,
}

impl<'a> EntryView<'a> {
    fn of(org: &'a OrgPlan, entry: &'a EntryPlan) -> Self {
        let which = &entry.which;
        Self {
            org: &org.name,
            app: which.app,
            app_id: which.app_id.as_deref(),
            label: which.label.as_deref(),
            row: which.row,
            action: entry.action,
            migration: entry.migrates.then_some(MIGRATION),
            changes: &entry.changes,
            left_alone: &entry.left_alone,
            needs_reconnect: &entry.left_secrets,
            unverifiable: &entry.unverifiable,
            calls: entry.calls,
            calls_after_consent: entry.after_consent,
            uncertain: entry.uncertain,
            error: entry.error.as_ref(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrgView<'a> {
    org: &'a str,
    calls: Buckets<'a>,
    total: u64,
    calls_after_consent: u64,
    uncertain: u64,
    seconds: u64,
    error: Option<&'a Obstacle>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<&'a Scopes>,
}

impl<'a> OrgView<'a> {
    fn of(org: &'a OrgPlan) -> Self {
        Self {
            org: &org.name,
            calls: Buckets(&org.cost),
            total: org.cost.total(),
            calls_after_consent: org.cost.after_consent,
            uncertain: org.cost.uncertain,
            // Part of a second is a second: nothing takes no time.
            seconds: org
                .time()
                .as_millis()
                .div_ceil(1_000)
                .try_into()
                .unwrap_or(u64::MAX),
            error: org.error.as_ref(),
            scopes: org.scopes.as_ref(),
        }
    }
}
