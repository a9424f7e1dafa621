//! The flags of `export`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::app_names;
use crate::text::Syntax;

/// `export`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout export --org acme --orgs orgs.csv -o acme.json
  okta-rollout export --org acme --orgs orgs.csv -o acme.json --env-file acme.env
  okta-rollout export --org acme --app google --app slack --orgs orgs.csv --format csv
  okta-rollout export --org acme --retarget acme=globex --orgs orgs.csv -o globex.csv
  okta-rollout export --org acme --hub hub --orgs orgs.csv -o acme.json

Okta never shows a secret: in its place stands a reference to an environment variable, to be filled
in. What a manifest cannot say is told in a `$comment` and on standard error. The orgs are only read,
within their budgets.

Exits 0 when everything was read, else 3; a file is written as soon as one org could be read.")]
pub struct Export {
    /// Org to export; can be given several times
    #[arg(long, value_name = "NAME", required = true)]
    pub org: Vec<String>,
    /// Only instances of this app; can be given several times [default: all supported apps]
    #[arg(long, value_name = "APP", value_parser = app_names())]
    pub app: Vec<String>,
    /// Also instances whose connection is not ENABLED, as entries with status DISABLED
    #[arg(long)]
    pub all_supported: bool,
    /// Write the entries of one org for another, in which apps are found by their labels
    #[arg(long, value_name = "FROM=TO", value_parser = retarget)]
    pub retarget: Vec<Retarget>,
    /// Write the service apps that Org2Org connections have in this org as their `hub`; can be given several times
    #[arg(long, value_name = "NAME")]
    pub hub: Vec<String>,
    /// How to write it [default: what FILE ends in, else json]
    #[arg(long, value_enum)]
    pub format: Option<ExportFormat>,
    /// Where to write it [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the variables that are to be filled in to this new file, for --env-file of other commands
    // Shadows the global flag, whose file is read.
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    /// Take orgs, limits, retries and HTTP settings from this job
    #[arg(long, value_name = "FILE")]
    pub job: Option<PathBuf>,
    /// Run the programs of credentials given as `exec:PROGRAM`
    #[arg(long)]
    pub allow_exec: bool,
}

/// `--retarget`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retarget {
    /// The org that is exported.
    pub from: String,
    /// The org that its entries are written for.
    pub to: String,
}

/// How a manifest is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// With the orgs in it.
    Json,
    /// Without the orgs.
    Csv,
}

impl ExportFormat {
    /// What it is written in.
    pub(in crate::cli) const fn syntax(self) -> Syntax {
        match self {
            Self::Json => Syntax::Json,
            Self::Csv => Syntax::Lines,
        }
    }

    /// Its name in flags, and what such a file ends in.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

fn retarget(text: &str) -> Result<Retarget, &'static str> {
    match text.split_once('=') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok(Retarget {
            from: from.to_owned(),
            to: to.to_owned(),
        }),
        _ => Err("takes two names of orgs, as in acme=globex"),
    }
}
