//! The command line of `rehearse`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::DataFormat;
use super::candidates::files;
use crate::job::{parse_age, parse_duration, parse_percent};
use crate::sandbox::Latency;

/// Who has not consented after a year never will.
const LATEST_CONSENT: Duration = Duration::from_hours(365 * 24);

/// In percent: where more calls fail, hardly anything ever ends.
const MOST_FAULTS: f64 = 50.0;

/// `rehearse`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout rehearse rollout.csv --orgs orgs.csv
  okta-rollout rehearse rollout.csv --orgs orgs.csv --limit 600 --faults 2%
  okta-rollout rehearse rollout.csv --orgs orgs.csv --consent-after 1d
  okta-rollout rehearse jobs/nightly.toml --format json > rehearsal.json

The orgs are simulated in memory, with apps that are there but not connected, 50 calls a minute and the
latencies recorded from a real org, unless flags, or for `url: \"sandbox\"` the job's [sandbox], say something
else. The run itself is the real one, in simulated time: its steps, waits, retries and limits. Nothing is sent,
no secret is read, and no ledger is read or written.

Calls and times are of a run in which nobody consents; with --consent-after they include what follows the
consents, which hold no wave up. A wave that waits for an approval is assumed to be approved at once; one in which
more entries fail than `haltWhenFailed` allows (see --faults) halts the run.")]
pub struct Rehearse {
    /// Manifest (.csv, .json, .jsonl) or job (.toml)
    #[arg(value_name = "FILE", add = files())]
    pub file: PathBuf,
    /// Calls per window and org that one token gets; 0 for no limit [default: 50]
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
    /// Length of a rate-limit window, as in `60s` [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub window: Option<Duration>,
    /// Time an answer takes: `recorded`, `none`, or as in `200ms` [default: recorded]
    #[arg(long, value_name = "DURATION")]
    pub latency: Option<Latency>,
    /// How many of all calls fail and are made again, as in `2%`
    #[arg(long, value_name = "PERCENT", value_parser = faults)]
    pub faults: Option<f64>,
    /// When a consent is given after it was asked for, as in `1d` (365d at most), or `never` [default: never]
    #[arg(long, value_name = "AGE", value_parser = consent_after)]
    pub consent_after: Option<ConsentAfter>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: DataFormat,
}

/// When a consent is given after it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsentAfter(pub Option<Duration>);

fn consent_after(text: &str) -> Result<ConsentAfter, &'static str> {
    let after = match text {
        "never" => None,
        age => Some(
            parse_age(age)
                .ok()
                .filter(|age| *age <= LATEST_CONSENT)
                .ok_or("takes an age up to 365d, as in 1d or 12h, or never")?,
        ),
    };
    Ok(ConsentAfter(after))
}

/// The part of all calls that a percentage is.
fn faults(text: &str) -> Result<f64, &'static str> {
    parse_percent(text)
        .ok()
        .filter(|percent| *percent <= MOST_FAULTS)
        .map(|percent| percent / 100.0)
        .ok_or("takes a percentage from 0% to 50%, as in 2%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_more_than_half_of_all_calls_fail() {
        for (text, wanted) in [
            ("2%", Some(0.02)),
            ("0%", Some(0.0)),
            ("0.5%", Some(0.005)),
            ("50%", Some(0.5)),
            ("51%", None),
            ("50.01%", None),
            ("2", None),
        ] {
            assert_eq!(faults(text).ok(), wanted, "{text}");
        }
    }

    #[test]
    fn consents_are_given_within_a_year_or_never() {
        let day = Duration::from_hours(24);
        assert_eq!(consent_after("never"), Ok(ConsentAfter(None)));
        assert_eq!(consent_after("1d"), Ok(ConsentAfter(Some(day))));
        assert_eq!(consent_after("365d"), Ok(ConsentAfter(Some(365 * day))));
        for wrong in ["soon", "366d", "365d 1s", "53w", "-1d"] {
            assert!(consent_after(wrong).is_err(), "{wrong}");
        }
    }
}
