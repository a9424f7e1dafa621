//! A JSON text that knows its lines: what turns a slice of it into line and column.

use std::cell::Cell;
use std::path::Path;

use serde_json::value::RawValue;

use super::input::line_ends;
use super::problem::{Problem, Spot};

/// A JSON text and its lines.
pub(super) struct Text<'a> {
    whole: &'a str,
    /// The number of its first line in the file.
    first_line: u64,
    /// Offset and number of a line start found before: problems mostly come in order.
    last: Cell<(usize, u64)>,
}

/// A text that is no JSON: where, and the parser's words without any of the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotJson {
    pub spot: Spot,
    pub message: String,
}

impl NotJson {
    /// As a problem of the file.
    pub(super) fn of(self, file: &Path) -> Problem {
        let escape = self.message.contains("invalid escape");
        let problem = Problem::of_file(file, self.message).at(self.spot);
        if escape {
            return problem.hint("in JSON a backslash is written twice: C:\\\\tokens\\\\acme.txt");
        }
        problem
    }
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str, first_line: u64) -> Self {
        Self {
            whole: text,
            first_line,
            last: Cell::new((0, first_line)),
        }
    }

    /// The whole text as one value.
    pub(super) fn parse(&self) -> Result<&'a str, NotJson> {
        match serde_json::from_str::<&'a RawValue>(self.whole) {
            Ok(value) => Ok(value.get()),
            Err(error) => {
                let line = self.first_line + (error.line() as u64).saturating_sub(1);
                let words = error.to_string();
                // serde_json puts its own position at the end; ours counts from the file's start.
                let message = words
                    .rsplit_once(" at line ")
                    .map_or(words.as_str(), |(m, _)| m);
                Err(NotJson {
                    spot: Spot {
                        line: Some(line),
                        column: Some(error.column().max(1) as u64),
                        row: None,
                    },
                    message: format!("is not JSON: {message}"),
                })
            }
        }
    }

    /// Where a slice of this text begins.
    pub(super) fn offset(&self, part: &str) -> usize {
        (part.as_ptr() as usize)
            .checked_sub(self.whole.as_ptr() as usize)
            .filter(|offset| *offset <= self.whole.len())
            .unwrap_or_default()
    }

    /// Line and column of a byte offset.
    pub(super) fn spot(&self, offset: usize) -> Spot {
        let (mut start, mut line) = self.last.get();
        if start > offset {
            (start, line) = (0, self.first_line);
        }
        let between = self.whole.get(start..offset).unwrap_or_default();
        if let Some(last) = between.rfind('\n') {
            line += line_ends(between.as_bytes());
            start += last + 1;
        }
        self.last.set((start, line));
        let column = self.whole.get(start..offset).unwrap_or_default();
        Spot {
            line: Some(line),
            column: Some(column.chars().count() as u64 + 1),
            row: None,
        }
    }
}
