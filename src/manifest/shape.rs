//! The keys of a record as data: one table serves CSV columns, JSON objects and suggestions.
//!
//! A table names each key, what kind of value it takes and how that value enters a draft `D`. Readers
//! look a column or key up once and then only call the setter, so that a good row builds no
//! intermediate tree. Values of secret fields are never part of a [`Wrong`].

use serde_json::Value;

use super::hub::AdminRole;
use super::problem::{alternatives, nearest, shown};
use super::secret::SecretRef;
use crate::apps::{self, App, Meant};
use crate::text::unseen::{self, named};

/// Keys and columns that begin so are for people and mean nothing, wherever they stand.
const FOR_PEOPLE: char = '$';

/// Whether a key is for people.
pub(super) fn is_for_people(key: &str) -> bool {
    key.starts_with(FOR_PEOPLE)
}

/// A key of an object.
pub(super) struct Member<D: 'static> {
    pub key: &'static str,
    pub item: Item<D>,
}

/// What a key takes and how it is set.
pub(super) enum Item<D: 'static> {
    /// Non-empty text without surrounding space or control characters.
    Text(fn(&mut D, &str)),
    /// A secret reference.
    Secret(fn(&mut D, SecretRef)),
    /// A name or a secret reference: shown to nobody, like a secret.
    Login(fn(&mut D, &str)),
    /// One of these words; the setter gets its index.
    Choice(&'static [&'static str], fn(&mut D, usize)),
    /// `true` or `false`.
    Switch(fn(&mut D, bool)),
    /// A finite number.
    Number(fn(&mut D, f64)),
    /// Texts; in CSV separated by `;`.
    List(fn(&mut D, Vec<String>)),
    /// Admin roles; in CSV separated by `;`.
    Roles(fn(&mut D, Vec<AdminRole>)),
    /// An object with known keys.
    Group(Group<D>),
    /// An object whose keys are free, and one that it may have.
    Free(&'static str, fn(&mut D, &str, Value)),
    /// For people: it sets nothing. What stands in a column whose name begins with [`FOR_PEOPLE`].
    Comment,
}

/// An object with known keys.
pub(super) struct Group<D: 'static> {
    pub members: &'static [Member<D>],
    /// Called when the object is there at all.
    pub open: fn(&mut D),
    /// Called for `null`, where that means something.
    pub null: Option<fn(&mut D)>,
    /// Whether the object may be empty.
    pub empty: Empty,
}

/// What an empty object means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empty {
    /// The same as no object, or it has a meaning of its own.
    Fine,
    /// A mistake: it says nothing.
    Wrong,
}

/// Why a value does not fit its key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub message: String,
    pub hint: Option<String>,
}

impl Wrong {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn with_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }
}

