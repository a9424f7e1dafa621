//! Makes every character of a text one that is seen.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::unseen::is_unseen;

/// Longest message of somebody else in characters. Okta's summaries are a line or two; more is a page of somebody
/// else's, and would drown a report.
pub(super) const MAX_MESSAGE_CHARS: usize = 500;

/// Longest name or value in characters; longer ones hide what is said about them.
const MAX_VALUE_CHARS: usize = 200;

/// Longest line in bytes: a hint may hold a link, which has 8 KiB at most.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// The styles that our own lines have, and clap's: bold, underlined, and colours. None hides or moves anything.
const STYLES: [&str; 10] = [
    "\x1b[0m", "\x1b[1m", "\x1b[4m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[34m", "\x1b[35m",
    "\x1b[36m", "\x1b[37m",
];

/// A line for people: what is not seen in it is shown by its code, line breaks too; our own styles stay.
pub fn line(text: &str) -> Cow<'_, str> {
    let (text, is_cut) = cut(text, MAX_LINE_BYTES);
    if !is_cut && is_seen(text) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let style = STYLES.iter().find(|style| rest.starts_with(**style));
        if let Some(style) = style.filter(|_| c == '\x1b') {
            shown.push_str(style);
            rest = &rest[style.len()..];
        } else {
            show(c, &mut shown);
            rest = &rest[c.len_utf8()..];
        }
    }
    if is_cut {
        shown.push_str("…\x1b[0m");
    }
    Cow::Owned(shown)
}

/// A name or a value in a line: what is not seen in it is shown by its code, and what is longer than a line is cut.
pub fn value(text: &str) -> Cow<'_, str> {
    let end = text.char_indices().nth(MAX_VALUE_CHARS);
    let (text, is_cut) = match end {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    };
    match plain(text) {
        shown if is_cut => Cow::Owned(format!("{shown}…")),
        shown => shown,
    }
}

/// A text of any length, in which what is not seen is shown by its code; it has no styles.
pub fn plain(text: &str) -> Cow<'_, str> {
    if is_seen(text) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        show(c, &mut shown);
    }
    Cow::Owned(shown)
}

/// What somebody else says, on one line of bearable length, without what is not seen and without a final stop.
pub fn presentable(text: &str) -> String {
    bounded(one_line(text))
}

/// As [`presentable`], of any length.
pub(super) fn one_line(text: &str) -> String {
    let mut line = line_of(text).into_owned();
    if line.ends_with('.') && !line.ends_with("..") {
        line.pop();
    }
    line
}

/// A text on one line, without what is not seen.
pub(super) fn line_of(text: &str) -> Cow<'_, str> {
    // As nearly everything is that an org says in one word.
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let visible = word.chars().filter(|&c| !is_hidden(c));
        for (place, c) in visible.enumerate() {
            if place == 0 && !line.is_empty() {
                line.push(' ');
            }
            line.push(c);
        }
    }
    Cow::Owned(line)
}

