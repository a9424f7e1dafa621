//! Where the desk is reached, and who is let in: flags of `serve` and of `run --desk`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::failure::Failure;

/// The flags.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "The desk")]
pub struct DeskAt {
    /// Address to listen on; other than loopback only with TLS or behind a proxy [default: 127.0.0.1, a free port]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Where the token is, as `env:NAME` or `file:PATH` [default: random at each start]
    #[arg(long, value_name = "REFERENCE")]
    pub token: Option<String>,
    /// Certificate and those that vouch for it (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The name by which a proxy that speaks TLS is reached; no other is answered to
    #[arg(long, value_name = "HOST", conflicts_with_all = ["tls_cert", "tls_key"])]
    pub behind_proxy: Option<String>,
}

impl DeskAt {
    /// Refuses flags of a desk that is not asked for.
    ///
    /// # Errors
    /// When there is one.
    pub fn refuse(&self) -> Result<(), Failure> {
        let given = [
            (self.listen.is_some(), "--listen"),
            (self.token.is_some(), "--token"),
            (self.tls_cert.is_some(), "--tls-cert"),
            (self.behind_proxy.is_some(), "--behind-proxy"),
        ];
        match given.iter().find(|(is_given, _)| *is_given) {
            None => Ok(()),
            Some((_, flag)) => {
                let error = anyhow::anyhow!("{flag} is about the desk, which is not asked for");
                Err(Failure::usage(error).hint("give --desk as well"))
            }
        }
    }
}
