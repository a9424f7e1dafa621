//! What a secret's text must be: exactly the secret. What comes along when one is copied is refused before it is
//! sent, because Okta would save it and the connection would be dead. Says what is wrong and where, and never what
//! the secret is or how long.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::url::web_url;
use crate::text::unseen::{BYTE_ORDER_MARK, is_unseen, named};

/// What a signing key may begin with (Standard Webhooks, "Signature scheme").
const SIGNING_KEY: &str = "whsec_";

/// As keys are given out: some leave the padding away.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a secret is for, which decides what it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretUse {
    /// Sent in a header: visible ASCII.
    Header,
    /// A token, or a name that is given as a secret.
    Token,
    /// A password, which may hold blanks inside.
    Password,
    /// A private key, PEM or JWK: any text.
    PrivateKey,
    /// An address that something is posted to: a URL.
    Webhook,
    /// A key that signs what is posted: base64, perhaps after `whsec_`.
    SigningKey,
}

/// What stands in a secret that is none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// `Bearer ` or `SSWS ` in front, in any case.
    #[error("begins with the word {0}, which is not part of a secret")]
    Scheme(&'static str),
    /// U+FEFF.
    #[error("has a byte order mark (U+FEFF) {0}")]
    ByteOrderMark(Part),
    /// A line break.
    #[error("has a line break {0}")]
    LineBreak(Part),
    /// A blank.
    #[error("has a blank {part}: {}", named(*c))]
    Blank {
        /// The character.
        c: char,
        /// In which part of the value it stands.
        part: Part,
    },
    /// A control character.
    #[error("has a control character {part}: {}", named(*c))]
    Control {
        /// The character.
        c: char,
        /// In which part of the value it stands.
        part: Part,
    },
    /// A character that nobody sees.
    #[error("has an invisible character {part}: {}", named(*c))]
    Unseen {
        /// The character.
        c: char,
        /// In which part of the value it stands.
        part: Part,
    },
    /// Quotes at both ends; for a token at one is enough.
    #[error("has quotes around it")]
    Quotes,
    /// What a header cannot carry.
    #[error("has a character {part} that a header cannot carry: {}", named(*c))]
    NotForHeader {
        /// The character.
        c: char,
        /// In which part of the value it stands.
        part: Part,
    },
    /// Neither https nor http for loopback, or with a user.
    #[error("is not the https URL of a webhook")]
    NotAWebhook,
    /// Nothing, or something else, after `whsec_`.
    #[error("is not a signing key in base64")]
    NotBase64,
}

/// Where in a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Before the first character of the secret.
    Start,
    /// Between others.
    Inside,
    /// After the last one.
    End,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Start => "at its beginning",
            Self::Inside => "inside",
            Self::End => "at its end",
        })
    }
}

impl Flaw {
    /// The edit that helps.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Scheme(_) => "store the bare token: okta-rollout adds what a header needs",
            Self::Quotes => "store it without quotes",
            Self::LineBreak(_) => "store it on one line; printf %s writes none at the end",
            Self::ByteOrderMark(_) => "save it as UTF-8 without a byte order mark",
            Self::NotAWebhook => {
                "give the whole URL, as in https://hooks.example.com/T0/B0, without a user; plain http is for loopback addresses only"
            }
            Self::NotBase64 => {
                "use the key that the receiver shows, with or without its whsec_, or a new one: openssl rand -base64 32"
            }
            Self::Blank { .. }
            | Self::Control { .. }
            | Self::Unseen { .. }
            | Self::NotForHeader { .. } => "copy it again, and nothing else with it",
        }
    }
}

