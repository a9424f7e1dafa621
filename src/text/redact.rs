//! Finds secrets in texts however they are spelled: error bodies quote requests, and what an org shows may hold what it
//! was sent; both go to logs, reports and the ledger.
//!
//! A secret is found in whatever spelling servers and proxies quote it: as it is, percent-encoded, with the escapes of
//! JSON and HTML, any of these mixed or on top of each other, in base64 and in hex. The text is presentable before
//! ([`super::presentable`]): nothing may be taken out of it afterwards, which could put a secret together again.
//!
//! An org may have thousands of secrets: they are kept in order, and each character of the text narrows down which of
//! them it may spell, so that their number hardly matters.

use std::borrow::Borrow;
use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::percent_decode_str;
use secrecy::zeroize::{Zeroize as _, Zeroizing};
use secrecy::{ExposeSecret, SecretString};

/// Shorter values are not looked for: they occur in any text, and replacing them would garble it.
const MIN_SECRET_BYTES: usize = 4;

/// From here on upper and lower case do not count: a host's name has lost it.
const ANY_CASE_BYTES: usize = 8;

/// Encodings on top of each other that are looked through.
const LAYERS: usize = 8;

/// What stands where a secret was.
const REDACTED: &str = "[redacted]";

/// Words of the filter of beginnings: 2,048 bits, of which an org's credential and an app's token take some forty.
const FILTER_WORDS: usize = 32;

/// Where a beginning stands in the filter.
fn in_filter(beginning: u32) -> (usize, u64) {
    let hash = beginning.wrapping_mul(0x9E37_79B1) >> 21;
    (
        usize::try_from(hash / 64).unwrap_or_default(),
        1 << (hash % 64),
    )
}

/// A form of a secret; wiped from memory when it is dropped.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Form(String);

impl Borrow<str> for Form {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Secrets in all their forms.
pub(super) struct Known {
    hashes: HashSet<u64>,
    hasher: RandomState,
    /// In lower case.
    long: BTreeSet<Form>,
    short: BTreeSet<Form>,
    /// How they begin, in order, each under the key.
    beginnings: Vec<u32>,
    key: u32,
    /// A bit for each of the beginnings, by a hash: that there is none is known at once.
    filter: [u64; FILTER_WORDS],
}

impl Default for Known {
    fn default() -> Self {
        Self {
            hashes: HashSet::default(),
            hasher: RandomState::new(),
            long: BTreeSet::default(),
            short: BTreeSet::default(),
            beginnings: Vec::new(),
            key: rand::random(),
            filter: [0; FILTER_WORDS],
        }
    }
}

impl Known {
    /// Whether it is among them.
    pub(super) fn has(&self, secret: &SecretString) -> bool {
        self.hashes.contains(&self.hash(secret))
    }

    fn hash(&self, secret: &SecretString) -> u64 {
        self.hasher.hash_one(secret.expose_secret())
    }

    /// Looks for one more.
    pub(super) fn add(&mut self, secret: &SecretString) {
        if !self.hashes.insert(self.hash(secret)) {
            return;
        }
        for mut form in forms(secret.expose_secret()) {
            if let Some(beginning) = form.as_bytes().first_chunk() {
                let beginning = self.beginning(*beginning);
                let (word, bit) = in_filter(beginning);
                self.filter[word] |= bit;
                if let Err(place) = self.beginnings.binary_search(&beginning) {
                    self.beginnings.insert(place, beginning);
                }
            }
            if form.len() >= ANY_CASE_BYTES {
                form.make_ascii_lowercase();
                self.long.insert(Form(form));
            } else if form.len() >= MIN_SECRET_BYTES {
                self.short.insert(Form(form));
            }
        }
    }

    /// The bytes in lower case, under a key: what is freed as the list grows tells nothing.
    fn beginning(&self, bytes: [u8; MIN_SECRET_BYTES]) -> u32 {
        u32::from_ne_bytes(bytes.map(|byte| byte.to_ascii_lowercase())) ^ self.key
    }

