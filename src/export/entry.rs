//! What a live app becomes in a manifest: an entry, a comment where that is all a manifest can say, or nothing.
//! Pure.
//!
//! The manifest's own judge decides what an entry may hold, so that `check` accepts every one of them, and so
//! that a capability or a value this program does not know is told instead of dropped.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::live::{LiveApp, LiveState};
use super::placeholder::Placeholders;
use crate::apps::{App, AuthScheme};
use crate::manifest::{Entry, Mistake, SecretRef, read_entry};
use crate::okta::features::FeatureState;
use crate::plan::{LiveConnection, LiveStatus, merge};
use crate::text::{self, Veil};

/// An org that is exported.
#[derive(Clone, Copy, Debug)]
pub struct Org<'a> {
    /// Its name.
    pub name: &'a str,
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

// An entry, and what had to be left out of it.
struct Said {
    entry: Entry,
    notes: Vec<String>,
    outcome: Outcome,
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
    let mut said = judged(entry)?;
    if let Naming::Labels(to) = org.naming
        && to != org.name
        && connection.client_id.is_some()
        && said.entry.app == App::OktaOrg2Org
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

/// The keys for which null says something: no such import (API.md §5.2).
const IMPORTS: [&str; 2] = ["fullImport", "incrementalImport"];

// Nulls and empty texts say nothing, except that null is no import, for which Okta's guide also writes `{}`.
fn tidy(value: &mut Value) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields.iter_mut() {
        let empty = value.as_object().is_some_and(Map::is_empty);
        if empty && IMPORTS.contains(&name.as_str()) {
            *value = Value::Null;
        }
        tidy(value);
    }
    fields.retain(|name, value| match value {
        Value::Null => IMPORTS.contains(&name.as_str()),
        Value::String(text) => !text.is_empty(),
        _ => true,
    });
}

// A manifest refuses objects that say nothing.
fn prune(fields: &mut Map<String, Value>) {
    for value in fields.values_mut() {
        if let Value::Object(fields) = value {
            prune(fields);
        }
    }
    fields.retain(|_, value| !value.as_object().is_some_and(Map::is_empty));
}

/// The parts of an entry that may be left out of it without making it another one.
const OPTIONAL: [&str; 2] = ["features.", "connection.profile.signing"];

// The entry as the manifest's judge takes it: what may be left out is, with a note, until nothing is wrong.
fn judged(entry: Map<String, Value>) -> Result<Said, String> {
    let mut entry = Value::Object(entry);
    let mut left_out: Vec<String> = Vec::new();
    let mut notes = Vec::new();
    loop {
        let mistakes = match read_entry(&entry) {
            Ok(entry) => {
                return Ok(Said {
                    entry,
                    notes,
                    outcome: Outcome::Told,
                });
            }
            Err(mistakes) => mistakes,
        };
        let Mistake { field, message } = first(&entry, mistakes).ok_or("no manifest can say it")?;
        let field = field.ok_or_else(|| message.clone())?;
        let optional = OPTIONAL.iter().any(|part| field.starts_with(part));
        let Some(gone) = optional.then(|| take_out(&mut entry, &field)).flatten() else {
            return Err(format!("{field}: {message}"));
        };
        if gone == field {
            notes.push(format!("{field} is left out: {message}"));
            left_out.push(field);
        } else if !left_out.contains(&field) {
            notes.push(format!("{gone} is left out: {field}: {message}"));
        }
        if let Value::Object(fields) = &mut entry {
            prune(fields);
        }
    }
}

// Of several mistakes one about what is there, because what is missing may only follow from it.
fn first(entry: &Value, mut mistakes: Vec<Mistake>) -> Option<Mistake> {
    let is_there = |mistake: &Mistake| {
        let field = mistake.field.as_deref();
        field.is_some_and(|field| entry.pointer(&pointer(field)).is_some())
    };
    let at = mistakes.iter().position(is_there).unwrap_or_default();
    (at < mistakes.len()).then(|| mistakes.swap_remove(at))
}

// Removes the value at a path, or the innermost object around it that is there; never a whole part of the entry.
// Returns the path of what is gone.
fn take_out(entry: &mut Value, path: &str) -> Option<String> {
    let mut gone = path;
    while entry.pointer(&pointer(gone)).is_none() {
        gone = gone.rsplit_once('.')?.0;
    }
    let (parent, key) = gone.rsplit_once('.')?;
    let fields = entry.pointer_mut(&pointer(parent))?.as_object_mut()?;
    fields.remove(key)?;
    Some(gone.to_owned())
}

// A dotted path as JSON pointer.
fn pointer(path: &str) -> String {
    let path = path.replace('~', "~0").replace('/', "~1");
    format!("/{}", path.replace('.', "/"))
}

#[cfg(test)]
mod tests;
