//! What a job file says itself: its values as they are written, and where.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::tree::{inner, place};
use super::values::owned;

/// The values of a job file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// The file, as given.
    pub(super) file: String,
    /// What is in it.
    pub(super) text: String,
    values: Value,
    /// By the path of keys, as in `reports[0].path`: where key and value begin, in bytes.
    begins: BTreeMap<String, (usize, usize)>,
}

/// Line and column, both from 1, of a key and of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where the key stands; of what is in a list, where that itself does.
    pub key: (u64, u64),
    /// Where its value begins.
    pub value: (u64, u64),
}

impl Written {
    /// All of them.
    pub fn values(&self) -> &Value {
        &self.values
    }

    /// Where the value with this path stands, as in `reports[0].path`.
    pub fn place(&self, path: &str) -> Option<Place> {
        let (key, value) = self.begins.get(path).copied()?;
        let place = |offset| place(&self.text, offset);
        Some(Place {
            key: place(key),
            value: place(value),
        })
    }

    /// Of a document; `None` when it holds what no JSON can.
    pub(super) fn of(file: String, text: &str, root: &DeTable<'_>) -> Option<Self> {
        let owned = owned(&DeValue::Table(root.clone())).ok()?;
        let mut begins = BTreeMap::new();
        of_table("", root, &mut begins);
        Some(Self {
            file,
            text: text.to_owned(),
            values: serde_json::to_value(owned).ok()?,
            begins,
        })
    }
}

type Begins = BTreeMap<String, (usize, usize)>;

fn of_table(path: &str, table: &DeTable<'_>, begins: &mut Begins) {
    for (key, value) in table {
        let at = (key.span().start, value.span().start);
        of_value(inner(path, key.get_ref()), value.get_ref(), at, begins);
    }
}

fn of_value(path: String, value: &DeValue<'_>, at: (usize, usize), begins: &mut Begins) {
    match value {
        DeValue::Table(table) => of_table(&path, table, begins),
        DeValue::Array(values) => {
            for (number, value) in values.iter().enumerate() {
                let begin = value.span().start;
                let path = format!("{path}[{number}]");
                of_value(path, value.get_ref(), (begin, begin), begins);
            }
        }
        _ => {}
    }
    begins.insert(path, at);
}
