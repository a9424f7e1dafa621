//! The records of a CSV file, one at a time in one buffer.
//!
//! Works on `csv-core` rather than `csv`, because the size of a record has to be bounded while it is
//! read, its line has to be exact, and a quote that is never closed has to be noticed.

use std::io::{self, BufRead};

use csv_core::ReadRecordResult as Parsed;

use super::input::line_ends;
use super::problem::Spot;

/// The largest record, in bytes of its cells; a longer one is skipped and reported.
pub(super) const MAX_RECORD: usize = 1024 * 1024;

/// The most columns; an entry has about 40 keys, so more means that this is no manifest.
pub(super) const MAX_COLUMNS: usize = 1024;

/// What was read.
pub(super) enum Next {
    /// A record.
    Record,
    /// Skipped; with the number of the cell that was too long.
    TooLong(usize),
    /// A quote that is never closed.
    Unclosed,
    /// Nothing more.
    End,
}

/// The records of a CSV file, one at a time in one buffer.
pub(super) struct Records<R> {
    input: R,
    /// What stands between two cells.
    pub separator: u8,
    parser: csv_core::Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Bytes of the current record.
    length: usize,
    /// How many cells the current record has.
    pub cells: usize,
    /// The line being read and the one the record began on, from 1.
    line: u64,
    first_line: u64,
    /// Records read, so the number of the current one: the header is 1.
    pub row: u64,
}

impl<R: BufRead> Records<R> {
    /// From the header on, which stands on this line.
    pub(super) fn new(input: R, separator: u8, line: u64) -> Self {
        Self {
            input,
            separator,
            parser: csv_core::ReaderBuilder::new().delimiter(separator).build(),
            bytes: vec![0; 4096],
            ends: vec![0; 64],
            length: 0,
            cells: 0,
            line,
            first_line: line,
            row: 0,
        }
    }

    /// Reads the next record.
    pub(super) fn advance(&mut self) -> io::Result<Next> {
        self.skip_line_ends()?;
        self.first_line = self.line;
        (self.length, self.cells) = (0, 0);
        let mut too_long = None;
        let mut started = false;
        loop {
            let chunk = self.input.fill_buf()?;
            let at_end = chunk.is_empty();
            if at_end && !started {
                return Ok(Next::End);
            }
            // A line end after the last byte ends the record, unless a quote is open.
            let chunk = if at_end { b"\n".as_slice() } else { chunk };
            let (parsed, read, written, ended) = self.parser.read_record(
                chunk,
                &mut self.bytes[self.length..],
                &mut self.ends[self.cells..],
            );
            if !at_end {
                started = true;
                self.line += line_ends(&chunk[..read]);
                self.input.consume(read);
            }
            self.length += written;
            self.cells += ended;
            match parsed {
                Parsed::InputEmpty if at_end => {
                    self.row += 1;
                    return Ok(Next::Unclosed);
                }
                Parsed::InputEmpty => {}
                Parsed::OutputFull if self.bytes.len() < MAX_RECORD => {
                    self.bytes.resize(self.bytes.len() * 2, 0);
                }
                Parsed::OutputEndsFull if self.ends.len() < MAX_COLUMNS => {
                    self.ends.resize(self.ends.len() * 2, 0);
                }
                // Too long: what is left of it is read into the same place and dropped.
                Parsed::OutputFull => {
                    self.length = 0;
                    too_long.get_or_insert(self.cells);
                }
                Parsed::OutputEndsFull => {
                    too_long.get_or_insert(self.cells);
                    self.cells = 0;
                }
                Parsed::Record | Parsed::End => {
                    self.row += 1;
                    return Ok(too_long.map_or(Next::Record, Next::TooLong));
                }
            }
        }
    }

    // Blank lines, and the second byte of a CRLF, are no records but count as lines.
    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let chunk = self.input.fill_buf()?;
            let skip = chunk
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                .count();
            self.line += line_ends(&chunk[..skip]);
            let more = skip > 0 && skip == chunk.len();
            self.input.consume(skip);
            if !more {
                return Ok(());
            }
        }
    }

    /// The record's cells as one text, or the number of the first cell that is not UTF-8.
    pub(super) fn text(&self) -> Result<&str, usize> {
        let bytes = &self.bytes[..self.length];
        let ends = &self.ends[..self.cells];
        match std::str::from_utf8(bytes) {
            Ok(text) => match ends.iter().position(|end| !text.is_char_boundary(*end)) {
                None => Ok(text),
                Some(cell) => Err(cell),
            },
            Err(error) => {
                let valid = error.valid_up_to();
                Err(ends.iter().take_while(|end| **end <= valid).count())
            }
        }
    }

    /// A cell of the record whose text this is; empty where it has none.
    pub(super) fn cell<'t>(&self, text: &'t str, number: usize) -> &'t str {
        if number >= self.cells {
            return "";
        }
        let end = self.ends.get(number).copied().unwrap_or_default();
        let start = match number {
            0 => 0,
            _ => self.ends.get(number - 1).copied().unwrap_or_default(),
        };
        text.get(start..end).unwrap_or_default()
    }

    /// Spreadsheets leave rows of empty cells behind.
    pub(super) fn is_blank(&self) -> bool {
        self.bytes[..self.length].trim_ascii().is_empty()
    }

    /// Where the record begins.
    pub(super) fn spot(&self) -> Spot {
        Spot {
            line: Some(self.first_line),
            column: None,
            row: Some(self.row.max(1)),
        }
    }
}
