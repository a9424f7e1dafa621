//! An entry under construction: everything optional, so that a row with mistakes can still be looked
//! at as a whole. [`super::fields`] says which key sets what.

use serde_json::Value;

use super::connection::{Connection, Office365Settings, Profile, RotationMode, Signing};
use super::entry::{
    Create, CreateSettings, Entry, Features, ImportSchedule, ImportUsername, InboundProvisioning,
    PasswordCapability, Schedule, Status, Switch, UserCreateAndMatch, UserProvisioning,
};
use super::hub::Hub;
use super::idp::Idp;
use super::secret::SecretRef;
use crate::apps::{App, AuthScheme};

/// An entry as far as it was given. Required texts are empty while missing.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub org: String,
    pub app: Option<App>,
    pub app_id: Option<String>,
    pub label: Option<String>,
    pub create: Option<Create>,
    pub hub: Option<Hub>,
    pub connection: Option<ConnectionDraft>,
    pub features: Features,
    pub status: Status,
}

/// A connection as far as it was given.
#[derive(Clone, Debug, Default)]
pub(super) struct ConnectionDraft {
    pub base_url: Option<String>,
    pub scheme: Option<AuthScheme>,
    pub token: Option<SecretRef>,
    pub client_id: Option<String>,
    pub settings: Option<SettingsDraft>,
    pub signing: Option<SigningDraft>,
}

/// `profile.signing` as far as it was given.
#[derive(Clone, Debug, Default)]
pub(super) struct SigningDraft {
    pub rotation_mode: Option<RotationMode>,
}

/// `profile.settings` as far as it was given.
#[derive(Clone, Debug, Default)]
pub(super) struct SettingsDraft {
    pub username: Option<String>,
    pub password: Option<SecretRef>,
}

impl Draft {
    /// The entry, or nothing when a required part is missing (the rules say which).
    pub(super) fn finish(self) -> Option<Entry> {
        let connection = match self.connection {
            Some(connection) => Some(connection.finish()?),
            None => None,
        };
        Some(Entry {
            org: self.org,
            app: self.app?,
            app_id: self.app_id,
            label: self.label,
            create: self.create,
            hub: self.hub.map(|hub| Box::new(hub.with_names())),
            connection,
            features: self.features,
            status: self.status,
            rotation: None,
        })
    }

    pub(super) fn connection(&mut self) -> &mut ConnectionDraft {
        self.connection.get_or_insert_default()
    }

    pub(super) fn settings(&mut self) -> &mut SettingsDraft {
        self.connection().settings.get_or_insert_default()
    }

    pub(super) fn signing(&mut self) -> &mut SigningDraft {
        self.connection().signing.get_or_insert_default()
    }

    pub(super) fn create(&mut self) -> &mut Create {
        self.create.get_or_insert_with(|| Create {
            sign_on_mode: None,
            settings: CreateSettings::default(),
        })
    }

    pub(super) fn set_app_setting(&mut self, key: &str, value: Value) {
        merge(&mut self.create().settings.app, key, value);
    }

    pub(super) fn hub(&mut self) -> &mut Hub {
        self.hub.get_or_insert_with(|| Hub {
            org: String::new(),
            client_name: String::new(),
            roles: Vec::new(),
            scopes: Vec::new(),
            dpop: false,
            idp: None,
        })
    }

    pub(super) fn idp(&mut self) -> &mut Idp {
        self.hub().idp.get_or_insert_default()
    }

    pub(super) fn user(&mut self) -> &mut UserProvisioning {
        self.features.user_provisioning.get_or_insert_default()
    }

    pub(super) fn lifecycle_create(&mut self) -> &mut Switch {
        let create = self.user().create.get_or_insert_default();
        create.lifecycle_create.get_or_insert_default()
    }

    pub(super) fn profile_push(&mut self) -> &mut Switch {
        let update = self.user().update.get_or_insert_default();
        update.profile.get_or_insert_default()
    }

    pub(super) fn lifecycle_deactivate(&mut self) -> &mut Switch {
        let update = self.user().update.get_or_insert_default();
        update.lifecycle_deactivate.get_or_insert_default()
    }

    pub(super) fn password(&mut self) -> &mut PasswordCapability {
        let update = self.user().update.get_or_insert_default();
        update.password.get_or_insert_default()
    }

    pub(super) fn inbound(&mut self) -> &mut InboundProvisioning {
        self.features.inbound_provisioning.get_or_insert_default()
    }

    pub(super) fn username(&mut self) -> &mut ImportUsername {
        let settings = self.inbound().import_settings.get_or_insert_default();
        settings.username.get_or_insert_default()
    }

    pub(super) fn schedule(&mut self) -> &mut ImportSchedule {
        let settings = self.inbound().import_settings.get_or_insert_default();
        settings.schedule.get_or_insert_default()
    }

    pub(super) fn full_import(&mut self) -> &mut Schedule {
        given(&mut self.schedule().full_import)
    }

    pub(super) fn incremental_import(&mut self) -> &mut Schedule {
        given(&mut self.schedule().incremental_import)
    }

    pub(super) fn matching(&mut self) -> &mut UserCreateAndMatch {
        let rules = self.inbound().import_rules.get_or_insert_default();
        rules.user_create_and_match.get_or_insert_default()
    }
}

// The schedule itself; replaces an absent one and a `null` of `defaults`.
#[expect(
    clippy::option_option,
    reason = "absent, null and a schedule are three things"
)]
fn given(import: &mut Option<Option<Schedule>>) -> &mut Schedule {
    import
        .get_or_insert_default()
        .get_or_insert_with(|| Schedule {
            expression: String::new(),
            timezone: None,
        })
}

impl ConnectionDraft {
    fn finish(self) -> Option<Connection> {
        let settings = match self.settings {
            Some(settings) => Some(Office365Settings {
                admin_username: settings.username?,
                admin_password: settings.password?,
            }),
            None => None,
        };
        let signing = match self.signing {
            Some(signing) => Some(Signing {
                rotation_mode: signing.rotation_mode?,
            }),
            None => None,
        };
        Some(Connection {
            base_url: self.base_url,
            profile: Profile {
                auth_scheme: self.scheme?,
                token: self.token,
                client_id: self.client_id,
                settings,
                signing,
            },
        })
    }
}

/// `defaults` are merged deeply: an object is completed, everything else is replaced.
fn merge(target: &mut serde_json::Map<String, Value>, key: &str, value: Value) {
    match (target.get_mut(key), value) {
        (Some(Value::Object(old)), Value::Object(new)) => {
            for (key, value) in new {
                merge(old, &key, value);
            }
        }
        (_, value) => {
            target.insert(key.to_owned(), value);
        }
    }
}