/// Looks for what is no part of a secret: the first flaw, those at its ends before those inside.
///
/// # Errors
/// What is wrong with it.
pub(super) fn look(secret: &str, purpose: SecretUse) -> Result<(), Flaw> {
    if purpose == SecretUse::PrivateKey {
        return Ok(());
    }
    if let Some(word) = scheme(secret) {
        return Err(Flaw::Scheme(word));
    }
    let (first, last) = (secret.chars().next(), secret.chars().next_back());
    let ends = [(first, Part::Start), (last, Part::End)];
    for (c, part) in ends {
        c.map_or(Ok(()), |c| character(c, part, purpose))?;
    }
    let quotes = [first, last].map(|c| c.is_some_and(is_quote));
    // A password may begin or end with one; with both they come from a file that quotes its values.
    if quotes == [true, true] && secret.chars().nth(1).is_some()
        || quotes.contains(&true) && purpose != SecretUse::Password
    {
        return Err(Flaw::Quotes);
    }
    secret
        .chars()
        .try_for_each(|c| character(c, Part::Inside, purpose))?;
    match purpose {
        SecretUse::Webhook if web_url(secret).is_err() => Err(Flaw::NotAWebhook),
        SecretUse::SigningKey if signing_key(secret).is_none() => Err(Flaw::NotBase64),
        _ => Ok(()),
    }
}

/// The bytes of a signing key; `None` when the text is none.
pub fn signing_key(secret: &str) -> Option<Zeroizing<Vec<u8>>> {
    let encoded = secret.strip_prefix(SIGNING_KEY).unwrap_or(secret);
    let key = BASE64.decode(encoded).map(Zeroizing::new).ok()?;
    (!key.is_empty()).then_some(key)
}

fn character(c: char, part: Part, purpose: SecretUse) -> Result<(), Flaw> {
    Err(match c {
        '!'..='~' => return Ok(()),
        BYTE_ORDER_MARK => Flaw::ByteOrderMark(part),
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
            Flaw::LineBreak(part)
        }
        // Others look like a blank and are none.
        ' ' if purpose == SecretUse::Password && part == Part::Inside => return Ok(()),
        c if c.is_whitespace() => Flaw::Blank { c, part },
        c if c.is_control() => Flaw::Control { c, part },
        c if is_unseen(c) => Flaw::Unseen { c, part },
        c if purpose == SecretUse::Header => Flaw::NotForHeader { c, part },
        _ => return Ok(()),
    })
}

// The scheme word that a secret begins with, followed by a blank.
fn scheme(secret: &str) -> Option<&'static str> {
    let secret = secret.trim_start();
    ["Bearer", "SSWS"].into_iter().find(|word| {
        secret
            .split_at_checked(word.len())
            .is_some_and(|(begin, rest)| {
                begin.eq_ignore_ascii_case(word) && rest.starts_with(char::is_whitespace)
            })
    })
}

// Straight, typographic, of any language, and the backtick of Markdown.
fn is_quote(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '`' | '´' | '«' | '»' | '\u{2018}'..='\u{201f}' | '‹' | '›' | '\u{275b}'..='\u{275e}'
            | '「' | '」' | '『' | '』' | '\u{301d}'..='\u{301f}' | '＂' | '＇'
    )
}

#[cfg(test)]
mod tests {
    use super::SecretUse::{Header, Password, PrivateKey, SigningKey, Token, Webhook};
    use super::*;

    #[test]
    fn what_comes_along_with_a_secret_is_refused() {
        // What a header, a token and a password are refused for; none of it matters to a private key.
        for (secret, header, token, password) in [
            ("00aB-_.=+/~x", None, None, None),
            ("x", None, None, None),
            ("Bearerx", None, None, None),
            ("ssws", None, None, None),
            ("a\"b'c", None, None, None),
            (
                "pässwörd",
                Some("has a character inside that a header cannot carry: U+00E4"),
                None,
                None,
            ),
            ("correct horse", BLANK, BLANK, None),
            ("a  b", BLANK, BLANK, None),
            ("secret ", END, END, END),
            (" secret", START, START, START),
            ("a\u{a0}b", NO_BREAK, NO_BREAK, NO_BREAK),
            ("a\tb", TAB, TAB, TAB),
            ("secret\n", BREAK, BREAK, BREAK),
            ("secret\r", BREAK, BREAK, BREAK),
            ("a\nb", BROKEN, BROKEN, BROKEN),
            ("\u{feff}secret", MARK, MARK, MARK),
            ("a\u{7}b", BELL, BELL, BELL),
            ("a\u{200b}b", ZERO_WIDTH, ZERO_WIDTH, ZERO_WIDTH),
            ("Bearer abc", BEARER, BEARER, BEARER),
            ("bEARER\tabc", BEARER, BEARER, BEARER),
            (" Bearer abc", BEARER, BEARER, BEARER),
            ("ssws abc", SSWS, SSWS, SSWS),
            ("\"abc\"", QUOTES, QUOTES, QUOTES),
            ("'abc'", QUOTES, QUOTES, QUOTES),
            ("`abc`", QUOTES, QUOTES, QUOTES),
            ("\"\"", QUOTES, QUOTES, QUOTES),
            ("'abc", QUOTES, QUOTES, None),
            ("abc\"", QUOTES, QUOTES, None),
            ("'", QUOTES, QUOTES, None),
        ] {
            for (purpose, expected) in [(Header, header), (Token, token), (Password, password)] {
                let got = look(secret, purpose).err().map(|flaw| flaw.to_string());
                assert_eq!(got.as_deref(), expected, "{secret:?} {purpose:?}");
            }
            assert_eq!(look(secret, PrivateKey), Ok(()), "{secret:?}");
        }
    }

