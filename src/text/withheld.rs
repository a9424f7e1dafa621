//! What is left of a message that is kept: without what it quotes of a file and may be a secret.
//!
//! Columns get mixed up, and what stands in the wrong one may be a password. Whoever corrects the file sees it on the
//! screen; a ledger is read by others, and for months.

use std::borrow::Cow;

/// Longest word that is kept: Okta's own names are shorter, and its tokens have 42 characters.
const WORD: usize = 24;

/// Shorter ones are no secrets.
const SHORT: usize = 4;

/// Names that have digits.
const NAMES: [&str; 4] = ["okta_org2org", "office365", "OAUTH2", "SAML_2_0"];

/// A message without the values in it that may be secrets. Names are words, and stay.
pub fn without_values(message: &str) -> Cow<'_, str> {
    let mut kept = String::new();
    let (mut from, mut at) = (0, 0);
    while let Some((begins, quoted)) = next_quoted(message, at) {
        at = begins + quoted.len();
        let value = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        if may_be_secret(value) {
            kept.push_str(&message[from..begins]);
            kept.push_str(&a_text(value));
            from = at;
        }
    }
    if from == 0 {
        return Cow::Borrowed(message);
    }
    kept.push_str(&message[from..]);
    Cow::Owned(kept)
}

/// The path of a key, which is whatever the file has there; of a table without a header its first row.
pub fn without_values_in_path(path: &str) -> Cow<'_, str> {
    let is_name = |(at, segment): (usize, &str)| {
        let name = segment.split_once('[').map_or(segment, |(name, _)| name);
        // Orgs are called as anybody likes.
        let is_org = at > 0 && path.starts_with("orgs.") && name.len() <= WORD;
        is_org || !may_be_secret(name.strip_prefix('$').unwrap_or(name))
    };
    if path.split('.').enumerate().all(is_name) {
        Cow::Borrowed(path)
    } else {
        Cow::Owned(a_text(path))
    }
}

fn a_text(value: &str) -> String {
    format!("a text of {} characters", value.chars().count())
}

/// Whether it is more than words: passwords and tokens have digits, signs, or are long.
fn may_be_secret(value: &str) -> bool {
    if value.len() < SHORT || NAMES.contains(&value) {
        return false;
    }
    let mut words = value.split([' ', '.', '/', '-']);
    !words
        .all(|word| word.len() <= WORD && word.chars().all(|c| c.is_ascii_alphabetic() || c == '_'))
}

/// The next text in backticks or double quotes, with them, and where it begins.
fn next_quoted(text: &str, from: usize) -> Option<(usize, &str)> {
    let rest = text.get(from..)?;
    let begins = from + rest.find(['`', '"'])?;
    let quoted = &text[begins..];
    let quote = quoted.chars().next()?;
    let mut is_escaped = false;
    let ends = quoted.char_indices().skip(1).find(|&(_, c)| {
        let is_end = c == quote && !is_escaped;
        is_escaped = quote == '"' && c == '\\' && !is_escaped;
        is_end
    });
    match ends {
        Some((end, _)) => Some((begins, &quoted[..=end])),
        // It quotes nothing, or something that was cut.
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_kept() {
        for (message, kept) in [
            ("is required", "is required"),
            (
                "unknown app `zscaller`; one of `okta_org2org`",
                "unknown app `zscaller`; one of `okta_org2org`",
            ),
            ("expected `\"`, found `a1`", "expected `\"`, found `a1`"),
            (
                "`initial` (1s) is longer than `max`",
                "`initial` (1s) is longer than `max`",
            ),
            (
                "`import rules`, `lifecycle/deactivate`",
                "`import rules`, `lifecycle/deactivate`",
            ),
            (
                "unknown org `hunter2`",
                "unknown org a text of 7 characters",
            ),
            (
                "`hunter2` or `Tr0ub4dor&3`",
                "a text of 7 characters or a text of 11 characters",
            ),
            (
                "\"p@ss\" is not a policy",
                "a text of 4 characters is not a policy",
            ),
            (r#""a\"b1\\" is not"#, "a text of 7 characters is not"),
            (
                "`abcdefghijklmnopqrstuvwxyzabcdef`",
                "a text of 32 characters",
            ),
            ("`ünder`", "a text of 5 characters"),
            ("`", "`"),
            ("one ` is left: `a1`", "one a text of 10 charactersa1`"),
            ("``", "``"),
        ] {
            assert_eq!(without_values(message), kept, "{message}");
        }
    }

    #[test]
    fn a_key_is_kept_where_it_is_a_name() {
        for (path, kept) in [
            (
                "connection.profile.authScheme",
                "connection.profile.authScheme",
            ),
            (
                "features.USER_PROVISIONING.create",
                "features.USER_PROVISIONING.create",
            ),
            ("reports[12].path", "reports[12].path"),
            ("orgs.acme-2.url", "orgs.acme-2.url"),
            ("$owner", "$owner"),
            ("", ""),
            ("hunter2", "a text of 7 characters"),
            (
                "orgs.abcdefghijklmnopqrstuvwxyzabcdef1",
                "a text of 38 characters",
            ),
            (
                "00abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN",
                "a text of 42 characters",
            ),
        ] {
            assert_eq!(without_values_in_path(path), kept, "{path}");
        }
    }
}
