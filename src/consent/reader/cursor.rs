//! Reads the characters of a link one by one, over everything that mail programs, chats and editors put
//! between them: line breaks, blanks, marks of quoting, invisible characters, and the soft line breaks of
//! quoted-printable.

/// How `=` is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// As itself.
    Plain,
    /// As the beginning of `=3D` or of a soft line break (RFC 2045 §6.7).
    QuotedPrintable,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stroke {
    /// A character that links can have.
    Char(u8),
    /// White space, and what else a line break may bring; the link may continue behind it.
    Gap {
        /// Whether there was a line break in it.
        line_break: bool,
    },
    /// A character that no link has, or the end of the text.
    End,
    /// An `=` that quoted-printable cannot have.
    NotThisDialect,
}

/// A position in pasted text.
#[derive(Clone)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    dialect: Dialect,
    /// The byte that comes next.
    pub at: usize,
}

enum Peek {
    Char(char, usize),
    SoftBreak(usize),
    Wrong,
    End,
}

/// Longest part of a text that is looked at to tell a quoted-printable character (bytes): four of them.
const QUOTED_CHAR: usize = 4;

impl<'t> Cursor<'t> {
    pub const fn new(text: &'t str, at: usize, dialect: Dialect) -> Self {
        Self { text, dialect, at }
    }

    pub fn next(&mut self) -> Stroke {
        loop {
            let (c, length) = match self.peek() {
                Peek::Char(c, length) => (c, length),
                Peek::SoftBreak(length) => {
                    self.at += length;
                    self.skip_quote_marks();
                    continue;
                }
                Peek::Wrong => return Stroke::NotThisDialect,
                Peek::End => return Stroke::End,
            };
            match kind(c) {
                Kind::Link(byte) => {
                    self.at += length;
                    return Stroke::Char(byte);
                }
                Kind::Space => {
                    let line_break = self.skip_space();
                    return Stroke::Gap { line_break };
                }
                Kind::Nothing => self.at += length,
                Kind::Other if c == '<' && self.tag("wbr").is_some() => {
                    self.at += self.tag("wbr").unwrap_or(length);
                }
                Kind::Other if c == '<' && self.tag("br").is_some() => {
                    self.skip_space();
                    return Stroke::Gap { line_break: true };
                }
                Kind::Other if c == '\u{1b}' && self.escape_sequence().is_some() => {
                    self.at += self.escape_sequence().unwrap_or(length);
                }
                Kind::Other => return Stroke::End,
            }
        }
    }

    /// What follows up to white space or the end of the link, at most so many bytes.
    pub fn token(&self, most: usize) -> &'t str {
        let rest = &self.text[self.at..];
        let end = rest
            .char_indices()
            .find(|(place, c)| *place >= most || !matches!(kind(*c), Kind::Link(_)))
            .map_or(rest.len(), |(place, _)| place);
        &rest[..end]
    }

    /// Whether the line ends, or the link does, after so many bytes.
    pub fn is_alone(&self, length: usize) -> bool {
        let rest = self.text[self.at + length..].trim_start_matches([' ', '\t', '\u{a0}']);
        !matches!(rest.chars().next().map(kind), Some(Kind::Link(_)))
    }

    /// Skips a mark of quoting that stands where a line break was written as an escape.
    pub fn skip_mark(&mut self) -> bool {
        let is_mark = self.text[self.at..].starts_with('>');
        if is_mark {
            self.at += 1;
            self.skip_space();
        }
        is_mark
    }

    fn skip_quote_marks(&mut self) {
        let rest = &self.text[self.at..];
        let marks = rest.trim_start_matches([' ', '\t', '>']);
        if rest[..rest.len() - marks.len()].contains('>') {
            self.at = self.text.len() - marks.len();
        }
    }

    // Whether it had a line break.
    fn skip_space(&mut self) -> bool {
        let mut line_break = false;
        loop {
            let rest = &self.text[self.at..];
            match self.peek() {
                Peek::Char(
                    '\r' | '\n' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}',
                    length,
                ) => {
                    line_break = true;
                    self.at += length;
                }
                Peek::Char('>' | '|', length) if line_break => self.at += length,
                Peek::Char('&', _) if line_break && rest.starts_with("&gt;") => self.at += 4,
                Peek::Char('<', _) if self.tag("br").is_some() => {
                    line_break = true;
                    self.at += self.tag("br").unwrap_or(1);
                }
                Peek::Char(c, length) if matches!(kind(c), Kind::Space | Kind::Nothing) => {
                    self.at += length;
                }
                Peek::SoftBreak(length) => self.at += length,
                Peek::Char(..) | Peek::Wrong | Peek::End => return line_break,
            }
        }
    }

    fn peek(&self) -> Peek {
        let rest = &self.text[self.at..];
        match rest.chars().next() {
            None => Peek::End,
            Some('=') if self.dialect == Dialect::QuotedPrintable => quoted(rest),
            Some(c) => Peek::Char(c, c.len_utf8()),
        }
    }

    // The length of an HTML tag without content; attributes are few.
    fn tag(&self, name: &str) -> Option<usize> {
        const LONGEST: usize = 80;
        let rest = &self.text.as_bytes()[self.at..];
        let rest = &rest[..rest.len().min(LONGEST)];
        let named = rest
            .get(1..=name.len())?
            .eq_ignore_ascii_case(name.as_bytes());
        let ends = matches!(rest.get(1 + name.len())?, b'>' | b'/' | b' ');
        let end = memchr::memchr(b'>', rest)?;
        (named && ends).then_some(end + 1)
    }

    // The length of a terminal's colour (`ESC [ 0 m`) and the like.
    fn escape_sequence(&self) -> Option<usize> {
        const LONGEST: usize = 24;
        let rest = self.text.as_bytes()[self.at..].strip_prefix(b"\x1b[")?;
        let rest = &rest[..rest.len().min(LONGEST)];
        let end = rest.iter().position(|byte| (0x40..=0x7e).contains(byte))?;
        Some(2 + end + 1)
    }
}

