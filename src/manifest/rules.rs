//! What an entry must satisfy by itself: required keys, and what its app, scheme and status allow.
//! Pure; sees drafts, so that every mistake of a row is found even when another one is in it.

use std::collections::HashSet;

use super::draft::{ConnectionDraft, Draft, SigningDraft};
use super::entry::{Create, ImportSchedule, Schedule, Status};
use super::hub::Hub;
use super::office365;
use super::problem::{Issues, alternatives, nearest, shown};
use super::schedule::{check_cron, check_timezone};
use super::url::{BadUrl, check_base_url, has_placeholder};
use crate::apps::{App, AuthScheme, Feature};

/// Schedules kept as known to be good; beyond that they are checked again.
const REMEMBERED: usize = 1024;

/// Ids of Okta are 20 characters; longer than this is no id, and it goes into a URL.
const MAX_ID: usize = 64;

/// The rules, with a memory of the cron expressions, time zones and base URLs already found good:
/// a manifest repeats few of them very often.
#[derive(Default)]
pub(super) struct Rules {
    crons: HashSet<String>,
    zones: HashSet<String>,
    base_urls: HashSet<String>,
}

impl Rules {
    /// Notes every mistake of an entry.
    pub(super) fn check(&mut self, draft: &Draft, issues: &mut Issues) {
        if draft.org.is_empty() {
            issues.push("org", "is required");
        }
        if draft.app.is_none() {
            issues.push("app", "is required");
        }
        identity(draft, issues);
        status(draft, issues);
        if let Some(app) = draft.app {
            if let Some(create) = &draft.create {
                check_create(app, create, draft, issues);
            }
            if let Some(connection) = &draft.connection {
                self.connection(app, connection, draft, issues);
            }
            features(app, draft, issues);
        }
        if let Some(hub) = &draft.hub {
            check_hub(hub, draft, issues);
        }
        self.schedules(draft, issues);
    }

    fn connection(
        &mut self,
        app: App,
        connection: &ConnectionDraft,
        draft: &Draft,
        issues: &mut Issues,
    ) {
        let Some(scheme) = connection.scheme else {
            let schemes: Vec<_> = app.schemes().iter().map(|s| s.name()).collect();
            issues.push_hint(
                "connection.profile.authScheme",
                "is required",
                format!("{app} takes {}", alternatives(&schemes)),
            );
            return;
        };
        if !app.schemes().contains(&scheme) {
            let schemes: Vec<_> = app.schemes().iter().map(|s| s.name()).collect();
            issues.push_hint(
                "connection.profile.authScheme",
                format!("{app} does not have {scheme}"),
                format!("{app} takes {}", alternatives(&schemes)),
            );
            return;
        }
        self.base_url(app, scheme, connection, issues);
        profile(app, scheme, connection, draft, issues);
    }

    fn base_url(
        &mut self,
        app: App,
        scheme: AuthScheme,
        connection: &ConnectionDraft,
        issues: &mut Issues,
    ) {
        const FIELD: &str = "connection.baseUrl";
        match (&connection.base_url, app, scheme) {
            (None, App::Zscalerbyz, _) => issues.push_hint(
                FIELD,
                "is required for zscalerbyz",
                "as in https://scim.zscalerbeta.net/1/2/scim",
            ),
            (Some(url), App::Zscalerbyz, _) | (Some(url), App::OktaOrg2Org, AuthScheme::Token) => {
                if self.base_urls.contains(url) {
                    return;
                }
                match check_base_url(url) {
                    Ok(()) => remember(&mut self.base_urls, url),
                    Err(error) => match error.hint_base_url(url) {
                        Some(hint) => issues.push_hint(FIELD, error.to_string(), hint),
                        None => issues.push(FIELD, error.to_string()),
                    },
                }
            }
            (Some(_), _, _) => unfit(FIELD, app, scheme, issues),
            (None, _, _) => {}
        }
    }

    fn schedules(&mut self, draft: &Draft, issues: &mut Issues) {
        let schedule: Option<&ImportSchedule> = (|| {
            let inbound = draft.features.inbound_provisioning.as_ref()?;
            inbound.import_settings.as_ref()?.schedule.as_ref()
        })();
        let Some(schedule) = schedule else { return };
        if let Some(Some(full)) = &schedule.full_import {
            self.schedule(full, &FULL_IMPORT, issues);
        }
        if let Some(Some(incremental)) = &schedule.incremental_import {
            self.schedule(incremental, &INCREMENTAL_IMPORT, issues);
        }
    }

