//! What a job file says itself: its values as they are written, and on which lines.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::tree::inner;
use super::values::owned;

/// The values of a job file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    values: Value,
    /// By the path of keys, as in `reports[0].path`.
    lines: BTreeMap<String, usize>,
}

impl Written {
    /// All of them.
    pub fn values(&self) -> &Value {
        &self.values
    }

    /// The line (from 1) of the value with this path, as in `reports[0].path`.
    pub fn line(&self, path: &str) -> Option<usize> {
        self.lines.get(path).copied()
    }

    /// Of a document; `None` when it holds what no JSON can.
    pub(super) fn of(text: &str, root: &DeTable<'_>) -> Option<Self> {
        let owned = owned(&DeValue::Table(root.clone())).ok()?;
        let ends = text.match_indices('\n').map(|(at, _)| at).collect();
        let mut places = Places {
            ends,
            lines: BTreeMap::new(),
        };
        places.table("", root);
        Some(Self {
            values: serde_json::to_value(owned).ok()?,
            lines: places.lines,
        })
    }
}

struct Places {
    /// Where lines end, in bytes.
    ends: Vec<usize>,
    lines: BTreeMap<String, usize>,
}

impl Places {
    fn table(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = inner(path, key.get_ref());
            self.value(path, value.get_ref(), key.span().start);
        }
    }

    fn value(&mut self, path: String, value: &DeValue<'_>, at: usize) {
        let line = self.ends.partition_point(|end| *end < at) + 1;
        match value {
            DeValue::Table(table) => self.table(&path, table),
            DeValue::Array(values) => {
                for (number, value) in values.iter().enumerate() {
                    self.value(
                        format!("{path}[{number}]"),
                        value.get_ref(),
                        value.span().start,
                    );
                }
            }
            _ => {}
        }
        self.lines.insert(path, line);
    }
}
