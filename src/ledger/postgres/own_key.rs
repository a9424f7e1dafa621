//! What belongs to a ledger and is no matter of the database: `~/.okta-rollout/ID` and what follows, of whoever works with
//! it. There is the key of the fingerprints, `ID.key`, where nobody says where it is: made by who is first. Who works with
//! the ledger elsewhere is given the same file.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::ledger::{HmacKey, files};

/// What names of files of the ledger with this id begin with; `None` = whoever works has no home.
pub(super) fn place(id: &str) -> Option<PathBuf> {
    let home = std::env::home_dir().filter(|home| home.is_absolute())?;
    Some(home.join(".okta-rollout").join(id))
}

/// Makes it unless it is there; nobody ever sees half of it.
pub(super) fn make(path: &Path) -> io::Result<()> {
    let key = HmacKey::random()?;
    let digits = Zeroizing::new(hex::encode(key.secret().expose_secret()));
    put(path, &digits)
}

/// Puts this there, unless something is.
pub(super) fn put(path: &Path, digits: &str) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
    files::create_private_folder(folder)?;
    // 0600, whatever the umask is.
    let mut draft = NamedTempFile::new_in(folder)?;
    writeln!(draft, "{}", digits.trim_end())?;
    draft.as_file().sync_all()?;
    match draft.persist_noclobber(path) {
        Err(refused) if refused.error.kind() != io::ErrorKind::AlreadyExists => Err(refused.error),
        _ => files::sync_folder(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/a.key");
        make(&path).unwrap();
        let made = std::fs::read_to_string(&path).unwrap();
        assert_eq!(made.trim_end().len(), 2 * HmacKey::LEN);
        assert!(made.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit()));
        let access = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (access(&path), access(path.parent().unwrap())),
            (0o600, 0o700)
        );
        make(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), made);
        let left = std::fs::read_dir(path.parent().unwrap()).unwrap();
        assert_eq!(left.count(), 1);
    }
}
