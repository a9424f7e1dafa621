//! The key of the fingerprints that tell whether a secret changed. It lies beside the ledger, not in
//! it: a copy of the ledger alone cannot be used to try out guesses of a secret.
//!
//! `LEDGER.key` can be replaced. The one before is then `LEDGER.key.old`: what was made with it is still
//! recognized, and made anew with the current one when its entry is next run. The files change in an order
//! in which a reader, who looks at the current one first, finds every key that counts, wherever it or the
//! one who replaces them is stopped.

use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretBox};

use super::files;
use crate::input;
use crate::ledger::{HmacKey, HmacKeys, LedgerError, Result};

/// Bytes of a key.
const LEN: usize = HmacKey::LEN;

/// Where the keys of a ledger are.
pub(super) struct KeyFiles {
    current: PathBuf,
    old: PathBuf,
}

impl KeyFiles {
    /// Of the ledger in this file.
    pub(super) fn of(ledger: &Path) -> Self {
        Self {
            current: files::beside(ledger, ".key"),
            old: files::beside(ledger, ".key.old"),
        }
    }

    /// As [`Self::of`], of the key that links for one org are signed with.
    pub(super) fn of_shares(ledger: &Path) -> Self {
        Self {
            current: files::beside(ledger, ".share"),
            old: files::beside(ledger, ".share.old"),
        }
    }

    /// The file of the current key.
    pub(super) fn current(&self) -> &Path {
        &self.current
    }

    /// The file of the key before.
    pub(super) fn old(&self) -> &Path {
        &self.old
    }

    /// The keys, if one was made.
    pub(super) fn read(&self) -> Result<Option<HmacKeys>> {
        // The current one first: replaced in between, it is also the old one.
        let Some(current) = read(&self.current)? else {
            return Ok(None);
        };
        let old = read(&self.old)?;
        Ok(Some(HmacKeys { current, old }))
    }

    /// The keys; the current one is made on first use. All processes get the same one.
    pub(super) fn read_or_make(&self) -> Result<HmacKeys> {
        if let Some(keys) = self.read()? {
            return Ok(keys);
        }
        let _lock = self.lock()?;
        if let Some(keys) = self.read()? {
            return Ok(keys);
        }
        let current = HmacKey::random()
            .and_then(|key| put(&self.current, &key).map(|()| key))
            .map_err(|error| LedgerError::io(&self.current, &error))?;
        let old = read(&self.old)?;
        Ok(HmacKeys { current, old })
    }

    /// One maker at a time, until the file is dropped; the file system frees the lock if it dies.
    pub(super) fn lock(&self) -> Result<File> {
        let failed = |error: io::Error| LedgerError::io(&self.current, &error);
        let lock = files::private()
            .write(true)
            .create(true)
            .truncate(false)
            .open(files::beside(&self.current, ".lock"))
            .map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(lock)
    }

    /// Puts keys of another place here: of a ledger that moved.
    pub(super) fn put(&self, keys: &HmacKeys) -> Result<()> {
        if let Some(old) = &keys.old {
            put(&self.old, old).map_err(|error| LedgerError::io(&self.old, &error))?;
        }
        self.put_current(&keys.current)
    }

    /// As [`Self::put`], of one key.
    pub(super) fn put_current(&self, key: &HmacKey) -> Result<()> {
        let _lock = self.lock()?;
        put(&self.current, key).map_err(|error| LedgerError::io(&self.current, &error))
    }

    /// Puts a new key in the current one's place, which becomes the old one. The caller holds the lock.
    pub(super) fn replace(&self, current: &HmacKey) -> Result<()> {
        // Stopped after the first of the two, the current key is merely there twice.
        put(&self.old, current).map_err(|error| LedgerError::io(&self.old, &error))?;
        HmacKey::random()
            .and_then(|key| put(&self.current, &key))
            .map_err(|error| LedgerError::io(&self.current, &error))
    }
}

fn read(path: &Path) -> Result<Option<HmacKey>> {
    let bytes = match read_regular(path) {
        Ok(bytes) => SecretBox::new(bytes.into_boxed_slice()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LedgerError::io(path, &error)),
    };
    let bytes = bytes.expose_secret();
    let key = <&[u8; LEN]>::try_from(bytes).map_err(|_| LedgerError::Corrupt {
        location: files::location(path),
        cause: match bytes.len() {
            longer if longer > LEN => format!("a key has {LEN} bytes, this file more"),
            shorter => format!("a key has {LEN} bytes, this file {shorter}"),
        },
    })?;
    let secret = SecretBox::init_with_mut(|new: &mut [u8; LEN]| {
        *new = *key;
    });
    Ok(Some(HmacKey::new(secret)))
}

/// A pipe is no key: whoever holds it could keep everybody waiting, and give each something else.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let input = input::open(path)?;
    if !input.is_regular() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::with_capacity(LEN + 1);
    input.take(LEN as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Written in full under another name first: nobody ever sees half a key.
fn put(path: &Path, key: &HmacKey) -> io::Result<()> {
    let draft = files::beside(path, ".new");
    // What a process left that died here; whoever holds the lock is alone.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = files::private().write(true).create_new(true).open(&draft)?;
    file.write_all(key.secret().expose_secret())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(folder) => files::sync_folder(folder),
        None => Ok(()),
    }
}
