//! Finds links in a text and takes off what the text around them did to them: wraps, HTML entities, and
//! the escapes of JSON, Markdown and shells, any number of times.

use super::cursor::{Cursor, Dialect, Kind, Stroke, kind};

/// No redirector makes a longer link of an answer (bytes); what follows is not looked at.
pub(super) const MAX_LINK: usize = 16 * 1024;

/// A link is wrapped into no more lines, and no more words are taken for parts of one.
const MAX_GAPS: usize = 400;

/// The beginning of a link in its longest spelling, `https` and an escaped colon.
const BEGINNING: usize = 12;

/// Longest word that is looked at to tell whether a line continues with a link (bytes).
const TOKEN: usize = 200;

/// Longest entity: `&NonBreakingSpace;` and the like.
const ENTITY: usize = 24;

/// Where white space stood in a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// Before which byte.
    pub at: usize,
    /// It looks as if the link was wrapped there.
    pub is_wrap: bool,
}

/// A link as it was written before the text around it was made.
#[derive(Debug)]
pub(super) struct Link {
    /// What may belong to it, white space left out; ASCII.
    pub text: String,
    /// Where that stood.
    pub gaps: Vec<Gap>,
    /// It ended at a quote or a bracket, not at white space.
    pub is_closed: bool,
    /// Byte of the text where it begins.
    pub begin: usize,
    /// Byte of the text where looking for the next one continues.
    pub end: usize,
}

/// The next links of a text: what begins at one place, in every dialect it can be read in.
pub(super) struct Links<'t> {
    text: &'t str,
    at: usize,
    has_quoted_printable: bool,
}

impl<'t> Links<'t> {
    pub fn of(text: &'t str) -> Self {
        let soft_break = |place: usize| {
            matches!(
                text.as_bytes().get(place + 1),
                Some(b'3' | b'\r' | b'\n' | b' ')
            )
        };
        Self {
            text,
            at: 0,
            has_quoted_printable: memchr::memchr_iter(b'=', text.as_bytes()).any(soft_break),
        }
    }
}

impl Iterator for Links<'_> {
    type Item = Vec<Link>;

    fn next(&mut self) -> Option<Vec<Link>> {
        let dialects: &[Dialect] = if self.has_quoted_printable {
            &[Dialect::QuotedPrintable, Dialect::Plain]
        } else {
            &[Dialect::Plain]
        };
        loop {
            let bytes = self.text.as_bytes();
            let begin = self.at + memchr::memchr2(b'h', b'H', &bytes[self.at..])?;
            let links: Vec<Link> = dialects
                .iter()
                .filter(|dialect| begins_at(self.text, begin, **dialect))
                .filter_map(|dialect| Link::read(self.text, begin, *dialect))
                .collect();
            // A link ends before the next begins, so that no part of a text is read again and again.
            self.at = links.iter().map(|link| link.end).min().unwrap_or(begin + 1);
            if !links.is_empty() {
                return Some(links);
            }
        }
    }
}

/// The last link that begins in a text, if that is not where the text does.
pub(super) fn last_in(text: &str) -> Option<&str> {
    let begins = |place: &usize| begins_at(text, *place, Dialect::Plain);
    let place = memchr::memchr2_iter(b'h', b'H', text.as_bytes()).rfind(begins)?;
    (place > 0).then(|| &text[place..])
}

/// `https:`, the colon as itself, percent-encoded, as an entity, as an escape, or as Proofpoint has it.
fn begins_at(text: &str, begin: usize, dialect: Dialect) -> bool {
    let mut cursor = Cursor::new(text, begin, dialect);
    let mut start = [0; BEGINNING];
    for (place, byte) in start.iter_mut().enumerate() {
        *byte = loop {
            match cursor.next() {
                Stroke::Char(byte) => break byte.to_ascii_lowercase(),
                Stroke::Gap { .. } => {}
                Stroke::End | Stroke::NotThisDialect => break 0,
            }
        };
        if place < 4 && *byte != b"http"[place] || *byte == 0 {
            break;
        }
    }
    let Some(rest) = start.strip_prefix(b"http") else {
        return false;
    };
    matches!(
        rest.strip_prefix(b"s").unwrap_or(rest),
        [b':', b'/' | b'\\' | b'%' | b'&', ..]
            | [b'%', b'3', b'a', ..]
            | [b'%' | b'-', b'2', b'5', ..]
            | [b'-', b'3', b'a', b'_' | b'-', ..]
            | [b'&', b'#' | b'c', ..]
            | [b'\\', b'\\' | b'u' | b'x' | b':', ..]
    )
}

