//! Where the key of a ledger that is moved here belongs: it is put there unless it is there.

use std::path::PathBuf;

use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::key::{KeyPlace, check, read};
use super::{Store, own_key};
use crate::ledger::{HmacKey, HmacKeys, LedgerError, Result};
use crate::manifest::files_of;

const OTHER: &str = "name a file that is not there, and it is put there: ?key=file:PATH; or leave ?key= and OKTA_ROLLOUT_LEDGER_KEY away, and it is put into ~/.okta-rollout";

/// The keys of a ledger that is moved here; `None` = it has none.
pub(super) struct MovedIn(Option<Keys>);

struct Keys {
    keys: HmacKeys,
    /// The file that is to be made; `None` = they are where they belong.
    missing: Option<PathBuf>,
}

impl Store {
    /// Looks whether the keys of the ledger with this id are where they belong; refused where others are.
    pub(super) async fn moved_in(&self, id: &str, keys: Option<HmacKeys>) -> Result<MovedIn> {
        let Some(keys) = keys else {
            return Ok(MovedIn(None));
        };
        let (given, file) = match self.key_place_of(id)? {
            KeyPlace::Own(path) => (own_keys(&path)?, Some(path)),
            KeyPlace::Named(reference) => {
                let file = files_of(&reference, &self.inner.target.url.folder).pop();
                let is_missing = file.as_ref().is_some_and(|file| !file.exists());
                let given = if is_missing {
                    None
                } else {
                    Some(self.given_keys().await?)
                };
                (given, file)
            }
        };
        let Some(given) = given else {
            return Ok(MovedIn(Some(Keys {
                keys,
                missing: file,
            })));
        };
        let is_given = |key: &HmacKey| given.iter().any(|one| one.id() == key.id());
        if !is_given(&keys.current) || !keys.old.as_ref().is_none_or(is_given) {
            let cause = "the key given here is not that of the ledger that is moved".to_owned();
            return Err(self.inner.target.unfit(cause, OTHER));
        }
        Ok(MovedIn(Some(Keys {
            keys,
            missing: None,
        })))
    }
}

impl MovedIn {
    /// Puts them where they belong.
    pub(super) fn put(&self) -> Result<()> {
        let Some(Keys {
            keys,
            missing: Some(path),
        }) = &self.0
        else {
            return Ok(());
        };
        let mut text = Zeroizing::new(String::new());
        // After a rotation that was stopped half-way both are the same.
        let old = keys.old.as_ref();
        let old = old.filter(|old| old.id() != keys.current.id());
        for key in [Some(&keys.current), old].into_iter().flatten() {
            text.push_str(&Zeroizing::new(hex::encode(key.secret().expose_secret())));
            text.push('\n');
        }
        own_key::put(path, &text).map_err(|error| LedgerError::Io {
            location: path.display().to_string(),
            cause: error.to_string(),
        })
    }

    /// What tells a process that has others.
    pub(super) fn check(&self) -> Option<[u8; 32]> {
        self.0.as_ref().map(|keys| check(&keys.keys.current))
    }
}

/// What is there already; `None` = nothing.
fn own_keys(path: &std::path::Path) -> Result<Option<Vec<HmacKey>>> {
    let unreadable = |cause: String| LedgerError::Io {
        location: path.display().to_string(),
        cause,
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let keys = read(&text.into());
    keys.map(Some)
        .ok_or_else(|| unreadable("it is no key of 64 hexadecimal digits, or two".to_owned()))
}
