//! What PostgreSQL and the network say, as errors of the ledger.
//!
//! The only place that reads PostgreSQL's error codes. No error of it holds a password: it is sent in no statement.

use std::error::Error as _;

use tokio_postgres::error::SqlState;

use crate::ledger::{Gone, LedgerError, Result};
use crate::model::UnixMillis;

/// Said of statements that were sent behind one that failed.
const AFTERMATH: &str = "a statement before it failed";

/// What `refuse_change` says (migration 2).
const CLOSED: &str = "OR001";

impl LedgerError {
    /// PostgreSQL's word for what failed, or the network's.
    pub(super) fn postgres(location: &str, error: &tokio_postgres::Error) -> Self {
        let location = location.to_owned();
        let Some(said) = error.as_db_error() else {
            return Self::by_network(location, error);
        };
        let cause = said.message().to_owned();
        let limit = |remedy| Self::Limit {
            location: location.clone(),
            cause: cause.clone(),
            remedy,
        };
        if said.code().code() == CLOSED
            && let Some(closed) = closed(&location, &cause)
        {
            return closed;
        }
        match said.code() {
            &SqlState::DISK_FULL => Self::DiskFull { location },
            &SqlState::INSUFFICIENT_PRIVILEGE => {
                limit("have the ledger's owner allow it: okta-rollout ledger grants ROLE")
            }
            &SqlState::READ_ONLY_SQL_TRANSACTION => {
                limit("name the server that takes writes, not a replica of it")
            }
            &SqlState::TOO_MANY_CONNECTIONS | &SqlState::CONFIGURATION_LIMIT_EXCEEDED => limit(
                "raise max_connections of PostgreSQL, or end other programs, then run the command again",
            ),
            &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                limit("check user and password: ?password=env:NAME, PGPASSWORD or ~/.pgpass")
            }
            &SqlState::INVALID_CATALOG_NAME => {
                limit("make the database first: createdb NAME; or name another one")
            }
            &SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME => {
                Self::Missing { location }
            }
            &SqlState::T_R_SERIALIZATION_FAILURE
            | &SqlState::T_R_DEADLOCK_DETECTED
            | &SqlState::LOCK_NOT_AVAILABLE
            | &SqlState::QUERY_CANCELED => Self::Locked { location },
            &SqlState::IN_FAILED_SQL_TRANSACTION => Self::Io {
                location,
                cause: AFTERMATH.to_owned(),
            },
            &SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED => {
                Self::Corrupt { location, cause }
            }
            // It is stopped, started, or ends this session: idle_session_timeout and pg_terminate_backend, too.
            code if code.code().starts_with("57") || code.code().starts_with("08") => {
                Self::Unreachable { location, cause }
            }
            code if is_time_out(code) => Self::Unreachable { location, cause },
            _ => Self::Io { location, cause },
        }
    }

    fn by_network(location: String, error: &tokio_postgres::Error) -> Self {
        if error.is_closed() {
            let cause = "the connection was closed".to_owned();
            return Self::Unreachable { location, cause };
        }
        let of_network = error.source().is_some_and(|cause| {
            let cause = cause.downcast_ref::<std::io::Error>();
            // A certificate is refused as invalid data, and stays so.
            cause.is_some_and(|cause| cause.kind() != std::io::ErrorKind::InvalidData)
        });
        let cause = match error.source() {
            Some(cause) => cause.to_string(),
            None => error.to_string(),
        };
        if of_network || error.source().is_none() {
            return Self::Unreachable { location, cause };
        }
        let whole = error.to_string();
        if whole.contains("serializ") || whole.contains("column") {
            // A value of another type than this version writes.
            return Self::Corrupt { location, cause };
        }
        Self::Limit {
            location,
            cause: whole_cause(error),
            remedy: "check the address, the certificate and the password of the ledger",
        }
    }

    /// The session that holds this ledger's locks, or any other, is gone.
    pub(super) fn lost(location: &str) -> Self {
        Self::Unreachable {
            location: location.to_owned(),
            cause: "the session ended".to_owned(),
        }
    }

    /// A stored value that this version cannot read.
    pub(super) fn unreadable(location: &str, cause: &(impl ToString + ?Sized)) -> Self {
        Self::Corrupt {
            location: location.to_owned(),
            cause: cause.to_string(),
        }
    }
}

/// Of what came of statements that were sent together the first error, if there is one, that says why.
pub(super) fn first_cause<const N: usize>(ended: [Result<()>; N]) -> Result<()> {
    let is_aftermath =
        |error: &LedgerError| matches!(error, LedgerError::Io { cause, .. } if cause == AFTERMATH);
    let errors = ended.into_iter().filter_map(Result::err);
    let (after, causes): (Vec<_>, Vec<_>) = errors.partition(is_aftermath);
    causes.into_iter().chain(after).next().map_or(Ok(()), Err)
}

fn closed(location: &str, said: &str) -> Option<LedgerError> {
    let (at, to) = said.split_once(' ')?;
    let (to, at) = (to.to_owned(), UnixMillis(at.parse().ok()?));
    Some(LedgerError::Closed {
        location: location.to_owned(),
        gone: Gone { to, at },
    })
}

fn whole_cause(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

fn is_time_out(code: &SqlState) -> bool {
    // idle_in_transaction_session_timeout, idle_session_timeout
    matches!(code.code(), "25P03" | "57P05")
}