/// Characters as they follow one another, escapes not yet taken off.
struct Raw {
    chars: Vec<u8>,
    gaps: Vec<(usize, Break)>,
    is_closed: bool,
    end: usize,
}

#[derive(Clone, Copy)]
struct Break {
    is_line: bool,
    is_wrap: bool,
}

impl Link {
    fn read(text: &str, begin: usize, dialect: Dialect) -> Option<Self> {
        let raw = Raw::read(text, begin, dialect)?;
        let mut unescaped = Unescaped::default();
        unescaped.take(&raw);
        Some(Self {
            text: unescaped.text,
            gaps: unescaped.gaps,
            is_closed: unescaped.is_closed || raw.is_closed,
            begin,
            end: raw.end,
        })
    }
}

impl Raw {
    fn read(text: &str, begin: usize, dialect: Dialect) -> Option<Self> {
        let mut cursor = Cursor::new(text, begin, dialect);
        let mut raw = Self {
            chars: Vec::new(),
            gaps: Vec::new(),
            is_closed: false,
            end: begin,
        };
        loop {
            raw.end = cursor.at;
            if raw.chars.len() >= MAX_LINK || raw.gaps.len() >= MAX_GAPS {
                break;
            }
            match cursor.next() {
                Stroke::Char(b'h' | b'H') if raw.next_begins(text, &cursor, dialect) => {
                    raw.end = cursor.at - 1;
                    break;
                }
                Stroke::Char(byte) => raw.chars.push(byte),
                Stroke::Gap { line_break } => raw.gap(line_break, &cursor),
                Stroke::End if raw.after_escaped_line_break() && cursor.skip_mark() => {}
                Stroke::End => {
                    raw.is_closed = raw.gaps.last().is_none_or(|(at, _)| *at < raw.chars.len())
                        && cursor.at < text.len();
                    break;
                }
                Stroke::NotThisDialect => return None,
            }
        }
        // At least one byte on, whatever happens.
        raw.end = raw.end.max(begin + 1);
        Some(raw)
    }

    // Whether the letter just read is the first of another link.
    fn next_begins(&self, text: &str, cursor: &Cursor<'_>, dialect: Dialect) -> bool {
        let place = cursor.at - 1;
        !self.chars.is_empty()
            && matches!(text.as_bytes()[place], b'h' | b'H')
            && begins_at(text, place, dialect)
    }

    fn gap(&mut self, line_break: bool, cursor: &Cursor<'_>) {
        let token = cursor.token(TOKEN);
        let is_wrap = line_break && cursor.is_alone(token.len()) && !is_word(token);
        let is_line = line_break;
        self.gaps
            .push((self.chars.len(), Break { is_line, is_wrap }));
    }

    // `\n` or `\r` in a JSON text, behind which a line may be quoted.
    fn after_escaped_line_break(&self) -> bool {
        matches!(self.chars.as_slice(), [.., b'\\', b'n' | b'r'])
    }
}

