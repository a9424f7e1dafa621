//! What one row of a manifest says: one app in one org, in Okta's own words.
//!
//! Owns the typed shape (and with it the JSON Schema); reading, merging of defaults and checking live
//! beside it. Secrets appear only as references.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::connection::{Connection, RotationMode};
use super::hub::Hub;
use crate::apps::{App, AuthScheme, Feature};

/// One app in one org: what should be true of its provisioning connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Name of an org of the manifest, of `--orgs` or of the job.
    pub org: String,
    /// The app integration's `name` at Okta.
    pub app: App,
    /// Id of the app instance; exactly one of `appId` and `label`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// Label of the app instance, looked up in the org; exactly one of `appId` and `label`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// How to create the app when none has that label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create: Option<Create>,
    /// Set-up of the service app in the hub org (`okta_org2org` with OAUTH2). Boxed, as few entries have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub: Option<Box<Hub>>,
    /// The connection's credentials, spelled as Okta's request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<Connection>,
    /// The provisioning features to configure.
    #[serde(default, skip_serializing_if = "Features::is_empty")]
    pub features: Features,
    /// `ENABLED` (default) or `DISABLED` = deactivate the connection.
    #[serde(default, skip_serializing_if = "Status::is_enabled")]
    pub status: Status,
    /// Of a run that rotates keys, instead of making all this so. No manifest has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub rotation: Option<KeyRotation>,
}

/// How the keys of a connection are rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRotation {
    /// Years for which the new key is good: 2 to 10 (API.md §6).
    pub validity_years: u8,
    /// What becomes of the old key.
    pub old_key: OldKey,
}

/// What becomes of a key in whose place another one came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OldKey {
    /// It is taken away from the hub once the new one is in use.
    Goes,
    /// It stays until the next rotation.
    Stays,
}

impl Entry {
    /// Whether it is a connection whose keys nobody but us rotates, and whose service app is known where it is.
    pub fn rotates_by_hand(&self) -> bool {
        self.is_two_legged() && self.hub.is_some() && !self.rotates_itself()
    }

    /// The same of one whose hub is not named, so that nobody can tell where its service app is.
    pub fn rotates_nowhere(&self) -> bool {
        self.is_two_legged() && self.hub.is_none() && !self.rotates_itself()
    }

    fn is_two_legged(&self) -> bool {
        let scheme = self
            .connection
            .as_ref()
            .map(|wanted| wanted.profile.auth_scheme);
        self.app == App::OktaOrg2Org && scheme == Some(AuthScheme::Oauth2)
    }

    // Without a word Okta takes MANUAL (API.md §2).
    fn rotates_itself(&self) -> bool {
        let signing = self
            .connection
            .as_ref()
            .and_then(|wanted| wanted.profile.signing.as_ref());
        signing.is_some_and(|signing| signing.rotation_mode == RotationMode::Auto)
    }
}

/// Body of `POST /api/v1/apps` besides `name` and `label` (API.md §9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Create {
    /// Sign-on mode; Okta's default for the app when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_on_mode: Option<String>,
    /// `settings.app` as the app requires it.
    #[serde(default)]
    pub settings: CreateSettings,
}

/// `settings` of an app to create.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSettings {
    /// App-specific settings (API.md §9).
    #[serde(default)]
    pub app: serde_json::Map<String, Value>,
}

/// The wanted status of the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// The connection is set up and active.
    #[default]
    Enabled,
    /// The connection is deactivated.
    Disabled,
}

impl Status {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde calls it with a reference"
    )]
    fn is_enabled(&self) -> bool {
        *self == Self::Enabled
    }
}

/// The capabilities wanted of each feature; only what is given is compared and written (API.md §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Features {
    /// From Okta to the app.
    #[serde(rename = "USER_PROVISIONING", skip_serializing_if = "Option::is_none")]
    pub user_provisioning: Option<UserProvisioning>,
    /// From the app to Okta.
    #[serde(
        rename = "INBOUND_PROVISIONING",
        skip_serializing_if = "Option::is_none"
    )]
    pub inbound_provisioning: Option<InboundProvisioning>,
}

impl Features {
    /// Whether no feature is given.
    pub fn is_empty(&self) -> bool {
        self.user_provisioning.is_none() && self.inbound_provisioning.is_none()
    }

    /// The wanted capabilities of a feature as the JSON of Okta's PUT body, if the entry has it.
    pub fn wanted(&self, feature: Feature) -> Option<Value> {
        let value = match feature {
            Feature::UserProvisioning => self.user_provisioning.as_ref().map(serde_json::to_value),
            Feature::InboundProvisioning => {
                self.inbound_provisioning.as_ref().map(serde_json::to_value)
            }
        };
        // Plain structs of strings and booleans: serialization cannot fail.
        value.and_then(Result::ok)
    }

