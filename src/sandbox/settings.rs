//! What a sandbox is told to be: the job's `[sandbox]` table and the flags of `okta-rollout sandbox`.
//!
//! Everything Okta documents is fixed in the code; everything it does not (API.md §12) is a switch
//! in [`Assumptions`], whose defaults are the strict reading. Faults are in [`super::faults`].

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::faults::Faults;
use super::limits::{Bucket, Rule};
use super::mistake::Mistake;
use super::names;
use super::oauth::Client;

/// Settings of simulated orgs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SandboxSettings {
    /// Who grants consent at the third party.
    pub consent: Consent,
    /// Makes ids, latencies and faults repeatable.
    pub seed: u64,
    /// Orgs `org-0001`… to make at start, for the stand-alone command.
    pub orgs: u32,
    /// Apps in each of those orgs, the six kinds in turn.
    pub apps: u32,
    /// Calls per window in the bucket `/api/v1/apps`; 0 = no rate limit at all.
    pub limit: u32,
    /// Calls per window in other buckets, instead of the recorded ones.
    pub limits: BTreeMap<Bucket, u32>,
    /// Length of a rate limit window, from its first request.
    pub window: Period,
    /// Calls one org answers at the same time; 0 = any number.
    pub concurrency: u32,
    /// How long a call takes: `none`, `recorded`, or a duration such as `250ms`.
    #[schemars(with = "String")]
    pub latency: Latency,
    /// Requests remembered per org; 0 keeps only their count.
    pub journal: u32,
    /// What Okta leaves undocumented.
    pub assume: Assumptions,
    /// What goes wrong.
    pub faults: Faults,
    /// What is special about single orgs, by name.
    pub switches: BTreeMap<String, Switches>,
    /// Service apps that every org has, by client id. None is there that nobody gave.
    pub clients: BTreeMap<String, Client>,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self {
            consent: Consent::Auto,
            seed: 1,
            orgs: 0,
            apps: 0,
            // What one API token saw of an org's 100 (API.md §10.1).
            limit: 50,
            limits: BTreeMap::new(),
            window: Period(Duration::from_mins(1)),
            concurrency: 75,
            latency: Latency::None,
            journal: 1000,
            assume: Assumptions::default(),
            faults: Faults::default(),
            switches: BTreeMap::new(),
            clients: BTreeMap::new(),
        }
    }
}

impl SandboxSettings {
    /// As if so many calls a window were said of every org, whatever is said of single ones; 0 = no rate limit at all.
    pub fn limit_all(&mut self, limit: u32) {
        self.limit = limit;
        if limit == 0 {
            self.limits.clear();
        } else {
            self.limits.remove(&Bucket::Apps);
        }
        for switches in self.switches.values_mut() {
            switches.limit = None;
        }
    }

    /// As if this were said of how long the calls of every org take, whatever is said of single ones.
    pub fn delay_all(&mut self, latency: Latency) {
        self.latency = latency;
        for switches in self.switches.values_mut() {
            switches.latency = None;
        }
    }

    /// The windows of a bucket of an org with these switches.
    pub(super) fn rule(&self, bucket: Bucket, switches: &Switches) -> Rule {
        let apps = switches.limit.unwrap_or(self.limit);
        let own = self.limits.get(&bucket).copied();
        let limit = match bucket {
            Bucket::Apps => own.unwrap_or(apps),
            // `limit = 0` frees the whole org, so that a benchmark meets no limit anywhere.
            _ => own.unwrap_or(if apps == 0 {
                0
            } else {
                bucket.recorded_limit()
            }),
        };
        Rule {
            limit,
            spent: if bucket == Bucket::Apps {
                switches.spent_by_others
            } else {
                0
            },
            length: self.window.0,
        }
    }
}

impl SandboxSettings {
    /// What is wrong with single values, as far as their types do not say so.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut found = Vec::new();
        if self.window.0.is_zero() {
            found.push(Mistake {
                path: "window".to_owned(),
                message: "must be longer than nothing".to_owned(),
                hint: "Okta's is 60s; limit = 0 is no limit at all",
            });
        }
        found.extend(self.faults.mistakes());
        let of_all = self
            .clients
            .iter()
            .map(|(id, client)| (format!("clients.{id}"), client));
        let of_one = self.switches.iter().flat_map(|(org, switches)| {
            let clients = switches.clients.iter();
            clients.map(move |(id, client)| (format!("switches.{org}.clients.{id}"), client))
        });
        for (path, client) in of_all.chain(of_one) {
            found.extend(client.mistakes(&path));
        }
        found
    }

    /// The orgs that it makes by itself.
    pub fn orgs_made(&self) -> impl Iterator<Item = String> {
        (1..=self.orgs).map(names::numbered)
    }
}

