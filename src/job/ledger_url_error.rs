//! What is wrong with a text that is to name a ledger.

/// Where the ledger is when nothing is said.
pub const DEFAULT_LEDGER: &str = ".okta-rollout/ledger.db";

/// A text that names no ledger; does not repeat what follows the scheme, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerUrlError {
    /// Nothing, or a scheme with nothing behind it.
    #[error("the ledger is an empty path")]
    Empty,
    /// A scheme this version has no ledger for.
    #[error("{0}: a ledger is a file of SQLite's or a database of PostgreSQL's")]
    Unsupported(String),
    /// A password that is in the address itself.
    #[error("the ledger's address has a password in clear, which others on this machine can read")]
    Password,
    /// A key that is in the address itself.
    #[error("the ledger's address has a key in clear, which others on this machine can read")]
    Key,
    /// A mode of TLS that lets somebody listen in, or is none.
    #[error("the ledger's sslmode is not verify-full, and its host is not this machine")]
    TlsMode,
    /// A parameter that is not known.
    #[error("the ledger's address has a parameter that is not known: {0:?}")]
    Parameter(String),
    /// A part of it cannot be read.
    #[error("the ledger's address cannot be read: {0}")]
    Malformed(&'static str),
}

impl LedgerUrlError {
    /// The next edit.
    pub fn hint(&self) -> String {
        match self {
            Self::Empty | Self::Unsupported(_) => format!(
                "give a file: --ledger {DEFAULT_LEDGER}; or a database: --ledger postgres://USER@HOST/DB"
            ),
            Self::Password => {
                "say where it is: ?password=env:NAME; or set PGPASSWORD, or write it into ~/.pgpass"
                    .to_owned()
            }
            Self::Key => "say where it is: ?key=env:NAME or ?key=file:PATH".to_owned(),
            Self::TlsMode => {
                "leave sslmode away; for a certificate of your own: ?sslrootcert=PATH".to_owned()
            }
            Self::Parameter(_) => {
                "known are password, key, sslmode, sslrootcert, application_name, host, port, user and dbname"
                    .to_owned()
            }
            Self::Malformed(_) => "write it as postgres://USER@HOST/DB".to_owned(),
        }
    }
}
