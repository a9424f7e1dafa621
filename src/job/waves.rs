//! `[[waves]]` of a job: which orgs are rolled out together, and what lets the next wave begin.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::de::DeValue;

use super::duration;
use super::tree::{Table, Wrong, expected, string};
use super::values::{no_controls, percent};

/// The last wave of a run: the orgs that no wave names.
pub const REST: &str = "rest";

/// Parts of a percent that are told apart: what people write is a decimal number, and stays one.
const PARTS: f64 = 1e6;

/// A wave. Stored with a run, since the job may change later.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wave {
    /// What people call it.
    pub name: String,
    /// Names of orgs; `*` stands for any characters. An org belongs to the first wave that names it.
    pub orgs: Vec<String>,
    /// More failed entries than this halt the run; `None` = nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt_when_failed: Option<HaltWhenFailed>,
    /// How long after its end the next wave may begin.
    #[serde(default)]
    pub soak: Duration,
    /// Whether a person lets it begin.
    #[serde(default)]
    pub approve: bool,
    /// Line and column, both from 1, of each of `orgs` in the job file.
    #[serde(skip)]
    pub places: Vec<(u64, u64)>,
}

/// How many entries of a wave may fail.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HaltWhenFailed {
    /// So much of all of its entries.
    Percent(f64),
    /// So many.
    Entries(u64),
}

impl HaltWhenFailed {
    /// Failed entries that a wave of so many may have.
    pub fn allowed(self, entries: u64) -> u64 {
        let percent = match self {
            Self::Entries(allowed) => return allowed,
            Self::Percent(percent) => percent,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 100 percent"
        )]
        let parts = (percent * PARTS).round() as u128;
        let allowed = u128::from(entries) * parts / (100 * 1_000_000);
        u64::try_from(allowed).unwrap_or(u64::MAX)
    }
}

impl std::fmt::Display for HaltWhenFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent} %"),
            Self::Entries(entries) => write!(f, "{entries}"),
        }
    }
}

impl Wave {
    /// Whether another one is the same, wherever they stand.
    pub fn is_like(&self, other: &Self) -> bool {
        let places = other.places.clone();
        *other
            == Self {
                places,
                ..self.clone()
            }
    }

    /// Whether it names every org there can be.
    pub fn takes_all(&self) -> bool {
        self.orgs.iter().any(|pattern| is_any(pattern))
    }
}

/// Whether a pattern fits everything.
pub fn is_any(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.chars().all(|c| c == '*')
}

/// Reads them all: what is wrong with one may be because of another.
pub(super) fn read(tables: Vec<Table<'_, '_>>) -> Vec<Wave> {
    let mut waves: Vec<Wave> = Vec::with_capacity(tables.len());
    for (at, table) in tables.into_iter().enumerate() {
        let name = format!("wave {}", at + 1);
        let wave = wave(table, name, &waves);
        waves.push(wave);
    }
    waves
}

fn wave(mut table: Table<'_, '_>, name: String, before: &[Wave]) -> Wave {
    let name = table.get("name", name_in).unwrap_or(name);
    table.must_have("orgs");
    let orgs = table.list("orgs", ("a list of org names", no_org), string);
    let wave = Wave {
        halt_when_failed: table.get("haltWhenFailed", halt_when_failed),
        soak: table.get("soak", soak).unwrap_or_default(),
        approve: table.get("approve", yes_or_no).unwrap_or_default(),
        places: table.places_in("orgs"),
        orgs: orgs.unwrap_or_default(),
        name,
    };
    if before.iter().any(|other| other.name == wave.name) {
        let wrong = Wrong::new(format!("another wave is called {:?}, too", wave.name));
        table.refuse_key("name", wrong.hint("give each wave a name of its own"));
    }
    if wave.name == REST && !wave.takes_all() {
        let wrong = Wrong::new(format!(
            "{REST:?} is the last wave, that of orgs which no wave names"
        ));
        table.refuse_key("name", wrong.hint("give this wave another name"));
    }
    let is_named = !wave.orgs.is_empty();
    if let Some(other) = before.iter().find(|other| is_named && other.takes_all()) {
        let wrong = Wrong::new(format!("no org is left: wave {:?} takes all", other.name));
        table.refuse_key(
            "orgs",
            wrong.hint("an org belongs to the first wave that names it: move this one up"),
        );
    }
    table.finish();
    wave
}

fn name_in(value: &DeValue<'_>) -> Result<String, Wrong> {
    let name = string(value)?;
    no_controls(&name)?;
    Ok(name.trim().to_owned())
}

fn no_org() -> Result<(), Wrong> {
    Err(Wrong::new("names no org").hint("`[\"*\"]` means every org"))
}

fn halt_when_failed(value: &DeValue<'_>) -> Result<HaltWhenFailed, Wrong> {
    let count = match value {
        DeValue::String(_) => return percent(value).map(HaltWhenFailed::Percent),
        DeValue::Integer(count) => count,
        _ => {
            let wrong = expected("a percentage in quotes or a number of entries", value);
            return Err(wrong.hint("as in haltWhenFailed = \"2%\", or haltWhenFailed = 5"));
        }
    };
    u32::from_str_radix(count.as_str(), count.radix())
        .map(|count| HaltWhenFailed::Entries(count.into()))
        .map_err(|_| Wrong::new(format!("must be a whole number from 0 to {}", u32::MAX)))
}

fn soak(value: &DeValue<'_>) -> Result<Duration, Wrong> {
    let text = string(value)?;
    // A soak may well take days.
    duration::parse(&text)
        .or_else(|wrong| duration::parse_age(&text).map_err(|_| wrong))
        .map_err(|wrong| Wrong::new(wrong.to_string()))
}

fn yes_or_no(value: &DeValue<'_>) -> Result<bool, Wrong> {
    value
        .as_bool()
        .ok_or_else(|| expected("`true` or `false`", value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_of_all_entries_and_exact() {
        use HaltWhenFailed::{Entries, Percent};
        for (halts, entries, allowed) in [
            (Percent(0.0), 1_000, 0),
            (Percent(2.0), 49, 0),
            (Percent(2.0), 50, 1),
            (Percent(2.0), 99, 1),
            (Percent(2.0), 100, 2),
            (Percent(0.7), 1_000, 7),
            (Percent(0.1), 999, 0),
            (Percent(33.3), 1_000, 333),
            (Percent(100.0), 7, 7),
            (Percent(100.0), u64::MAX, u64::MAX),
            (Percent(50.0), 0, 0),
            (Entries(0), 10, 0),
            (Entries(5), 3, 5),
        ] {
            assert_eq!(halts.allowed(entries), allowed, "{halts:?} of {entries}");
        }
    }

    #[test]
    fn what_takes_everything_is_known() {
        for (pattern, wanted) in [
            ("*", true),
            ("**", true),
            ("a*", false),
            ("", false),
            ("a", false),
        ] {
            assert_eq!(is_any(pattern), wanted, "{pattern:?}");
        }
    }

    #[test]
    fn it_is_stored_and_read_again() {
        let wave = Wave {
            name: "canaries".to_owned(),
            orgs: vec!["canary-*".to_owned()],
            halt_when_failed: Some(HaltWhenFailed::Percent(2.5)),
            soak: Duration::from_mins(30),
            approve: true,
            places: vec![(3, 9)],
        };
        let stored = serde_json::to_value(&wave).unwrap();
        let read: Wave = serde_json::from_value(stored).unwrap();
        assert!(read.is_like(&wave) && read.places.is_empty());
        let other = Wave {
            approve: false,
            ..wave.clone()
        };
        assert!(!other.is_like(&wave));
    }
}
