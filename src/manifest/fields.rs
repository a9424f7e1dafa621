//! Every key of an entry, as the table that CSV, JSON and the suggestions share. A key that is not here
//! does not exist for any of them.

use super::connection::RotationMode;
use super::draft::Draft;
use super::entry::{
    ExactMatchCriteria, OnOff, PasswordChange, PasswordSeed, Status, UserNameFormat,
};
use super::shape::{Empty, Group, Item, Member};
use crate::apps::{App, AuthScheme};

const APPS: &[&str] = &[
    App::ALL[0].name(),
    App::ALL[1].name(),
    App::ALL[2].name(),
    App::ALL[3].name(),
    App::ALL[4].name(),
    App::ALL[5].name(),
];
const SCHEMES: &[&str] = &[AuthScheme::Token.name(), AuthScheme::Oauth2.name()];
/// `signOnMode` values of Okta's `ApplicationSignOnMode`.
const SIGN_ON_MODES: &[&str] = &[
    "AUTO_LOGIN",
    "BASIC_AUTH",
    "BOOKMARK",
    "BROWSER_PLUGIN",
    "OPENID_CONNECT",
    "SAML_1_1",
    "SAML_2_0",
    "SECURE_PASSWORD_STORE",
    "WS_FEDERATION",
];
const ON_OFF: &[&str] = &["ENABLED", "DISABLED"];

const fn on_off(index: usize) -> OnOff {
    if index == 0 {
        OnOff::Enabled
    } else {
        OnOff::Disabled
    }
}

const fn leaf(key: &'static str, item: Item<Draft>) -> Member<Draft> {
    Member { key, item }
}

// An object that has to say something.
const fn group(
    key: &'static str,
    open: fn(&mut Draft),
    members: &'static [Member<Draft>],
) -> Member<Draft> {
    Member {
        key,
        item: Item::Group(Group {
            members,
            open,
            null: None,
            empty: Empty::Wrong,
        }),
    }
}

// An object that may be empty.
const fn open_group(
    key: &'static str,
    open: fn(&mut Draft),
    members: &'static [Member<Draft>],
) -> Member<Draft> {
    Member {
        key,
        item: Item::Group(Group {
            members,
            open,
            null: None,
            empty: Empty::Fine,
        }),
    }
}

// An import: an object, or null for none.
const fn import(
    key: &'static str,
    null: fn(&mut Draft),
    members: &'static [Member<Draft>],
) -> Member<Draft> {
    Member {
        key,
        item: Item::Group(Group {
            members,
            open: |_| {},
            null: Some(null),
            empty: Empty::Wrong,
        }),
    }
}

/// The key for people that we write ourselves (JSON Schema's own word).
pub(super) const COMMENT: &str = "$comment";

/// Every key of an entry.
pub(super) static ENTRY: &[Member<Draft>] = &[
    leaf("org", Item::Text(|d, v| v.clone_into(&mut d.org))),
    leaf("app", Item::Choice(APPS, |d, i| d.app = Some(App::ALL[i]))),
    leaf("appId", Item::Text(|d, v| d.app_id = Some(v.to_owned()))),
    leaf("label", Item::Text(|d, v| d.label = Some(v.to_owned()))),
    open_group("create", |d| _ = d.create(), CREATE),
    group("hub", |d| _ = d.hub(), HUB),
    group("connection", |d| _ = d.connection(), CONNECTION),
    open_group("features", |_| {}, FEATURES),
    leaf(
        "status",
        Item::Choice(ON_OFF, |d, i| {
            d.status = if i == 0 {
                Status::Enabled
            } else {
                Status::Disabled
            };
        }),
    ),
];

static CREATE: &[Member<Draft>] = &[
    leaf(
        "signOnMode",
        Item::Choice(SIGN_ON_MODES, |d, i| {
            d.create().sign_on_mode = Some(SIGN_ON_MODES[i].to_owned());
        }),
    ),
    open_group(
        "settings",
        |d| _ = d.create(),
        &[leaf("app", Item::Free("domain", Draft::set_app_setting))],
    ),
];

static HUB: &[Member<Draft>] = &[
    leaf("org", Item::Text(|d, v| v.clone_into(&mut d.hub().org))),
    leaf(
        "clientName",
        Item::Text(|d, v| v.clone_into(&mut d.hub().client_name)),
    ),
    leaf("roles", Item::Roles(|d, v| d.hub().roles = v)),
    leaf("scopes", Item::List(|d, v| d.hub().scopes = v)),
    leaf("dpop", Item::Switch(|d, v| d.hub().dpop = v)),
    open_group(
        "idp",
        |d| _ = d.idp(),
        &[leaf(
            "name",
            Item::Text(|d, v| d.idp().name = Some(v.to_owned())),
        )],
    ),
];

static CONNECTION: &[Member<Draft>] = &[
    leaf(
        "baseUrl",
        Item::Text(|d, v| d.connection().base_url = Some(v.to_owned())),
    ),
    group("profile", |d| _ = d.connection(), PROFILE),
];

