//! What an org says, and what of it may be seen.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use secrecy::{ExposeSecret as _, SecretString};

use super::redact::Known;
use super::seen::{MAX_MESSAGE_CHARS, bounded, is_word, line_of, one_line};

/// Tokens that are covered: those before them let nobody in any more.
const MOST_TOKENS: usize = 8;

/// The secrets of an org that are in use: what the org says is shown without them. Cheap to clone, all clones know the
/// same; `Debug` shows none.
#[derive(Clone, Default)]
pub struct Veil(Arc<Covered>);

#[derive(Default)]
struct Covered {
    /// What lets us into the org, from the beginning on.
    credentials: Vec<SecretString>,
    /// What does so for some time, the last ones.
    tokens: RwLock<VecDeque<SecretString>>,
    /// These and every other secret; made when it is first needed, as a process has thousands of orgs that wait for
    /// their turn.
    all: RwLock<Option<Known>>,
}

impl Veil {
    /// Covers what lets us into the org.
    pub fn of(credentials: &[SecretString]) -> Self {
        Self(Arc::new(Covered {
            credentials: credentials.to_vec(),
            ..Covered::default()
        }))
    }

    /// Covers a token that lets us into the org for some time.
    pub fn cover_token(&self, token: &SecretString) {
        let is_same = |known: &SecretString| known.expose_secret() == token.expose_secret();
        // Nearly every call has the one of the call before.
        if self.0.tokens.read().iter().any(is_same) {
            return;
        }
        let mut tokens = self.0.tokens.write();
        if tokens.len() == MOST_TOKENS {
            tokens.pop_front();
        }
        tokens.push_back(token.clone());
        drop(tokens);
        self.cover(token);
    }

    /// Whether a link that people are to open holds what lets us into the org. (It may hold other secrets: its own
    /// `state`, the administrator's name.)
    pub fn gives_away(&self, link: &str) -> bool {
        let seen = line_of(link);
        self.credential().redact(&seen, usize::MAX) != seen
    }

    /// Covers a secret from now on.
    pub fn cover(&self, secret: &SecretString) {
        // Most were covered before.
        if !self.with_all(|known| known.has(secret)) {
            self.0
                .all
                .write()
                .get_or_insert_with(|| self.credential())
                .add(secret);
        }
    }

    /// Covers nothing but what lets us into the org, when nothing of the org is in use any more: a rollout has a million
    /// secrets.
    pub fn forget(&self) {
        *self.0.all.write() = None;
    }

    /// A text as it may be printed, stored and told: on one line of bearable length, without what is not seen, and then
    /// without secrets. In this order: what is taken out of a text later could put a secret together again, and a
    /// secret that was cut would not be found.
    pub fn shown(&self, text: &str) -> String {
        self.covered(&line_of(text))
    }

    /// As [`Veil::shown`], of a message: without a final stop.
    pub fn message(&self, text: &str) -> String {
        self.covered(&one_line(text))
    }

    /// As [`Veil::message`], without what was sent with one call only, either.
    pub fn message_without(&self, text: &str, used_once: &[SecretString]) -> String {
        let line = one_line(text);
        if used_once.is_empty() {
            return self.covered(&line);
        }
        let mut of_call = Known::default();
        for secret in used_once {
            of_call.add(secret);
        }
        self.covered(&of_call.redact(&line, usize::MAX))
    }

    /// As [`Veil::message`], of a text that is a word as a rule.
    pub fn identifier(&self, text: String) -> String {
        // Every answer has one.
        if is_word(&text)
            && !text.ends_with('.')
            && self.with_all(|known| known.clearly_none_in(&text))
        {
            return text;
        }
        self.message(&text)
    }

    /// Whether there is a secret in a text.
    pub fn is_in(&self, text: &str) -> bool {
        let line = line_of(text);
        let is_in = |known: &Known| {
            !known.clearly_none_in(&line) && known.redact(&line, usize::MAX) != line
        };
        self.with_all(is_in)
    }

    /// An identifier that may be seen as it is.
    pub fn word(&self, text: &str) -> Option<String> {
        (is_word(text) && !self.is_in(text)).then(|| text.to_owned())
    }

    /// A text of the org that this is of.
    pub fn told(&self, text: &str) -> Told {
        Told {
            raw: text.into(),
            veil: self.clone(),
        }
    }

    fn covered(&self, line: &str) -> String {
        // One more, so that a longer one is told to be cut.
        bounded(self.with_all(|known| known.redact(line, MAX_MESSAGE_CHARS + 1)))
    }

    fn credential(&self) -> Known {
        let mut known = Known::default();
        let tokens = self.0.tokens.read();
        let credentials = self.0.credentials.iter().chain(&*tokens);
        credentials.for_each(|credential| known.add(credential));
        known
    }

    fn with_all<T>(&self, use_of: impl FnOnce(&Known) -> T) -> T {
        if let Some(known) = &*self.0.all.read() {
            return use_of(known);
        }
        use_of(self.0.all.write().get_or_insert_with(|| self.credential()))
    }
}

impl fmt::Debug for Veil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Veil")
    }
}

/// A text that an org told. As it was told it is for comparing and for sending it back; whatever else shows it gets it
/// as its [`Veil`] shows it, by the secrets in use by then.
#[derive(Clone)]
pub struct Told {
    raw: Box<str>,
    veil: Veil,
}

impl Told {
    /// As it was told: not to be printed, stored or told.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// What hides the org's secrets.
    pub const fn veil(&self) -> &Veil {
        &self.veil
    }

