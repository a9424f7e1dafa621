//! How the cells of a CSV file are separated. Spreadsheets write `;` wherever the comma is the decimal sign, and tabs
//! into the clipboard; some say so in a first line `sep=;`.

use std::io::{self, BufRead, Chain, Cursor, Read as _};

use super::input::line_ends;
use super::path::{Found, find};
use super::records::Records;
use super::shape::Member;
use crate::text::unseen::BYTE_ORDER_MARK;

/// What a header may be separated by, the usual one first.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// Bytes read to see the header's first line; of a longer one this much is enough to tell.
const MAX_AHEAD: usize = 64 * 1024;

/// Cells of a header that are looked at: a manifest's first columns are `org` and `app`.
const MAX_CELLS: usize = 64;

/// The records of a file whose first bytes were read before.
pub(super) type Ahead<R> = Records<Chain<Cursor<Vec<u8>>, R>>;

/// A first line `sep=…` that names no separator, and the line it stands on.
pub(super) struct BadSeparator {
    pub line: u64,
}

/// What stands after `sep=` separates nothing.
#[derive(Debug, PartialEq, Eq)]
struct NoSeparator;

/// Finds out what separates the cells, and gives the records from the header on.
pub(super) fn records<D, R: BufRead>(
    mut input: R,
    table: &'static [Member<D>],
) -> io::Result<Result<Ahead<R>, BadSeparator>> {
    let mut line = 1;
    let mut said = None;
    loop {
        let ahead = read_line(&mut input)?;
        let text = String::from_utf8_lossy(&ahead);
        let bare = text.trim_start_matches(BYTE_ORDER_MARK);
        if !ahead.is_empty() && bare.trim().is_empty() {
            line += line_ends(&ahead);
            continue;
        }
        if said.is_none()
            && let Some(separator) = said_by(bare)
        {
            let Ok(separator) = separator else {
                return Ok(Err(BadSeparator { line }));
            };
            said = Some(separator);
            line += line_ends(&ahead);
            continue;
        }
        let separator = said.unwrap_or_else(|| recognized(bare, table));
        // One or more marks at the file's start; in the middle they are the cells' own.
        let skip = text.len() - bare.len();
        let ahead = ahead.get(skip..).unwrap_or_default().to_vec();
        let input = Cursor::new(ahead).chain(input);
        return Ok(Ok(Records::new(input, separator, line)));
    }
}

/// Reads to the end of a line, whichever of the three line ends there are, or as far as is looked at.
fn read_line(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    while read.len() < MAX_AHEAD {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        let chunk = &chunk[..chunk.len().min(MAX_AHEAD - read.len())];
        let end = memchr::memchr2(b'\n', b'\r', chunk);
        let used = end.map_or(chunk.len(), |end| end + 1);
        read.extend_from_slice(&chunk[..used]);
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    Ok(read)
}

// What a line `sep=…` says, if it is one: the separator, or nothing usable.
fn said_by(line: &str) -> Option<Result<u8, NoSeparator>> {
    let line = line.trim_end_matches(['\n', '\r']);
    let line = line
        .strip_prefix('"')
        .and_then(|line| line.strip_suffix('"'))
        .unwrap_or(line);
    let (key, rest) = line.split_at_checked(4)?;
    if !key.eq_ignore_ascii_case("sep=") {
        return None;
    }
    // A spreadsheet that does not know the line fills it up to the width of the table.
    let separator = rest.chars().next()?;
    let filled = rest.chars().all(|c| SEPARATORS.contains(&c));
    let known = SEPARATORS.contains(&separator) || separator == '|';
    let usable = known && (filled || rest.chars().count() == 1);
    let byte = u8::try_from(separator).ok().filter(|_| usable);
    Some(byte.ok_or(NoSeparator))
}

// The separator with which most names are columns; where none is, the one that stands there most often.
fn recognized<D>(header: &str, table: &'static [Member<D>]) -> u8 {
    let columns = |separator: char| {
        cells(header, separator)
            .filter(|cell| matches!(find(table, cell), Found::Item(..)))
            .count()
    };
    let stands = |separator: char| header.matches(separator).count();
    let mut best = (',', columns(','), stands(','));
    for separator in &SEPARATORS[1..] {
        let other = (*separator, columns(*separator), stands(*separator));
        if (other.1, other.2) > (best.1, best.2) && (other.1 > best.1 || best.1 == 0) {
            best = other;
        }
    }
    u8::try_from(best.0).unwrap_or(b',')
}

// The first cells of a line; a separator in quotes separates nothing.
fn cells(line: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let split = line.split(move |c: char| {
        quoted ^= c == '"';
        !quoted && c == separator
    });
    split
        .map(|cell| cell.trim().trim_matches('"').trim())
        .take(MAX_CELLS)
}

#[cfg(test)]
mod tests {
    use super::super::fields::ENTRY;
    use super::super::org_draft::ORG_ROW;
    use super::*;

    #[test]
    fn the_header_shows_what_separates() {
        for (header, expected) in [
            ("org,app,label", b','),
            ("org;app;label", b';'),
            ("org\tapp\tlabel", b'\t'),
            ("\"org\";\"app\";label", b';'),
            (" org ; app", b';'),
            ("org", b','),
            ("", b','),
            // A name in quotes may hold the others.
            ("\"$note; for people, not for us\",org,app", b','),
            ("$a;$b,org,app", b','),
            // Nothing is known: what stands there most often.
            ("orgs;apps;names,all", b';'),
            ("app;orgg;lable", b';'),
        ] {
            assert_eq!(recognized(header, ENTRY), expected, "{header:?}");
        }
        assert_eq!(recognized("org;url;auth.apiToken", ORG_ROW), b';');
    }

    #[test]
    fn a_first_line_says_what_separates() {
        for (line, expected) in [
            ("sep=;", Some(Ok(b';'))),
            ("SEP=,\r\n", Some(Ok(b','))),
            ("sep=\t\n", Some(Ok(b'\t'))),
            ("sep=|", Some(Ok(b'|'))),
            ("\"sep=;\"", Some(Ok(b';'))),
            ("sep=;;;;", Some(Ok(b';'))),
            ("sep=x", Some(Err(NoSeparator))),
            ("sep=;x", Some(Err(NoSeparator))),
            ("sep=é", Some(Err(NoSeparator))),
            ("sep=", None),
            ("separator", None),
            ("org,app", None),
            ("é=;;", None),
        ] {
            assert_eq!(said_by(line), expected, "{line:?}");
        }
    }
}
