//! Looks how a ledger is, and leaves no trace of it.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::holder::{self, Holder};
use super::rows::Fault;
use super::{Inner, OpenOptions, Store, blocking, database, files, key, lock, moves, open};
use crate::ledger::{Health, LedgerError, OpenMode, Result};
use crate::model::RunId;

impl Store {
    /// How the ledger in a file is, which need not be there.
    pub async fn health(path: &Path) -> Health {
        let location = files::location(path);
        let looked = blocking(path.to_owned(), |path| Ok(health(path))).await;
        looked.unwrap_or_else(|error| Health {
            location,
            error: Some(error),
            ..Health::default()
        })
    }
}

fn health(path: &Path) -> Health {
    let length = |path: &Path| match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => 0,
    };
    let nearest = nearest(path);
    let mut health = Health {
        location: files::location(path),
        bytes: length(path) + length(&files::beside(path, "-wal")),
        free_bytes: rustix::fs::statvfs(&nearest)
            .ok()
            .and_then(|disk| disk.f_bavail.checked_mul(disk.f_frsize)),
        unwritable: refuse_unwritable(path, &nearest).err(),
        ..Health::default()
    };
    if let Err(error) = read(path, &mut health) {
        health.error = Some(error);
    }
    health
}

fn read(path: &Path, health: &mut Health) -> Result<()> {
    let options = OpenOptions {
        mode: OpenMode::ReadOnly,
        ..OpenOptions::default()
    };
    let inner = open(path, options)?.inner;
    if let Some(gone) = inner.read(moves::whereabouts)?.gone {
        let location = files::location(path);
        health.unwritable = Some(LedgerError::Closed { location, gone });
    }
    health.format = Some(database::FORMAT);
    key::KeyFiles::of(&inner.path).read()?;
    let found = inner.read(|connection| {
        let said: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
        Ok((said, runs(connection)?))
    });
    let (said, runs) = found?;
    if said != "ok" {
        return Err(LedgerError::Corrupt {
            location: files::location(path),
            cause: said.lines().next().unwrap_or_default().to_owned(),
        });
    }
    health.runs = runs.len() as u64;
    for (run, holder) in runs {
        if let Some(by) = held_by(&inner, &run, holder)? {
            health.held.push((run, by));
        }
    }
    Ok(())
}

/// Every run, newest first, and who works on it as it says itself.
fn runs(connection: &Connection) -> Result<Vec<(RunId, Option<Holder>)>, Fault> {
    let sql = "SELECT id FROM run WHERE imported = 1 ORDER BY seq DESC";
    let ids: Vec<String> = connection
        .prepare_cached(sql)?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let with_holder = |id: String| {
        let holder = holder::of(connection, &id)?;
        Ok((RunId(id), holder))
    };
    ids.into_iter().map(with_holder).collect()
}

fn held_by(inner: &Inner, run: &RunId, holder: Option<Holder>) -> Result<Option<String>> {
    if let Some(by) = lock::holder_of(&inner.locks(), run)? {
        return Ok(Some(by));
    }
    let other = holder.filter(Holder::is_another_alive);
    Ok(other.map(|other| other.name()))
}

/// What is there of a path: itself, or the folder that it, and what is missing above it, would be made in.
fn nearest(path: &Path) -> PathBuf {
    let there = |path: &&Path| path.as_os_str().is_empty() || path.exists();
    let nearest = path
        .ancestors()
        .find(there)
        .filter(|path| !path.as_os_str().is_empty());
    nearest.unwrap_or(Path::new(".")).to_owned()
}

/// Refuses one that this user could not write to, or make.
#[cfg(unix)]
fn refuse_unwritable(path: &Path, nearest: &Path) -> Result<()> {
    use rustix::fs::{Access, access};
    // Its log and its locks are made beside it.
    let folder = path.parent().filter(|_| nearest == path);
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    for place in std::iter::once(nearest).chain(folder) {
        let written = access(place, Access::WRITE_OK);
        written.map_err(|error| LedgerError::io(place, &error.into()))?;
    }
    Ok(())
}

/// Elsewhere only writing tells.
#[cfg(not(unix))]
fn refuse_unwritable(_: &Path, _: &Path) -> Result<()> {
    Ok(())
}