/// A word of a language, not a piece of a code.
fn is_word(token: &str) -> bool {
    let word = token.trim_start_matches(['(', '"', '\'', '*']);
    let word = word.trim_end_matches(|c: char| c.is_ascii_punctuation());
    let is_rule = !token.bytes().any(|byte| byte.is_ascii_alphanumeric());
    is_rule || (word.len() <= 20 && word.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

#[derive(Default)]
struct Unescaped {
    text: String,
    gaps: Vec<Gap>,
    is_closed: bool,
    after_line_break: bool,
}

impl Unescaped {
    fn take(&mut self, raw: &Raw) {
        let mut gaps = raw.gaps.iter().peekable();
        let chars = raw.chars.as_slice();
        let mut at = 0;
        while at < chars.len() && !self.is_closed {
            while let Some((_, gap)) = gaps.next_if(|(place, _)| *place <= at) {
                self.gap(*gap);
            }
            let rest = &chars[at..];
            at += match rest[0] {
                b'\\' => {
                    let run = rest.iter().take_while(|byte| **byte == b'\\').count();
                    let is_wrapped = gaps.peek().is_some_and(|(place, _)| *place == at + run);
                    run + self.escape(&rest[run..], is_wrapped)
                }
                b'&' => 1 + self.ampersand(&rest[1..]),
                byte => {
                    self.put(byte.into());
                    1
                }
            };
        }
        for (_, gap) in gaps {
            self.gap(*gap);
        }
    }

    /// What stands behind backslashes; gives how much of it was taken.
    fn escape(&mut self, rest: &[u8], is_wrapped: bool) -> usize {
        let code = |digits: Option<&[u8]>| {
            let digits = std::str::from_utf8(digits?).ok()?;
            char::from_u32(u32::from_str_radix(digits, 16).ok()?)
        };
        let (c, length) = match rest.first() {
            Some(b'u' | b'U') if code(rest.get(1..5)).is_some() => (code(rest.get(1..5)), 5),
            Some(b'x') if code(rest.get(1..3)).is_some() => (code(rest.get(1..3)), 3),
            _ => (None, 0),
        };
        match (c, rest.first()) {
            (Some('&'), _) => return length + self.ampersand(&rest[length..]),
            (Some(c), _) => self.put(c),
            // A shell continues in the next line.
            (None, _) if is_wrapped => {}
            (None, Some(b'n' | b'r' | b't')) => {
                self.gap(Break {
                    is_line: true,
                    is_wrap: false,
                });
                return 1;
            }
            (None, Some(byte)) if byte.is_ascii_punctuation() => {}
            (None, _) => self.is_closed = true,
        }
        length
    }

    /// What stands behind an ampersand; gives how much of it was taken.
    fn ampersand(&mut self, rest: &[u8]) -> usize {
        let mut at = 0;
        loop {
            let again = [&b"amp;"[..], b"#38;", b"#038;", b"#x26;", b"#X26;", b"AMP;"]
                .into_iter()
                .find(|again| rest[at..].starts_with(again));
            let Some(again) = again else { break };
            at += again.len();
        }
        let rest = &rest[at..];
        let name = rest.iter().take(ENTITY).position(|byte| *byte == b';');
        let entity = name.and_then(|length| Some((entity(&rest[..length])?, length + 1)));
        if let Some((c, length)) = entity {
            self.put(c);
            return at + length;
        }
        self.put('&');
        at
    }

    fn put(&mut self, c: char) {
        match kind(c) {
            Kind::Link(byte) => {
                self.text.push(byte.into());
                self.after_line_break = false;
            }
            Kind::Space => self.gap(Break {
                is_line: matches!(c, '\n' | '\r'),
                is_wrap: false,
            }),
            Kind::Nothing => {}
            Kind::Other if c == '>' && self.after_line_break => {}
            Kind::Other => self.is_closed = true,
        }
    }

    fn gap(&mut self, gap: Break) {
        self.after_line_break |= gap.is_line;
        let at = self.text.len();
        if self.gaps.last().is_none_or(|last| last.at < at) {
            let is_wrap = gap.is_wrap;
            self.gaps.push(Gap { at, is_wrap });
        }
    }
}

/// The character of an entity, without `&` and `;`: those that have a place in or around a link.
fn entity(name: &[u8]) -> Option<char> {
    if let Some(number) = name.strip_prefix(b"#") {
        let number = std::str::from_utf8(number).ok()?;
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?);
    }
    Some(match name {
        b"quot" | b"QUOT" | b"ldquo" | b"rdquo" | b"laquo" | b"raquo" | b"lsquo" => '"',
        b"lt" | b"LT" => '<',
        b"gt" | b"GT" => '>',
        b"apos" | b"rsquo" => '\'',
        b"nbsp" | b"NonBreakingSpace" | b"ensp" | b"emsp" | b"thinsp" | b"Tab" => ' ',
        b"NewLine" => '\n',
        b"shy" | b"zwj" | b"zwnj" | b"ZeroWidthSpace" | b"NoBreak" => '\u{200b}',
        b"sol" => '/',
        b"bsol" => '\\',
        b"colon" => ':',
        b"semi" => ';',
        b"period" => '.',
        b"comma" => ',',
        b"quest" => '?',
        b"equals" => '=',
        b"percnt" => '%',
        b"num" => '#',
        b"plus" => '+',
        b"ast" => '*',
        b"lowbar" | b"UnderBar" => '_',
        b"dash" | b"hyphen" => '-',
        b"excl" => '!',
        b"dollar" => '$',
        b"commat" => '@',
        b"lpar" => '(',
        b"rpar" => ')',
        b"lbrack" | b"lsqb" => '[',
        b"rbrack" | b"rsqb" => ']',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Vec<String> {
        let links = Links::of(text).next().unwrap_or_default();
        links.into_iter().map(|link| link.text).collect()
    }

    #[test]
    fn what_the_text_around_it_did_is_taken_off() {
        let plain = "https://a.b/c?d=e&f=g%3D";
        for text in [
            plain,
            "see https://a.b/c?d=e&f=g%3D",
            "<https://a.b/c?d=e&f=g%3D>",
            "\"https://a.b/c?d=e&f=g%3D\"",
            "https://a.b/c?d=e&amp;f=g%3D\"",
            "https://a.b/c?d=e&amp;amp;f=g%3D&quot;,",
            "https://a.b/c?d=e&#38;f=g%3D&#34;",
            "https&#58;&#x2F;&#47;a.b/c?d=e&#x26;f=g%3D&lt;br&gt;",
            "https:\\/\\/a.b\\/c?d=e\\u0026f=g%3D\"",
            "https:\\\\\\/\\\\\\/a.b\\\\\\/c?d=e\\\\u0026f=g%3D\\\\\\\"",
            "https\\u003a\\u002f\\u002fa.b/c\\u003fd\\u003de\\u0026amp;f\\u003dg%3D\\\"",
            "https://a.b/c?d=e\\&f\\=g%3D\"",
            "https:\\x2f\\x2fa.b/c?d=e\\x26f=g%3D\"",
            "ht\ntps://a.b/c?d=e\n&f=g%\n3D",
            "https://a.b/c?d=e&am\r\n> p;f=g%3D",
            "https://a.b/c?d=e\\u00\n26f=g%3D",
            "https://a.b/c?d=e\\\n  &f=g%3D",
            "https://a.b/c?d=e&f=g%3\u{200b}D\u{201d}",
            "https://a.b/c?d=e&f=g%3\u{a0}D",
        ] {
            assert_eq!(first(text), [plain], "{text:?}");
        }
        let quoted = "https://a.b/c?d=3De&am=\np;f=3Dg%3=\r\nD";
        assert_eq!(first(quoted)[0], plain);
        assert_eq!(first("HTTPS%3A%2F%2Fa"), ["HTTPS%3A%2F%2Fa"]);
        assert_eq!(first("https-3A__a.b_c&d"), ["https-3A__a.b_c&d"]);
        for text in [
            "",
            "h",
            "http",
            "https",
            "https a",
            "httpd: ok",
            "h\n\n\nt",
            "http-30",
        ] {
            assert!(first(text).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn a_link_ends_where_the_next_begins() {
        let text = "https://a?u=https%3A%2F%2Fb https://c\nhttp-3A__d";
        let links: Vec<_> = Links::of(text).flatten().map(|link| link.text).collect();
        assert_eq!(
            links,
            ["https://a?u=", "https%3A%2F%2Fb", "https://c", "http-3A__d"]
        );
    }

    #[test]
    fn white_space_is_remembered() {
        let links = Links::of("https://a/b\nc1\nThanks a lot").next().unwrap();
        let wraps: Vec<_> = links[0]
            .gaps
            .iter()
            .map(|gap| (gap.at, gap.is_wrap))
            .collect();
        assert_eq!(wraps, [(11, true), (13, false), (19, false), (20, false)]);
        assert_eq!(links[0].text, "https://a/bc1Thanksalot");
    }
}
