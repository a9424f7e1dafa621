//! Reads of an answer the fields that are used and passes over everything else as it comes: what a server adds takes no
//! memory. A field of another type than ours counts as absent, and of one that is given twice the first counts.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// What is used of an object.
pub(super) trait Fields: Default {
    /// Takes a field with one of the functions below, or [`skip`]s it.
    ///
    /// # Errors
    /// When it is no JSON.
    fn field<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Says which fields of a type are taken, and how: `fields!(Link { "href" => text(href) })`.
macro_rules! fields {
    ($type:ty { $($name:literal => $take:ident($field:ident)),* $(,)? }) => {
        impl $crate::okta::fields::Fields for $type {
            fn field<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
            ) -> Result<(), A::Error> {
                match name {
                    $($name => $crate::okta::fields::$take(&mut self.$field, map),)*
                    _ => $crate::okta::fields::skip(map),
                }
            }
        }
    };
}
pub(super) use fields;

/// The object that a body is.
pub(super) fn object<T: Fields>(body: &[u8]) -> Option<T> {
    match serde_json::from_slice(body).ok()? {
        Found::Object(object) => Some(object),
        Found::Text(_) | Found::List(_) | Found::Other => None,
    }
}

/// The objects of the list that a body is; it may hold other things as well.
pub(super) fn list<T: Fields>(body: &[u8]) -> Option<Vec<T>> {
    match serde_json::from_slice(body).ok()? {
        Found::List(list) => Some(list),
        Found::Text(_) | Found::Object(_) | Found::Other => None,
    }
}

/// Values of an answer that is kept as it is, at most; a known one has some 100. More would take a lot of memory, and
/// are not Okta's.
pub(super) const MAX_VALUES: usize = 4_000;

/// The object that a body is, as it stands: only for comparing and for sending it back. Nothing when it holds too much.
pub(super) fn whole(body: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?;
    if !is_bearable(text) {
        return None;
    }
    serde_json::from_str(text).ok().filter(Value::is_object)
}

/// Whether a text holds few values, each of which takes many times its length.
pub(super) fn is_bearable(json: &str) -> bool {
    let begins_one = |byte: &u8| matches!(byte, b',' | b'[' | b'{');
    json.len() <= MAX_VALUES || json.bytes().filter(begins_one).count() <= MAX_VALUES
}

/// Passes over a field.
pub(super) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// Takes a text, if it is one.
pub(super) fn text<'de, A: MapAccess<'de>>(
    into: &mut Option<String>,
    map: &mut A,
) -> Result<(), A::Error> {
    match map.next_value::<Found<Nothing>>()? {
        Found::Text(text) if into.is_none() => *into = Some(text),
        _ => {}
    }
    Ok(())
}

/// Takes an object, if it is one.
pub(super) fn inner<'de, A: MapAccess<'de>, T: Fields>(
    into: &mut Option<T>,
    map: &mut A,
) -> Result<(), A::Error> {
    match map.next_value()? {
        Found::Object(object) if into.is_none() => *into = Some(object),
        _ => {}
    }
    Ok(())
}

/// Takes the objects of a list, if it is one.
pub(super) fn inner_list<'de, A: MapAccess<'de>, T: Fields>(
    into: &mut Option<Vec<T>>,
    map: &mut A,
) -> Result<(), A::Error> {
    match map.next_value()? {
        Found::List(list) if into.is_none() => *into = Some(list),
        _ => {}
    }
    Ok(())
}

/// Takes whatever it is, as it stands.
pub(super) fn raw<'de, A: MapAccess<'de>>(
    into: &mut Option<Box<RawValue>>,
    map: &mut A,
) -> Result<(), A::Error> {
    let found = map.next_value()?;
    if into.is_none() {
        *into = Some(found);
    }
    Ok(())
}

/// The name of a field, where it stands: most fields are passed over.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Named)
    }
}

struct Named;

