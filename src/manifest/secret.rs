//! References to secrets and their resolution. A secret's value is read when its step needs it and
//! exists only inside a [`SecretString`]; besides `settings` this is the only reader of the
//! environment.

use schemars::JsonSchema;

use serde::{Deserialize, Serialize};

/// `env:NAME`, `file:PATH` or `exec:PROGRAM ARG…`; never a value. Its text is safe to show: a text
/// that is not a reference is refused when it is read, without being shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct SecretRef(String);

/// A text that is not a secret reference; does not repeat the text.
#[derive(Debug, thiserror::Error)]
#[error("a secret is given as env:NAME, file:PATH or exec:PROGRAM, never as a value")]
pub struct NotAReference;

impl TryFrom<String> for SecretRef {
    type Error = NotAReference;

    fn try_from(text: String) -> Result<Self, NotAReference> {
        let known = ["env:", "file:", "exec:"].iter().any(|scheme| {
            text.strip_prefix(scheme)
                .is_some_and(|rest| !rest.trim().is_empty())
        });
        if known {
            Ok(Self(text))
        } else {
            Err(NotAReference)
        }
    }
}

impl From<SecretRef> for String {
    fn from(reference: SecretRef) -> Self {
        reference.0
    }
}
