//! What somebody who mistyped a name may have meant.

/// How alike a word must be, over 0 to 1, to have been meant.
const ALIKE: f64 = 0.5;

/// Longest text that is compared, in bytes: longer ones are no typing mistakes, and comparing is quadratic.
const LONGEST: usize = 128;

/// The known word nearest to what was typed, if it is near enough to be meant.
pub(crate) fn nearest<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    nearest_few(typed, known, 1).pop()
}

/// The known words nearest to what was typed, at most `count`, the nearest first; each once.
pub(crate) fn nearest_few<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
    count: usize,
) -> Vec<&'a str> {
    if typed.len() > LONGEST {
        return Vec::new();
    }
    let lower = typed.to_lowercase();
    let mut near: Vec<(f64, &str)> = known
        .into_iter()
        .filter(|word| word.len() <= LONGEST)
        .map(|word| (likeness(&lower, word), word))
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    // Stable, so that of words that are equally near the first known one comes first.
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut few: Vec<&str> = Vec::with_capacity(count);
    for (_, word) in near {
        if few.len() == count {
            break;
        }
        if !few.contains(&word) {
            few.push(word);
        }
    }
    few
}

/// `did you mean acme?`, if something near is known; says so when only upper and lower case differ.
pub(crate) fn did_you_mean<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let near = nearest(typed, known)?;
    let case = if near.to_lowercase() == typed.to_lowercase() {
        "upper and lower case count: "
    } else {
        ""
    };
    Some(format!("{case}did you mean {near}?"))
}

fn likeness(lower: &str, word: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(lower, &word.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_words() {
        for (typed, known, expected) in [
            ("gogle", &["google", "slack"][..], &["google"][..]),
            ("timeZone", &["timezone", "expression"], &["timezone"]),
            ("xyz", &["google", "slack"], &[]),
            ("", &["google", "slack"], &[]),
            (
                "Slak",
                &["Slack EU", "Slack", "slack", "Slack", "Zoom"],
                &["Slack", "slack", "Slack EU"],
            ),
        ] {
            assert_eq!(nearest_few(typed, known.iter().copied(), 3), expected);
            let first = nearest(typed, known.iter().copied());
            assert_eq!(first, expected.first().copied(), "{typed}");
        }
        let long = "x".repeat(1_000);
        assert_eq!(nearest(&long, [long.as_str()]), None);
        assert_eq!(nearest("x", [long.as_str()]), None);
    }

    #[test]
    fn a_wrong_case_is_reported_as_that() {
        for (typed, expected) in [
            (
                "Acme",
                Some("upper and lower case count: did you mean acme?"),
            ),
            ("acm", Some("did you mean acme?")),
            ("elsewhere", None),
        ] {
            let said = did_you_mean(typed, ["globex", "acme"]);
            assert_eq!(said.as_deref(), expected, "{typed}");
        }
    }
}