static PROFILE: &[Member<Draft>] = &[
    leaf(
        "authScheme",
        Item::Choice(SCHEMES, |d, i| {
            d.connection().scheme = Some(if i == 0 {
                AuthScheme::Token
            } else {
                AuthScheme::Oauth2
            });
        }),
    ),
    leaf("token", Item::Secret(|d, v| d.connection().token = Some(v))),
    leaf(
        "clientId",
        Item::Text(|d, v| d.connection().client_id = Some(v.to_owned())),
    ),
    group(
        "settings",
        |d| _ = d.settings(),
        &[
            leaf(
                "adminUsername",
                Item::Login(|d, v| d.settings().username = Some(v.to_owned())),
            ),
            leaf(
                "adminPassword",
                Item::Secret(|d, v| d.settings().password = Some(v)),
            ),
        ],
    ),
    group(
        "signing",
        |d| _ = d.signing(),
        &[leaf(
            "rotationMode",
            Item::Choice(&["AUTO", "MANUAL"], |d, i| {
                let mode = if i == 0 {
                    RotationMode::Auto
                } else {
                    RotationMode::Manual
                };
                d.signing().rotation_mode = Some(mode);
            }),
        )],
    ),
];

static FEATURES: &[Member<Draft>] = &[
    group(
        "USER_PROVISIONING",
        |d| _ = d.user(),
        &[
            group(
                "create",
                |_| {},
                &[group(
                    "lifecycleCreate",
                    |_| {},
                    &[leaf(
                        "status",
                        Item::Choice(ON_OFF, |d, i| d.lifecycle_create().status = Some(on_off(i))),
                    )],
                )],
            ),
            group("update", |_| {}, UPDATE),
        ],
    ),
    group(
        "INBOUND_PROVISIONING",
        |d| _ = d.inbound(),
        &[
            group(
                "importSettings",
                |_| {},
                &[
                    group("username", |_| {}, USERNAME),
                    group("schedule", |_| {}, SCHEDULE),
                ],
            ),
            group(
                "importRules",
                |_| {},
                &[group("userCreateAndMatch", |_| {}, MATCHING)],
            ),
        ],
    ),
];

static UPDATE: &[Member<Draft>] = &[
    group(
        "profile",
        |_| {},
        &[leaf(
            "status",
            Item::Choice(ON_OFF, |d, i| d.profile_push().status = Some(on_off(i))),
        )],
    ),
    group(
        "lifecycleDeactivate",
        |_| {},
        &[leaf(
            "status",
            Item::Choice(ON_OFF, |d, i| {
                d.lifecycle_deactivate().status = Some(on_off(i));
            }),
        )],
    ),
    group(
        "password",
        |_| {},
        &[
            leaf(
                "status",
                Item::Choice(ON_OFF, |d, i| d.password().status = Some(on_off(i))),
            ),
            leaf(
                "seed",
                Item::Choice(&["OKTA", "RANDOM"], |d, i| {
                    let seed = if i == 0 {
                        PasswordSeed::Okta
                    } else {
                        PasswordSeed::Random
                    };
                    d.password().seed = Some(seed);
                }),
            ),
            leaf(
                "change",
                Item::Choice(&["CHANGE", "KEEP_EXISTING"], |d, i| {
                    let change = if i == 0 {
                        PasswordChange::Change
                    } else {
                        PasswordChange::KeepExisting
                    };
                    d.password().change = Some(change);
                }),
            ),
        ],
    ),
];

static USERNAME: &[Member<Draft>] = &[
    leaf(
        "userNameFormat",
        Item::Choice(&["EMAIL", "CUSTOM"], |d, i| {
            let format = if i == 0 {
                UserNameFormat::Email
            } else {
                UserNameFormat::Custom
            };
            d.username().user_name_format = Some(format);
        }),
    ),
    leaf(
        "userNameExpression",
        Item::Text(|d, v| {
            d.username().user_name_expression = Some(v.to_owned());
        }),
    ),
];

static SCHEDULE: &[Member<Draft>] = &[
    leaf(
        "status",
        Item::Choice(ON_OFF, |d, i| d.schedule().status = Some(on_off(i))),
    ),
    import(
        "fullImport",
        |d| d.schedule().full_import = Some(None),
        &[
            leaf(
                "expression",
                Item::Text(|d, v| v.clone_into(&mut d.full_import().expression)),
            ),
            leaf(
                "timezone",
                Item::Text(|d, v| d.full_import().timezone = Some(v.to_owned())),
            ),
        ],
    ),
    import(
        "incrementalImport",
        |d| d.schedule().incremental_import = Some(None),
        &[
            leaf(
                "expression",
                Item::Text(|d, v| v.clone_into(&mut d.incremental_import().expression)),
            ),
            leaf(
                "timezone",
                Item::Text(|d, v| d.incremental_import().timezone = Some(v.to_owned())),
            ),
        ],
    ),
];

static MATCHING: &[Member<Draft>] = &[
    leaf(
        "exactMatchCriteria",
        Item::Choice(&["EMAIL", "USERNAME"], |d, i| {
            let criteria = if i == 0 {
                ExactMatchCriteria::Email
            } else {
                ExactMatchCriteria::Username
            };
            d.matching().exact_match_criteria = Some(criteria);
        }),
    ),
    leaf(
        "allowPartialMatch",
        Item::Switch(|d, v| d.matching().allow_partial_match = Some(v)),
    ),
    leaf(
        "autoConfirmPartialMatch",
        Item::Switch(|d, v| {
            d.matching().auto_confirm_partial_match = Some(v);
        }),
    ),
    leaf(
        "autoConfirmExactMatch",
        Item::Switch(|d, v| {
            d.matching().auto_confirm_exact_match = Some(v);
        }),
    ),
    leaf(
        "autoConfirmNewUsers",
        Item::Switch(|d, v| d.matching().auto_confirm_new_users = Some(v)),
    ),
    leaf(
        "autoActivateNewUsers",
        Item::Switch(|d, v| d.matching().auto_activate_new_users = Some(v)),
    ),
];
