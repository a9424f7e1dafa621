//! Characters that nobody sees: they come from web pages, mails and spreadsheets, make two texts differ that look
//! the same, and are never what was meant.

/// The byte order mark: at the ends of a cell it is what is left of files that were put together.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Ranges of characters that are shown as nothing or as a blank that is none, by their Unicode names: format
/// characters, fillers and variation selectors.
const UNSEEN: &[(char, char, &str)] = &[
    ('\u{ad}', '\u{ad}', "soft hyphen"),
    ('\u{34f}', '\u{34f}', "combining grapheme joiner"),
    ('\u{61c}', '\u{61c}', "Arabic letter mark"),
    ('\u{115f}', '\u{1160}', "Hangul filler"),
    ('\u{17b4}', '\u{17b5}', "Khmer vowel inherent"),
    ('\u{180b}', '\u{180f}', "Mongolian separator"),
    ('\u{200b}', '\u{200b}', "zero width space"),
    ('\u{200c}', '\u{200c}', "zero width non-joiner"),
    ('\u{200d}', '\u{200d}', "zero width joiner"),
    ('\u{200e}', '\u{200f}', "direction mark"),
    ('\u{202a}', '\u{202e}', "direction override"),
    ('\u{2060}', '\u{2060}', "word joiner"),
    ('\u{2061}', '\u{2064}', "invisible operator"),
    ('\u{2065}', '\u{206f}', "direction isolate"),
    ('\u{2800}', '\u{2800}', "empty braille pattern"),
    ('\u{3164}', '\u{3164}', "Hangul filler"),
    ('\u{fe00}', '\u{fe0f}', "variation selector"),
    (BYTE_ORDER_MARK, BYTE_ORDER_MARK, "byte order mark"),
    ('\u{ffa0}', '\u{ffa0}', "Hangul filler"),
    ('\u{fff0}', '\u{fffb}', "interlinear mark"),
    ('\u{1bca0}', '\u{1bca3}', "shorthand control"),
    ('\u{1d173}', '\u{1d17a}', "musical control"),
    ('\u{e0000}', '\u{e0fff}', "tag"),
];

/// The first character of a text that is not seen.
pub(crate) fn first(text: &str) -> Option<char> {
    // Nearly every text is ASCII, and that is known at once.
    if text.is_ascii() {
        return None;
    }
    text.chars().find(|c| is_unseen(*c))
}

/// Whether a character is not seen; blanks and control characters are no such.
pub(crate) fn is_unseen(c: char) -> bool {
    name(c).is_some()
}

/// A character that is not seen, or a blank or control character, as a message names it.
pub(crate) fn named(c: char) -> String {
    let code_point = format!("U+{:04X}", u32::from(c));
    let common = match c {
        ' ' => Some("space"),
        '\t' => Some("tab"),
        '\n' => Some("line feed"),
        '\r' => Some("carriage return"),
        '\u{a0}' => Some("no-break space"),
        c => name(c),
    };
    match common {
        Some(name) => format!("{code_point} ({name})"),
        None => code_point,
    }
}

fn name(c: char) -> Option<&'static str> {
    UNSEEN
        .iter()
        .find(|(first, last, _)| (*first..=*last).contains(&c))
        .map(|(_, _, name)| *name)
}

/// A cell without the blanks and byte order marks around it.
pub(crate) fn trimmed(cell: &str) -> &str {
    let solid = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    let bytes = cell.as_bytes();
    // Nearly every cell: deciding so costs less than looking for blanks.
    if solid(bytes.first()) && solid(bytes.last()) {
        return cell;
    }
    cell.trim_matches(|c: char| c.is_whitespace() || c == BYTE_ORDER_MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_named_by_its_code_point() {
        for (text, expected) in [
            ("Google Workspace", None),
            ("Büro 東京 é", None),
            ("a\u{a0}b", None),
            ("a\u{200b}b", Some("U+200B (zero width space)")),
            ("\u{feff}a", Some("U+FEFF (byte order mark)")),
            ("a\u{ad}b", Some("U+00AD (soft hyphen)")),
            ("\u{202e}abc", Some("U+202E (direction override)")),
            ("a\u{2066}b", Some("U+2066 (direction isolate)")),
            ("a\u{fe0f}", Some("U+FE0F (variation selector)")),
            ("a\u{e0041}", Some("U+E0041 (tag)")),
        ] {
            assert_eq!(first(text).map(named).as_deref(), expected, "{text:?}");
        }
        assert_eq!(named('\n'), "U+000A (line feed)");
        assert_eq!(named('\u{7}'), "U+0007");
    }

    #[test]
    fn cells_lose_what_stands_around_them() {
        for (cell, expected) in [
            ("acme", "acme"),
            (" acme ", "acme"),
            ("\tacme\u{a0}", "acme"),
            ("\u{feff}acme", "acme"),
            (" \u{feff} acme\u{feff}", "acme"),
            ("a b", "a b"),
            ("\u{200b}acme", "\u{200b}acme"),
            ("é", "é"),
            (" \u{3000} ", ""),
            ("", ""),
        ] {
            assert_eq!(trimmed(cell), expected, "{cell:?}");
        }
    }
}
