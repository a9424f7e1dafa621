//! References to secrets: `env:NAME`, `file:PATH`, `exec:PROGRAM ARG…`. What they stand for is read in
//! [`super::secrets`] only.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::program::has_folder;

/// The kinds of reference, as they begin.
const SCHEMES: [&str; 3] = ["env:", "file:", "exec:"];

/// `env:NAME`, `file:PATH` or `exec:PROGRAM ARG…`; never a value. Its text is safe to show: a text
/// that is not a reference is refused when it is read, without being shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|exec:.+)$"))]
pub struct SecretRef(String);

/// Why a text is not a secret reference; does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAReference {
    /// It does not begin as one.
    #[error("a secret is given as env:NAME, file:PATH or exec:PROGRAM, never as a value")]
    Value,
    /// Nothing, or only space, follows the scheme.
    #[error("the secret reference names nothing after the colon")]
    Empty,
    /// `env:` with something that cannot be a variable's name, such as the secret itself.
    #[error("env: takes the name of an environment variable (letters, digits and _)")]
    BadName,
    /// A line break or another control character.
    #[error("the secret reference contains a control character or line break")]
    Control,
    /// `exec:` with a quote that is never closed.
    #[error("exec: has a quote that is not closed")]
    BadQuotes,
}

/// A reference taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Env(&'a str),
    File(&'a str),
    /// Program and arguments, at least one word.
    Exec(Vec<String>),
}

impl SecretRef {
    /// Reads a reference.
    ///
    /// # Errors
    /// [`NotAReference`] says why not, without repeating the text: it may be the secret.
    pub fn parse(text: &str) -> Result<Self, NotAReference> {
        kind(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The reference as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The reference with what is relative to `base` made relative to what `base` is: the path of a `file:`, and the
    /// program of an `exec:` that is named by where it is. Others stay as they are.
    #[must_use]
    pub fn anchored(&self, base: &Path) -> Self {
        let anchored = match self.kind() {
            Ok(Kind::File(path)) => Some(format!("file:{}", base.join(path).display())),
            Ok(Kind::Exec(words)) => exec_anchored(words, base),
            Ok(Kind::Env(_)) | Err(_) => None,
        };
        // A folder whose name no reference can hold leaves it as it is.
        let anchored = anchored.and_then(|text| Self::parse(&text).ok());
        anchored.unwrap_or_else(|| self.clone())
    }

    /// The reference with the path of a `file:` that is in `base` made relative to it; others stay as they are.
    #[must_use]
    pub fn relative_to(&self, base: &Path) -> Self {
        let inside = match self.kind() {
            Ok(Kind::File(path)) => Path::new(path).strip_prefix(base).ok(),
            Ok(Kind::Env(_) | Kind::Exec(_)) | Err(_) => None,
        };
        let relative =
            inside.and_then(|inside| Self::parse(&format!("file:{}", inside.display())).ok());
        relative.unwrap_or_else(|| self.clone())
    }

    /// Whether a program prints it.
    pub fn is_program(&self) -> bool {
        matches!(self.kind(), Ok(Kind::Exec(_)))
    }

    /// Whether a text begins like a reference (for fields that also take plain text).
    pub fn looks_like(text: &str) -> bool {
        SCHEMES.iter().any(|scheme| text.starts_with(scheme))
    }

    pub(super) fn kind(&self) -> Result<Kind<'_>, NotAReference> {
        kind(&self.0)
    }
}

fn kind(text: &str) -> Result<Kind<'_>, NotAReference> {
    let (scheme, rest) = SCHEMES
        .iter()
        .find_map(|scheme| Some((*scheme, text.strip_prefix(scheme)?)))
        .ok_or(NotAReference::Value)?;
    if rest.chars().any(char::is_control) {
        return Err(NotAReference::Control);
    }
    if rest.trim().is_empty() {
        return Err(NotAReference::Empty);
    }
    match scheme {
        "env:" => {
            if is_variable(rest) {
                Ok(Kind::Env(rest))
            } else {
                Err(NotAReference::BadName)
            }
        }
        "file:" => Ok(Kind::File(rest)),
        _ => match shlex::split(rest) {
            Some(words) if words.first().is_some_and(|word| !word.is_empty()) => {
                Ok(Kind::Exec(words))
            }
            Some(_) => Err(NotAReference::Empty),
            None => Err(NotAReference::BadQuotes),
        },
    }
}

fn exec_anchored(mut words: Vec<String>, base: &Path) -> Option<String> {
    let program = words.first_mut().filter(|program| has_folder(program))?;
    base.join(&*program).to_str()?.clone_into(program);
    let words = words.iter().map(String::as_str);
    Some(format!("exec:{}", shlex::try_join(words).ok()?))
}

/// Whether a text can be the name of an environment variable.
pub fn is_variable(name: &str) -> bool {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(is_name_start);
    first && characters.all(|c| is_name_start(c) || c.is_ascii_digit())
}

fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

impl TryFrom<String> for SecretRef {
    type Error = NotAReference;

    fn try_from(text: String) -> Result<Self, NotAReference> {
        kind(&text)?;
        Ok(Self(text))
    }
}

impl From<SecretRef> for String {
    fn from(reference: SecretRef) -> Self {
        reference.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_values() {
        for (text, expected) in [
            ("env:ACME_TOKEN", Ok(())),
            ("file:secrets/token.txt", Ok(())),
            ("exec:vault read -field=token 'secret/okta acme'", Ok(())),
            (
                "00aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789abcd",
                Err(NotAReference::Value),
            ),
            ("ENV:NAME", Err(NotAReference::Value)),
            ("", Err(NotAReference::Value)),
            ("env:", Err(NotAReference::Empty)),
            ("file:   ", Err(NotAReference::Empty)),
            ("env:00aBcD-secret", Err(NotAReference::BadName)),
            ("env:A B", Err(NotAReference::BadName)),
            ("file:a\nb", Err(NotAReference::Control)),
            ("exec:vault 'x", Err(NotAReference::BadQuotes)),
            ("exec:''", Err(NotAReference::Empty)),
        ] {
            assert_eq!(SecretRef::parse(text).map(|_| ()), expected, "{text:?}");
            let by_serde = serde_json::from_value::<SecretRef>(text.into());
            assert_eq!(by_serde.is_ok(), expected.is_ok(), "{text:?}");
        }
    }

    #[test]
    fn references_are_anchored_to_where_they_stand() {
        for (reference, expected) in [
            ("env:A", "env:A"),
            ("file:t.txt", "file:/srv/my orgs/t.txt"),
            ("file:/run/t", "file:/run/t"),
            ("exec:vault read x", "exec:vault read x"),
            ("exec:./tok.sh", "exec:'/srv/my orgs/./tok.sh'"),
            (
                "exec:bin/tok 'a b' $c",
                "exec:'/srv/my orgs/bin/tok' 'a b' '$c'",
            ),
            ("exec:/bin/cat t", "exec:/bin/cat t"),
        ] {
            let reference = SecretRef::parse(reference).expect("a reference");
            let anchored = reference.anchored(Path::new("/srv/my orgs"));
            assert_eq!(anchored.as_str(), expected);
            // Once more changes nothing.
            assert_eq!(anchored.anchored(Path::new("/elsewhere")), anchored);
        }
    }

    #[test]
    fn a_refused_value_is_not_in_the_error() {
        let error = serde_json::from_str::<SecretRef>("\"hunter2-secret\"").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
