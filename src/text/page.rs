//! Where texts for people and data for programs are written.

use std::fmt::{Arguments, Write as _};
use std::io::{self, Write};

use super::seen::{is_hidden, line, show};

/// A text for people, line by line: nothing within a line ends it.
#[derive(Debug)]
pub struct Page<W> {
    out: W,
    buffer: String,
}

impl<W: Write> Page<W> {
    /// On paper that is empty.
    pub const fn new(out: W) -> Self {
        Self {
            out,
            buffer: String::new(),
        }
    }

    /// Writes one line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn line(&mut self, text: Arguments<'_>) -> io::Result<()> {
        self.buffer.clear();
        // Writing to a String cannot fail, and what is shown in it does not either.
        let _infallible = self.buffer.write_fmt(text);
        self.out.write_all(line(&self.buffer).as_bytes())?;
        self.out.write_all(b"\n")
    }

    /// Writes an empty line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn gap(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }

    /// Hands on what is buffered.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What data is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// What is not seen is escaped as JSON does it: no reader sees a difference.
    Json,
    /// What is not seen is shown by its code, but for line breaks: CSV, where these stand in quotes, and documents.
    Lines,
    /// Ours: a script or a page of the manual.
    Own,
}

/// Hands data on without what a terminal obeys.
#[derive(Debug)]
pub struct Guard<W> {
    out: W,
    syntax: Syntax,
    /// The beginning of a character whose end has not come yet.
    begun: Vec<u8>,
}

impl<W: Write> Guard<W> {
    /// For data in this syntax.
    pub const fn new(out: W, syntax: Syntax) -> Self {
        Self {
            out,
            syntax,
            begun: Vec::new(),
        }
    }

    fn is_plain(&self, bytes: &[u8]) -> bool {
        self.syntax == Syntax::Own
            || self.begun.is_empty() && bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n'))
    }

    fn hand_on(&mut self, text: &str) -> io::Result<()> {
        if !text.chars().any(|c| c != '\n' && is_hidden(c)) {
            return self.out.write_all(text.as_bytes());
        }
        let mut shown = String::with_capacity(text.len() + 16);
        for c in text.chars() {
            match self.syntax {
                _ if c == '\n' || !is_hidden(c) => shown.push(c),
                Syntax::Json => {
                    let mut units = [0; 2];
                    for unit in c.encode_utf16(&mut units) {
                        // Writing to a String cannot fail.
                        let _infallible = write!(shown, "\\u{unit:04x}");
                    }
                }
                Syntax::Lines | Syntax::Own => show(c, &mut shown),
            }
        }
        self.out.write_all(shown.as_bytes())
    }
}

impl<W: Write> Write for Guard<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_plain(bytes) {
            self.out.write_all(bytes)?;
            return Ok(bytes.len());
        }
        let mut all = std::mem::take(&mut self.begun);
        all.extend_from_slice(bytes);
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            let (text, broken) = match std::str::from_utf8(rest) {
                Ok(text) => (text, Some(0)),
                Err(error) => {
                    let text = std::str::from_utf8(&rest[..error.valid_up_to()]);
                    (text.unwrap_or_default(), error.error_len())
                }
            };
            self.hand_on(text)?;
            rest = &rest[text.len()..];
            let Some(broken) = broken else {
                self.begun = rest.to_vec();
                break;
            };
            if broken > 0 {
                self.hand_on("\u{fffd}")?;
                rest = &rest[broken..];
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_within_a_line_ends_it() {
        let mut bytes = Vec::new();
        let mut page = Page::new(&mut bytes);
        page.line(format_args!("{}: {}", "a\nb", "\u{1b}[2J"))
            .unwrap();
        page.gap().unwrap();
        page.line(format_args!("c")).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text, "a\\nb: \\u{1b}[2J\n\nc\n");
    }

    #[test]
    fn data_has_nothing_that_a_terminal_obeys_in_any_pieces() {
        let bad = "a\u{7f}b\u{9b}2J ä 東 \u{202e}\u{200b}\u{1F600}\u{e0041}\n";
        let json = serde_json::to_string(bad).unwrap();
        let csv = format!("\"x\r{bad}\u{1b}\"\n");
        for (data, syntax, wanted) in [
            (
                json.as_str(),
                Syntax::Json,
                r#""a\u007fb\u009b2J ä 東 \u202e\u200b😀\udb40\udc41\n""#,
            ),
            (
                csv.as_str(),
                Syntax::Lines,
                "\"x\\ra\\u{7f}b\\u{9b}2J ä 東 \\u{202e}\\u{200b}😀\\u{e0041}\n\\u{1b}\"\n",
            ),
            ("\u{1b}[1m", Syntax::Own, "\u{1b}[1m"),
        ] {
            for piece in 1..=data.len() {
                let mut guarded = Vec::new();
                let mut guard = Guard::new(&mut guarded, syntax);
                for bytes in data.as_bytes().chunks(piece) {
                    guard.write_all(bytes).unwrap();
                }
                assert_eq!(String::from_utf8(guarded).unwrap(), wanted, "{piece}");
            }
        }
        let read: String =
            serde_json::from_str(r#""a\u007fb\u009b2J ä 東 \u202e\u200b😀\udb40\udc41\n""#)
                .unwrap();
        assert_eq!(read, bad);
    }

    #[test]
    fn what_is_no_text_is_replaced() {
        let mut guarded = Vec::new();
        let mut guard = Guard::new(&mut guarded, Syntax::Lines);
        guard.write_all(b"a\xff\xc3b\xe2").unwrap();
        guard.write_all(b"\x82\xacc").unwrap();
        assert_eq!(String::from_utf8(guarded).unwrap(), "a\u{fffd}\u{fffd}b€c");
    }
}
