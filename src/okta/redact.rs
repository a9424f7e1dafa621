//! Keeps secrets out of messages even when a server repeats them: an error body may quote the
//! request it is about, and messages go to logs, reports and the ledger.
//!
//! A secret is found in whatever spelling servers and proxies quote it: as it is, percent-encoded, with the escapes of
//! JSON and HTML, any of these mixed or on top of each other, in base64 and in hex. The text is presentable before
//! ([`crate::text::presentable`]): nothing may be taken out of it afterwards, which could put a secret together again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

/// Shorter values are not looked for: they occur in any text, and replacing them would garble it.
const MIN_SECRET_BYTES: usize = 4;

/// What stands where a secret was.
const REDACTED: &str = "[redacted]";

/// `text` without any of `secrets`.
pub(super) fn redact<'a>(
    text: String,
    secrets: impl IntoIterator<Item = &'a SecretString>,
) -> String {
    let mut forms: Vec<String> = secrets
        .into_iter()
        .flat_map(|secret| forms(secret.expose_secret()))
        .filter(|form| form.len() >= MIN_SECRET_BYTES)
        .collect();
    // Longest first: where one secret is part of another, no remainder of it stays.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    forms.iter().fold(text, |text, form| without(text, form))
}

/// A secret as it is, and in the encodings that do not keep its characters apart.
fn forms(secret: &str) -> Vec<String> {
    let decoded = percent_decode_str(secret).decode_utf8_lossy().into_owned();
    let mut forms = vec![secret.to_owned(), decoded];
    if secret.len() >= MIN_SECRET_BYTES {
        forms.extend([hex::encode(secret), hex::encode_upper(secret)]);
        for before in 0..3 {
            let standard = base64_within(secret.as_bytes(), before);
            forms.push(standard.replace('+', "-").replace('/', "_"));
            forms.push(standard);
        }
    }
    forms
}

