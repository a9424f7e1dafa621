//! CSV as a stream of records, and records as drafts: the header is resolved to setters once, then every
//! cell goes straight into its place.
//!
//! Works on `csv-core` rather than `csv`, because the size of a record has to be bounded while it is
//! read, its line has to be exact, and a quote that is never closed has to be noticed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufRead};
use std::path::Path;

use csv_core::ReadRecordResult as Parsed;

use super::input::line_ends;
use super::problem::{Issue, Issues, Place, Problem, Spot};
use super::shape::{Found, Item, Member, find};

/// The largest record, in bytes of its cells; a longer one is skipped and reported.
const MAX_RECORD: usize = 1024 * 1024;

/// The most columns; an entry has about 40 keys, so more means that this is no manifest.
const MAX_COLUMNS: usize = 1024;

/// Takes what a reader reads.
pub(super) trait Receiver<D> {
    /// A record, with the mistakes found so far.
    fn take(&mut self, draft: D, issues: Issues, place: &dyn Place);
    /// A problem of the file.
    fn report(&mut self, problem: Problem);
}

/// Reads a CSV file from after its byte order mark; returns how many records follow the header.
pub(super) fn read<D: Default>(
    file: &Path,
    input: impl BufRead,
    table: &'static [Member<D>],
    receiver: &mut impl Receiver<D>,
) -> io::Result<u64> {
    let mut records = Records::new(input);
    let Some(columns) = header(file, &mut records, table, receiver)? else {
        return Ok(0);
    };
    loop {
        let next = records.advance()?;
        let spot = records.spot();
        match next {
            Next::End => return Ok(records.row - 1),
            Next::Record => match records.text() {
                Ok(_) if records.is_blank() => {}
                // The cells of a ragged record may stand under the wrong columns: none is looked at.
                Ok(_) if records.cells != columns.list.len() => {
                    receiver.report(columns.ragged(file, records.cells).at(spot));
                }
                Ok(text) => {
                    let (mut draft, mut issues) = (D::default(), Issues::default());
                    if columns.fill(&records, text, &mut draft, &mut issues) {
                        receiver.take(draft, issues, &spot);
                    }
                }
                Err(cell) => receiver.report(columns.not_text(file, &records, cell)),
            },
            Next::TooLong(cell) => {
                receiver.report(columns.in_column(too_long(file).at(spot), cell));
            }
            Next::Unclosed => {
                let problem = Problem::of_file(file, "a quote opened here is never closed")
                    .hint("a quote inside a quoted cell is written twice")
                    .at(spot);
                receiver.report(columns.in_column(problem, records.cells));
                return Ok(records.row);
            }
        }
    }
}

fn too_long(file: &Path) -> Problem {
    Problem::of_file(
        file,
        format!(
            "the record is over {} KiB or {MAX_COLUMNS} columns",
            MAX_RECORD >> 10
        ),
    )
    .hint("look for a quote that is not closed")
}

fn header<D, R: BufRead>(
    file: &Path,
    records: &mut Records<R>,
    table: &'static [Member<D>],
    receiver: &mut impl Receiver<D>,
) -> io::Result<Option<Columns<D>>> {
    let next = records.advance()?;
    let spot = records.spot();
    let problem = match next {
        Next::Record => match records.text() {
            Ok(text) => return Ok(Some(Columns::resolve(file, records, text, table, receiver))),
            Err(_) => {
                Problem::of_file(file, "the header is not UTF-8 text").hint("save it as UTF-8")
            }
        },
        Next::End => Problem::of_file(file, "is empty").hint("the first line names the columns"),
        Next::TooLong(_) => too_long(file),
        Next::Unclosed => Problem::of_file(file, "a quote opened in the header is never closed"),
    };
    receiver.report(problem.at(spot));
    Ok(None)
}

/// What the columns of a file set.
struct Columns<D: 'static> {
    list: Vec<Column<D>>,
    /// Columns that cannot both be given in a row: an object that is `null`, and a key of it.
    exclusive: Vec<(usize, usize)>,
}

struct Column<D: 'static> {
    name: String,
    /// Nothing for a column that was reported and is skipped.
    item: Option<&'static Item<D>>,
    key: Cow<'static, str>,
}

impl<D> Columns<D> {
    fn resolve<R: BufRead>(
        file: &Path,
        records: &Records<R>,
        text: &str,
        table: &'static [Member<D>],
        receiver: &mut impl Receiver<D>,
    ) -> Self {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut columns = Vec::new();
        for number in 0..records.cells {
            let name = records.cell(text, number).trim().to_owned();
            let mut report = |message: String, hint: Option<String>| {
                let mut problem = Problem::of_file(file, message).at(records.spot());
                problem.field = (!name.is_empty()).then(|| name.clone());
                problem.hint = hint;
                receiver.report(problem);
            };
            let mut item = None;
            let mut key = Cow::Borrowed("");
            if name.is_empty() {
                report(format!("column {} has no name", number + 1), None);
            } else if let Some(first) = seen.insert(name.clone(), number + 1) {
                report(
                    format!("is the name of columns {first} and {}", number + 1),
                    None,
                );
            } else {
                match find(table, &name) {
                    Found::Item(found, below) => (item, key) = (Some(found), below),
                    Found::Nothing(hint) => report("unknown column".to_owned(), hint),
                }
            }
            columns.push(Column { name, item, key });
        }
        Self {
            exclusive: exclusive(&columns),
            list: columns,
        }
    }

