//! JSON objects, taken apart level by level into slices of their text, so that every key and value knows
//! where it stands; known keys fill a draft.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::hub::AdminRole;
use super::path::{join, suggest_key};
use super::problem::{Issue, Issues};
use super::shape::{Empty, Group, Item, Member, Wrong, all_seen, is_for_people};
use super::text::Text;

/// A key of an object, decoded, with its value's text.
pub(super) struct Pair<'a> {
    pub key: Cow<'a, str>,
    pub value: &'a str,
}

impl Pair<'_> {
    /// Where the key stands; where its value does when the key is written with escapes.
    pub(super) fn offset(&self, text: &Text<'_>) -> usize {
        match &self.key {
            // The quote stands before the first character.
            Cow::Borrowed(key) => text.offset(key).saturating_sub(1),
            Cow::Owned(_) => text.offset(self.value),
        }
    }
}

/// Longest value that is read, as it is written (bytes): longer than any that a manifest has. Of a longer one no copy is
/// made.
pub(super) const MAX_VALUE: usize = 64 * 1024;

/// Longest key (bytes); a longer one is not repeated.
const MAX_KEY: usize = 1024;

/// What is wrong with a key that is none.
pub(super) fn too_long(key: &str) -> Option<String> {
    let length = key.len();
    (length > MAX_KEY).then(|| format!("has a key of {length} bytes, which is none"))
}

/// Whether the key of each pair stood before it already; to be asked of every one, in order.
pub(super) fn stood_before<'p>(pairs: &'p [Pair<'_>]) -> impl FnMut(usize) -> bool + 'p {
    /// So many are compared sooner than they are remembered.
    const FEW: usize = 32;
    let mut seen = (pairs.len() > FEW).then(HashSet::new);
    move |number| {
        let Some(pair) = pairs.get(number) else {
            return false;
        };
        match &mut seen {
            Some(seen) => !seen.insert(pair.key.as_ref()),
            None => pairs[..number].iter().any(|other| other.key == pair.key),
        }
    }
}

/// The pairs of an object in order, or nothing when the value is no object.
pub(super) fn pairs(value: &str) -> Option<Vec<Pair<'_>>> {
    struct Pairs<'a>(Vec<Pair<'a>>);
    struct Collect;
    impl<'de> Visitor<'de> for Collect {
        type Value = Pairs<'de>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                pairs.push(Pair {
                    key,
                    value: value.get(),
                });
            }
            Ok(Pairs(pairs))
        }
    }
    impl<'de> Deserialize<'de> for Pairs<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(Collect)
        }
    }
    serde_json::from_str::<Pairs<'_>>(value)
        .ok()
        .map(|pairs| pairs.0)
}

/// Calls `each` for the elements of an array; false when the value is no array.
pub(super) fn elements<'a>(value: &'a str, each: &mut dyn FnMut(&'a str)) -> bool {
    struct Each<'f, 'a>(&'f mut dyn FnMut(&'a str));
    impl<'de> Visitor<'de> for Each<'_, 'de> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
            while let Some(element) = list.next_element::<&'de RawValue>()? {
                (self.0)(element.get());
            }
            Ok(())
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(value);
    deserializer.deserialize_seq(Each(each)).is_ok()
}

struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}

/// The text of a JSON string, or nothing when the value is none.
pub(super) fn string(value: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Key<'_>>(value).ok().map(|key| key.0)
}

/// What a value is, for "not …".
pub(super) fn kind(value: &str) -> &'static str {
    match value.as_bytes().first() {
        Some(b'"') => "a text",
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// Why [`pairs`] found none.
pub(super) fn not_an_object(value: &str) -> String {
    match kind(value) {
        // Valid to a parser that skips it, but half of a surrogate pair is no character.
        "an object" => "has a key with a broken escape".to_owned(),
        kind => format!("expects an object, not {kind}"),
    }
}

/// Fills drafts from objects and notes what does not fit.
pub(super) struct Filler<'t, 'a> {
    pub text: &'t Text<'a>,
    pub issues: &'t mut Issues,
}

/// A dotted path that is only written out when something is wrong.
#[derive(Clone, Copy)]
pub(super) struct At<'p> {
    parent: Option<&'p At<'p>>,
    key: &'p str,
}

impl At<'_> {
    /// The record itself.
    pub(super) const ROOT: At<'static> = At {
        parent: None,
        key: "",
    };

    fn path(&self) -> String {
        match self.parent {
            Some(parent) => join(&parent.path(), self.key),
            None => self.key.to_owned(),
        }
    }
}