/// Who grants consent at the third party.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Consent {
    /// A simulated administrator: the embedding program calls [`super::Sandbox::approve`].
    #[default]
    Auto,
    /// A person, on the third party's page.
    Manual,
}

/// Answers to the questions of API.md §12. `false` is the strict reading everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches of a settings file, each with a name of its own"
)]
pub struct Assumptions {
    /// Posting a connection again leaves earlier consent links alive.
    pub repost_keeps_links: bool,
    /// Posting an ENABLED connection without `activate` leaves it ENABLED, and its grant in place.
    pub repost_keeps_enabled: bool,
    /// `lifecycle/activate` succeeds although no credentials were given.
    pub activate_without_details: bool,
    /// office365 does without `settings`.
    pub office365_without_settings: bool,
    /// `password.change: CYCLE` is accepted.
    pub accept_cycle: bool,
    /// `timeZone` is read like `timezone` instead of being ignored.
    pub accept_time_zone: bool,
    /// A second app with the same label is refused (E0000040).
    pub unique_labels: bool,
    /// `lifecycle/deactivate` forgets the features' settings.
    pub deactivate_resets_features: bool,
    /// `_links.authorize` is only in the answer to the POST.
    pub authorize_only_on_post: bool,
    /// `baseUrl` of an `okta_org2org` connection is neither stored nor shown.
    pub ignore_org2org_base_url: bool,
    /// Keys of a connection are shown as `{"keys"}` (RFC 7517) instead of `{"jwks":{"keys"}}`.
    pub bare_jwks: bool,
    /// How long it takes until roles and scopes of a hub's client hold.
    pub hub_settles: Period,
    /// How long a consent link and its code are good.
    pub state_ttl: Period,
    /// Answer to a wrong, used or expired `state` or `code`: 400, 403 or 404.
    pub bad_state_status: BadState,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            repost_keeps_links: false,
            repost_keeps_enabled: false,
            activate_without_details: false,
            office365_without_settings: false,
            accept_cycle: false,
            accept_time_zone: false,
            unique_labels: false,
            deactivate_resets_features: false,
            authorize_only_on_post: false,
            ignore_org2org_base_url: false,
            bare_jwks: false,
            hub_settles: Period(Duration::ZERO),
            // Undocumented; long enough for an administrator's next working day.
            state_ttl: Period(Duration::from_hours(24)),
            bad_state_status: BadState::Invalid,
        }
    }
}

/// How Okta answers to a `state` or `code` it does not take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BadState {
    /// 400 E0000001.
    #[default]
    #[serde(rename = "400")]
    Invalid,
    /// 403 E0000006.
    #[serde(rename = "403")]
    Forbidden,
    /// 404 E0000007.
    #[serde(rename = "404")]
    NotFound,
}

/// What is special about one org.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches of a settings file, each with a name of its own"
)]
pub struct Switches {
    /// Its API token was revoked: 401 E0000011.
    pub revoked_token: bool,
    /// Scopes the token lacks: 403 with an empty body for the operations that need them.
    pub missing_scopes: Vec<String>,
    /// The token's user lacks the admin role: 403 E0000006.
    pub missing_role: bool,
    /// Where a role is missing, lists are empty instead of refused.
    pub empty_without_role: bool,
    /// Instead of the sandbox's `limit`.
    pub limit: Option<u32>,
    /// Instead of the sandbox's `concurrency`.
    pub concurrency: Option<u32>,
    /// Calls of every `/api/v1/apps` window that somebody else has already taken.
    pub spent_by_others: u32,
    /// Seconds its clock is ahead of ours (negative: behind).
    pub clock_skew_s: i32,
    /// Instead of the sandbox's `latency`.
    #[schemars(with = "Option<String>")]
    pub latency: Option<Latency>,
    /// Its service apps besides those of every org, or instead of them.
    pub clients: BTreeMap<String, Client>,
    /// What assertions have to name as their audience, instead of the token endpoint.
    pub audience: Option<String>,
    /// Seconds for which a token is good, instead of an hour.
    pub token_life_s: Option<u32>,
    /// Calls after which a token is refused as if it had ended.
    pub token_calls: Option<u32>,
    /// Seconds after which another nonce is given out for proofs, instead of a day; each is taken three times as long.
    pub nonce_life_s: Option<u32>,
    /// Proofs of all calls need a nonce, not only those for tokens.
    pub nonce_for_calls: bool,
}