    fn schedule(&mut self, schedule: &Schedule, fields: &[&'static str; 2], issues: &mut Issues) {
        let [expression, timezone] = fields;
        if schedule.expression.is_empty() {
            issues.push(*expression, "is required where an import is given");
        } else if !self.crons.contains(&schedule.expression) {
            match check_cron(&schedule.expression) {
                Ok(()) => remember(&mut self.crons, &schedule.expression),
                Err(error) => add(issues, expression, &error),
            }
        }
        let Some(zone) = &schedule.timezone else {
            return;
        };
        if !self.zones.contains(zone) {
            match check_timezone(zone) {
                Ok(()) => remember(&mut self.zones, zone),
                Err(error) => add(issues, timezone, &error),
            }
        }
    }
}

const FULL_IMPORT: [&str; 2] = [
    "features.INBOUND_PROVISIONING.importSettings.schedule.fullImport.expression",
    "features.INBOUND_PROVISIONING.importSettings.schedule.fullImport.timezone",
];
const INCREMENTAL_IMPORT: [&str; 2] = [
    "features.INBOUND_PROVISIONING.importSettings.schedule.incrementalImport.expression",
    "features.INBOUND_PROVISIONING.importSettings.schedule.incrementalImport.timezone",
];

fn add(issues: &mut Issues, field: &'static str, error: &super::schedule::BadSchedule) {
    match error.hint() {
        Some(hint) => issues.push_hint(field, error.to_string(), hint),
        None => issues.push(field, error.to_string()),
    }
}

fn remember(known: &mut HashSet<String>, text: &str) {
    if known.len() < REMEMBERED {
        known.insert(text.to_owned());
    }
}

fn identity(draft: &Draft, issues: &mut Issues) {
    match (&draft.app_id, &draft.label) {
        (None, None) => issues.push("appId", "is required, or label"),
        (Some(_), Some(_)) => issues.push_hint(
            "label",
            "stands beside appId",
            "give appId or label, not both: appId is exact, label is looked up",
        ),
        _ => {}
    }
    if let Some(id) = &draft.app_id {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if id.len() > MAX_ID || !id.bytes().all(plain) {
            issues.push_hint(
                "appId",
                format!("{} is not an id", shown(id)),
                "an app's id looks like 0oa1gjh63g214q0Hq0g4; for a name use label",
            );
        }
    }
    // Okta takes at most three bytes of UTF-8 per character (API.md §9).
    if let Some(label) = &draft.label
        && label.chars().any(|c| c.len_utf8() > 3)
    {
        issues.push(
            "label",
            "contains a character that Okta cannot store, such as an emoji",
        );
    }
}

fn status(draft: &Draft, issues: &mut Issues) {
    match draft.status {
        Status::Enabled => {
            let nothing = draft.connection.is_none() && draft.features.is_empty();
            // What could not be read may well have been a connection.
            let unread = issues.mention("connection") || issues.mention("features");
            if nothing && !unread {
                issues.push_hint(
                    "",
                    "has nothing to set: neither connection nor features",
                    "add a connection, or status DISABLED to deactivate it",
                );
            }
        }
        Status::Disabled => {
            let nothing = [
                ("features", !draft.features.is_empty()),
                ("create", draft.create.is_some()),
                ("hub", draft.hub.is_some()),
            ];
            for (field, given) in nothing {
                if given {
                    issues.push_hint(
                        field,
                        "does not go with status DISABLED, which only deactivates",
                        format!("leave {field} out, or leave status out"),
                    );
                }
            }
        }
    }
}

fn features(app: App, draft: &Draft, issues: &mut Issues) {
    for feature in draft.features.names() {
        if !app.features().contains(&feature) {
            let field = match feature {
                Feature::UserProvisioning => "features.USER_PROVISIONING",
                Feature::InboundProvisioning => "features.INBOUND_PROVISIONING",
            };
            issues.push(field, format!("{app} does not have {feature}"));
        }
    }
}

fn profile(
    app: App,
    scheme: AuthScheme,
    connection: &ConnectionDraft,
    draft: &Draft,
    issues: &mut Issues,
) {
    const TOKEN: &str = "connection.profile.token";
    const CLIENT_ID: &str = "connection.profile.clientId";
    const SETTINGS: &str = "connection.profile.settings";
    const SIGNING: &str = "connection.profile.signing";
    match (scheme, &connection.token) {
        (AuthScheme::Token, None) => issues.push_hint(
            TOKEN,
            "is required with TOKEN",
            "give a reference: env:NAME, file:PATH or exec:PROGRAM",
        ),
        (AuthScheme::Oauth2, Some(_)) => unfit(TOKEN, app, scheme, issues),
        _ => {}
    }
    let two_legged = app == App::OktaOrg2Org && scheme == AuthScheme::Oauth2;
    match (two_legged, &connection.client_id, &draft.hub) {
        (true, None, None) => issues.push_hint(
            CLIENT_ID,
            "is required for okta_org2org with OAUTH2",
            "give the clientId of the hub's service app, or a hub to set one up in",
        ),
        (true, Some(_), Some(_)) => issues.push(
            CLIENT_ID,
            "stands beside hub, which makes a service app of its own",
        ),
        (false, Some(_), _) => unfit(CLIENT_ID, app, scheme, issues),
        _ => {}
    }
    match &connection.signing {
        Some(_) if !two_legged => unfit(SIGNING, app, scheme, issues),
        Some(SigningDraft {
            rotation_mode: None,
        }) => issues.push("connection.profile.signing.rotationMode", "is required"),
        _ => {}
    }
    match &connection.settings {
        Some(_) if app != App::Office365 => unfit(SETTINGS, app, scheme, issues),
        Some(settings) => office365::check(settings, issues),
        None => {}
    }
}

fn unfit(field: &'static str, app: App, scheme: AuthScheme, issues: &mut Issues) {
    issues.push_hint(
        field,
        format!("does not go with {app} and {scheme}"),
        "leave it out",
    );
}

/// `settings.app` keys without which an app cannot be created (API.md §9).
fn required_settings(app: App) -> &'static [&'static str] {
    match app {
        App::Google | App::Slack => &["domain"],
        App::Office365 => &["msftTenant", "domain"],
        App::Zoomus => &["subDomain"],
        App::Zscalerbyz => &[],
        App::OktaOrg2Org => &["baseUrl"],
    }
}