    /// Whether one of them may be spelled where this text begins. Nearly everywhere none is, and something of every
    /// answer is looked through.
    fn may_begin(&self, text: &str) -> bool {
        let Some(bytes) = text.as_bytes().first_chunk() else {
            // Nothing spells a character in fewer bytes than it has.
            return false;
        };
        let is_plain = |byte: &u8| byte.is_ascii() && !matches!(byte, b'%' | b'\\' | b'&' | b' ');
        if !bytes.iter().all(is_plain) {
            return true;
        }
        let beginning = self.beginning(*bytes);
        let (word, bit) = in_filter(beginning);
        self.filter[word] & bit != 0 && self.beginnings.binary_search(&beginning).is_ok()
    }

    /// Whether none of them is in `text`, as is known at once of nearly every text.
    pub(super) fn clearly_none_in(&self, text: &str) -> bool {
        let mut places = text.char_indices();
        !places.any(|(place, _)| self.may_begin(&text[place..]))
    }

    /// At most so many characters of `text`, without any of the secrets.
    pub(super) fn redact(&self, text: &str, chars: usize) -> String {
        self.redact_where(text, chars, |rest| self.may_begin(rest))
    }

    fn redact_where(&self, text: &str, chars: usize, may_begin: impl Fn(&str) -> bool) -> String {
        if self.hashes.is_empty() {
            return text.chars().take(chars).collect();
        }
        let mut kept = String::new();
        // What was looked at of the text, and how much of it was kept; what either comes to in characters.
        let (mut at, mut from, mut count) = (0, 0, 0);
        while let Some(c) = text[at..].chars().next().filter(|_| count < chars) {
            let rest = &text[at..];
            let length = if may_begin(rest) {
                // Where one is part of another, no remainder of it stays.
                let long = spelled(rest, &self.long, |c| c.to_ascii_lowercase());
                long.max(spelled(rest, &self.short, |c| c))
            } else {
                0
            };
            if length == 0 {
                at += c.len_utf8();
                count += 1;
            } else {
                kept.push_str(&text[from..at]);
                kept.push_str(REDACTED);
                count += REDACTED.len();
                at += length;
                from = at;
            }
        }
        kept.push_str(&text[from..at]);
        kept
    }
}

/// A secret as it is, and in the encodings that do not keep its characters apart.
fn forms(secret: &str) -> Vec<String> {
    let decoded = percent_decode_str(secret).decode_utf8_lossy().into_owned();
    let backwards = secret.chars().rev().collect();
    let mut forms = vec![secret.to_owned(), decoded, backwards];
    if secret.len() >= MIN_SECRET_BYTES {
        forms.push(hex::encode(secret));
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

/// How much of the text's beginning spells one of the forms, at most; 0 = none. A blank between characters is what a
/// control character left.
fn spelled(text: &str, forms: &BTreeSet<Form>, fold: impl Fn(char) -> char) -> usize {
    let mut longest = 0;
    let mut begun = Zeroizing::new(String::new());
    let mut readings = Vec::new();
    read(text, &mut readings);
    // Readings to be followed: how much of the text, of the form, and its next character.
    let mut left: Vec<_> = readings.drain(..).map(|(c, end)| (end, 0, c)).collect();
    while let Some((end, length, c)) = left.pop() {
        begun.truncate(length);
        begun.push(fold(c));
        let from = (Bound::Included(begun.as_str()), Bound::Unbounded);
        let Some(Form(form)) = forms.range::<str, _>(from).next() else {
            continue;
        };
        if !form.starts_with(begun.as_str()) {
            continue;
        }
        if form.len() == begun.len() {
            longest = longest.max(end);
        }
        let rest = &text[end..];
        for blank in 0..=usize::from(rest.starts_with(' ')) {
            read(&rest[blank..], &mut readings);
            let next = readings.drain(..);
            left.extend(next.map(|(c, length)| (end + blank + length, begun.len(), c)));
        }
    }
    longest
}

/// The characters that the text's beginning may spell, and how much of it does.
fn read(text: &str, found: &mut Vec<(char, usize)>) {
    let Some(c) = text.chars().next() else {
        return;
    };
    found.push((c, c.len_utf8()));
    match c {
        '%' => percents(text, found),
        '\\' => backslashes(text, found),
        '&' => entities(text, found),
        _ => {}
    }
}

// `%2F`, `%252f`, and so on.
fn percents(text: &str, found: &mut Vec<(char, usize)>) {
    let mut rest = &text[1..];
    for _ in 0..LAYERS {
        let Some(first) = hex_value(rest, 2) else {
            return;
        };
        let layers = &text[..text.len() - rest.len()];
        rest = &rest[2..];
        found.extend(
            character(first, rest, layers).map(|(c, more)| (c, text.len() - rest.len() + more)),
        );
        if first != u32::from(b'%') {
            return;
        }
    }
}

// The character that begins with this byte, and how much of the text spells its further bytes, each behind as many
// layers as the first.
fn character(first: u32, text: &str, layers: &str) -> Option<(char, usize)> {
    let mut bytes = vec![u8::try_from(first).ok()?];
    let mut rest = text;
    while bytes.len() < 4 && std::str::from_utf8(&bytes).is_err() {
        rest = rest.strip_prefix(layers)?;
        bytes.push(u8::try_from(hex_value(rest, 2)?).ok()?);
        rest = &rest[2..];
    }
    let c = std::str::from_utf8(&bytes).ok()?.chars().next()?;
    Some((c, text.len() - rest.len()))
}

// `\/`, `\u002f`, `\x2f`, with any number of backslashes.
fn backslashes(text: &str, found: &mut Vec<(char, usize)>) {
    let rest = text.trim_start_matches('\\');
    let skipped = text.len() - rest.len();
    found.push(('\\', skipped));
    let digits = match rest.as_bytes().first() {
        Some(b'u') => 4,
        Some(b'x') => 2,
        _ => 0,
    };
    let escaped = rest.get(1..).and_then(|rest| hex_value(rest, digits));
    if let Some(c) = escaped.and_then(char::from_u32).filter(|_| digits > 0) {
        found.push((c, skipped + 1 + digits));
    }
    found.extend(rest.chars().next().map(|c| (c, skipped + c.len_utf8())));
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
fn entities(text: &str, found: &mut Vec<(char, usize)>) {
    let mut rest = &text[1..];
    for _ in 0..LAYERS {
        let skipped = text.len() - rest.len();
        let named = ENTITIES.iter().filter(|(name, _)| rest.starts_with(name));
        found.extend(named.map(|(name, of)| (*of, skipped + name.len())));
        found.extend(numbered(rest).map(|(c, length)| (c, skipped + length)));
        let Some(after) = rest.strip_prefix("amp;") else {
            return;
        };
        found.push(('&', skipped + "amp;".len()));
        rest = after;
    }
}

// `#47;` and `#x2f;`.
fn numbered(text: &str) -> Option<(char, usize)> {
    let rest = text.strip_prefix('#')?;
    let end = rest
        .bytes()
        .take(LONGEST_NUMBER)
        .position(|byte| byte == b';')?;
    let value = match rest[..end].strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => rest[..end].parse(),
    };
    Some((char::from_u32(value.ok()?)?, 1 + end + 1))
}

/// Digits of a character's number in an entity, with leading zeros and an `x`.
const LONGEST_NUMBER: usize = 12;

fn hex_value(text: &str, digits: usize) -> Option<u32> {
    let digits = text.get(..digits)?;
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::seen::one_line;

    fn redact(text: &str, secrets: &[SecretString]) -> String {
        let mut known = Known::default();
        for secret in secrets {
            known.add(secret);
        }
        known.redact(text, usize::MAX)
    }

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
            // Upper and lower case do not count in long ones.
            ("T0KEN%2FX 4/0a B 4/0A b", "[redacted] 4/0a B [redacted]"),
        ] {
            assert_eq!(redact(text, &secrets), expected, "{text}");
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
            let line = one_line(text);
            assert_eq!(redact(&line, &secrets), REDACTED, "{text:?}");
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
            assert_eq!(redact(text, &secrets), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn where_none_can_begin_none_is_missed(
            secrets in proptest::collection::vec("[abAB%&/é ]{3,10}", 1..4),
            noise in "([abAB]|%2[Ff5]|&amp;|&#x61;|\\\\/|é| ){0,12}",
            at in 0..4usize,
        ) {
            let mut known = Known::default();
            for secret in &secrets {
                known.add(&SecretString::from(secret.as_str()));
            }
            let text = match secrets.get(at) {
                Some(secret) => format!("{noise}{secret}{noise}"),
                None => noise,
            };
            let all = known.redact_where(&text, usize::MAX, |_| true);
            proptest::prop_assert_eq!(known.redact(&text, usize::MAX), all);
        }
    }
}