impl<'a> Filler<'_, 'a> {
    /// Fills a draft from an object; returns how many keys it has besides those for people.
    pub(super) fn fill<D>(
        &mut self,
        members: &'static [Member<D>],
        value: &'a str,
        at: &At<'_>,
        draft: &mut D,
    ) -> usize {
        let Some(pairs) = pairs(value) else {
            let wrong = Wrong::new(not_an_object(value));
            self.issue(at.path(), self.text.offset(value), wrong);
            return 0;
        };
        self.fill_pairs(members, &pairs, at, draft);
        let ours = pairs.iter().filter(|pair| !is_for_people(&pair.key));
        ours.count()
    }

    /// Fills a draft from an object that has been taken apart.
    pub(super) fn fill_pairs<D>(
        &mut self,
        members: &'static [Member<D>],
        pairs: &[Pair<'a>],
        at: &At<'_>,
        draft: &mut D,
    ) {
        let mut stood_before = stood_before(pairs);
        for (number, pair) in pairs.iter().enumerate() {
            let is_twice = stood_before(number);
            if is_for_people(&pair.key) {
                continue;
            }
            if let Some(wrong) = too_long(&pair.key) {
                self.issue(at.path(), pair.offset(self.text), Wrong::new(wrong));
                continue;
            }
            let at = At {
                parent: Some(at),
                key: &pair.key,
            };
            let offset = pair.offset(self.text);
            if is_twice {
                self.issue(at.path(), offset, Wrong::new("is given twice"));
                continue;
            }
            let Some(member) = members.iter().find(|member| member.key == pair.key) else {
                // One that is written right to the eye is not "unknown".
                let wrong = all_seen(&pair.key).err().unwrap_or_else(|| Wrong {
                    message: "unknown key".to_owned(),
                    hint: Some(suggest_key(members, &pair.key)),
                });
                self.issue(at.path(), offset, wrong);
                continue;
            };
            self.set(&member.item, pair, &at, draft);
        }
    }

    fn set<D>(&mut self, item: &'static Item<D>, pair: &Pair<'a>, at: &At<'_>, draft: &mut D) {
        let value = pair.value;
        if value.len() > MAX_VALUE && !matches!(item, Item::Group(_)) {
            let (length, most) = (value.len(), MAX_VALUE >> 10);
            let wrong = Wrong::new(format!("has {length} bytes; no value has over {most} KiB"));
            return self.issue(at.path(), self.text.offset(value), wrong);
        }
        let result = match item {
            Item::Group(group) => return self.group(group, value, at, draft),
            Item::Free(_, set) => free(*set, value, draft),
            Item::Switch(set) => match value {
                "true" | "false" => {
                    set(draft, value == "true");
                    Ok(())
                }
                _ => Err(expected(item, value)),
            },
            Item::Number(set) => match value.parse::<f64>() {
                Ok(number) if number.is_finite() => {
                    set(draft, number);
                    Ok(())
                }
                _ => Err(expected(item, value)),
            },
            Item::List(set) => match list(value) {
                None => Err(expected(item, value)),
                Some(list) => list
                    .iter()
                    .try_for_each(|text| all_seen(text))
                    .map(|()| set(draft, list)),
            },
            Item::Roles(set) => roles(value).map(|roles| set(draft, roles)),
            Item::Text(_) | Item::Login(_) | Item::Secret(_) | Item::Choice(..) | Item::Comment => {
                match string(value) {
                    Some(text) => item.set_text(draft, &text).map(drop),
                    None => Err(expected(item, value)),
                }
            }
        };
        if let Err(wrong) = result {
            self.issue(at.path(), self.text.offset(value), wrong);
        }
    }

    fn group<D>(&mut self, group: &'static Group<D>, value: &'a str, at: &At<'_>, draft: &mut D) {
        if let (Some(null), "null") = (group.null, value) {
            null(draft);
            return;
        }
        if value.starts_with('{') {
            (group.open)(draft);
        }
        let keys = self.fill(group.members, value, at, draft);
        if keys == 0 && group.empty == Empty::Wrong && value.starts_with('{') {
            let wrong = Wrong::with_hint(
                "is an empty object",
                match group.null {
                    Some(_) => "write null for none, or leave it out",
                    None => "leave it out or fill it in",
                },
            );
            self.issue(at.path(), self.text.offset(value), wrong);
        }
    }

    fn issue(&mut self, field: String, offset: usize, wrong: Wrong) {
        self.issues.take(Issue {
            field: Cow::Owned(field),
            message: wrong.message,
            hint: wrong.hint,
            offset: Some(offset),
        });
    }
}

fn expected<D>(item: &Item<D>, value: &str) -> Wrong {
    match kind(value) {
        "null" => Wrong::with_hint("must not be null", "leave the key out"),
        kind if kind == item.expects() => Wrong::new("contains a broken escape"),
        kind => Wrong::new(format!("expects {}, not {kind}", item.expects())),
    }
}

fn list(value: &str) -> Option<Vec<String>> {
    let mut list = Vec::new();
    let mut texts = true;
    let array = elements(value, &mut |element| match string(element) {
        Some(text) if !text.trim().is_empty() => list.push(text.into_owned()),
        _ => texts = false,
    });
    (array && texts).then_some(list)
}

fn roles(value: &str) -> Result<Vec<AdminRole>, Wrong> {
    let items: Vec<serde_json::Value> = serde_json::from_str(value)
        .map_err(|_| Wrong::new(format!("expects a list of roles, not {}", kind(value))))?;
    items.iter().try_for_each(texts_seen)?;
    let roles = items.iter().map(AdminRole::read);
    roles.collect::<Result<_, _>>().map_err(Wrong::new)
}

// Of a role, which is a text or an object of texts.
fn texts_seen(item: &serde_json::Value) -> Result<(), Wrong> {
    let texts = item
        .as_object()
        .into_iter()
        .flat_map(|custom| custom.values());
    let mut texts = texts.chain([item]).filter_map(serde_json::Value::as_str);
    texts.try_for_each(all_seen)
}

fn free<D>(
    set: fn(&mut D, &str, serde_json::Value),
    value: &str,
    draft: &mut D,
) -> Result<(), Wrong> {
    // Fails for what is no object and for nesting beyond the parser's limit (128).
    let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(value)
        .map_err(|_| Wrong::new(format!("expects an object, not {}", kind(value))))?;
    for (key, mut value) in object {
        if is_for_people(&key) {
            continue;
        }
        all_seen(&key)?;
        value.as_str().map_or(Ok(()), all_seen)?;
        drop_for_people(&mut value);
        set(draft, &key, value);
    }
    Ok(())
}

fn drop_for_people(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(keys) => {
            keys.retain(|key, _| !is_for_people(key));
            keys.values_mut().for_each(drop_for_people);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(drop_for_people),
        _ => {}
    }
}
