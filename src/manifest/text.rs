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
    /// Where the last one was that was looked for: problems mostly come in order, and near each other.
    last: Cell<Mark>,
}

/// An offset with its line and column.
#[derive(Clone, Copy)]
struct Mark {
    offset: usize,
    line: u64,
    column: u64,
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
            last: Cell::new(Mark {
                offset: 0,
                line: first_line,
                column: 1,
            }),
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
        let mut mark = self.last.get();
        if mark.offset <= offset {
            let between = self.whole.get(mark.offset..offset).unwrap_or_default();
            mark.line += line_ends(between.as_bytes());
            mark.column = match between.rfind('\n') {
                None => mark.column + characters(between),
                Some(last) => 1 + characters(between.get(last + 1..).unwrap_or_default()),
            };
        } else {
            let between = self.whole.get(offset..mark.offset).unwrap_or_default();
            let lines = line_ends(between.as_bytes());
            mark.line = mark.line.saturating_sub(lines);
            mark.column = if lines == 0 {
                mark.column.saturating_sub(characters(between))
            } else {
                let before = self.whole.get(..offset).unwrap_or_default();
                let start = before.rfind('\n').map_or(0, |last| last + 1);
                1 + characters(before.get(start..).unwrap_or_default())
            };
        }
        mark.offset = offset;
        self.last.set(mark);
        Spot {
            line: Some(mark.line),
            column: Some(mark.column),
            row: None,
        }
    }
}

fn characters(text: &str) -> u64 {
    text.chars().count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_any_order() {
        for whole in [
            "",
            "abc",
            "a\nbc\n\nd",
            "\n\n",
            "äö\r\nü\u{1f600}x\n",
            "{\"a\":1}",
        ] {
            let offsets: Vec<_> = (0..=whole.len())
                .filter(|at| whole.is_char_boundary(*at))
                .collect();
            let of_offset = |offset: usize| {
                let before = &whole[..offset];
                let column = before
                    .rsplit('\n')
                    .next()
                    .unwrap_or_default()
                    .chars()
                    .count();
                (5 + before.matches('\n').count() as u64, column as u64 + 1)
            };
            for first in &offsets {
                for second in &offsets {
                    let text = Text::new(whole, 5);
                    for offset in [*first, *second, *first] {
                        let spot = text.spot(offset);
                        let found = (spot.line, spot.column);
                        let (line, column) = of_offset(offset);
                        assert_eq!(found, (Some(line), Some(column)), "{whole:?} {offset}");
                    }
                }
            }
        }
    }
}