/// How long a call takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Latency {
    /// As fast as it can.
    #[default]
    None,
    /// As recorded from a real org (API.md §3.3).
    Recorded,
    /// Always the same.
    Fixed(Period),
}

impl FromStr for Latency {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        Ok(match text {
            "none" => Self::None,
            "recorded" => Self::Recorded,
            other => Self::Fixed(other.parse()?),
        })
    }
}

impl TryFrom<String> for Latency {
    type Error = BadPeriod;

    fn try_from(text: String) -> Result<Self, BadPeriod> {
        text.parse()
    }
}

impl From<Latency> for String {
    fn from(latency: Latency) -> Self {
        match latency {
            Latency::None => "none".to_owned(),
            Latency::Recorded => "recorded".to_owned(),
            Latency::Fixed(period) => period.to_string(),
        }
    }
}

/// A length of time, written `250ms`, `60s`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Period(pub Duration);

/// A text that is no length of time.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a duration such as 250ms, 60s or 1h")]
pub struct BadPeriod(String);

impl FromStr for Period {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        text.parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|signed| Duration::try_from(signed).ok())
            .map(Self)
            .ok_or_else(|| BadPeriod(text.to_owned()))
    }
}

impl TryFrom<String> for Period {
    type Error = BadPeriod;

    fn try_from(text: String) -> Result<Self, BadPeriod> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_millis() {
            0 => write!(f, "{}s", self.0.as_secs()),
            _ => write!(f, "{}ms", self.0.as_millis()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_is_read_and_written_alike() {
        let text = r#"
            consent = "manual"
            limit = 10
            window = "2s"
            latency = "recorded"
            [limits]
            "/oauth2/v1/clients" = 5
            [assume]
            stateTtl = "1h"
            badStateStatus = "404"
            [faults.percent]
            lostAnswer = 1.5
            [[faults.rules]]
            fault = "reset"
            org = "acme"
            method = "POST"
            path = "*/connections/default"
            nth = 2
            [switches.acme]
            clockSkewS = -90
            latency = "20ms"
        "#;
        let settings: SandboxSettings = toml::from_str(text).unwrap();
        assert_eq!(settings.window.0, Duration::from_secs(2));
        assert_eq!(settings.limits[&Bucket::Clients], 5);
        assert_eq!(
            settings.switches["acme"].latency,
            Some(Latency::Fixed(Period(Duration::from_millis(20))))
        );
        let again = serde_json::to_string(&settings).unwrap();
        assert_eq!(
            serde_json::from_str::<SandboxSettings>(&again).unwrap(),
            settings
        );
    }

    #[test]
    fn values_that_cannot_be_are_found() {
        for (text, path, message) in [
            ("window = '0s'", "window", "must be longer than nothing"),
            (
                "[faults.percent]\nreset = 60.0\nhang = 50.5",
                "faults.percent",
                "110.5 % of the requests go wrong",
            ),
            (
                "[[faults.rules]]\nfault = 'hang'\n[[faults.rules]]\nfault = 'hang'\nnth = 0",
                "faults.rules[1].nth",
                "requests are counted from 1",
            ),
            (
                "[[faults.rules]]\nfault = 'hang'\nmethod = 'post'",
                "faults.rules[0].method",
                "no request has the method \"post\"",
            ),
        ] {
            let settings: SandboxSettings = toml::from_str(text).unwrap();
            let found = settings.mistakes();
            let [mistake] = &found[..] else {
                panic!("{text}: {found:?}")
            };
            assert_eq!((&*mistake.path, &*mistake.message), (path, message));
        }
        let right = "[faults.percent]\nreset = 60.0\nhang = 40.0\n[[faults.rules]]\nfault = 'hang'\nmethod = 'P*'\ntimes = 0";
        let settings: SandboxSettings = toml::from_str(right).unwrap();
        assert_eq!(settings.mistakes(), []);
        assert_eq!(SandboxSettings::default().mistakes(), []);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, names) in [
            ("limt = 1", "limt"),
            ("window = \"soon\"", "soon"),
            ("latency = \"slow\"", "slow"),
            ("[limits]\n\"/api/v2\" = 1", "/api/v2"),
            ("[faults.percent]\nreset = 101.0", "101"),
        ] {
            let error = toml::from_str::<SandboxSettings>(text).unwrap_err();
            assert!(error.to_string().contains(names), "{text}: {error}");
        }
    }
}
