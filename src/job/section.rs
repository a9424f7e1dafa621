//! A section of a job whose keys somebody else knows: read as that says, with its mistakes in their places.

use std::collections::HashSet;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::tree::{Document, Wrong, inner, suggestion};
use super::written::Written;
use crate::manifest::Problem;

/// Mistakes that are looked for: each costs a reading of the whole section.
const MOST: usize = 100;

impl Written {
    /// The section of this name as its owner reads it; one that is not there as if it were empty.
    ///
    /// # Errors
    /// Every mistake in it, in the order they stand in the file.
    pub fn section<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, Vec<Problem>> {
        // Without syntax errors, or there were no job.
        let (root, _) = DeTable::parse_recoverable(&self.text);
        let Some(section) = root.get_ref().get(name) else {
            return Ok(T::default());
        };
        let document = Document::new(self.file.clone(), &self.text);
        let mut left = section.clone();
        let mut read = None;
        let mut told_of = HashSet::new();
        for _ in 0..MOST {
            let error = match T::deserialize(ValueDeserializer::from(left.clone())) {
                Ok(value) => {
                    read = Some(value);
                    break;
                }
                Err(error) => error,
            };
            // The reader stops at the first mistake: without that, it comes to the next.
            let span = error.span().unwrap_or_else(|| section.span());
            let found = Found::of(section, &span);
            let (path, wrong) = told(error.message(), name, found.as_ref());
            // What was wrong and taken out is not missing.
            if told_of.insert(path.clone()) {
                document.report(Some(span.clone()), Some(path), wrong);
            }
            match Found::of(&left, &span) {
                Some(found) => remove(left.get_mut(), &found.way),
                None => break,
            }
        }
        let problems = document.into_problems();
        match read {
            Some(read) if problems.is_empty() => Ok(read),
            _ => Err(problems),
        }
    }
}

/// The innermost key or value that an error is about.
struct Found {
    way: Vec<Step>,
    is_key: bool,
}

enum Step {
    Key(String),
    Item(usize),
}

impl Found {
    /// What begins and ends there, below this value.
    fn of(value: &Spanned<DeValue<'_>>, span: &Range<usize>) -> Option<Self> {
        let at = |step: Step, is_key: bool| Self {
            way: vec![step],
            is_key,
        };
        let below = |step: Step, value: &Spanned<DeValue<'_>>| match Self::of(value, span) {
            Some(mut found) => {
                found.way.insert(0, step);
                Some(found)
            }
            None => (value.span() == *span).then(|| at(step, false)),
        };
        match value.get_ref() {
            DeValue::Table(table) => table.iter().find_map(|(key, value)| {
                let step = || Step::Key(key.get_ref().to_string());
                if key.span() == *span {
                    return Some(at(step(), true));
                }
                below(step(), value)
            }),
            DeValue::Array(items) => items
                .iter()
                .enumerate()
                .find_map(|(number, value)| below(Step::Item(number), value)),
            _ => None,
        }
    }

    fn path(&self, section: &str) -> String {
        self.way
            .iter()
            .fold(section.to_owned(), |path, step| match step {
                Step::Key(key) => inner(&path, key),
                Step::Item(number) => format!("{path}[{number}]"),
            })
    }
}

fn remove(value: &mut DeValue<'_>, way: &[Step]) {
    match (value, way) {
        (DeValue::Table(table), [Step::Key(key)]) => drop(table.remove(key.as_str())),
        (DeValue::Table(table), [Step::Key(key), rest @ ..]) => {
            if let Some(value) = table.get_mut(key.as_str()) {
                remove(value.get_mut(), rest);
            }
        }
        (DeValue::Array(items), [Step::Item(number)]) => {
            let all = items.iter().cloned().enumerate();
            *items = all
                .filter(|(place, _)| place != number)
                .map(|(_, item)| item)
                .collect();
        }
        (DeValue::Array(items), [Step::Item(number), rest @ ..]) => {
            if let Some(value) = items.get_mut(*number) {
                remove(value.get_mut(), rest);
            }
        }
        _ => {}
    }
}

/// What the reader of the section says, as mistakes of a job are told, and of which key.
fn told(message: &str, section: &str, found: Option<&Found>) -> (String, Wrong) {
    let path = found.map_or_else(|| section.to_owned(), |found| found.path(section));
    if let Some(key) = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'))
    {
        return (inner(&path, key), Wrong::new("this key is required"));
    }
    let unknown = ["unknown field ", "unknown variant "];
    if unknown.iter().any(|begin| message.starts_with(begin)) {
        let mut names = message.split('`').skip(1).step_by(2);
        let name = names.next().unwrap_or_default();
        let known: Vec<&str> = names.collect();
        let wrong = match found {
            Some(found) if found.is_key => Wrong::new("unknown key"),
            _ => Wrong::new(format!(
                "`{name}` is none of the values that are known here"
            )),
        };
        return (path, wrong.hint(suggestion(name, &known)));
    }
    let parts = |begin: &str| message.strip_prefix(begin)?.rsplit_once(", expected ");
    let wrong = if let Some((is, wanted)) = parts("invalid type: ") {
        Wrong::new(format!("expected {}, found {}", named(wanted), kind(is)))
    } else if let Some((_, wanted)) = parts("invalid value: ") {
        Wrong::new(format!("must be {}", named(wanted)))
    } else if message == "wanted string or table" {
        Wrong::new("expected a text in quotes")
    } else {
        Wrong::new(message)
    };
    (path, wrong)
}

