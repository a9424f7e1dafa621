//! Mistakes of a manifest: what is wrong, where, and what was probably meant.
//!
//! Reading collects [`Issue`]s of one record (no position yet, or a byte offset); they become
//! [`Problem`]s once the record's place in its file is known. Neither ever holds a value from a place
//! where a secret belongs.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;

use serde::Serialize;

pub(super) use crate::nearest::nearest;
use crate::text;

/// Problems kept of one check; the rest is only counted, so that a million broken rows stay small.
const KEPT: usize = 1000;

/// Places kept of a mistake that is there many times.
const PLACES: usize = 20;

/// Rows named of a mistake that is there many times.
const ROWS: usize = 5;

/// One mistake in a file, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The file as given.
    pub file: String,
    /// Line in the file from 1; of a CSV record the line it starts on.
    pub line: Option<u64>,
    /// Character in the line from 1; none for CSV, where `field` names the column.
    pub column: Option<u64>,
    /// Row as in reports: CSV records with the header as 1, place in `apps` from 1, line of JSONL.
    pub row: Option<u64>,
    /// Dotted path of the key, which in CSV is the column's name.
    pub field: Option<String>,
    /// What is wrong: a lowercase fragment.
    pub message: String,
    /// The edit that helps.
    pub hint: Option<String>,
    /// How often the file has it: 1, or in how many places the very same is wrong.
    pub count: u64,
    /// The next of these places.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Spot>,
}

impl Problem {
    /// The rows it is in, as far as they are kept.
    pub fn rows(&self) -> impl Iterator<Item = u64> {
        let also = self.also.iter().filter_map(|spot| spot.row);
        self.row.into_iter().chain(also)
    }

    /// A problem of the file as a whole.
    pub(super) fn of_file(file: &Path, message: impl Into<String>) -> Self {
        Self {
            file: file.display().to_string(),
            line: None,
            column: None,
            row: None,
            field: None,
            message: message.into(),
            hint: None,
            count: 1,
            also: Vec::new(),
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn at(mut self, spot: Spot) -> Self {
        self.line = spot.line;
        self.column = spot.column;
        self.row = spot.row;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::line(&self.file))?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        f.write_str(": ")?;
        let field = self.field.as_deref().map(text::value);
        match (self.row, field) {
            (Some(row), Some(field)) => write!(f, "row {row}, {field}: ")?,
            (Some(row), None) => write!(f, "row {row}: ")?,
            (None, Some(field)) => write!(f, "{field}: ")?,
            (None, None) => {}
        }
        f.write_str(&text::line(&self.message))?;
        if self.count < 2 {
            return Ok(());
        }
        let rows: Vec<_> = self.rows().take(ROWS).map(|row| row.to_string()).collect();
        match rows.as_slice() {
            [] => write!(f, " ({} times)", self.count),
            rows => {
                let more = if self.count > ROWS as u64 {
                    ", …"
                } else {
                    ""
                };
                write!(f, " ({} times: rows {}{more})", self.count, rows.join(", "))
            }
        }
    }
}

/// Where something stands in a file; as much of it as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spot {
    /// Line from 1.
    pub line: Option<u64>,
    /// Character in the line from 1.
    pub column: Option<u64>,
    /// Row as in reports.
    pub row: Option<u64>,
}

/// A mistake in one record, before its place is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issue {
    /// Dotted path; empty for the record itself.
    pub field: Cow<'static, str>,
    pub message: String,
    pub hint: Option<String>,
    /// Byte offset in the text, where the reader knows it.
    pub offset: Option<usize>,
}

/// The mistakes of one record: the first [`KEPT`], and how many others there are.
#[derive(Debug, Default)]
pub(super) struct Issues {
    kept: Vec<Issue>,
    more: u64,
}

impl Issues {
    pub(super) fn push(&mut self, field: impl Into<Cow<'static, str>>, message: impl Into<String>) {
        self.add(field.into(), message.into(), None);
    }

    pub(super) fn push_hint(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add(field.into(), message.into(), Some(hint.into()));
    }

    /// Takes an issue that knows its offset.
    pub(super) fn take(&mut self, issue: Issue) {
        if self.kept.len() < KEPT {
            self.kept.push(issue);
        } else {
            self.more += 1;
        }
    }

