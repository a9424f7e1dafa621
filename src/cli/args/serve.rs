//! The command line of `serve`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::candidates::ending_in;
use super::{DeskAt, Labelled};

/// `serve`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout serve jobs/nightly.toml
  okta-rollout serve jobs --log-file nightly.log
  okta-rollout serve jobs --behind-proxy desk.example.com --token file:desk.token

Each job with a [schedule] is run when it is due, as `run JOB` would, one without only when somebody at the desk wants
it; job and manifest are read anew each time.
A start that fails, because of a broken manifest for example, is a failed run in `runs`; a job with mistakes keeps no
other from being served. `status --jobs` shows what comes next. SIGHUP reads the list of jobs again and opens --log-file anew; SIGTERM stops as `run` does.

The first line on standard output is the link to the desk, with its token: a page where people open consents, paste
what Okta showed them, approve waves, and watch runs. An entry whose answer is handed in there goes on without `resume`.
`/healthz` answers anyone, `/metrics` (Prometheus) who sends `Authorization: Bearer TOKEN`.")]
pub struct Serve {
    /// Jobs (.toml), or folders of them; without any there is the desk alone
    #[arg(value_name = "JOB", add = ending_in(&["toml"]))]
    pub jobs: Vec<PathBuf>,
    /// Run the programs of secrets given as `exec:PROGRAM`
    #[arg(long)]
    pub allow_exec: bool,
    /// What this machine is.
    #[command(flatten)]
    pub labelled: Labelled,
    /// Where the desk is. The last, because its heading in `--help` is also that of what follows.
    #[command(flatten)]
    pub desk: DeskAt,
}