/// A type as people call it.
fn named(wanted: &str) -> String {
    match wanted {
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" => format!("a whole number from 0 to {}", i64::MAX),
        "i32" => format!("a whole number from {} to {}", i32::MIN, i32::MAX),
        "f64" => "a number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a string" => "a text in quotes".to_owned(),
        "a sequence" => "a list".to_owned(),
        _ if wanted == "a map" || wanted.starts_with("struct ") => "a table".to_owned(),
        _ => wanted.to_owned(),
    }
}

/// What stands there, as TOML calls it.
fn kind(found: &str) -> &'static str {
    let kinds = [
        ("string", "a string"),
        ("integer", "an integer"),
        ("floating", "a float"),
        ("boolean", "a boolean"),
        ("sequence", "an array"),
        ("map", "a table"),
    ];
    let known = kinds.iter().find(|(begin, _)| found.starts_with(begin));
    known.map_or("something else", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use serde::Deserialize;

    use super::super::read::parse;
    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
    struct Owner {
        number: u32,
        share: f64,
        is_on: bool,
        kinds: BTreeMap<Kind, i32>,
        rules: Vec<Rule>,
        orgs: BTreeMap<String, Rule>,
    }

    #[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
    #[serde(rename_all = "camelCase")]
    enum Kind {
        Reset,
        Hang,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Rule {
        kind: Kind,
        #[serde(default)]
        names: Vec<String>,
    }

    fn read(text: &str) -> Result<Owner, String> {
        let job = parse(Path::new("j.toml"), &format!("manifest = 'm.csv'\n{text}")).unwrap();
        job.written.section("sandbox").map_err(|problems| {
            let lines = problems.iter().map(|problem| match &problem.hint {
                Some(hint) => format!("{problem}\n  hint: {hint}\n"),
                None => format!("{problem}\n"),
            });
            lines.collect()
        })
    }

    #[test]
    fn every_mistake_is_told_in_its_place() {
        insta::assert_snapshot!(read(r#"[sandbox]
number = -1
share = "half"
isOn = 1
nmber = 3
rules = [ { kind = "hang", names = ["a", 7] }, { kind = "hung" }, { names = [] } ]
[sandbox.kinds]
reset = 1.5
rest = 2
[sandbox.orgs."a.b"]
kind = 4
[sandbox.orgs.c]
kind = "reset"
[[sandbox.orgs.d.names]]
"#).unwrap_err(), @r#"
        j.toml:3:10: sandbox.number: must be a whole number from 0 to 4294967295
        j.toml:4:9: sandbox.share: expected a number, found a string
        j.toml:5:8: sandbox.isOn: expected `true` or `false`, found an integer
        j.toml:6:1: sandbox.nmber: unknown key
          hint: did you mean `number`?
        j.toml:7:42: sandbox.rules[0].names[1]: expected a text in quotes, found an integer
        j.toml:7:57: sandbox.rules[1].kind: `hung` is none of the values that are known here
          hint: did you mean `hang`?
        j.toml:7:67: sandbox.rules[2].kind: this key is required
        j.toml:9:9: sandbox.kinds.reset: expected a whole number from -2147483648 to 2147483647, found a float
        j.toml:10:1: sandbox.kinds.rest: unknown key
          hint: did you mean `reset`?
        j.toml:12:8: sandbox.orgs.a.b.kind: expected a text in quotes
        j.toml:15:1: sandbox.orgs.d.names[0]: expected a text in quotes, found a table
        j.toml:15:16: sandbox.orgs.d.kind: this key is required
        "#);
    }

    #[test]
    fn what_is_right_or_not_there_is_read() {
        assert_eq!(read(""), Ok(Owner::default()));
        assert_eq!(read("[sandbox]"), Ok(Owner::default()));
        let owner = read("sandbox.number = 3\n[[sandbox.rules]]\nkind = 'hang'").unwrap();
        assert_eq!((owner.number, owner.rules.len()), (3, 1));
    }

    #[test]
    fn very_many_mistakes_come_to_an_end() {
        let many: Vec<_> = (0..300).map(|n| format!("key{n} = 1\n")).collect();
        let told = read(&format!("[sandbox]\n{}", many.concat())).unwrap_err();
        assert_eq!(told.matches("unknown key").count(), MOST);
    }
}
