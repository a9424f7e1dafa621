//! CSV as a stream of records, and records as drafts: the header is resolved to setters once, then every
//! cell goes straight into its place.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufRead};
use std::path::Path;

use super::dialect;
use super::formula::unescaped;
use super::path::{Found, find};
use super::problem::{Issue, Issues, Place, Problem, Spot};
use super::records::{MAX_COLUMNS, MAX_RECORD, Next, Records};
use super::shape::{Item, Member, Wrong, is_for_people};
use crate::text::unseen::{self, named, trimmed};

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
    let mut records = match dialect::records(input, table)? {
        Ok(records) => records,
        Err(bad) => {
            receiver.report(bad_separator(file, bad.line));
            return Ok(0);
        }
    };
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
                Ok(text) if !columns.fit(&records, text) => {
                    receiver.report(columns.ragged(file, &records).at(spot));
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

fn bad_separator(file: &Path, line: u64) -> Problem {
    let mut problem = Problem::of_file(file, "`sep=` names no separator that is known")
        .hint("write sep=; or sep=, or leave the line out: the header tells it, too");
    problem.line = Some(line);
    problem
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
            let name = trimmed(records.cell(text, number)).to_owned();
            let mut report = |message: String, hint: Option<String>| {
                let mut problem = Problem::of_file(file, message).at(records.spot());
                problem.field = Some(name.clone());
                problem.hint = hint;
                receiver.report(problem);
            };
            let mut item = None;
            let mut key = Cow::Borrowed("");
            if name.is_empty() {
                // Spreadsheets leave them behind; what stands below tells whether it is one too many.
            } else if let Some(first) = seen
                .insert(name.clone(), number + 1)
                .filter(|_| !is_for_people(&name))
            {
                report(
                    format!("is the name of columns {first} and {}", number + 1),
                    None,
                );
            } else if let Some(unseen) = unseen::first(&name) {
                report(
                    format!(
                        "the name of column {} contains the invisible character {}",
                        number + 1,
                        named(unseen)
                    ),
                    Some("type the name anew".to_owned()),
                );
            } else {
                match find(table, &name) {
                    Found::Item(found, below) => (item, key) = (Some(found), below),
                    Found::Nothing(hint) => report("unknown column".to_owned(), Some(hint)),
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
            let cell = unescaped(trimmed(records.cell(text, number)));
            if cell.is_empty() {
                continue;
            }
            says |= !matches!(column.item, Some(Item::Comment));
            let set = match column.item {
                _ if column.name.is_empty() => Err(nameless(number + 1)),
                None | Some(Item::Comment) => continue,
                Some(_) if cell.contains('\0') => Err(Wrong::new("contains a NUL byte")),
                Some(item) => item.set_cell(draft, &column.key, cell),
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
            let given = |number: &usize| !trimmed(records.cell(text, *number)).is_empty();
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

    // Whether every cell has its column and every column its cell. Spreadsheets add empty cells to some rows, and
    // leave those at the end out.
    fn fit<R: BufRead>(&self, records: &Records<R>, text: &str) -> bool {
        let (cells, columns) = (records.cells, self.list.len());
        let blank = |number| trimmed(records.cell(text, number)).is_empty();
        let nameless = |column: &Column<D>| column.name.is_empty();
        cells == columns
            || (cells > columns && (columns..cells).all(blank))
            || (cells < columns && self.list[cells..].iter().all(nameless))
    }

    fn ragged<R: BufRead>(&self, file: &Path, records: &Records<R>) -> Problem {
        let (cells, columns) = (records.cells, self.list.len());
        let separator = match records.separator {
            b',' => "a comma",
            b';' => "a semicolon, such as a list,",
            b'\t' => "a tab",
            _ => "the separator",
        };
        Problem::of_file(file, format!("has {cells} cells, the header has {columns}")).hint(
            format!("a cell that contains {separator} needs quotes around it"),
        )
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

fn nameless(number: usize) -> Wrong {
    Wrong::with_hint(
        format!("column {number} has no name"),
        "name it, or clear its cells; a name that begins with $ is for people",
    )
}

fn exclusive<D>(columns: &[Column<D>]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (null, column) in columns.iter().enumerate() {
        if !matches!(column.item, Some(Item::Group(_))) {
            continue;
        }
        for (below, other) in columns.iter().enumerate() {
            let under = other.name.strip_prefix(column.name.as_str());
            let says = other
                .item
                .is_some_and(|item| !matches!(item, Item::Comment));
            if says && under.is_some_and(|rest| rest.starts_with('.')) {
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
