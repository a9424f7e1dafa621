//! What a link carries: itself, and the link inside it that a redirector was to lead to, percent-encoded any
//! number of times or in the ways of Proofpoint. And where it may end: only the entry that waits can tell
//! whether the word in the next line belongs to its `state`.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::cursor::{Kind, kind};
use super::link::{self, Link};

/// A link in a link in a link: more are not taken apart.
const MAX_LAYERS: usize = 8;

/// So many ends of one link are tried, the likeliest first.
const MAX_ENDS: usize = 24;

/// What sentences put behind a link.
const STOPS: [char; 5] = ['.', ',', ':', '!', '?'];

/// What texts, and hardly ever a code, put right behind a link.
const CLOSERS: [char; 8] = [')', ']', '(', '[', ',', ';', '\'', '\\'];

/// A link and the places where it may end, the likeliest first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layer {
    /// ASCII.
    pub text: String,
    /// Bytes of it.
    pub ends: Vec<usize>,
}

/// Everything that a link may have been, the outermost first.
pub(super) fn of(link: &Link) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut layer = Layer {
        text: link.text.clone(),
        ends: ends(link),
    };
    loop {
        if let Some(inner) = proofpoint_v3(&layer.text) {
            let text = link::last_in(&inner).unwrap_or(&inner).to_owned();
            let ends = vec![text.len()];
            layer = Layer { text, ends };
        }
        let inner = proofpoint_v2(&layer).or_else(|| percent_decoded(&layer));
        layers.push(layer);
        match inner {
            Some(inner) if layers.len() < MAX_LAYERS => layer = inner,
            _ => return layers,
        }
    }
}

/// Where a link may end, the likeliest place first.
fn ends(link: &Link) -> Vec<usize> {
    let text = link.text.as_str();
    let complete = complete_from(text);
    let closer = text[complete..].find(CLOSERS).map(|place| complete + place);
    let gap = link
        .gaps
        .iter()
        .find(|gap| gap.at > complete && !gap.is_wrap);
    let likeliest = [closer, gap.map(|gap| gap.at), Some(text.len())]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(text.len());
    let mut ends = Ends {
        text,
        found: Vec::new(),
    };
    let is_exact = link.is_closed
        && link.gaps.iter().all(|gap| gap.at <= complete)
        && !text[complete..].contains(['\'', ')', ']']);
    if is_exact {
        ends.add(text.len());
    }
    ends.add_with_stops(likeliest);
    for gap in link.gaps.iter().filter(|gap| gap.at > complete) {
        ends.add_with_stops(gap.at);
    }
    for (place, _) in text[complete..].match_indices(CLOSERS) {
        ends.add_with_stops(complete + place);
    }
    ends.add_with_stops(text.len());
    ends.found
}

// From where on both parameters of an answer are there.
fn complete_from(text: &str) -> usize {
    let behind = |word: &str| text.find(word).unwrap_or_default();
    let path = behind("oauth2").max(behind("callback"));
    let last = |word: &str| Some(path + text[path..].find(word)? + word.len());
    match (last("code"), last("state")) {
        (Some(code), Some(state)) => code.max(state),
        (None, Some(end)) | (Some(end), None) => end,
        (None, None) => path,
    }
}

struct Ends<'t> {
    text: &'t str,
    found: Vec<usize>,
}

impl Ends<'_> {
    fn add_with_stops(&mut self, end: usize) {
        let text = &self.text[..end];
        self.add(text.trim_end_matches(STOPS).len());
        self.add(end);
        // `*URL*`, `_URL_`, `~URL~`; all of them may also be the end of a code.
        let emphasis = ['*', '_', '~', '.', ',', ':', '!', '?'];
        self.add(text.trim_end_matches(emphasis).len());
    }

    fn add(&mut self, end: usize) {
        if self.found.len() < MAX_ENDS && !self.found.contains(&end) {
            self.found.push(end);
        }
    }
}