impl<D> Item<D> {
    /// What the key takes, for "expects …".
    pub(super) fn expects(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Login(_) | Self::Choice(..) | Self::Comment => "a text",
            Self::Secret(_) => "a secret reference",
            Self::Switch(_) => "true or false",
            Self::Number(_) => "a number",
            Self::List(_) => "a list of texts",
            Self::Roles(_) => "a list of roles",
            Self::Group(_) | Self::Free(..) => "an object",
        }
    }

    /// Sets a key that takes text; false when it does not take text.
    pub(super) fn set_text(&self, draft: &mut D, text: &str) -> Result<bool, Wrong> {
        if !matches!(self, Self::Comment) {
            all_seen(text)?;
        }
        match self {
            Self::Text(set) => set(draft, plain(text)?),
            Self::Comment => {}
            Self::Login(set) => {
                let text = plain(text)?;
                if SecretRef::looks_like(text) {
                    SecretRef::parse(text).map_err(|error| Wrong::new(error.to_string()))?;
                }
                set(draft, text);
            }
            Self::Secret(set) => set(
                draft,
                SecretRef::parse(text).map_err(|error| {
                    Wrong::with_hint(
                        error.to_string(),
                        "put the value into an environment variable and write env:NAME here",
                    )
                })?,
            ),
            Self::Choice(words, set) => match words.iter().position(|word| *word == text) {
                Some(index) => set(draft, index),
                None => return Err(not_a_choice(text, words)),
            },
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Sets from a CSV cell that is not empty.
    pub(super) fn set_cell(&self, draft: &mut D, key: &str, cell: &str) -> Result<(), Wrong> {
        if self.set_text(draft, cell)? {
            return Ok(());
        }
        match self {
            Self::Switch(set) => match cell {
                "true" | "TRUE" | "True" => set(draft, true),
                "false" | "FALSE" | "False" => set(draft, false),
                _ => {
                    return Err(Wrong::new(format!(
                        "expects true or false, not {}",
                        shown(cell)
                    )));
                }
            },
            Self::Number(set) => match cell.parse::<f64>() {
                Ok(number) if number.is_finite() => set(draft, number),
                _ => return Err(not_a_number(cell)),
            },
            Self::List(set) => {
                let items = items(cell).map(|part| plain(part).map(str::to_owned));
                set(draft, items.collect::<Result<_, _>>()?);
            }
            Self::Roles(set) => {
                let roles =
                    items(cell).map(|part| AdminRole::parse(plain(part)?).map_err(Wrong::new));
                set(draft, roles.collect::<Result<_, _>>()?);
            }
            Self::Group(group) => match (group.null, cell) {
                (Some(null), "null") => null(draft),
                _ => {
                    return Err(Wrong::new(
                        "takes only null; its keys have columns of their own",
                    ));
                }
            },
            Self::Free(_, set) => set(
                draft,
                key,
                match cell {
                    "null" => Value::Null,
                    "true" => Value::Bool(true),
                    "false" => Value::Bool(false),
                    text => Value::String(text.to_owned()),
                },
            ),
            // `set_text` has set every other kind.
            Self::Text(_) | Self::Login(_) | Self::Secret(_) | Self::Choice(..) | Self::Comment => {
            }
        }
        Ok(())
    }
}

/// The items of a list in a cell.
fn items(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(';')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// Refuses a text with a character that nobody sees.
pub(super) fn all_seen(text: &str) -> Result<(), Wrong> {
    match unseen::first(text) {
        None => Ok(()),
        Some(unseen) => Err(Wrong::with_hint(
            format!("contains the invisible character {}", named(unseen)),
            "type it anew, or paste it as plain text",
        )),
    }
}

// The value of a plain text field; its own words are not repeated.
fn plain(text: &str) -> Result<&str, Wrong> {
    if text.trim().is_empty() {
        return Err(Wrong::with_hint("is empty", "fill it in or leave it out"));
    }
    if text.trim().len() != text.len() {
        return Err(Wrong::new("has a space or line break before or after it"));
    }
    if let Some(control) = text.chars().find(|c| c.is_control()) {
        return Err(Wrong::new(format!(
            "contains a control character or line break: {}",
            named(control)
        )));
    }
    Ok(text)
}

fn not_a_number(cell: &str) -> Wrong {
    let message = format!("expects a number, not {}", shown(cell));
    let point = cell.replacen(',', ".", 1);
    if point != cell && point.parse::<f64>().is_ok_and(f64::is_finite) {
        return Wrong::with_hint(message, format!("write it with a point: {point}"));
    }
    Wrong::new(message)
}

fn not_a_choice(text: &str, words: &'static [&'static str]) -> Wrong {
    let message = format!("{} is not one of {}", shown(text), alternatives(words));
    if text.eq_ignore_ascii_case("CYCLE") && words.contains(&"KEEP_EXISTING") {
        return Wrong::with_hint(
            message,
            "CYCLE stands in Okta's guide but not in its API: write CHANGE or KEEP_EXISTING",
        );
    }
    let of_apps = words.contains(&App::Zscalerbyz.name());
    match apps::meant(text).filter(|_| of_apps) {
        Some(Meant::Supported(app)) => {
            return Wrong::with_hint(message, format!("did you mean {app}?"));
        }
        Some(Meant::Unsupported) => {
            return Wrong::with_hint(
                format!(
                    "Okta's API has no provisioning connection for {}",
                    shown(text)
                ),
                format!(
                    "set it up in the Admin Console; the API has only {}",
                    alternatives(words)
                ),
            );
        }
        None => {}
    }
    match nearest(text, words.iter().copied()) {
        Some(word) => Wrong::with_hint(message, format!("did you mean {word}?")),
        None if of_apps => Wrong::with_hint(
            message,
            "Okta's API has a provisioning connection for these six only",
        ),
        None => Wrong::new(message),
    }
}
