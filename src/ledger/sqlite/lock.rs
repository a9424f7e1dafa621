//! One process per run: a lock on a file beside the ledger, which the system frees when its holder
//! ends, however it ends. What the file says is only for the message to a second process.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{Inner, files, holder};
use crate::ledger::{LedgerError, Result};
use crate::model::RunId;

/// Tries before a lock counts as held: [`is_locked`] holds it for an instant as well.
const TRIES: u32 = 5;

/// Between tries.
const PAUSE: Duration = Duration::from_millis(5);

/// What the desk of a ledger holds; no run's id has its letters.
const DESK: &str = "desk.lock";

/// Letters of the name of a lock for a file; no run's id is as long.
const FILE_NAME: usize = 32;

/// Longest holder text that is read back, in bytes.
const HOLDER: u64 = 300;

/// A run that is held, as the ledger says, too; given back on drop.
#[derive(Debug)]
pub struct HeldRun {
    ledger: Weak<Inner>,
    run: RunId,
    // After what the ledger says: whoever gets it must not find this process there.
    _lock: FileLock,
}

impl HeldRun {
    pub(super) fn new(lock: FileLock, ledger: &Arc<Inner>, run: &RunId) -> Self {
        Self {
            ledger: Arc::downgrade(ledger),
            run: run.clone(),
            _lock: lock,
        }
    }
}

impl Drop for HeldRun {
    fn drop(&mut self) {
        // A ledger that cannot be written any more is told by whoever writes; a process that ended holds nothing.
        if let Some(ledger) = self.ledger.upgrade()
            && let Ok(writer) = ledger.writer()
        {
            let run = self.run.clone();
            drop(writer.write_blocking(move |connection| holder::set(connection, &run.0, None)));
        }
    }
}

/// A lock on a file beside the ledger; given back on drop.
#[derive(Debug)]
pub struct FileLock {
    path: PathBuf,
    // Closing it frees the lock.
    _file: File,
}

impl FileLock {
    pub(super) fn acquire(folder: &Path, run: &RunId) -> Result<Self> {
        Self::lock(folder, &path_of(folder, run))?.map_err(|by| LedgerError::Held {
            run: run.clone(),
            by,
        })
    }

    /// The right to start a run of the file with this key.
    pub(super) fn for_file(folder: &Path, file_key: &str) -> Result<Self> {
        let name = hex::encode(&Sha256::digest(file_key)[..FILE_NAME / 2]);
        Self::lock(folder, &folder.join(format!("{name}.lock")))?
            .map_err(|by| LedgerError::Starting { by })
    }

    /// The right to be the desk of the ledger; `None` = another process is.
    pub(super) fn of_desk(folder: &Path) -> Result<Option<Self>> {
        Ok(Self::lock(folder, &folder.join(DESK))?.ok())
    }

    // Or who holds it.
    fn lock(folder: &Path, path: &Path) -> Result<Result<Self, String>> {
        files::create_private_folder(folder).map_err(|error| LedgerError::io(folder, &error))?;
        let failed = |error| LedgerError::io(path, &error);
        for _ in 0..TRIES {
            let mut file = files::private()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(failed)?;
            match file.try_lock() {
                // Its last holder may have removed it after we opened it.
                Ok(()) if is_at(&file, path) => {
                    sign(&mut file).map_err(failed)?;
                    return Ok(Ok(Self {
                        path: path.to_owned(),
                        _file: file,
                    }));
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        Ok(Err(holder(path).unwrap_or_else(|| "another process".into())))
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // While still holding it, so that nobody else's lock is removed. Left behind it does no harm.
        if cfg!(unix) {
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Whether some process is the desk of the ledger. Writes nothing.
pub(super) fn has_desk(folder: &Path) -> Result<bool> {
    is_held(&folder.join(DESK))
}

/// Whether some process holds the run. Writes nothing.
pub(super) fn is_locked(folder: &Path, run: &RunId) -> Result<bool> {
    is_held(&path_of(folder, run))
}

fn is_held(path: &Path) -> Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(LedgerError::io(path, &error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(LedgerError::io(path, &error)),
    }
}

/// Which process holds the run, if one does. Writes nothing.
pub(super) fn holder_of(folder: &Path, run: &RunId) -> Result<Option<String>> {
    if !is_locked(folder, run)? {
        return Ok(None);
    }
    let named = holder(&path_of(folder, run));
    Ok(Some(named.unwrap_or_else(|| "another process".into())))
}

/// What any process holds of a ledger, and which process: `run abcd is held`. Writes nothing.
pub(super) fn any_held(folder: &Path) -> Result<Option<(String, String)>> {
    let failed = |error: io::Error| LedgerError::io(folder, &error);
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    for file in found {
        let path = file.map_err(failed)?.path();
        if path.extension().is_none_or(|suffix| suffix != "lock") || !is_held(&path)? {
            continue;
        }
        let what = match path.file_stem().and_then(OsStr::to_str) {
            _ if path.ends_with(DESK) => "a desk is open".to_owned(),
            Some(run) if run.len() < FILE_NAME => format!("run {run} is held"),
            _ => "a run is just being started".to_owned(),
        };
        let by = holder(&path).unwrap_or_else(|| "another process".into());
        return Ok(Some((what, by)));
    }
    Ok(None)
}

fn path_of(folder: &Path, run: &RunId) -> PathBuf {
    folder.join(format!("{}.lock", run.0))
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(there)) => id(ours) == id(there),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true // never removed there
}

fn sign(file: &mut File) -> std::io::Result<()> {
    let host = gethostname::gethostname();
    let since = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    file.set_len(0)?;
    file.rewind()?;
    write!(
        file,
        "pid {} on {} since {since}",
        std::process::id(),
        host.to_string_lossy()
    )
}

fn holder(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(HOLDER).read_to_string(&mut text).ok()?;
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    (!text.is_empty()).then_some(text)
}