fn check_create(app: App, create: &Create, draft: &Draft, issues: &mut Issues) {
    if draft.app_id.is_some() {
        issues.push_hint(
            "create",
            "stands beside appId: that app exists already",
            "give label instead of appId, or leave create out",
        );
    }
    let given = &create.settings.app;
    for required in required_settings(app) {
        let empty = match given.get(*required) {
            None | Some(serde_json::Value::Null) => true,
            Some(serde_json::Value::String(text)) => text.trim().is_empty(),
            Some(_) => false,
        };
        if empty {
            let field = format!("create.settings.app.{required}");
            let near = nearest(required, given.keys().map(String::as_str));
            match near.filter(|near| near != required) {
                Some(near) => issues.push_hint(
                    field,
                    format!("is required to create {app}"),
                    format!("is {near} meant to be {required}?"),
                ),
                None => issues.push(field, format!("is required to create {app}")),
            }
        }
    }
    if let Some(serde_json::Value::String(url)) = given.get("baseUrl")
        && has_placeholder(url)
    {
        issues.push_hint(
            "create.settings.app.baseUrl",
            BadUrl::Placeholder.to_string(),
            "put the hub's own address there",
        );
    }
    // These would be sent, and kept in the ledger, as plain text.
    for key in given.keys() {
        let lower = key.to_ascii_lowercase();
        if ["token", "password", "secret"]
            .iter()
            .any(|word| lower.contains(word))
        {
            issues.push_hint(
                format!("create.settings.app.{key}"),
                "is a secret and does not belong here",
                "credentials are given in connection.profile, as references",
            );
        }
    }
}

fn check_hub(hub: &Hub, draft: &Draft, issues: &mut Issues) {
    if hub.org.is_empty() {
        issues.push("hub.org", "is required");
    } else if hub.org == draft.org {
        issues.push("hub.org", "is the entry's own org");
    }
    if hub.client_name.is_empty() {
        issues.push("hub.clientName", "is required");
    }
    hub.check_rights(issues);
    if let Some(idp) = &hub.idp {
        let create = draft.create.as_ref();
        let create = create.map(|create| (create.sign_on_mode.as_deref(), &create.settings.app));
        idp.check(&hub.client_name, create, issues);
    }
    let scheme = draft
        .connection
        .as_ref()
        .and_then(|connection| connection.scheme);
    let two_legged = draft.app == Some(App::OktaOrg2Org) && scheme == Some(AuthScheme::Oauth2);
    // While app or scheme are missing that is the mistake to fix.
    if !two_legged && draft.app.is_some() && (scheme.is_some() || draft.connection.is_none()) {
        issues.push(
            "hub",
            "goes only with okta_org2org and an OAUTH2 connection",
        );
    }
}
