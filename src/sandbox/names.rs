//! Ids, tokens and host names that look like Okta's and are the same for the same seed.

use sha2::{Digest, Sha256};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Longest DNS label.
const LABEL_MAX: usize = 63;

/// A digest of the parts; no two lists of parts share an input.
pub(super) fn digest(seed: u64, parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// A number that depends on the parts only.
pub(super) fn number(seed: u64, parts: &[&str]) -> u64 {
    digest(seed, parts)[..8]
        .iter()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// A number from 0 up to but not including 1.
pub(super) fn fraction(seed: u64, parts: &[&str]) -> f64 {
    // 32 bits are exact in an f64 and fine enough for a latency or a percentage.
    let bits = u32::try_from(number(seed, parts) >> 32).unwrap_or(u32::MAX);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

/// `prefix` and `length` letters and digits that depend on the parts only.
pub(super) fn token(prefix: &str, length: usize, seed: u64, parts: &[&str]) -> String {
    let mut text = String::with_capacity(prefix.len() + length);
    text.push_str(prefix);
    let mut block = digest(seed, parts);
    for n in 0..length {
        let at = n % block.len();
        if n > 0 && at == 0 {
            block = Sha256::digest(block).into();
        }
        text.push(char::from(BASE62[usize::from(block[at]) % BASE62.len()]));
    }
    text
}

/// An org's API token, of the length of Okta's.
pub(super) fn api_token(seed: u64, org: &str) -> String {
    token("00", 40, seed, &["api token", org])
}

/// An app's id: `0oa` and 17 more, as Okta's.
pub(super) fn app_id(seed: u64, parts: &[&str]) -> String {
    token("0oa", 17, seed, parts)
}

/// The name of an org that is made by number.
pub(super) fn numbered(number: u32) -> String {
    format!("org-{number:04}")
}

/// The DNS label an org is reached under: its name where that is one already, else a readable form of
/// it with a suffix that keeps two names apart.
pub(super) fn host_label(org: &str) -> String {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=LABEL_MAX).contains(&org.len())
        && org.chars().all(fits)
        && !org.starts_with('-')
        && !org.ends_with('-')
        && org != "localhost"
    {
        return org.to_owned();
    }
    let readable: String = org
        .to_lowercase()
        .chars()
        .map(|c| if fits(c) { c } else { '-' })
        .take(LABEL_MAX - 8)
        .collect();
    let suffix = hex::encode(&digest(0, &["host", org])[..3]);
    format!("{}-{suffix}", readable.trim_matches('-'))
        .trim_start_matches('-')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_labels_and_differ_when_names_do() {
        assert_eq!(host_label("acme"), "acme");
        assert_eq!(host_label("org-0001"), "org-0001");
        let names = [
            "Acme",
            "acme eu",
            "acme-eu ",
            "ä",
            "",
            "-a",
            "localhost",
            "x".repeat(90).leak(),
        ];
        let mut hosts: Vec<_> = names.iter().map(|name| host_label(name)).collect();
        for host in &hosts {
            assert!(host.len() <= LABEL_MAX && !host.is_empty(), "{host}");
            assert!(
                host.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
                "{host}"
            );
            assert!(!host.starts_with('-') && !host.ends_with('-'), "{host}");
        }
        hosts.sort();
        hosts.dedup();
        assert_eq!(hosts.len(), names.len());
    }

    #[test]
    fn ids_look_like_oktas_and_repeat() {
        let id = app_id(1, &["acme", "google"]);
        assert_eq!(id.len(), 20);
        assert!(id.starts_with("0oa"));
        assert_eq!(id, app_id(1, &["acme", "google"]));
        assert_ne!(id, app_id(2, &["acme", "google"]));
        assert_ne!(id, app_id(1, &["acmeg", "oogle"]));
        assert_eq!(token("00", 40, 1, &["acme"]).len(), 42);
    }
}
