//! A key as the library has it.

use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::signature::{EcdsaKeyPair, RsaKeyPair};

use super::algorithm::Kind;
use super::bad_key::BadKey;

pub(super) enum Pair {
    Rsa(RsaKeyPair),
    Ec(Kind, EcdsaKeyPair),
}

/// What the library says of a key that it does not take.
pub(super) fn rejected(error: &KeyRejected) -> BadKey {
    match error.description_() {
        "TooSmall" | "TooLarge" => BadKey::Size,
        "InconsistentComponents" | "InvalidComponent" => BadKey::Inconsistent,
        _ => BadKey::Unreadable,
    }
}
