//! What a live app becomes in a manifest: an entry, a comment where that is all a manifest can say, or nothing.
//! Pure.
//!
//! The manifest's own judge decides what an entry may hold, so that `check` accepts every one of them, and so
//! that a capability or a value this program does not know is told instead of dropped.

mod judged;
mod service_app;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::hub::Services;
use super::live::{LiveApp, LiveState};
use super::placeholder::Placeholders;
use crate::apps::{App, AuthScheme};
use crate::manifest::{Entry, SecretRef};
use crate::okta::features::FeatureState;
use crate::plan::{LiveConnection, LiveStatus, merge};
use crate::text::{self, Veil};
use judged::{Said, judged, prune, tidy};
use service_app::with_hub;

/// An org that is exported.
#[derive(Clone, Copy, Debug)]
pub struct Org<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it is reached.
    pub origin: &'a str,
    /// The service apps of its connections, if hubs were named.
    pub services: Option<&'a Services>,
    /// How the manifest names its apps.
    pub naming: Naming<'a>,
    /// Which of its apps are wanted.
    pub scope: Scope,
}

/// How a manifest names an org's apps.
#[derive(Clone, Copy, Debug)]
pub enum Naming<'a> {
    /// By their ids, in the same org.
    Ids,
    /// By their labels, in the org of this name.
    Labels(&'a str),
}

/// Which apps are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those whose connection is ENABLED.
    Enabled,
    /// Those whose connection is DISABLED as well.
    All,
}

/// What one app became.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// What people know it by: org, app, label and id.
    pub name: String,
    /// Whether and why.
    pub outcome: Outcome,
    /// The entry, if it became one.
    pub entry: Option<Entry>,
    /// What the manifest tells people of it.
    pub comment: String,
    /// What could not be exported.
    pub warnings: Vec<String>,
}

/// Whether an app could be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Whether or not as an entry, this is what there is to say.
    Told,
    /// A read failed: the export is not complete.
    Unread,
}

/// The apps of an org as they stand in a manifest, in the same order; those that are not wanted are left out.
pub fn records(org: &Org<'_>, apps: &[LiveApp], placeholders: &mut Placeholders) -> Vec<Exported> {
    let mut labels: HashMap<(App, &str), Vec<&str>> = HashMap::new();
    for app in apps {
        let ids = labels.entry((app.app, app.label.raw())).or_default();
        ids.push(&app.id);
    }
    apps.iter()
        .filter_map(|app| {
            let same = labels
                .get(&(app.app, app.label.raw()))
                .map_or(&[][..], Vec::as_slice);
            let ambiguous = matches!(org.naming, Naming::Labels(_)) && same.len() > 1;
            let said = if ambiguous && !is_unwanted(org, app) {
                Err(format!(
                    "{} {} apps have this label ({}), and in another org an app is found by its label",
                    same.len(),
                    app.app,
                    same.join(", ")
                ))
            } else {
                said(org, app, placeholders).transpose()?
            };
            Some(exported(org, app, said))
        })
        .collect()
}

impl Exported {
    /// Makes it a comment after all.
    pub fn leave_out(&mut self, why: &str) {
        self.entry = None;
        let comment = format!("{} is not exported: {why}", self.name);
        self.comment = text::line(&comment).into_owned();
        self.warnings = vec![self.comment.clone()];
    }

    /// The references in it that a person has to fill in.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        let connection = self.entry.as_ref().and_then(|e| e.connection.as_ref());
        let profile = connection.map(|connection| &connection.profile);
        let settings = profile.and_then(|profile| profile.settings.as_ref());
        let token = profile.and_then(|profile| profile.token.as_ref());
        token
            .map(SecretRef::as_str)
            .into_iter()
            .chain(settings.into_iter().flat_map(|settings| {
                [
                    settings.admin_username.as_str(),
                    settings.admin_password.as_str(),
                ]
            }))
    }
}

fn exported(org: &Org<'_>, app: &LiveApp, said: Result<Said, String>) -> Exported {
    let name = format!("{}/{} {:?} ({})", org.name, app.app, app.label, app.id);
    match said {
        Ok(Said {
            entry,
            notes,
            outcome,
        }) => {
            let warnings = notes.iter().map(|note| format!("{name}: {note}")).collect();
            let label = match org.naming {
                Naming::Ids if !app.label.raw().is_empty() => Some(format!("label: {}", app.label)),
                Naming::Ids | Naming::Labels(_) => None,
            };
            let parts: Vec<_> = label.into_iter().chain(notes).collect();
            Exported {
                name,
                outcome,
                entry: Some(entry),
                comment: text::line(&parts.join("; ")).into_owned(),
                warnings,
            }
        }
        Err(why) => {
            let mut exported = Exported {
                name,
                outcome: match app.state {
                    LiveState::Unread(_) => Outcome::Unread,
                    LiveState::Inactive | LiveState::Read { .. } => Outcome::Told,
                },
                entry: None,
                comment: String::new(),
                warnings: Vec::new(),
            };
            exported.leave_out(&why);
            exported
        }
    }
}

fn is_unwanted(org: &Org<'_>, app: &LiveApp) -> bool {
    let disabled = matches!(&app.state, LiveState::Read { connection, .. } if connection.status == LiveStatus::Disabled);
    disabled && org.scope == Scope::Enabled
}