/// The characters of a base64 text that these bytes alone decide, where so many others stand before them.
fn base64_within(bytes: &[u8], before: usize) -> String {
    let padded = [vec![0; before], bytes.to_vec()].concat();
    let whole = STANDARD_NO_PAD.encode(&padded);
    // A character stands for six bits.
    let (first, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
    whole.get(first..end).unwrap_or_default().to_owned()
}

fn without(text: String, form: &str) -> String {
    let mut kept = String::new();
    let mut rest = text.as_str();
    let mut found = false;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = spelled(rest, form) {
            kept.push_str(REDACTED);
            rest = &rest[length..];
            found = true;
        } else {
            kept.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    if found { kept } else { text }
}

/// How much of the text's beginning spells all of `form`; a blank between characters is what a control character left.
fn spelled(text: &str, form: &str) -> Option<usize> {
    let mut rest = text;
    for (place, c) in form.chars().enumerate() {
        let length = spelling(rest, c).or_else(|| {
            let after = rest.strip_prefix(' ').filter(|_| place > 0)?;
            Some(1 + spelling(after, c)?)
        })?;
        rest = &rest[length..];
    }
    Some(text.len() - rest.len())
}

/// How much of the text's beginning spells this character.
fn spelling(text: &str, c: char) -> Option<usize> {
    let escaped = match text.as_bytes().first()? {
        b'%' => percent(text, c),
        b'\\' => backslash(text, c),
        b'&' => entity(text, c),
        _ => None,
    };
    escaped.or_else(|| text.starts_with(c).then(|| c.len_utf8()))
}

// `%2F`, `%252f`, and so on.
fn percent(text: &str, c: char) -> Option<usize> {
    let mut rest = text;
    let mut buffer = [0; 4];
    for byte in c.encode_utf8(&mut buffer).bytes() {
        rest = rest.strip_prefix('%')?;
        if byte == b'%' {
            // Of a percent sign every further encoding is one `25` more.
            rest = rest.strip_prefix("25")?.trim_start_matches("25");
            continue;
        }
        while hex_value(rest, 2)? != u32::from(byte) {
            rest = rest.strip_prefix("25")?;
        }
        rest = &rest[2..];
    }
    Some(text.len() - rest.len())
}

// `\/`, `\u002f`, `\x2f`, with any number of backslashes.
fn backslash(text: &str, c: char) -> Option<usize> {
    let rest = text.trim_start_matches('\\');
    let escape = match rest.as_bytes().first() {
        Some(b'u') => Some((1, 4)),
        Some(b'x') => Some((1, 2)),
        _ => None,
    };
    if let Some((skip, digits)) = escape
        && hex_value(&rest[skip..], digits) == Some(u32::from(c))
    {
        return Some(text.len() - rest.len() + skip + digits);
    }
    let own = rest
        .starts_with(c)
        .then(|| text.len() - rest.len() + c.len_utf8());
    own.or_else(|| (c == '\\').then(|| text.len() - rest.len()))
}

/// HTML's names of what tokens hold besides letters and digits.
const ENTITIES: [(&str, char); 13] = [
    ("lt;", '<'),
    ("gt;", '>'),
    ("quot;", '"'),
    ("apos;", '\''),
    ("sol;", '/'),
    ("plus;", '+'),
    ("equals;", '='),
    ("colon;", ':'),
    ("period;", '.'),
    ("lowbar;", '_'),
    ("percnt;", '%'),
    ("dollar;", '$'),
    ("num;", '#'),
];

// `&amp;`, `&#47;`, `&#x2f;`, `&amp;#x2F;`, and so on.
fn entity(text: &str, c: char) -> Option<usize> {
    let mut rest = text.strip_prefix('&')?;
    if c == '&' && rest.starts_with("amp;") {
        // Every further encoding is one `amp;` more.
        return Some(text.len() - rest.trim_start_matches("amp;").len());
    }
    loop {
        let named = ENTITIES
            .iter()
            .find(|(name, of)| *of == c && rest.starts_with(name));
        if let Some((name, _)) = named {
            return Some(text.len() - rest.len() + name.len());
        }
        if let Some((number, after)) = rest.strip_prefix('#').and_then(|rest| rest.split_once(';'))
        {
            let value = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            if value == Ok(u32::from(c)) {
                return Some(text.len() - after.len());
            }
        }
        rest = rest.strip_prefix("amp;")?;
    }
}

fn hex_value(text: &str, digits: usize) -> Option<u32> {
    let digits = text.get(..digits)?;
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_in_every_form() {
        let secrets = ["4/0A b", "abc", "t0ken%2Fx", "p&s<w'd\"\\%"].map(SecretString::from);
        for (text, expected) in [
            ("nothing here abc", "nothing here abc"),
            ("code=4/0A b!", "code=[redacted]!"),
            ("code=4%2F0A%20b&x", "code=[redacted]&x"),
            (
                "t0ken%2Fx t0ken/x t0ken%252Fx",
                "[redacted] [redacted] [redacted]",
            ),
            ("t0ken%2fx t0ken%25252fx", "[redacted] [redacted]"),
            (
                r"t0ken\/x t0ken\\/x t0ken\u002fx t0ken\x2Fx",
                "[redacted] [redacted] [redacted] [redacted]",
            ),
            (
                "t0ken&sol;x t0ken&#47;x t0ken&#x2F;x t0ken&amp;#x2f;x",
                "[redacted] [redacted] [redacted] [redacted]",
            ),
            ("p&amp;s&lt;w&apos;d&quot;\\%", "[redacted]"),
            ("p&amp;amp;s&lt;w&#39;d\\\"\\\\%25", "[redacted]"),
            // What a control character left of it.
            ("t0 ken/x", "[redacted]"),
            ("%74%30%6b%65%6E%2f%78", "[redacted]"),
        ] {
            assert_eq!(redact(text.to_owned(), &secrets), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_seen_hides_no_secret() {
        let secrets = [SecretString::from("t0ken/x")];
        for text in [
            "t0\u{200b}ken/x",
            "t0k\u{feff}en\u{2060}/\u{ad}x",
            "t0k\u{202e}en/x",
            "t0k\u{1}en/x",
            "t0k\u{9b}en%2\u{200d}Fx",
        ] {
            let line = crate::text::one_line(text);
            assert_eq!(redact(line, &secrets), REDACTED, "{text:?}");
        }
    }

    #[test]
    fn base64_and_hex_are_found_wherever_they_begin() {
        const SECRET: &str = "s3cret~?>>-value";
        let secrets = [SecretString::from(SECRET)];
        for (text, expected) in [
            ("czNjcmV0fj8+Pi12YWx1ZQ==", "[redacted]Q=="),
            ("OnMzY3JldH4/Pj4tdmFsdWU=", "On[redacted]U="),
            ("dTpzM2NyZXR+Pz4+LXZhbHVl", "dTp[redacted]"),
            ("dTpzM2NyZXR-Pz4-LXZhbHVl", "dTp[redacted]"),
            ("dTpzM2NyZXR%2BPz4%2bLXZhbHVl", "dTp[redacted]"),
            ("733363726574", "733363726574"),
            ("7333637265747e3f3e3e2d76616c7565", "[redacted]"),
            ("7333637265747E3F3E3E2D76616C7565", "[redacted]"),
        ] {
            assert_eq!(redact(text.to_owned(), &secrets), expected, "{text}");
        }
    }
}
