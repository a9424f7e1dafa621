//! The command line of `work`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{DataFormat, DeskAt, Labelled};

/// `work`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout work --ledger postgres://rollout@db/rollouts
  okta-rollout work --ledger postgres://rollout@db/rollouts --drain
  okta-rollout work --ledger postgres://rollout@db/rollouts --orgs orgs.csv --secrets .
  okta-rollout work --ledger postgres://rollout@db/rollouts --label egress=eu

Takes up whatever can move in the ledger: what `run --detach` stored, what a process that was killed left, what somebody
handed a consent in for. It asks nothing and writes no reports. Entries and orgs whose secrets are not here stay pending for
workers that have them. Of a file the last run is worked on; earlier ones are left as they are.

With --listen, `/healthz` answers anyone, and `/metrics` (Prometheus) who sends `Authorization: Bearer TOKEN`. The first line
on standard output is the address of the latter; without --token the second is the header that lets in.

Where neither manifest nor orgs file is here, orgs are reached where the ledger says: --orgs FILE pins their addresses.

SIGTERM ends it with 0 once the calls in flight have ended, and others go on. SIGHUP opens --log-file anew. It exits 0
whatever became of the entries, and 2 for wrong settings or a ledger that it cannot open at its start.")]
pub struct Work {
    /// Return once nothing can move any more
    #[arg(long)]
    pub drain: bool,
    /// Folder that relative `file:` secrets of runs are in [default: where the run was begun]
    #[arg(long, value_name = "FOLDER")]
    pub secrets: Option<PathBuf>,
    /// Run the programs of secrets given as `exec:PROGRAM`
    #[arg(long)]
    pub allow_exec: bool,
    /// What this machine is.
    #[command(flatten)]
    pub labelled: Labelled,
    /// Address to tell machines how it is; other than loopback only with TLS or behind a proxy
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Where the token of `/metrics` is, as `env:NAME` or `file:PATH` [default: random at each start]
    #[arg(long, value_name = "REFERENCE", requires = "listen")]
    pub token: Option<String>,
    /// Certificate and those that vouch for it (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["tls_key", "listen"])]
    pub tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The name by which a proxy that speaks TLS is reached; `/metrics` answers to no other
    #[arg(long, value_name = "HOST", requires = "listen", conflicts_with_all = ["tls_cert", "tls_key"])]
    pub behind_proxy: Option<String>,
}

impl Work {
    /// Where it listens, if it does.
    pub fn at(&self) -> Option<DeskAt> {
        self.listen.map(|listen| DeskAt {
            listen: Some(listen),
            token: self.token.clone(),
            tls_cert: self.tls_cert.clone(),
            tls_key: self.tls_key.clone(),
            behind_proxy: self.behind_proxy.clone(),
        })
    }
}

/// `workers`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  okta-rollout workers --ledger postgres://rollout@db/rollouts
  okta-rollout workers --ledger postgres://rollout@db/rollouts --format json

A line for each process: its labels, which runs it leads, how many of the 256 partitions it holds, and the orgs in them in
which something can move. One that leads a run says when waves begin and that it has ended; all others join it.")]
pub struct Workers {
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: DataFormat,
}
