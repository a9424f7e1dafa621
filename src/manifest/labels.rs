//! What a machine is, such as `egress=eu`, and what an org asks of the one that works on it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Letters of a key or a value at most.
const LONGEST: usize = 63;

/// What an org asks of a machine: each of these keys with that value.
pub type AskedLabels = BTreeMap<String, String>;

/// What a machine says of itself, as `KEY=VALUE`. It may have several with the same key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    key: String,
    value: String,
}

/// Why a text is no label.
#[derive(Debug, thiserror::Error)]
#[error("expected KEY=VALUE, such as egress=eu: {0}")]
pub struct NotALabel(String);

impl FromStr for Label {
    type Err = NotALabel;

    fn from_str(text: &str) -> Result<Self, NotALabel> {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| NotALabel("there is no =".to_owned()))?;
        for (name, part) in [("key", key), ("value", value)] {
            if let Some(wrong) = label_part_flaw(part) {
                return Err(NotALabel(format!("the {name} {wrong}")));
            }
        }
        Ok(Self {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// What is wrong with a text as the key or the value of a label, if something is.
pub fn label_part_flaw(part: &str) -> Option<&'static str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
    match part {
        "" => Some("is empty"),
        _ if part.len() > LONGEST => Some("has over 63 characters"),
        _ if !part.bytes().all(fits) => Some("has other characters than letters, digits and ._-/"),
        _ => None,
    }
}

/// Whether a machine with these labels is what is asked for. What asks for nothing takes any.
pub fn suits(labels: &[Label], asked: &AskedLabels) -> bool {
    asked.iter().all(|(key, value)| {
        labels
            .iter()
            .any(|label| label.key == *key && label.value == *value)
    })
}

/// `egress=eu, zone=a`.
pub fn listed_labels(asked: &AskedLabels) -> String {
    let all: Vec<String> = asked
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(all: &[(&str, &str)]) -> AskedLabels {
        all.iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_machine_suits_if_it_has_all_that_is_asked_for() {
        let labels: Vec<Label> = ["egress=eu", "zone=a", "egress=us"]
            .map(|label| label.parse().unwrap())
            .into();
        for (all, is_so) in [
            (&[][..], true),
            (&[("egress", "eu")], true),
            (&[("egress", "us"), ("zone", "a")], true),
            (&[("egress", "eu"), ("zone", "b")], false),
            (&[("Egress", "eu")], false),
            (&[("rack", "1")], false),
        ] {
            assert_eq!(suits(&labels, &asked(all)), is_so, "{all:?}");
        }
        assert!(suits(&[], &asked(&[])));
        assert!(!suits(&[], &asked(&[("egress", "eu")])));
    }

    #[test]
    fn a_label_is_a_key_and_a_value() {
        let label: Label = "okta.example/egress=eu-1".parse().unwrap();
        assert_eq!(label.to_string(), "okta.example/egress=eu-1");
        let long = format!("a={}", "x".repeat(64));
        for (text, why) in [
            ("egress", "there is no ="),
            ("=eu", "the key is empty"),
            ("egress=", "the value is empty"),
            (
                "a=b=c",
                "the value has other characters than letters, digits and ._-/",
            ),
            (
                "a b=c",
                "the key has other characters than letters, digits and ._-/",
            ),
            (long.as_str(), "the value has over 63 characters"),
        ] {
            let said = text.parse::<Label>().unwrap_err().to_string();
            assert_eq!(
                said,
                format!("expected KEY=VALUE, such as egress=eu: {why}")
            );
        }
        assert_eq!(
            listed_labels(&asked(&[("zone", "a"), ("egress", "eu")])),
            "egress=eu, zone=a"
        );
    }
}
