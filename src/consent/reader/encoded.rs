//! Texts inside a text: bodies of mails in base64, and parameters of redirectors that are.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// A shorter run of letters (bytes) can hold no answer.
const MIN_RUN: usize = 56;

/// A line of a body is no shorter (bytes), its last one excepted.
const MIN_LINE: usize = 20;

/// A decoded text with more bytes that no text has is none: one of so many.
const STRANGE_SHARE: usize = 10;

/// Bytes that were encoded, and where.
pub(super) struct Encoded {
    /// Byte of the text where they begin.
    pub begin: usize,
    /// What they are.
    pub bytes: Vec<u8>,
}

/// Everything in a text that is base64 and may hold another text.
pub(super) fn of(text: &str) -> Vec<Encoded> {
    let mut found = Vec::new();
    let mut block = Block::default();
    let mut begin = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start_matches(['>', '|', ' ', '\t']);
        let place = begin + (line.len() - content.len());
        let content = content.trim_end();
        // A boundary of a mail is one in form only.
        let is_boundary = content.starts_with("--");
        if !content.is_empty() && !is_boundary && content.bytes().all(is_base64) {
            if !block.add(place, content) {
                found.extend(block.end());
                block.add(place, content);
            }
        } else {
            found.extend(block.end());
            found.extend(runs(content, place));
        }
        begin += line.len();
    }
    found.extend(block.end());
    found
}

/// Lines of equal length and a last, shorter one.
#[derive(Default)]
struct Block {
    begin: usize,
    width: usize,
    chars: String,
    is_complete: bool,
}

impl Block {
    /// `false` = it does not belong to the lines before.
    fn add(&mut self, begin: usize, line: &str) -> bool {
        if self.chars.is_empty() {
            self.begin = begin;
            self.width = line.len();
            self.is_complete = line.len() < MIN_LINE;
        } else if self.is_complete || line.len() > self.width {
            return false;
        }
        self.is_complete |= line.len() < self.width;
        self.chars.push_str(line);
        true
    }

    fn end(&mut self) -> Option<Encoded> {
        let block = std::mem::take(self);
        decoded(block.begin, &block.chars)
    }
}

/// Runs of base64 inside a line.
fn runs(line: &str, begin: usize) -> Vec<Encoded> {
    // `http`, `HTTP` and `{"` in base64, where a text begins with them.
    const BEGINNINGS: [&str; 3] = ["aHR0c", "SFRUU", "eyJ"];
    let mut found = Vec::new();
    let mut start = 0;
    for (place, c) in line.char_indices().chain([(line.len(), '\n')]) {
        if u8::try_from(c).is_ok_and(is_base64) {
            continue;
        }
        let run = &line[start..place];
        if run.len() >= MIN_RUN {
            let text = BEGINNINGS.iter().filter_map(|text| run.find(text)).min();
            found.extend(text.and_then(|text| decoded(begin + start + text, &run[text..])));
        }
        start = place + c.len_utf8();
    }
    found
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
}

fn decoded(begin: usize, chars: &str) -> Option<Encoded> {
    let chars = chars.trim_end_matches('=');
    if chars.len() < MIN_RUN {
        return None;
    }
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&STANDARD, config);
    let mut chars = chars.replace('-', "+").replace('_', "/");
    // One character too many says nothing.
    if chars.len() % 4 == 1 {
        chars.pop();
    }
    let bytes = engine.decode(chars).ok()?;
    let strange = |byte: &&u8| matches!(byte, 0x01..=0x08 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f);
    let is_text = bytes.iter().filter(strange).count() <= bytes.len() / STRANGE_SHARE;
    let can_hold_link = memchr::memchr2(b'h', b'H', &bytes).is_some() || bytes.len() > MIN_RUN;
    (is_text && can_hold_link).then_some(Encoded { begin, bytes })
}
