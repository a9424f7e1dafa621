//! Where a key or a dotted path leads in the tables of [`super::shape`], and what was probably meant by one that leads
//! nowhere.

use std::borrow::Cow;

use super::problem::nearest;
use super::shape::{Group, Item, Member, is_for_people};

/// Where a dotted path leads.
pub(super) enum Found<D: 'static> {
    /// A key of the table; for a free object with the key below it.
    Item(&'static Item<D>, Cow<'static, str>),
    /// Nothing; with what was probably meant.
    Nothing(String),
}

/// Looks a dotted path up.
pub(super) fn find<D>(table: &'static [Member<D>], path: &str) -> Found<D> {
    if path.split('.').any(is_for_people) {
        return Found::Item(&Item::Comment, Cow::Borrowed(""));
    }
    let mut members = table;
    let mut rest = path;
    loop {
        let (key, below) = match rest.split_once('.') {
            Some((key, below)) => (key, Some(below)),
            None => (rest, None),
        };
        let Some(member) = members.iter().find(|member| member.key == key) else {
            return Found::Nothing(suggest(table, path));
        };
        match (&member.item, below) {
            (Item::Free(..), Some(below)) if !below.is_empty() => {
                return Found::Item(&member.item, Cow::Owned(below.to_owned()));
            }
            (Item::Group(group), Some(below)) => {
                members = group.members;
                rest = below;
            }
            // Only an object that can be null has a column of its own.
            (Item::Group(Group { null: Some(_), .. }), None) => {
                return Found::Item(&member.item, Cow::Borrowed(member.key));
            }
            (Item::Group(_) | Item::Free(..), None) => {
                return Found::Nothing(format!(
                    "{path} is an object: give each of its keys a column, as in {}",
                    first_path(member, path)
                ));
            }
            (_, None) => return Found::Item(&member.item, Cow::Borrowed(member.key)),
            (_, Some(_)) => return Found::Nothing(suggest(table, path)),
        }
    }
}

fn first_path<D>(member: &'static Member<D>, path: &str) -> String {
    match &member.item {
        Item::Group(group) => match group.members.first() {
            Some(first) => first_path(first, &format!("{path}.{}", first.key)),
            None => path.to_owned(),
        },
        Item::Free(example, _) => format!("{path}.{example}"),
        _ => path.to_owned(),
    }
}

/// What was probably meant by a dotted path that leads nowhere.
pub(super) fn suggest<D>(table: &'static [Member<D>], path: &str) -> String {
    if let Some(hint) = special(path.rsplit('.').next().unwrap_or(path)) {
        return hint;
    }
    let mut known = Vec::new();
    leaves(table, "", &mut known);
    let near = nearest(path, known.iter().map(String::as_str));
    meant_or_for_people(path, near, "column")
}

/// What was probably meant by an unknown key of an object.
pub(super) fn suggest_key<D>(members: &'static [Member<D>], key: &str) -> String {
    special(key).unwrap_or_else(|| {
        let near = nearest(key, members.iter().map(|member| member.key));
        meant_or_for_people(key, near, "key")
    })
}

/// What an unknown key or column probably is: a misspelt one, or one for people.
pub(super) fn meant_or_for_people(name: &str, near: Option<&str>, kind: &str) -> String {
    // The name stands in a command to type: what is long or odd is not repeated.
    let is_plain = name.chars().count() <= 40
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "._- ".contains(c));
    let name = if is_plain { name } else { "owner" };
    let people = format!("a {kind} for people begins with $: write ${name}");
    match near {
        Some(near) => format!("did you mean {near}? {people}"),
        None => people,
    }
}

// Spellings that Okta's own documents use in one place and its API does not take (API.md §11.4).
fn special(key: &str) -> Option<String> {
    match key {
        "timeZone" => Some(
            "Okta's guide writes timeZone, its API takes timezone: write timezone".to_owned(),
        ),
        "usernameFormat" => Some(
            "Okta's schema writes usernameFormat, its API takes userNameFormat: write userNameFormat"
                .to_owned(),
        ),
        _ => None,
    }
}

fn leaves<D>(members: &'static [Member<D>], prefix: &str, out: &mut Vec<String>) {
    for member in members {
        let path = join(prefix, member.key);
        match &member.item {
            Item::Group(group) => {
                if group.null.is_some() {
                    out.push(path.clone());
                }
                leaves(group.members, &path, out);
            }
            _ => out.push(path),
        }
    }
}

/// `prefix.key`, or just the key.
pub(super) fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() {
        key.to_owned()
    } else {
        format!("{prefix}.{key}")
    }
}