impl<'de> Visitor<'de> for Named {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    // With escapes in it.
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

/// An object of which nothing is used.
#[derive(Default)]
pub(super) struct Nothing;

impl Fields for Nothing {
    fn field<'de, A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        skip(map)
    }
}

/// What stands in a place, as far as it is used.
enum Found<T> {
    Text(String),
    Object(T),
    /// Its objects.
    List(Vec<T>),
    /// A number, `true`, `null`, …
    Other,
}

impl<'de, T: Fields> Deserialize<'de> for Found<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Finder(PhantomData))
    }
}

struct Finder<T>(PhantomData<T>);

impl<'de, T: Fields> Visitor<'de> for Finder<T> {
    type Value = Found<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Found::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut object = T::default();
        while let Some(Name(name)) = map.next_key()? {
            object.field(&name, &mut map)?;
        }
        Ok(Found::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut objects = Vec::new();
        while let Some(found) = list.next_element()? {
            if let Found::Object(object) = found {
                objects.push(object);
            }
        }
        Ok(Found::List(objects))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Found::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Found::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Found::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Found::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Found::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Eq)]
    struct Thing {
        name: Option<String>,
        part: Option<Part>,
        parts: Option<Vec<Part>>,
    }

    #[derive(Debug, Default, PartialEq, Eq)]
    struct Part {
        href: Option<String>,
    }

    fields!(Thing {
        "name" => text(name),
        "part" => inner(part),
        "parts" => inner_list(parts),
    });
    fields!(Part { "href" => text(href) });

    #[test]
    fn what_is_used_is_taken_and_the_rest_passed_over() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for (body, wanted) in [
            ("{}", Some("None None None")),
            (
                r#"{"name":"a","new":{"name":"b"},"old":[{}]}"#,
                Some("a None None"),
            ),
            (r#"{"na\u006de":"\u0061"}"#, Some("a None None")),
            (r#"{"name":"a","name":"b"}"#, Some("a None None")),
            (r#"{"name":7,"name":"b"}"#, Some("b None None")),
            (
                r#"{"name":null,"part":"x","parts":{}}"#,
                Some("None None None"),
            ),
            (
                r#"{"name":-1,"part":true,"parts":1.5}"#,
                Some("None None None"),
            ),
            (
                r#"{"name":["a"],"part":[{"href":"b"}]}"#,
                Some("None None None"),
            ),
            (r#"{"part":{"href":"b","x":[[]]}}"#, Some("None b None")),
            (
                r#"{"parts":[{"href":"b"},7,"x",null,[{"href":"c"}],{"href":"d"}]}"#,
                Some("None None b,d"),
            ),
            (
                &format!(r#"{{"new":{deep},"name":"a"}}"#),
                Some("a None None"),
            ),
            (r#"{"name":"a"}x"#, None),
            (r#"{"name":"a""#, None),
            (r#"{"new":[1,}"#, None),
            ("[]", None),
            ("\"a\"", None),
            ("null", None),
            ("", None),
            (&deep, None),
        ] {
            let found = object::<Thing>(body.as_bytes()).map(|thing| {
                let href = |part: &Part| part.href.clone().unwrap_or_default();
                let none = || "None".to_owned();
                let parts = thing.parts.map(|parts| {
                    let parts: Vec<_> = parts.iter().map(href).collect();
                    parts.join(",")
                });
                let part = thing.part.as_ref().map(href);
                [thing.name, part, parts]
                    .map(|text| text.unwrap_or_else(none))
                    .join(" ")
            });
            let shown: String = body.chars().take(80).collect();
            assert_eq!(found.as_deref(), wanted, "{shown}");
        }
    }

    #[test]
    fn a_list_is_its_objects() {
        for (body, wanted) in [
            ("[]", Some(0)),
            ("[{},{}]", Some(2)),
            ("[1,{},\"a\",[{}],null]", Some(1)),
            ("{}", None),
            ("[{}", None),
            ("7", None),
        ] {
            let found = list::<Thing>(body.as_bytes());
            assert_eq!(found.map(|found| found.len()), wanted, "{body}");
        }
    }
}
