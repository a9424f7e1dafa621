//! Beside the ledger: the key that links for one org are signed with, which of them were taken back, and where the desk is
//! reached that works on this ledger.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::Store;
use super::files;
use super::key::KeyFiles;
use super::lock::FileLock;
use crate::input;
use crate::ledger::{HmacKey, LedgerError, Result};

/// The largest file that is read, in bytes: a line an org.
const MOST: u64 = 16 * 1024 * 1024;

/// A desk that works on the ledger; it is gone with this.
#[derive(Debug)]
pub struct DeskMark {
    path: PathBuf,
    // Dropped after the file is removed: whoever gets it next writes its own.
    _lock: FileLock,
}

impl Drop for DeskMark {
    fn drop(&mut self) {
        // Left behind it does no harm: nobody holds its lock.
        drop(fs::remove_file(&self.path));
    }
}

impl Store {
    pub fn share_key(&self) -> Result<HmacKey> {
        Ok(KeyFiles::of_shares(&self.inner.path)
            .read_or_make()?
            .current)
    }

    pub fn made_share_key(&self) -> Result<Option<HmacKey>> {
        let keys = KeyFiles::of_shares(&self.inner.path).read()?;
        Ok(keys.map(|keys| keys.current))
    }

    /// The generation of links for an org that are good.
    pub fn share_generation(&self, org_url: &str) -> Result<u64> {
        let generations = self.share_generations()?;
        Ok(generations.get(org_url).copied().unwrap_or_default())
    }

    /// By URL of the org; links for one that is not there were never taken back.
    pub(super) fn share_generations(&self) -> Result<BTreeMap<String, u64>> {
        let path = taken_back_file(&self.inner.path);
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(LedgerError::io(&path, &error)),
        };
        serde_json::from_str(&text).map_err(|error| LedgerError::Corrupt {
            location: files::location(&path),
            cause: error.to_string(),
        })
    }

    /// Takes back every link for an org that was made so far.
    pub fn take_back_shares(&self, org_url: &str) -> Result<()> {
        let _one_at_a_time = KeyFiles::of_shares(&self.inner.path).lock()?;
        let mut generations = self.share_generations()?;
        let generation = generations.entry(org_url.to_owned()).or_default();
        *generation = generation.wrapping_add(1);
        put_generations(&self.inner.path, &generations)
    }

    /// Says where the desk of this process is; `None` = another process has one already.
    pub fn announce_desk(&self, url: &str) -> Result<Option<DeskMark>> {
        let Some(lock) = FileLock::of_desk(&self.inner.locks())? else {
            return Ok(None);
        };
        let path = files::beside(&self.inner.path, ".desk");
        write(&path, url).map_err(|error| LedgerError::io(&path, &error))?;
        Ok(Some(DeskMark { path, _lock: lock }))
    }

    /// Where the desk is that works on this ledger, if there is one.
    pub fn desk(&self) -> Result<Option<String>> {
        if !super::lock::has_desk(&self.inner.locks())? {
            return Ok(None);
        }
        let path = files::beside(&self.inner.path, ".desk");
        match read(&path) {
            Ok(url) => Ok(Some(url)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LedgerError::io(&path, &error)),
        }
    }
}

/// Keeps which links were taken back of the ledger in this file.
pub(super) fn put_generations(ledger: &Path, generations: &BTreeMap<String, u64>) -> Result<()> {
    let path = taken_back_file(ledger);
    let text = serde_json::to_string(generations).unwrap_or_default();
    write(&path, &text).map_err(|error| LedgerError::io(&path, &error))
}

fn taken_back_file(ledger: &Path) -> PathBuf {
    files::beside(ledger, ".share.back")
}

fn read(path: &Path) -> io::Result<String> {
    let file = input::open(path)?;
    if !file.is_regular() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text)?;
    Ok(text)
}

/// Written in full under another name first: nobody ever sees half of it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let draft = files::beside(path, ".new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file: File = files::private().write(true).create_new(true).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(folder) => files::sync_folder(folder),
        None => Ok(()),
    }
}
