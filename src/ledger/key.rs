//! The key of the fingerprints that tell whether a secret changed. It lies beside the ledger, not in
//! it: a copy of the ledger alone cannot be used to try out guesses of a secret.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use rand::TryRng;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox};

use super::error::LedgerError;
use super::files;

/// 256 bits: what HMAC-SHA-256 can use (RFC 2104 §3).
const LEN: usize = 32;

/// The key in `path`, if one was made.
pub(super) fn read(path: &Path) -> Result<Option<SecretBox<[u8; LEN]>>, LedgerError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => SecretBox::new(bytes.into_boxed_slice()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LedgerError::io(path, &error)),
    };
    let bytes = bytes.expose_secret();
    let key = <&[u8; LEN]>::try_from(bytes).map_err(|_| LedgerError::Corrupt {
        path: path.to_owned(),
        cause: format!("a key has {LEN} bytes, this file {}", bytes.len()),
    })?;
    Ok(Some(SecretBox::init_with_mut(|new: &mut [u8; LEN]| {
        *new = *key;
    })))
}

/// The key in `path`, made on first use. All processes get the same one.
pub(super) fn read_or_make(path: &Path) -> Result<SecretBox<[u8; LEN]>, LedgerError> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    let failed = |error: io::Error| LedgerError::io(path, &error);
    // One maker at a time; the file system frees the lock if it dies.
    let lock_path = files::beside(path, ".lock");
    let lock = files::private()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock_path)
        .map_err(failed)?;
    lock.lock().map_err(failed)?;
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    make(path).map_err(failed)
}

/// Written in full under another name first: nobody ever sees half a key.
fn make(path: &Path) -> io::Result<SecretBox<[u8; LEN]>> {
    let mut key = SecretBox::new(Box::new([0; LEN]));
    SysRng
        .try_fill_bytes(key.expose_secret_mut())
        .map_err(io::Error::other)?;
    let draft = files::beside(path, ".new");
    let mut file = files::private()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&draft)?;
    file.write_all(key.expose_secret())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    if let Some(folder) = path.parent() {
        files::sync_folder(folder)?;
    }
    Ok(key)
}