/// The link inside a percent-encoded one.
fn percent_decoded(layer: &Layer) -> Option<Layer> {
    let text = layer.text.as_str();
    if !text.contains('%') {
        return None;
    }
    // What is encoded less than the link inside belongs to the link around it.
    let delimiters: &[char] = if has_encoded_slashes(text) {
        &['&', '#', '/', '?']
    } else {
        &['&', '#']
    };
    let cut = text.find(delimiters).unwrap_or(text.len());
    let bytes = text.as_bytes();
    let mut decoded = String::with_capacity(cut);
    let mut places = Vec::with_capacity(layer.ends.len());
    let mut at = 0;
    let mut ends: Vec<(usize, usize)> = layer.ends.iter().copied().enumerate().collect();
    ends.sort_unstable_by_key(|(_, end)| *end);
    let mut ends = ends.into_iter().peekable();
    while at < cut {
        while let Some((rank, _)) = ends.next_if(|(_, end)| *end <= at) {
            places.push((rank, decoded.len()));
        }
        let mut byte = [bytes[at]];
        let is_encoded = byte[0] == b'%'
            && bytes
                .get(at + 1..at + 3)
                .is_some_and(|digits| hex::decode_to_slice(digits, &mut byte).is_ok());
        let Kind::Link(byte) = kind(char::from(byte[0])) else {
            break;
        };
        decoded.push(byte.into());
        at += if is_encoded { 3 } else { 1 };
    }
    places.extend(ends.map(|(rank, _)| (rank, decoded.len())));
    places.sort_unstable_by_key(|(rank, _)| *rank);
    let mut found = Ends {
        text: &decoded,
        found: Vec::new(),
    };
    for (_, place) in places {
        found.add(place);
    }
    let ends = found.found;
    (decoded != text[..cut] || cut < text.len()).then_some(Layer {
        text: decoded,
        ends,
    })
}

// `https%3A%2F%2F…` and `https:%2F%2F…`, at any depth.
fn has_encoded_slashes(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let rest = rest.strip_prefix(':').unwrap_or_else(|| {
        rest.strip_prefix('%')
            .map_or("", |rest| rest.trim_start_matches("25"))
            .get(2..)
            .unwrap_or_default()
    });
    rest.starts_with('%')
}

/// `https://urldefense.proofpoint.com/v2/url?u=https-3A__acme.okta.com_api&d=…`.
fn proofpoint_v2(layer: &Layer) -> Option<Layer> {
    let rest = layer.text.get(4..)?;
    let rest = rest.strip_prefix(['s', 'S']).unwrap_or(rest);
    if !["-3A", "-3a", "-25"]
        .iter()
        .any(|colon| rest.starts_with(colon))
    {
        return None;
    }
    let cut = layer.text.find('&').unwrap_or(layer.text.len());
    let encoded = layer.text[..cut].replace('-', "%").replace('_', "/");
    let ends = layer.ends.iter().map(|end| (*end).min(cut)).collect();
    // Its own slashes stand as they are.
    percent_decoded(&Layer {
        text: encoded.replace('/', "%2F"),
        ends: Vec::new(),
    })
    .map(|inner| Layer {
        ends: moved(&encoded, ends, inner.text.len()),
        text: inner.text,
    })
}

// Where ends of a text are once it was percent-decoded.
fn moved(encoded: &str, ends: Vec<usize>, length: usize) -> Vec<usize> {
    let mut found = Ends {
        text: "",
        found: Vec::new(),
    };
    for end in ends {
        let escapes = encoded[..end].matches('%').count();
        found.add(end.saturating_sub(2 * escapes).min(length));
    }
    found.found
}

/// `https://urldefense.com/v3/__https://acme.okta.com/…*2F…__;JQ!!…$`: what Proofpoint would not leave in a link
/// is a `*`, or `**` and a length, and stands in base64 behind it.
fn proofpoint_v3(text: &str) -> Option<String> {
    const LENGTHS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (link, rest) = text.split_once("__;")?;
    let (table, _) = rest.split_once('!')?;
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let table = GeneralPurpose::new(&URL_SAFE, config).decode(table).ok()?;
    let mut table = std::str::from_utf8(&table).ok()?.chars();
    let mut decoded = String::with_capacity(link.len());
    let mut chars = link.chars();
    while let Some(c) = chars.next() {
        let mut ahead = chars.clone();
        let length = match (c, ahead.next(), ahead.next()) {
            ('*', Some('*'), Some(length)) => {
                chars = ahead;
                LENGTHS.find(length)? + 2
            }
            ('*', ..) => 1,
            _ => {
                decoded.push(c);
                continue;
            }
        };
        for _ in 0..length {
            decoded.push(table.next()?);
        }
    }
    if !decoded.is_ascii() {
        return None;
    }
    // It writes `https:/` at times.
    match decoded.split_once(":/") {
        Some((scheme, rest)) if !rest.starts_with('/') => Some(format!("{scheme}://{rest}")),
        _ => Some(decoded),
    }
}
