//! `report`: what a run left behind.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::Only;
use crate::job::Format;

/// `report`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  okta-rollout report
  okta-rollout report k3f9 --format json -o k3f9.json
  okta-rollout report --only failed --calls
  okta-rollout report --format csv --only failed -o again.csv
  okta-rollout report --format html -o k3f9.html
  okta-rollout report --format markdown -o summary.markdown

`csv` writes the entries as a manifest that `run` accepts, with $state, $changed, $error, $hint and
$requestId beside them: what begins with $ is for people. With --only, a `json` report holds that manifest, too, and `run` accepts it as well.
`junit` has a suite per org and a case per entry: failed entries are failures, waiting and pending ones are skipped.")]
pub struct Report {
    /// Id of the run, or its beginning [default: the newest]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// How to write it
    #[arg(long, value_parser = formats(), default_value = "text")]
    pub format: Format,
    /// Where to write it [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// With every call that was made for each entry (text and json)
    #[arg(long)]
    pub calls: bool,
    /// Which entries.
    #[command(flatten)]
    pub only: Only,
}

/// The names of formats and what each is for.
fn formats() -> impl TypedValueParser<Value = Format> {
    let named = Format::ALL.map(|format| PossibleValue::new(format.name()).help(format.about()));
    PossibleValuesParser::new(named).try_map(|name| {
        Format::from_name(&name).ok_or_else(|| anyhow::anyhow!("{name:?} is no format"))
    })
}