    /// A text that should be one of Okta's own words; what it is instead is not repeated.
    pub fn word(&self) -> String {
        if self.raw.is_empty() {
            return String::new();
        }
        let word = self.veil.word(&self.raw);
        word.unwrap_or_else(|| unknown_value(&self.raw))
    }
}

/// What stands where a value of an enumeration should: it may be anything, and is not repeated.
pub fn unknown_value(text: &str) -> String {
    format!("unknown value ({} characters)", text.chars().count())
}

/// A value of an enumeration, or that it is none.
pub fn one_of(text: &str, known: &[&str]) -> String {
    if known.contains(&text) {
        text.to_owned()
    } else {
        unknown_value(text)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.veil.shown(&self.raw))
    }
}

/// As it may be seen.
impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// Told alike.
impl PartialEq for Told {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl Eq for Told {}

impl PartialEq<&str> for Told {
    fn eq(&self, other: &&str) -> bool {
        self.raw() == *other
    }
}

impl PartialEq<str> for Told {
    fn eq(&self, other: &str) -> bool {
        self.raw() == other
    }
}

/// Of an org without secrets.
impl From<&str> for Told {
    fn from(text: &str) -> Self {
        Veil::default().told(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "t0ken/x-yz";

    #[test]
    fn what_an_org_reports_is_presentable_and_then_without_secrets() {
        let veil = Veil::default();
        let before = veil.told("x t0ken/x-yz");
        veil.cover(&SECRET.into());
        veil.cover(&SECRET.into());
        let long = "ä".repeat(1_000);
        for (raw, shown) in [
            ("https://scim.example/1.", "https://scim.example/1."),
            ("https://T0KEN%2Fx-yz.example", "https://[redacted].example"),
            ("t0ken\u{200b}/x-\u{202e}yz", "[redacted]"),
            ("a\u{1b}[2J\nb", "a [2J b"),
            (&long, &format!("{}…", "ä".repeat(500))),
            ("", ""),
        ] {
            let told = veil.told(raw);
            assert_eq!(told.to_string(), shown, "{raw:?}");
            assert_eq!(format!("{told:?}"), format!("{shown:?}"));
            let is_in = shown.contains("[redacted]");
            assert_eq!((told.raw(), veil.is_in(raw)), (raw, is_in));
        }
        assert_eq!(veil.message("no t0ken/x-yz."), "no [redacted]");
        // What lets into the org, and nothing else, keeps a link from being shown.
        let of_org = Veil::of(&[SECRET.into()]);
        of_org.cover(&"the-state".into());
        let link = "https://x.example/?state=the-state";
        assert!(!of_org.gives_away(link));
        assert!(of_org.gives_away(&format!("{link}&x=t0ken%2fx-yz")));
        assert_eq!(
            of_org.shown(&format!("{SECRET} the-state")),
            "[redacted] [redacted]"
        );
        // It was covered after it was told.
        assert_eq!(before.to_string(), "x [redacted]");
        of_org.cover(&"the-other".into());
        of_org.forget();
        let shown = of_org.shown(&format!("{SECRET} the-other"));
        assert_eq!(shown, "[redacted] the-other");
        assert!(!format!("{veil:?}").contains(SECRET));
    }

    #[test]
    fn tokens_that_were_renewed_are_covered_for_as_long_as_they_may_be_good() {
        let veil = Veil::of(&[SECRET.into()]);
        let token = |no: usize| format!("the-token-no-{no}-of-all");
        for no in 0..=MOST_TOKENS {
            veil.cover_token(&token(no).into());
            veil.cover_token(&token(no).into());
            assert!(veil.gives_away(&format!("https://x.example/?{}", token(no))));
        }
        assert_eq!(veil.0.tokens.read().len(), MOST_TOKENS);
        veil.forget();
        let all = [SECRET.to_owned(), token(0), token(1), token(MOST_TOKENS)].join(" ");
        let shown = format!("[redacted] {} [redacted] [redacted]", token(0));
        assert_eq!(veil.shown(&all), shown);
        // What is not covered for good is not seen in an error that repeats it, however long that is.
        let proof = "proof-of-".repeat(60);
        let message = veil.message_without(&format!("{proof} {SECRET}."), &[(&*proof).into()]);
        assert_eq!(message, "[redacted] [redacted]");
    }

    #[test]
    fn words_are_okta_s_or_not_repeated() {
        let veil = Veil::default();
        veil.cover(&"00aBcDeFgH".into());
        for (text, word) in [
            ("google", "google"),
            ("acme_hr-portal_1.x", "acme_hr-portal_1.x"),
            ("", ""),
            ("00aBcDeFgH", "unknown value (10 characters)"),
            ("00abcdefgh", "unknown value (10 characters)"),
            ("two words", "unknown value (9 characters)"),
            ("\u{1b}[2J", "unknown value (4 characters)"),
        ] {
            assert_eq!(veil.told(text).word(), word, "{text:?}");
            assert_eq!(veil.word(text).is_some(), text == word && !text.is_empty());
        }
        assert_eq!(one_of("A", &["A", "B"]), "A");
        assert_eq!(one_of("a", &["A", "B"]), "unknown value (1 characters)");
    }

    #[test]
    fn thousands_of_secrets_are_found() {
        let veil = Veil::default();
        let secret = |no: u32| format!("00{:0>38}x", no * 7_919);
        (0..20_000).for_each(|no| veil.cover(&secret(no).into()));
        for no in (0..20_000).step_by(500) {
            let shown = veil.shown(&format!("https://x.example/{}/y", secret(no)));
            assert_eq!(shown, "https://x.example/[redacted]/y");
        }
    }
}
