//! Answers as people have them. Each sample carries the same answer; what stands around it is noise.

#![expect(clippy::too_many_lines, reason = "tables of samples")]

mod mutations;
mod sent;
mod told_apart;
mod written;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;
use crate::consent::inbox::SubmittedAnswer;

/// A state that could be cut anywhere.
const STATE: &str = "kXy7-Qz_09aBcDeFgHiJkLmNoPqRsTuV";
/// With a code that has everything that gets encoded on the way.
const URL: &str = "https://acme.okta.com/api/v1/apps/google/0oa1gjh63g214q0Hq0g4/oauth2/callback?code=4%2F0AX4XfWh-b_c%3Dd%2Be.f&state=kXy7-Qz_09aBcDeFgHiJkLmNoPqRsTuV";

/// Every reading of every answer in an input, the likeliest first.
fn readings(input: &[u8]) -> Vec<Vec<SubmittedAnswer>> {
    let answers = read(input).answers.into_iter();
    answers
        .filter_map(|sighting| match sighting.what {
            What::Answer(readings) => Some(readings),
            What::Refused { .. } => None,
        })
        .collect()
}

fn right() -> SubmittedAnswer {
    SubmittedAnswer::of(&url::Url::parse(URL).expect("a URL")).expect("an answer")
}

/// How many sightings of the answer there are, each by its state; panics on one with another code.
#[track_caller]
fn found(input: &[u8]) -> usize {
    let right = right();
    let mut found = 0;
    for readings in readings(input) {
        let Some(known) = readings
            .iter()
            .find(|reading| reading.state().expose_secret() == STATE)
        else {
            continue;
        };
        assert!(
            *known == right,
            "{known:?} in {}",
            String::from_utf8_lossy(input)
        );
        found += 1;
    }
    found
}

#[track_caller]
fn is_found(name: &str, input: impl AsRef<[u8]>) {
    let input = input.as_ref();
    assert!(
        found(input) >= 1,
        "{name}: {}",
        String::from_utf8_lossy(input)
    );
}

fn page() -> String {
    format!(r#"{{"continue_oauth_flow_url":{{"href":"{URL}","method":"POST"}}}}"#)
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn percent(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn wrapped(text: &str, width: usize, joint: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let lines: Vec<String> = chars
        .chunks(width)
        .map(|line| line.iter().collect())
        .collect();
    lines.join(joint)
}

fn quoted_printable(text: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for byte in text.bytes() {
        let piece = match byte {
            b'\n' => {
                lines.push_str("\r\n");
                column = 0;
                continue;
            }
            b'=' | 0x80.. => format!("={byte:02X}"),
            _ => char::from(byte).to_string(),
        };
        if column + piece.len() > width {
            lines.push_str("=\r\n");
            column = 0;
        }
        column += piece.len();
        lines.push_str(&piece);
    }
    lines
}

fn proofpoint_v2(url: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::new();
    for byte in url.bytes() {
        match byte {
            b'/' => encoded.push('_'),
            b'.' => encoded.push('.'),
            byte if byte.is_ascii_alphanumeric() => encoded.push(byte.into()),
            byte => encoded.extend(
                [
                    b'-',
                    HEX[usize::from(byte >> 4)],
                    HEX[usize::from(byte & 15)],
                ]
                .map(char::from),
            ),
        }
    }
    format!(
        "https://urldefense.proofpoint.com/v2/url?u={encoded}&d=DwMFaQ&c=abc-De_f&r=x&m=y&s=z&e="
    )
}

fn proofpoint_v3(url: &str) -> String {
    const LENGTHS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let special =
        |byte: &u8| matches!(byte, b'%' | b'+' | b'=' | b'*' | b'!' | b'\'' | b'(' | b')');
    let (mut link, mut table) = (String::new(), Vec::new());
    let bytes = url.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let run = bytes[at..]
            .iter()
            .take_while(|byte| special(byte))
            .count()
            .min(60);
        table.extend_from_slice(&bytes[at..at + run]);
        match run {
            0 => {
                link.push(bytes[at].into());
                at += 1;
            }
            1 => link.push('*'),
            _ => {
                link.push_str("**");
                link.push(LENGTHS[run - 2].into());
            }
        }
        at += run;
    }
    format!(
        "https://urldefense.com/v3/__{link}__;{}!!Ab-c1!XyZ_token$",
        URL_SAFE_NO_PAD.encode(table)
    )
}

fn utf16(text: &str, mark: &[u8], unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    mark.iter()
        .copied()
        .chain(text.encode_utf16().flat_map(unit))
        .collect()
}