    /// The features the entry has, in the order they are set.
    pub fn names(&self) -> impl Iterator<Item = Feature> + '_ {
        Feature::ALL.into_iter().filter(|feature| match feature {
            Feature::UserProvisioning => self.user_provisioning.is_some(),
            Feature::InboundProvisioning => self.inbound_provisioning.is_some(),
        })
    }
}

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident : $ty:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($(#[$fdoc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<$ty>,)*
        }
    )*};
}

capabilities! {
    /// `USER_PROVISIONING` capabilities (API.md §5.1).
    UserProvisioning {
        /// Creation of users in the app.
        create: CreateCapability,
        /// Updates of users in the app.
        update: UpdateCapability,
    }
    /// `create`.
    CreateCapability {
        /// Whether assigned users are created.
        lifecycle_create: Switch,
    }
    /// `update`.
    UpdateCapability {
        /// Whether profile changes are pushed.
        profile: Switch,
        /// Whether unassigned users are deactivated.
        lifecycle_deactivate: Switch,
        /// Password sync.
        password: PasswordCapability,
    }
    /// A capability that is on or off.
    Switch {
        /// `ENABLED` or `DISABLED`.
        status: OnOff,
    }
    /// `update.password`.
    PasswordCapability {
        /// `ENABLED` or `DISABLED`.
        status: OnOff,
        /// Where the password comes from.
        seed: PasswordSeed,
        /// Whether the password changes over time.
        change: PasswordChange,
    }
    /// `INBOUND_PROVISIONING` capabilities (API.md §5.2).
    InboundProvisioning {
        /// What is imported, and when.
        import_settings: ImportSettings,
        /// How imported users are matched.
        import_rules: ImportRules,
    }
    /// `importSettings`.
    ImportSettings {
        /// How Okta usernames are made.
        username: ImportUsername,
        /// When imports run.
        schedule: ImportSchedule,
    }
    /// `importSettings.username`.
    ImportUsername {
        /// `EMAIL` or `CUSTOM`.
        user_name_format: UserNameFormat,
        /// Okta expression for `CUSTOM`.
        user_name_expression: String,
    }
    /// `importRules`.
    ImportRules {
        /// How users are created and matched.
        user_create_and_match: UserCreateAndMatch,
    }
    /// `importRules.userCreateAndMatch`.
    UserCreateAndMatch {
        /// `EMAIL` or `USERNAME`.
        exact_match_criteria: ExactMatchCriteria,
        /// Allow partial matches.
        allow_partial_match: bool,
        /// Confirm partial matches without a person.
        auto_confirm_partial_match: bool,
        /// Confirm exact matches without a person.
        auto_confirm_exact_match: bool,
        /// Confirm new users without a person.
        auto_confirm_new_users: bool,
        /// Activate new users without a person.
        auto_activate_new_users: bool,
    }
}

/// `importSettings.schedule`; `null` for an import means "none".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportSchedule {
    /// Whether imports are scheduled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OnOff>,
    /// Full imports; absent = not managed, `null` = none.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "nullable"
    )]
    #[schemars(with = "Option<Schedule>")]
    pub full_import: Option<Option<Schedule>>,
    /// Incremental imports; absent = not managed, `null` = none.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "nullable"
    )]
    #[schemars(with = "Option<Schedule>")]
    pub incremental_import: Option<Option<Schedule>>,
}

/// When an import runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Five-field UNIX cron.
    pub expression: String,
    /// IANA time zone, 1 to 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

// Tells an explicit `null` (managed: none) from an absent key (not managed).
#[expect(
    clippy::option_option,
    reason = "absent, null and a schedule are three things"
)]
fn nullable<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// `ENABLED` or `DISABLED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum OnOff {
    /// On.
    Enabled,
    /// Off.
    Disabled,
}

/// `update.password.seed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum PasswordSeed {
    /// The Okta password.
    Okta,
    /// A random password.
    Random,
}

/// `update.password.change`. The guide's `CYCLE` is outside Okta's enum (API.md §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PasswordChange {
    /// Change it.
    Change,
    /// Keep the existing one.
    KeepExisting,
}

/// `importSettings.username.userNameFormat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum UserNameFormat {
    /// The e-mail address.
    Email,
    /// An Okta expression.
    Custom,
}

/// `userCreateAndMatch.exactMatchCriteria`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ExactMatchCriteria {
    /// By e-mail address.
    Email,
    /// By username.
    Username,
}