/// A line of bearable length.
pub(super) fn bounded(mut line: String) -> String {
    if let Some((end, _)) = line.char_indices().nth(MAX_MESSAGE_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// Whether a character is one that a terminal obeys or nobody sees.
pub(super) fn is_hidden(c: char) -> bool {
    match c {
        ' '..='~' => false,
        // Line and paragraph separators, and what is no character: XML has no place for it.
        '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}' => true,
        c => c.is_control() || is_unseen(c),
    }
}

/// Appends the character, by its code if it is not seen.
pub(super) fn show(c: char, to: &mut String) {
    if is_hidden(c) {
        // Writing to a String cannot fail.
        let _infallible = write!(to, "{}", c.escape_default());
    } else {
        to.push(c);
    }
}

/// Longest name that is shown, in characters; Okta's are far shorter.
const LONGEST_NAME: usize = 100;

/// Whether a text can be a name or an id of Okta's: these are words, made from what an administrator typed at most.
pub fn is_word(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(plain)
}

/// Whether every character of a text is seen.
pub fn is_seen(text: &str) -> bool {
    // Nearly every text is plain ASCII, and that is known at once.
    text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.chars().any(is_hidden)
}

fn cut(text: &str, bytes: usize) -> (&str, bool) {
    if text.len() <= bytes {
        return (text, false);
    }
    (&text[..text.floor_char_boundary(bytes)], true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_by_its_code() {
        for (text, as_line, as_value) in [
            ("", "", ""),
            (
                "Büro 東京 \u{1F600} → …",
                "Büro 東京 \u{1F600} → …",
                "Büro 東京 \u{1F600} → …",
            ),
            ("\u{1b}[2Jx", r"\u{1b}[2Jx", r"\u{1b}[2Jx"),
            // Our own styles, and what only looks like one.
            (
                "\u{1b}[1m\u{1b}[31mx\u{1b}[0m",
                "\u{1b}[1m\u{1b}[31mx\u{1b}[0m",
                r"\u{1b}[1m\u{1b}[31mx\u{1b}[0m",
            ),
            ("\u{1b}[8mx", r"\u{1b}[8mx", r"\u{1b}[8mx"),
            ("\u{1b}[31", r"\u{1b}[31", r"\u{1b}[31"),
            ("a\nno mistakes", r"a\nno mistakes", r"a\nno mistakes"),
            ("a\r\tb", r"a\r\tb", r"a\r\tb"),
            (
                "a\u{2028}b\u{2029}c",
                r"a\u{2028}b\u{2029}c",
                r"a\u{2028}b\u{2029}c",
            ),
            ("\u{7}\u{0}\u{7f}", r"\u{7}\u{0}\u{7f}", r"\u{7}\u{0}\u{7f}"),
            ("\u{9b}2J\u{85}", r"\u{9b}2J\u{85}", r"\u{9b}2J\u{85}"),
            (
                "safe\u{202e}gnp.exe",
                r"safe\u{202e}gnp.exe",
                r"safe\u{202e}gnp.exe",
            ),
            (
                "a\u{200b}\u{feff}\u{2066}b",
                r"a\u{200b}\u{feff}\u{2066}b",
                r"a\u{200b}\u{feff}\u{2066}b",
            ),
            (
                "\u{1b}]8;;https://evil.example\u{1b}\\x\u{1b}]8;;\u{1b}\\",
                r"\u{1b}]8;;https://evil.example\u{1b}\x\u{1b}]8;;\u{1b}\",
                r"\u{1b}]8;;https://evil.example\u{1b}\x\u{1b}]8;;\u{1b}\",
            ),
        ] {
            assert_eq!(line(text), as_line, "{text:?}");
            assert_eq!(value(text), as_value, "{text:?}");
        }
    }

    #[test]
    fn lines_and_values_are_of_bearable_length() {
        let long = "ä".repeat(100_000);
        assert_eq!(value(&long).chars().count(), MAX_VALUE_CHARS + 1);
        assert!(line(&long).len() < MAX_LINE_BYTES + 16);
        assert!(line(&long).ends_with("…\u{1b}[0m"));
        let fits = "x".repeat(MAX_LINE_BYTES);
        assert_eq!(line(&fits), fits);
    }

    #[test]
    fn messages_fit_a_line() {
        let cases = [
            ("Not authorized.", "Not authorized"),
            ("wait...", "wait..."),
            ("a\r\n\tb\u{0}c\u{1b}[31md", "a b c [31md"),
            ("  a   b ", "a b"),
            ("safe\u{202E}gnp.exe", "safegnp.exe"),
            ("\u{e4}\u{1F600}", "\u{e4}\u{1F600}"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(presentable(text), expected, "{text:?}");
        }
        let cut = presentable(&"\u{e4}".repeat(10_000));
        assert_eq!(cut.chars().count(), MAX_MESSAGE_CHARS + 1);
        assert!(cut.ends_with('…'));
    }
}