// What stands at an `=`.
fn quoted(rest: &str) -> Peek {
    let rest = rest.as_bytes();
    let blanks = rest[1..]
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    match rest[1 + blanks..] {
        [b'\r', b'\n', ..] => return Peek::SoftBreak(blanks + 3),
        [b'\n' | b'\r', ..] => return Peek::SoftBreak(blanks + 2),
        _ => {}
    }
    let mut bytes = Vec::with_capacity(QUOTED_CHAR);
    for place in 0..QUOTED_CHAR {
        let Some([b'=', digits @ ..]) = rest.get(3 * place..3 * place + 3) else {
            break;
        };
        let mut byte = [0];
        if hex::decode_to_slice(digits, &mut byte).is_err() {
            break;
        }
        bytes.push(byte[0]);
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let c = text.chars().next().unwrap_or('\0');
            return Peek::Char(c, 3 * bytes.len());
        }
    }
    if bytes.is_empty() {
        Peek::Wrong
    } else {
        // Another character set: no character of a link in any.
        Peek::Char('\u{fffd}', 3)
    }
}

/// What a character is to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Part of it.
    Link(u8),
    /// White space.
    Space,
    /// Invisible: it is as if it were not there.
    Nothing,
    /// Its end.
    Other,
}

/// What a character is to a link. Quotes and brackets that RFC 3986 has no place for end it.
pub(super) fn kind(c: char) -> Kind {
    match c {
        '"' | '<' | '>' | '`' | '{' | '}' | '|' | '^' => Kind::Other,
        '!'..='~' => u8::try_from(c).map_or(Kind::Other, Kind::Link),
        '\u{ad}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => Kind::Nothing,
        c if c.is_whitespace() => Kind::Space,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, dialect: Dialect) -> String {
        let mut cursor = Cursor::new(text, 0, dialect);
        let mut read = String::new();
        loop {
            match cursor.next() {
                Stroke::Char(byte) => read.push(byte.into()),
                Stroke::Gap { line_break: true } => read.push('/'),
                Stroke::Gap { line_break: false } => read.push('_'),
                Stroke::End => return read,
                Stroke::NotThisDialect => return format!("{read}?"),
            }
        }
    }

    #[test]
    fn what_stands_between_characters_is_skipped() {
        for (text, expected) in [
            ("ab", "ab"),
            ("a b", "a_b"),
            ("a \r\n b", "a/b"),
            ("a\n> > >b", "a/b"),
            ("a\n>>\n>> b", "a/b"),
            ("a\r\n| b", "a/b"),
            ("a\n&gt; &gt; b", "a/b"),
            ("a > b", "a_"),
            ("a\u{a0}b\u{202f}c", "a_b_c"),
            ("a\u{200b}\u{2060}\u{ad}\u{feff}b", "ab"),
            ("a<wbr>b<WBR/>c<br>d<br />\n e", "abc/d/e"),
            ("a<b>c", "a"),
            ("a\u{1b}[0;1mb", "ab"),
            ("a\u{201d}b", "a"),
            ("a\"b", "a"),
            ("a=3Db", "a=3Db"),
        ] {
            assert_eq!(read(text, Dialect::Plain), expected, "{text:?}");
        }
        for (text, expected) in [
            ("a=3Db=\nc=3d=\r\nd", "a=bc=d"),
            ("a= \t\nb", "ab"),
            ("a=\n> > b", "ab"),
            ("a=20b=C2=A0c", "a_b_c"),
            ("a=E2=80=8Bb", "ab"),
            ("a=E2=80=9Cb", "a"),
            ("a=3Cb", "a"),
            ("a=A0b", "a"),
            ("a=xyz", "a?"),
            ("a=", "a?"),
        ] {
            assert_eq!(read(text, Dialect::QuotedPrintable), expected, "{text:?}");
        }
    }
}
