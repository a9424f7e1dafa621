//! Cells that a spreadsheet would take for a formula, and how they are kept from it: whatever we write as CSV is written
//! with [`escaped`], and the readers of manifests and orgs take exactly that off again.

use std::borrow::Cow;

/// What spreadsheets take for the beginning of a formula (OWASP, "CSV Injection"), and the apostrophe itself, so that a
/// text that begins with one comes back as it was.
const FIRST: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\''];

const APOSTROPHE: char = '\'';

/// The cell with an apostrophe before it where a spreadsheet would calculate.
pub fn escaped(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(FIRST) {
        Cow::Owned(format!("{APOSTROPHE}{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

/// The cell as it was before [`escaped`]; an apostrophe before anything else belongs to it.
pub fn unescaped(cell: &str) -> &str {
    match cell.strip_prefix(APOSTROPHE) {
        Some(rest) if rest.starts_with(FIRST) => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_a_spreadsheet_would_calculate_gets_an_apostrophe() {
        for (cell, written) in [
            ("=1+1", "'=1+1"),
            ("+41 44", "'+41 44"),
            ("-5", "'-5"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\r=x", "'\r=x"),
            ("'quoted'", "''quoted'"),
            ("''", "'''"),
            ("", ""),
            ("a=1", "a=1"),
            (" =1", " =1"),
            ("Zoom", "Zoom"),
        ] {
            assert_eq!(escaped(cell), written);
            assert_eq!(unescaped(written), cell);
        }
        // What people write themselves.
        for cell in ["'Zoom'", "'", "'s-Gravenhage"] {
            assert_eq!(unescaped(cell), cell);
        }
    }

    proptest! {
        #[test]
        fn every_cell_comes_back_as_it_was(cell in "[=+\\-@\t\r' a]{0,4}.{0,4}") {
            let written = escaped(&cell);
            prop_assert_eq!(unescaped(&written), &*cell);
            prop_assert!(!written.starts_with(['=', '+', '-', '@', '\t', '\r']));
        }
    }
}
