//! A cursor over a TOML document that collects every mistake instead of stopping at the first:
//! unknown keys with the nearest known one, missing keys, wrong types and values, each with its
//! place. What the keys mean is not known here.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::manifest::Problem;

/// Below this similarity (Jaro-Winkler, 0 to 1) a suggestion confuses more than it helps.
const NEAR: f64 = 0.75;

/// Why a value is refused.
pub(super) struct Wrong {
    pub message: String,
    pub hint: Option<String>,
}

impl Wrong {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The document and what is wrong with it so far.
pub(super) struct Document<'t> {
    file: String,
    text: &'t str,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Document<'t> {
    pub fn new(file: String, text: &'t str) -> Self {
        Self {
            file,
            text,
            problems: RefCell::default(),
        }
    }

    /// The problems in the order they stand in the file.
    pub fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems
    }

    pub fn report(&self, span: Option<Range<usize>>, field: Option<String>, wrong: Wrong) {
        let (line, column) = span.map(|span| self.place(span.start)).unzip();
        self.problems.borrow_mut().push(Problem {
            file: self.file.clone(),
            line,
            column,
            row: None,
            field,
            message: wrong.message,
            hint: wrong.hint,
            count: 1,
            also: Vec::new(),
        });
    }

    fn place(&self, offset: usize) -> (u64, u64) {
        place(self.text, offset)
    }
}

/// Line and column, both from 1, of a byte offset.
pub(super) fn place(text: &str, offset: usize) -> (u64, u64) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    let column = before[line_start..].chars().count() + 1;
    (line as u64, column as u64)
}

/// One table of the document, and which of its keys are known.
pub(super) struct Table<'d, 't> {
    document: &'d Document<'t>,
    path: String,
    span: Range<usize>,
    values: &'d DeTable<'t>,
    known: Vec<&'static str>,
}

impl<'d, 't> Table<'d, 't> {
    pub fn root(document: &'d Document<'t>, root: &'d Spanned<DeTable<'t>>) -> Self {
        Self {
            document,
            path: String::new(),
            // The document's span is all of it; a missing key is missing at its beginning.
            span: 0..0,
            values: root.get_ref(),
            known: Vec::new(),
        }
    }

