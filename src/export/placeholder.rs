//! Names for the secrets that Okta never shows: environment variables that a person fills in.

use std::collections::HashSet;

/// Gives out names, each once. The same names come in the same order for the same apps.
#[derive(Clone, Debug, Default)]
pub struct Placeholders {
    taken: HashSet<String>,
}

impl Placeholders {
    /// A reference to a variable called after these parts: `env:ACME_ZSCALERBYZ_0OA2_TOKEN`.
    pub(super) fn reference(&mut self, parts: &[&str]) -> String {
        let words: Vec<_> = parts.iter().map(|part| word(part)).collect();
        let mut name = words.join("_");
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            name.insert(0, '_');
        }
        // Ids differ in the case of letters, and names in what a variable cannot hold.
        let mut unique = name.clone();
        let mut number = 2_u64;
        while !self.taken.insert(unique.clone()) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        format!("env:{unique}")
    }
}

// Upper case, and one underscore for whatever a variable's name cannot hold.
fn word(part: &str) -> String {
    let mut word = String::with_capacity(part.len());
    for c in part.chars() {
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_uppercase());
        } else if !word.ends_with('_') {
            word.push('_');
        }
    }
    word.trim_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::SecretRef;

    #[test]
    fn names_are_valid_readable_and_unique() {
        let mut placeholders = Placeholders::default();
        for (parts, expected) in [
            (
                ["acme", "zscalerbyz", "0oa2", "token"],
                "ACME_ZSCALERBYZ_0OA2_TOKEN",
            ),
            (
                ["acme", "zscalerbyz", "0oA2", "token"],
                "ACME_ZSCALERBYZ_0OA2_TOKEN_2",
            ),
            (
                ["acme", "zscalerbyz", "0OA2", "token"],
                "ACME_ZSCALERBYZ_0OA2_TOKEN_3",
            ),
            (
                ["acme-eu.prod", "okta_org2org", "To the hub (EMEA)", "token"],
                "ACME_EU_PROD_OKTA_ORG2ORG_TO_THE_HUB_EMEA_TOKEN",
            ),
            (
                ["3m", "zscalerbyz", "0oa1", "token"],
                "_3M_ZSCALERBYZ_0OA1_TOKEN",
            ),
            (
                ["日本", "zscalerbyz", "0oa1", "token"],
                "_ZSCALERBYZ_0OA1_TOKEN",
            ),
        ] {
            let reference = placeholders.reference(&parts);
            assert_eq!(reference, format!("env:{expected}"));
            assert!(SecretRef::parse(&reference).is_ok(), "{reference}");
        }
    }
}
