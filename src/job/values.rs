//! The values that keys of a job may have, each with what is wrong with another.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::duration;
use super::percent;
use super::tree::{Wrong, expected, string};

/// What to do about the paths of some systems.
pub(super) const SINGLE_QUOTES: &str = "a backslash in double quotes begins an escape: write a path with backslashes in single quotes, as in 'C:\\jobs\\m.csv'";

/// A path that is relative to this folder.
pub(super) fn path_in(folder: &Path, value: &DeValue<'_>) -> Result<PathBuf, Wrong> {
    let path = string(value)?;
    no_controls(&path)?;
    Ok(folder.join(path))
}

/// `\t` and its like are right escapes, and never what a path was meant to hold.
pub(super) fn no_controls(path: &str) -> Result<(), Wrong> {
    let Some(control) = path.chars().find(|c| c.is_control()) else {
        return Ok(());
    };
    let code = u32::from(control);
    let message = format!("contains the control character U+{code:04X}");
    Err(Wrong::new(message).hint(SINGLE_QUOTES))
}

/// A finite number.
pub(super) fn number(value: &DeValue<'_>) -> Result<f64, Wrong> {
    let text = match value {
        DeValue::Integer(integer) => integer.to_string(),
        DeValue::Float(float) => float.to_string(),
        _ => return Err(expected("a number", value)),
    };
    match text.replace('_', "").parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(Wrong::new(format!("`{text}` is not a usable number"))),
    }
}

/// A whole number from 1.
pub(super) fn at_least_one(value: &DeValue<'_>) -> Result<u32, Wrong> {
    let integer = value
        .as_integer()
        .ok_or_else(|| expected("a whole number", value))?;
    match u32::from_str_radix(integer.as_str(), integer.radix()) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Wrong::new(format!(
            "must be a whole number from 1 to {}",
            u32::MAX
        ))),
    }
}

/// A duration that is longer than nothing.
pub(super) fn pause(value: &DeValue<'_>) -> Result<Duration, Wrong> {
    let parsed = duration::parse(&string(value)?).map_err(|error| Wrong::new(error.to_string()))?;
    if parsed.is_zero() {
        return Err(Wrong::new("must be longer than nothing"));
    }
    Ok(parsed)
}

/// `2%`, as 2.0.
pub(super) fn percent(value: &DeValue<'_>) -> Result<f64, Wrong> {
    percent::parse(&string(value)?).map_err(|error| Wrong::new(error.to_string()))
}

/// A table without the places of what is in it.
pub(super) fn owned(table: &DeValue<'_>) -> Result<toml::Table, toml::de::Error> {
    serde::Deserialize::deserialize(toml::de::ValueDeserializer::from(toml::Spanned::new(
        0..0,
        table.clone(),
    )))
}
