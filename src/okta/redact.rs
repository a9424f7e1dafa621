//! Keeps secrets out of messages even when a server repeats them: an error body may quote the
//! request it is about, and messages go to logs, reports and the ledger.

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

use super::request::encoded;

/// Shorter values are not looked for: they occur in any text, and replacing them would garble it.
const MIN_SECRET_BYTES: usize = 4;

/// What stands where a secret was.
const REDACTED: &str = "[redacted]";

/// `text` without any of `secrets`, plain or percent-encoded.
pub(super) fn redact<'a>(
    text: String,
    secrets: impl IntoIterator<Item = &'a SecretString>,
) -> String {
    let mut secrets: Vec<&str> = secrets
        .into_iter()
        .map(ExposeSecret::expose_secret)
        .collect();
    // Longest first: where one secret is part of another, no remainder of it stays.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.into_iter().fold(text, |text, secret| {
        let encoded = encoded(secret);
        let decoded = percent_decode_str(secret).decode_utf8_lossy();
        // Most secrets are the same in each form.
        let others = [&*encoded, &*decoded]
            .into_iter()
            .filter(|form| *form != secret);
        std::iter::once(secret)
            .chain(others)
            .filter(|form| form.len() >= MIN_SECRET_BYTES)
            .fold(text, |text, form| {
                if text.contains(form) {
                    text.replace(form, REDACTED)
                } else {
                    text
                }
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_in_every_form() {
        let secrets = ["4/0A b", "abc", "t0ken%2Fx"].map(SecretString::from);
        let cases = [
            ("nothing here abc", "nothing here abc"),
            ("code=4/0A b!", "code=[redacted]!"),
            ("code=4%2F0A%20b&x", "code=[redacted]&x"),
            (
                "t0ken%2Fx t0ken/x t0ken%252Fx",
                "[redacted] [redacted] [redacted]",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(redact(text.to_owned(), &secrets), expected);
        }
    }
}