    #[test]
    fn a_webhook_is_an_https_url_and_a_signing_key_is_base64() {
        let (url, key) = (
            Some("is not the https URL of a webhook"),
            Some("is not a signing key in base64"),
        );
        for (secret, webhook, signing_key) in [
            ("https://hooks.slack.com/services/T0/B0/x", None, key),
            ("https://hooks.example.com/a?b=c", None, key),
            ("http://127.0.0.1:8080/x", None, key),
            ("http://localhost:1/", None, key),
            ("http://hooks.example.com/x", url, key),
            ("https://user:pass@hooks.example.com/x", url, key),
            ("hooks.example.com/x", url, key),
            ("https://hooks.example.com/\"x\"", QUOTES, QUOTES),
            ("Bearer https://x", BEARER, BEARER),
            ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", url, None),
            ("C2FVsBQIhrscChlQIMV+b5sSYspob7oD", url, None),
            ("whsec_c2hvcnQ=", url, None),
            ("whsec_c2hvcnQ", url, None),
            ("whsec_", url, key),
            ("whsec_C2FVs*", url, key),
            ("whsk_C2FVsBQI", url, key),
            ("C2FV\n", BREAK, BREAK),
        ] {
            for (purpose, expected) in [(Webhook, webhook), (SigningKey, signing_key)] {
                let got = look(secret, purpose).err().map(|flaw| flaw.to_string());
                assert_eq!(got.as_deref(), expected, "{secret:?} {purpose:?}");
            }
        }
    }

    #[test]
    fn quotes_of_any_kind_are_refused() {
        for quoted in [
            "“abc”",
            "„abc“",
            "‘abc’",
            "«abc»",
            "‹abc›",
            "」abc「",
            "\"abc”",
        ] {
            let refused = [Token, Password].map(|purpose| look(quoted, purpose));
            assert_eq!(refused, [Err(Flaw::Quotes); 2], "{quoted}");
        }
    }

    const NO_BREAK: Option<&str> = Some("has a blank inside: U+00A0 (no-break space)");
    const BROKEN: Option<&str> = Some("has a line break inside");
    const BELL: Option<&str> = Some("has a control character inside: U+0007");
    const ZERO_WIDTH: Option<&str> =
        Some("has an invisible character inside: U+200B (zero width space)");
    const BLANK: Option<&str> = Some("has a blank inside: U+0020 (space)");
    const END: Option<&str> = Some("has a blank at its end: U+0020 (space)");
    const START: Option<&str> = Some("has a blank at its beginning: U+0020 (space)");
    const TAB: Option<&str> = Some("has a blank inside: U+0009 (tab)");
    const BREAK: Option<&str> = Some("has a line break at its end");
    const MARK: Option<&str> = Some("has a byte order mark (U+FEFF) at its beginning");
    const BEARER: Option<&str> = Some("begins with the word Bearer, which is not part of a secret");
    const SSWS: Option<&str> = Some("begins with the word SSWS, which is not part of a secret");
    const QUOTES: Option<&str> = Some("has quotes around it");
}
