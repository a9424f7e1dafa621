//! The flags of every command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::candidates::ending_in;
use crate::failure::Failure;
use crate::settings::{self, Animation, Coloured, Flags, LogSettings, Verbosity};

/// Flags of every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// File with the orgs (CSV or JSON), when the manifest or job does not give them
    #[arg(long, global = true, value_name = "FILE", add = ending_in(&["csv", "json"]))]
    pub orgs: Option<PathBuf>,
    /// Where checkpoints are kept
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "Where checkpoints are kept [env: OKTA_ROLLOUT_LEDGER] [default: .okta-rollout/ledger.db]"
    )]
    pub ledger: Option<String>,
    /// File with variables for `env:` secrets (NAME=VALUE lines); the environment's own win
    #[arg(long, global = true, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    /// Colour on the terminal; `NO_COLOR` is honoured
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub color: ColorWhen,
    /// Plain lines instead of a moving progress bar
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Say more: a line per step (-v), also per attempt and wait (-vv)
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with_all = ["quiet", "summary"])]
    pub verbose: u8,
    /// Say only what is changed, what it comes to, and errors
    #[arg(long, global = true, conflicts_with = "quiet")]
    pub summary: bool,
    /// Say nothing but errors and the data that was asked for
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Append what happens to a file, a line per event
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// How lines of --log-file are written [default: text]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

impl Global {
    /// Refuses a format of no log. (What requires what clap does not see when one flag stands before the command and
    /// the other behind it.)
    ///
    /// # Errors
    /// When there is one.
    pub fn fits(&self) -> Result<(), Failure> {
        if self.log_format.is_none() || self.log_file.is_some() {
            return Ok(());
        }
        let error =
            anyhow::anyhow!("--log-format says how --log-file is written, and there is none");
        Err(Failure::usage(error).hint("add --log-file FILE, or leave --log-format out"))
    }
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always, in files and pipes too.
    Always,
    /// Never.
    Never,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people and `grep`.
    Text,
    /// For programs: an object a line.
    Json,
}

impl From<&Global> for Flags {
    fn from(given: &Global) -> Self {
        Self {
            orgs: given.orgs.clone(),
            ledger: given.ledger.clone(),
            env_file: given.env_file.clone(),
            colour: match given.color {
                ColorWhen::Auto => None,
                ColorWhen::Always => Some(Coloured::Yes),
                ColorWhen::Never => Some(Coloured::No),
            },
            verbosity: match given.verbose {
                _ if given.quiet => Verbosity::Quiet,
                _ if given.summary => Verbosity::Summary,
                0 => Verbosity::Normal,
                1 => Verbosity::Steps,
                _ => Verbosity::Attempts,
            },
            animation: given.no_progress.then_some(Animation::Lines),
            log: given.log_file.clone().map(|file| LogSettings {
                file,
                format: match given.log_format {
                    None | Some(LogFormat::Text) => settings::LogFormat::Text,
                    Some(LogFormat::Json) => settings::LogFormat::Json,
                },
            }),
        }
    }
}
