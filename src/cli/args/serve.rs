//! The command line of `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::candidates::ending_in;

/// `serve`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout serve jobs/nightly.toml
  okta-rollout serve jobs --log-file nightly.log

Each job with a [schedule] is run when it is due, as `run JOB` would; job and manifest are read anew each time.
A start that fails, because of a broken manifest for example, is a failed run in `runs`; a job with mistakes keeps no
other from being served. `status --jobs` shows what comes next. SIGHUP reads the list of jobs again and opens --log-file anew; SIGTERM stops as `run` does.

The first line on standard output is the address with its token. `/healthz` answers anyone, `/metrics` (Prometheus)
who has the token: as `Authorization: Bearer TOKEN`, or behind `?token=`.")]
pub struct Serve {
    /// Jobs (.toml), or folders of them
    #[arg(value_name = "JOB", add = ending_in(&["toml"]))]
    pub jobs: Vec<PathBuf>,
    /// Address to listen on; loopback only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Where the token is, as `env:NAME` or `file:PATH` [default: random at each start]
    #[arg(long, value_name = "REFERENCE")]
    pub token: Option<String>,
    /// Run the programs of secrets given as `exec:PROGRAM`
    #[arg(long)]
    pub allow_exec: bool,
}