// Nothing for an app that is not wanted; an error says why it cannot be an entry.
fn said(
    org: &Org<'_>,
    app: &LiveApp,
    placeholders: &mut Placeholders,
) -> Result<Option<Said>, String> {
    if is_unwanted(org, app) {
        return Ok(None);
    }
    let (connection, features) = match &app.state {
        LiveState::Inactive => return Err("the app is INACTIVE".to_owned()),
        LiveState::Unread(why) => return Err(format!("its connection cannot be read: {why}")),
        LiveState::Read {
            connection,
            features,
        } => (connection, features),
    };
    let mut entry = named(org, app);
    match connection.status {
        LiveStatus::Enabled => {}
        LiveStatus::Disabled => {
            entry.insert("status".to_owned(), "DISABLED".into());
            return judged(without_secrets(entry, app.label.veil())?).map(Some);
        }
        LiveStatus::Unknown => {
            return Err("Okta shows no provisioning connection for it (UNKNOWN)".to_owned());
        }
        LiveStatus::Missing => {
            return Err("its connection is neither ENABLED nor DISABLED".to_owned());
        }
    }
    let wanted = connection_of(org, app, connection, placeholders)?;
    entry.insert("connection".to_owned(), wanted);
    if let Ok(features) = features {
        entry.insert("features".to_owned(), features_of(features));
        prune(&mut entry);
    }
    let entry = without_secrets(entry, app.label.veil())?;
    let mut said = with_hub(org, app, entry)?;
    if let Some(to) = org.carried_to()
        && connection.client_id.is_some()
        && said.entry.app == App::OktaOrg2Org
        && said.entry.hub.is_none()
    {
        said.notes.push(format!(
            "connection.profile.clientId is the service app that {} uses in its hub: give the one of {to}",
            org.name
        ));
    }
    if let Err(why) = features {
        said.notes
            .push(format!("its features cannot be read: {why}"));
        said.outcome = Outcome::Unread;
    }
    Ok(Some(said))
}

// What an org tells may hold what it was sent: no manifest has that.
fn without_secrets(entry: Map<String, Value>, veil: &Veil) -> Result<Map<String, Value>, String> {
    let entry = Value::Object(entry);
    match path_of_secret(&entry, veil) {
        Some(path) => Err(format!(
            "{} holds a secret of the org, which is not repeated",
            veil.shown(&path.join("."))
        )),
        None => Ok(match entry {
            Value::Object(entry) => entry,
            _ => Map::new(),
        }),
    }
}

fn path_of_secret<'a>(value: &'a Value, veil: &Veil) -> Option<Vec<&'a str>> {
    match value {
        Value::String(text) => veil.is_in(text).then(Vec::new),
        Value::Number(number) => veil.is_in(&number.to_string()).then(Vec::new),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            if veil.is_in(name) {
                return Some(vec![name.as_str()]);
            }
            let mut path = path_of_secret(value, veil)?;
            path.insert(0, name);
            Some(path)
        }),
        Value::Array(items) => items.iter().find_map(|item| path_of_secret(item, veil)),
        Value::Null | Value::Bool(_) => None,
    }
}

fn named(org: &Org<'_>, app: &LiveApp) -> Map<String, Value> {
    let (org, key, name) = match org.naming {
        Naming::Ids => (org.name, "appId", app.id.as_str()),
        Naming::Labels(to) => (to, "label", app.label.raw()),
    };
    Map::from_iter([
        ("org".to_owned(), org.into()),
        ("app".to_owned(), app.app.name().into()),
        (key.to_owned(), name.into()),
    ])
}

// What Okta shows of the connection, and placeholders for what it never shows.
fn connection_of(
    org: &Org<'_>,
    app: &LiveApp,
    live: &LiveConnection,
    placeholders: &mut Placeholders,
) -> Result<Value, String> {
    let scheme = live
        .auth_scheme
        .as_deref()
        .ok_or("Okta shows no authScheme")?;
    let (org_name, which) = match org.naming {
        Naming::Ids => (org.name, app.id.as_str()),
        Naming::Labels(to) => (to, app.label.raw()),
    };
    let mut placeholder = |what| placeholders.reference(&[org_name, app.app.name(), which, what]);
    let mut connection = json!({ "profile": { "authScheme": scheme } });
    let profile = &mut connection["profile"];
    if scheme == AuthScheme::Token.name() {
        profile["token"] = placeholder("token").into();
        if let Some(url) = &live.base_url {
            connection["baseUrl"] = url.raw().into();
        }
    } else if app.app == App::OktaOrg2Org {
        if let Some(id) = &live.client_id {
            profile["clientId"] = id.raw().into();
        }
        if let Some(mode) = &live.rotation_mode {
            profile["signing"] = json!({ "rotationMode": mode });
        }
    } else if app.app == App::Office365 && matches!(org.naming, Naming::Labels(_)) {
        // Where it is ENABLED already it is not set again; elsewhere Okta asks for an administrator.
        profile["settings"] = json!({
            "adminUsername": placeholder("admin_username"),
            "adminPassword": placeholder("admin_password"),
        });
    }
    Ok(connection)
}

fn features_of(features: &[FeatureState]) -> Value {
    let told = features
        .iter()
        .filter(|state| !state.capabilities.is_null());
    let shown = told.map(|state| {
        // In the spelling that is sent.
        let mut capabilities = merge(&state.capabilities, &Value::Object(Map::new()));
        tidy(&mut capabilities);
        (state.name.raw().to_owned(), capabilities)
    });
    Value::Object(shown.collect())
}

#[cfg(test)]
mod tests;