    /// The value of an optional key, unless `read` refuses it.
    pub fn get<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'t>) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.known.push(key);
        let value = self.values.get(key)?;
        match read(value.get_ref()) {
            Ok(read) => Some(read),
            Err(wrong) => {
                self.document
                    .report(Some(value.span()), Some(self.field(key)), wrong);
                None
            }
        }
    }

    /// Line and column of a value, both from 1.
    pub fn place_of(&self, key: &str) -> Option<(u64, u64)> {
        let value = self.values.get(key)?;
        Some(self.document.place(value.span().start))
    }

    /// The same of each item of a list.
    pub fn places_in(&self, key: &str) -> Vec<(u64, u64)> {
        let list = self
            .values
            .get(key)
            .and_then(|list| list.get_ref().as_array());
        let items = list.into_iter().flat_map(|list| list.iter());
        items
            .map(|item| self.document.place(item.span().start))
            .collect()
    }

    /// As [`Table::get`], and the key must be there.
    pub fn require<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'t>) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.must_have(key);
        self.get(key, read)
    }

    /// Reports that a key is not there, if so.
    pub fn must_have(&self, key: &str) {
        if !self.values.contains_key(key) {
            self.refuse_key(key, Wrong::new("this key is required"));
        }
    }

    /// The items of an optional list, unless `read` refuses one: each that it does is reported where it stands.
    pub fn list<T>(
        &mut self,
        key: &'static str,
        (wanted, empty): (&str, impl FnOnce() -> Result<(), Wrong>),
        read: impl Fn(&DeValue<'t>) -> Result<T, Wrong>,
    ) -> Option<Vec<T>> {
        self.get(key, |value| match value.as_array() {
            None => Err(expected(wanted, value)),
            Some(items) if items.is_empty() => empty(),
            Some(_) => Ok(()),
        })?;
        let items = self.values.get(key)?.get_ref().as_array()?;
        let items = items.iter().map(|item| match read(item.get_ref()) {
            Ok(read) => Some(read),
            Err(wrong) => {
                let field = Some(self.field(key));
                self.document.report(Some(item.span()), field, wrong);
                None
            }
        });
        // All are read before one that is refused counts.
        let items: Vec<_> = items.collect();
        items.into_iter().collect()
    }

    /// A table inside this one.
    pub fn table(&mut self, key: &'static str) -> Option<Table<'d, 't>> {
        self.known.push(key);
        let value = self.values.get(key)?;
        self.inner(value, self.field(key), &format!("write it as `[{key}]`"))
    }

    /// An array of tables inside this one.
    pub fn tables(&mut self, key: &'static str) -> Vec<Table<'d, 't>> {
        self.known.push(key);
        let Some(value) = self.values.get(key) else {
            return Vec::new();
        };
        let hint = format!("write each as `[[{key}]]`");
        let Some(array) = value.get_ref().as_array() else {
            self.document.report(
                Some(value.span()),
                Some(self.field(key)),
                expected("a list of tables", value.get_ref()).hint(hint),
            );
            return Vec::new();
        };
        array
            .iter()
            .enumerate()
            .filter_map(|(place, item)| {
                self.inner(item, format!("{}[{place}]", self.field(key)), &hint)
            })
            .collect()
    }

    fn inner(
        &self,
        value: &'d Spanned<DeValue<'t>>,
        path: String,
        hint: &str,
    ) -> Option<Table<'d, 't>> {
        let Some(values) = value.get_ref().as_table() else {
            let wrong = expected("a table", value.get_ref()).hint(hint);
            self.document.report(Some(value.span()), Some(path), wrong);
            return None;
        };
        Some(Table {
            document: self.document,
            path,
            span: value.span(),
            values,
            known: Vec::new(),
        })
    }

    /// Reports something about the table as a whole.
    pub fn refuse(&self, wrong: Wrong) {
        self.document
            .report(Some(self.span.clone()), Some(self.path.clone()), wrong);
    }

    /// Reports something about a key's value, or about the table where it has no such key.
    pub fn refuse_key(&self, key: &str, wrong: Wrong) {
        let span = self.values.get(key).map(Spanned::span);
        self.document.report(
            Some(span.unwrap_or_else(|| self.span.clone())),
            Some(self.field(key)),
            wrong,
        );
    }

    /// Reports every key that nothing asked for.
    pub fn finish(self) {
        for key in self.values.keys() {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                let mut wrong = Wrong::new("unknown key");
                wrong.hint = Some(suggestion(name, &self.known));
                self.document
                    .report(Some(key.span()), Some(self.field(name)), wrong);
            }
        }
    }

    fn field(&self, key: &str) -> String {
        inner(&self.path, key)
    }
}

/// The path of a key of a table with this one.
pub fn inner(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// A text that is not empty.
pub(super) fn string(value: &DeValue<'_>) -> Result<String, Wrong> {
    match value.as_str() {
        None => Err(expected("a text in quotes", value)),
        Some(text) if text.trim().is_empty() => Err(Wrong::new("is empty")),
        Some(text) => Ok(text.to_owned()),
    }
}

/// "expected a …, found a …".
pub(super) fn expected(wanted: &str, found: &DeValue<'_>) -> Wrong {
    let article = match found.type_str().chars().next() {
        Some('a' | 'i') => "an",
        _ => "a",
    };
    Wrong::new(format!(
        "expected {wanted}, found {article} {}",
        found.type_str()
    ))
}

/// The nearest of the known names, or all of them.
pub(super) fn suggestion(name: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|known| {
            (
                strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase()),
                known,
            )
        })
        .filter(|(similarity, _)| *similarity >= NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    match near {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}
