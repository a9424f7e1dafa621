//! Percentages as people write them in job files and flags: `2%`, `0.5%`.

/// A text that is no percentage; repeats the text, which is never a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a percentage from `0%` to `100%`")]
pub struct InvalidPercent(String);

/// Parses a percentage from 0 to 100: `2%` is 2.0.
pub fn parse(text: &str) -> Result<f64, InvalidPercent> {
    text.trim()
        .strip_suffix('%')
        .map(str::trim_end)
        // Signs, exponents and names of numbers are not what people write.
        .filter(|number| number.chars().all(|c| c.is_ascii_digit() || c == '.'))
        .and_then(|number| number.parse::<f64>().ok())
        .filter(|percent| (0.0..=100.0).contains(percent))
        .ok_or_else(|| InvalidPercent(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read() {
        for (text, wanted) in [
            ("2%", Some(2.0)),
            ("2 %", Some(2.0)),
            ("0%", Some(0.0)),
            ("0.5%", Some(0.5)),
            (".5%", Some(0.5)),
            ("100%", Some(100.0)),
            ("100.1%", None),
            ("-0%", None),
            ("+2%", None),
            ("1e1%", None),
            ("2%%", None),
            ("2", None),
            ("nan%", None),
            ("inf%", None),
            ("%", None),
            (".%", None),
            ("", None),
        ] {
            assert_eq!(parse(text).ok(), wanted, "{text:?}");
        }
    }
}
