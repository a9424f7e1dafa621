//! An entry as the manifest's own judge takes it, and what had to be left out of it for that.

use serde_json::{Map, Value};

use super::Outcome;
use crate::manifest::{Entry, Mistake, read_entry};

/// An entry, and what had to be left out of it.
pub(super) struct Said {
    pub entry: Entry,
    pub notes: Vec<String>,
    pub outcome: Outcome,
}

/// The keys for which null says something: no such import (API.md §5.2).
const IMPORTS: [&str; 2] = ["fullImport", "incrementalImport"];

/// Nulls and empty texts say nothing, except that null is no import, for which Okta's guide also writes `{}`.
pub(super) fn tidy(value: &mut Value) {
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

/// A manifest refuses objects that say nothing.
pub(super) fn prune(fields: &mut Map<String, Value>) {
    for value in fields.values_mut() {
        if let Value::Object(fields) = value {
            prune(fields);
        }
    }
    fields.retain(|_, value| !value.as_object().is_some_and(Map::is_empty));
}

/// The parts of an entry that may be left out of it without making it another one.
const OPTIONAL: [&str; 3] = ["features.", "connection.profile.signing", "hub.idp"];

/// The entry as the manifest's judge takes it: what may be left out is, with a note, until nothing is wrong.
pub(super) fn judged(entry: Map<String, Value>) -> Result<Said, String> {
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