    // False for a row that has nothing but comments: it is no entry.
    fn fill<R: BufRead>(
        &self,
        records: &Records<R>,
        text: &str,
        draft: &mut D,
        issues: &mut Issues,
    ) -> bool {
        let mut says = false;
        for (number, column) in self.list.iter().enumerate() {
            let cell = records.cell(text, number);
            if cell.trim_ascii().is_empty() {
                continue;
            }
            says |= !matches!(column.item, Some(Item::Comment));
            let Some(item) = column.item else { continue };
            let set = if cell.contains('\0') {
                Err(super::shape::Wrong::new("contains a NUL byte"))
            } else {
                item.set_cell(draft, &column.key, cell)
            };
            if let Err(wrong) = set {
                issues.take(Issue {
                    field: Cow::Owned(column.name.clone()),
                    message: wrong.message,
                    hint: wrong.hint,
                    offset: None,
                });
            }
        }
        for (null, below) in &self.exclusive {
            let given = |number: &usize| !records.cell(text, *number).trim_ascii().is_empty();
            if given(null) && given(below) {
                let below = &self.list[*below].name;
                issues.push(
                    self.list[*null].name.clone(),
                    format!("is null, but {below} is given too"),
                );
            }
        }
        says
    }

    fn ragged(&self, file: &Path, cells: usize) -> Problem {
        let columns = self.list.len();
        Problem::of_file(file, format!("has {cells} cells, the header has {columns}"))
            .hint("a cell that contains a comma needs quotes around it")
    }

    fn in_column(&self, mut problem: Problem, number: usize) -> Problem {
        problem.field = self.list.get(number).map(|column| column.name.clone());
        problem
    }

    fn not_text<R: BufRead>(&self, file: &Path, records: &Records<R>, cell: usize) -> Problem {
        let problem = Problem::of_file(file, "is not UTF-8 text").hint("save the file as UTF-8");
        self.in_column(problem.at(records.spot()), cell)
    }
}

fn exclusive<D>(columns: &[Column<D>]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (null, column) in columns.iter().enumerate() {
        if !matches!(column.item, Some(Item::Group(_))) {
            continue;
        }
        for (below, other) in columns.iter().enumerate() {
            let under = other.name.strip_prefix(column.name.as_str());
            if other.item.is_some() && under.is_some_and(|rest| rest.starts_with('.')) {
                pairs.push((null, below));
            }
        }
    }
    pairs
}

impl Place for Spot {
    fn find(&self, _: &Issue) -> Spot {
        *self
    }

    fn row(&self) -> u64 {
        self.row.unwrap_or_default()
    }
}

enum Next {
    Record,
    /// Skipped; with the number of the cell that was too long.
    TooLong(usize),
    Unclosed,
    End,
}

/// The records of a CSV file, one at a time in one buffer.
struct Records<R> {
    input: R,
    parser: csv_core::Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Bytes and cells of the current record.
    length: usize,
    cells: usize,
    /// The line being read and the one the record began on, from 1.
    line: u64,
    first_line: u64,
    /// Records read, so the number of the current one: the header is 1.
    row: u64,
}

impl<R: BufRead> Records<R> {
    fn new(input: R) -> Self {
        Self {
            input,
            parser: csv_core::Reader::new(),
            bytes: vec![0; 4096],
            ends: vec![0; 64],
            length: 0,
            cells: 0,
            line: 1,
            first_line: 1,
            row: 0,
        }
    }

    /// Reads the next record.
    fn advance(&mut self) -> io::Result<Next> {
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
    fn text(&self) -> Result<&str, usize> {
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

    fn cell<'t>(&self, text: &'t str, number: usize) -> &'t str {
        let end = self.ends.get(number).copied().unwrap_or_default();
        let start = match number {
            0 => 0,
            _ => self.ends.get(number - 1).copied().unwrap_or_default(),
        };
        text.get(start..end).unwrap_or_default()
    }

    /// Spreadsheets leave rows of empty cells behind.
    fn is_blank(&self) -> bool {
        self.bytes[..self.length].trim_ascii().is_empty()
    }

    fn spot(&self) -> Spot {
        Spot {
            line: Some(self.first_line),
            column: None,
            row: Some(self.row.max(1)),
        }
    }
}