    // A field that could not be read, or that is inside such an object, is also "missing" to the rules:
    // only its first mistake counts.
    fn add(&mut self, field: Cow<'static, str>, message: String, hint: Option<String>) {
        let told = |known: &Issue| {
            field
                .strip_prefix(known.field.as_ref())
                .is_some_and(|rest| {
                    rest.is_empty() || (rest.starts_with('.') && !known.field.is_empty())
                })
        };
        if self.kept.iter().any(told) {
            return;
        }
        self.take(Issue {
            field,
            message,
            hint,
            offset: None,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    #[cfg(test)]
    pub(super) fn messages(&self) -> Vec<String> {
        self.kept
            .iter()
            .map(|issue| issue.message.clone())
            .collect()
    }

    /// Whether something is wrong with a field or inside it.
    pub(super) fn mention(&self, field: &str) -> bool {
        self.kept.iter().any(|issue| {
            let rest = issue.field.strip_prefix(field);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    pub(super) fn into_inner(self) -> Vec<Issue> {
        self.kept
    }
}

/// Finds the place of an issue in its file.
pub(super) trait Place {
    fn find(&self, issue: &Issue) -> Spot;

    /// The row of the record itself, 0 where rows are not counted.
    fn row(&self) -> u64;
}

/// The problems of a check: the first [`KEPT`] different ones, and the number of all.
#[derive(Debug, Default)]
pub(super) struct Problems {
    kept: Vec<Problem>,
    /// Which of them says the same, by the hash of what it says. With 64 bits two that differ are taken for one with
    /// a chance below 1 in 10^12.
    known: HashMap<u64, usize>,
    hasher: RandomState,
    count: u64,
}

impl Problems {
    pub(super) fn push(&mut self, problem: Problem) {
        let field = problem.field.as_deref().unwrap_or_default();
        let said = self.hash(&problem.file, field, &problem.message);
        if let Some(known) = self.repeated(said) {
            if known.len() < PLACES {
                known.push(Spot {
                    line: problem.line,
                    column: problem.column,
                    row: problem.row,
                });
            }
        } else if self.kept.len() < KEPT {
            self.known.insert(said, self.kept.len());
            self.kept.push(problem);
        }
    }

    /// Places the issues of one record, whose own path in the file is `prefix`.
    pub(super) fn place(&mut self, file: &Path, prefix: &str, issues: Issues, place: &dyn Place) {
        let shown = file.display().to_string();
        let mut placed = Vec::new();
        self.count += issues.more;
        for issue in issues.into_inner() {
            let field = match (prefix, issue.field.as_ref()) {
                ("", field) => field.to_owned(),
                (prefix, "") => prefix.to_owned(),
                (prefix, field) => format!("{prefix}.{field}"),
            };
            let said = self.hash(&shown, &field, &issue.message);
            let is_known = self.known.contains_key(&said);
            // To look a place up takes time, for one that is not kept.
            let kept = match self
                .known
                .get(&said)
                .and_then(|number| self.kept.get(*number))
            {
                Some(known) => known.also.len() < PLACES,
                None => self.kept.len() < KEPT,
            };
            if kept {
                placed.push((place.find(&issue), field, issue));
            } else if is_known {
                self.repeated(said);
            } else {
                self.count += 1;
            }
        }
        placed.sort_by_key(|(spot, ..)| (spot.line, spot.column));
        for (spot, field, issue) in placed {
            self.push(
                Problem {
                    field: (!field.is_empty()).then_some(field),
                    hint: issue.hint,
                    ..Problem::of_file(file, issue.message)
                }
                .at(spot),
            );
        }
    }

    // Counts a problem; the places of the one that says the same, if there are not enough.
    fn repeated(&mut self, said: u64) -> Option<&mut Vec<Spot>> {
        self.count += 1;
        let known = self.kept.get_mut(*self.known.get(&said)?)?;
        known.count += 1;
        Some(&mut known.also)
    }

    fn hash(&self, file: &str, field: &str, message: &str) -> u64 {
        self.hasher.hash_one((file, field, message))
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn into_kept(self) -> Vec<Problem> {
        self.kept
    }
}

/// A wrong value as a message may show it. Long texts are withheld: columns get mixed up, and what
/// stands in the wrong one may be a token (Okta's have 42 characters).
pub(super) fn shown(value: &str) -> String {
    let short = value.chars().count() <= 32;
    if short && text::is_seen(value) {
        format!("`{value}`")
    } else {
        format!("a text of {} characters", value.chars().count())
    }
}

/// `a, b or c`.
pub(super) fn alternatives(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_withheld() {
        assert_eq!(shown("gogle"), "`gogle`");
        assert_eq!(shown(&"x".repeat(42)), "a text of 42 characters");
        assert_eq!(shown("a\u{1b}[0m"), "a text of 5 characters");
        assert_eq!(shown("a\u{202e}b"), "a text of 3 characters");
    }

    struct InRow(u64);

    impl Place for InRow {
        fn find(&self, _: &Issue) -> Spot {
            Spot {
                row: Some(self.0),
                ..Spot::default()
            }
        }

        fn row(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn only_the_first_mistake_of_a_field_counts_and_memory_is_bounded() {
        let mut problems = Problems::default();
        for row in 0..1500 {
            let mut issues = Issues::default();
            issues.push("app", format!("first of {row}"));
            issues.push("app", "second");
            problems.place(Path::new("m.csv"), "", issues, &InRow(row));
        }
        assert_eq!(problems.count(), 1500);
        let kept = problems.into_kept();
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept[0].to_string(), "m.csv: row 0, app: first of 0");
    }

    #[test]
    fn what_is_wrong_many_times_is_one_problem() {
        let mut problems = Problems::default();
        for row in 1..=3 {
            let mut issues = Issues::default();
            issues.push("org", "unknown org `acmee`");
            issues.push("label", format!("is the same as row {row}"));
            problems.place(Path::new("m.csv"), "", issues, &InRow(row));
        }
        for row in 4..=5000 {
            let mut issues = Issues::default();
            issues.push("org", "unknown org `acmee`");
            issues.push("app", format!("first of {row}"));
            problems.place(Path::new("m.csv"), "", issues, &InRow(row));
        }
        // Another file is another place.
        problems.push(Problem::of_file(Path::new("o.csv"), "is empty"));
        assert_eq!(problems.count(), 10_001);
        let kept = problems.into_kept();
        assert_eq!(kept.len(), KEPT);
        assert_eq!(
            kept[0].to_string(),
            "m.csv: row 1, org: unknown org `acmee` (5000 times: rows 1, 2, 3, 4, 5, …)"
        );
        assert_eq!((kept[0].count, kept[0].also.len()), (5000, PLACES));
        assert_eq!(
            kept[1].to_string(),
            "m.csv: row 1, label: is the same as row 1"
        );
    }
}
