//! `consent` and what belongs to it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::{Only, app_names};
use crate::job::parse_age;

/// `consent`.
#[derive(Debug, Subcommand)]
pub enum Consent {
    /// List the links that people have to open
    List(ConsentList),
    /// Hand in what Okta's page showed after a consent
    Complete(ConsentComplete),
    /// Get fresh links for consents that can no longer be given
    Refresh(ConsentRefresh),
    /// Print a link to the desk for somebody who is to see one org's consents only
    Share(ConsentShare),
}

/// How the links of a list are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
    /// For spreadsheets and mail merges.
    Csv,
}

/// `consent list`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout consent list
  okta-rollout consent list --only org=acme,app=google
  okta-rollout consent list --format csv > links.csv     for a mail merge

`host` is where a link leads; `hostKnown` says whether that is a host of the app's third party.")]
pub struct ConsentList {
    /// Id of the run, or its beginning [default: all runs]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Which of them
    #[command(flatten)]
    pub only: Only,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    pub format: ListFormat,
}

/// `consent complete`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
An answer is the JSON that Okta's page shows after the consent, or the URL inside it; any number of
them, in any order. Mails, chats and files that contain answers can be handed in as they are: all
around them is ignored. Each answer is matched to the entry that waits for it. They hold a one-time
code: a file, standard input or the prompt keeps it out of the shell's history and the process list.

Examples:
  okta-rollout consent complete                       asks: paste, then Ctrl-D
  okta-rollout consent complete < okta-page.json
  okta-rollout consent complete --file mail.eml
  okta-rollout consent complete --file answers.txt
  okta-rollout consent complete 'https://acme.okta.com/api/v1/apps/google/…/oauth2/callback?code=…'

Exits 0 when every answer was accepted, 2 when one was refused unsent, 3 when Okta refused one.")]
pub struct ConsentComplete {
    /// Answers; `-` or none reads standard input, at a terminal what is pasted
    #[arg(value_name = "ANSWER", conflicts_with = "file")]
    pub answers: Vec<String>,
    /// File with answers
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Run the programs of secrets given as `exec:PROGRAM`
    #[arg(long)]
    pub allow_exec: bool,
}

/// `consent refresh`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout consent refresh                        every consent that waits in the newest run
  okta-rollout consent refresh k3f9 --org acme --app google

A refreshed link replaces the old one: an answer to the old link is no longer accepted.")]
pub struct ConsentRefresh {
    /// Id of the run, or its beginning [default: the newest]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Only entries of this org; can be given several times
    #[arg(long, value_name = "NAME")]
    pub org: Vec<String>,
    /// Only entries of this app; can be given several times
    #[arg(long, value_name = "APP", value_parser = app_names())]
    pub app: Vec<String>,
    /// Run the programs of secrets given as `exec:PROGRAM`
    #[arg(long)]
    pub allow_exec: bool,
}

/// `consent share`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout consent share acme                     good for a week
  okta-rollout consent share acme --expires 1d
  okta-rollout consent share acme --revoke            no link made so far is good any more

Whoever has the link sees the org's pending consents at the running desk (`serve`, `run --desk`), opens them and hands
in what Okta showed: nothing else, and without a token. It is signed with a key beside the ledger, so that it outlives the desk.")]
pub struct ConsentShare {
    /// Name of the org
    #[arg(value_name = "ORG")]
    pub org: String,
    /// How long the link is good: 12h, 7d; 90 days at most
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = parse_age)]
    pub expires: Duration,
    /// Where the desk is reached [default: the desk that works on this ledger now]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Make no link, and have every link of the org that was made so far refused
    #[arg(long)]
    pub revoke: bool,
}
