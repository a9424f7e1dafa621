//! The key of the fingerprints that tell whether a secret changed. It is not in the database: where it is the address
//! says (`?key=`), or it is in `OKTA_ROLLOUT_LEDGER_KEY`, or in the home of who works with the ledger (`own_key.rs`). In
//! the database is only what it makes of a constant, so that all processes have the same.
//!
//! A key is 64 hexadecimal digits. To replace it, a new one is put before the one there is, wherever a process has it;
//! which of the two is the current one the database says. So processes can be given the two one after the other.

use std::path::PathBuf;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::Sha256;

use super::locks::{self, Kind};
use super::session::{Connection, Row};
use super::{Store, own_key};
use crate::ledger::{Forgetting, HmacKey, HmacKeys, KeyId, LedgerError, Result, Rotation};
use crate::manifest::{ExecPolicy, SecretRef, SecretUse, Secrets};

/// Where it is when the address does not say.
const VARIABLE: &str = "env:OKTA_ROLLOUT_LEDGER_KEY";

const MAKE: &str = "give one of 64 hexadecimal digits: openssl rand -hex 32 > ledger.key, then ?key=file:ledger.key, or OKTA_ROLLOUT_LEDGER_KEY";

const ADD: &str = "put a new key on a line before it, wherever a process has it, then run the command again: openssl rand -hex 32";

const SAME: &str =
    "give it the key that the other processes have: ?key=file:PATH, or OKTA_ROLLOUT_LEDGER_KEY";

impl Store {
    pub async fn keys(&self) -> Result<HmacKeys> {
        if let Some(keys) = self.made_keys().await? {
            return Ok(keys);
        }
        if self.inner.writer.is_none() {
            return Err(LedgerError::ReadOnly {
                location: self.location().to_owned(),
                cause: "it was never used with a key and was opened for reading only".into(),
            });
        }
        if let KeyPlace::Own(path) = self.key_place()? {
            own_key::make(&path).map_err(|error| LedgerError::Io {
                location: path.display().to_string(),
                cause: error.to_string(),
            })?;
        }
        let given = self.given_keys().await?;
        let transaction = self.begin().await?;
        let sql = "UPDATE ledger SET key_check = $1 WHERE key_check IS NULL";
        let check = given.first().map(check).map(Vec::from);
        transaction.execute(sql, &[&check]).await?;
        transaction.commit().await?;
        // Another process may have been faster, with another key.
        let made = self.made_keys().await?;
        made.ok_or_else(|| LedgerError::unreadable(self.location(), "its key was forgotten"))
    }

    /// Whether the key that is given is the one that it is used with, or may become that.
    pub async fn check_key(&self) -> Result<()> {
        if self.made_keys().await?.is_some() {
            return Ok(());
        }
        match self.key_place()? {
            KeyPlace::Named(_) => self.given_keys().await.map(drop),
            // It is made when it is used first.
            KeyPlace::Own(_) => Ok(()),
        }
    }

    /// The keys, once one was used.
    pub(super) async fn made_keys(&self) -> Result<Option<HmacKeys>> {
        // As it is now, whatever else is read as of.
        let session = self.inner.pool.take().await?;
        let Some(wanted) = key_check(&session, "").await? else {
            return Ok(None);
        };
        let mut given = self.given_keys().await?;
        let Some(at) = given.iter().position(|key| check(key) == wanted) else {
            return Err(self.other_key());
        };
        let current = given.remove(at);
        let old = given.pop();
        Ok(Some(HmacKeys { current, old }))
    }

    pub async fn rotate_key(&self, forgetting: Forgetting) -> Result<Option<Rotation>> {
        let held = locks::all_held(&*self.reader().await?).await?;
        for run in self.runs().await? {
            if held.contains(&Kind::Run.key(&run.id.0)) {
                // The lock's own error says who holds it.
                drop(self.lock_run(&run.id).await?);
            }
        }
        let transaction = self.begin().await?;
        let Some(stored) = key_check(&transaction, "FOR UPDATE").await? else {
            return Ok(None);
        };
        let given = self.given_keys().await?;
        let (new, current) = match given.as_slice() {
            [new, current] if check(current) == stored => (new, current),
            [current, ..] if check(current) == stored => {
                let target = &self.inner.target;
                return Err(target.unfit("it has no new key yet".to_owned(), ADD));
            }
            _ => return Err(self.other_key()),
        };
        let rotation = rotation(&transaction, [new.id(), current.id()]).await?;
        if rotation.forgotten > 0 && forgetting == Forgetting::Refused {
            return Err(LedgerError::KeyInUse {
                location: format!(
                    "{} before the last rotation",
                    self.key_place()?.reference(self.location())?.as_str()
                ),
                fingerprints: rotation.forgotten,
            });
        }
        let sql = "UPDATE app SET hmac = NULL, key_id = NULL WHERE hmac IS NOT NULL AND key_id <> ALL($1)";
        let known = [new.id().to_vec(), current.id().to_vec()];
        transaction.execute(sql, &[&known.as_slice()]).await?;
        let sql = "UPDATE ledger SET key_check = $1";
        transaction.execute(sql, &[&check(new).as_slice()]).await?;
        transaction.commit().await?;
        Ok(Some(rotation))
    }

    /// One, or two: the one that is to be the current one comes first.
    pub(super) async fn given_keys(&self) -> Result<Vec<HmacKey>> {
        let unfit = |cause: String, remedy| self.inner.target.unfit(cause, remedy);
        let place = self.key_place()?;
        if let KeyPlace::Own(path) = &place
            && !path.exists()
        {
            let cause = format!("its key is not here: {} is missing", path.display());
            return Err(unfit(cause, SAME));
        }
        let reference = place.reference(self.location())?;
        let secrets = Secrets::new(&self.inner.target.url.folder, ExecPolicy::Refuse);
        let text = secrets.resolve(&reference, SecretUse::PrivateKey).await;
        let text = text.map_err(|error| unfit(error.to_string(), MAKE))?;
        let wrong = || {
            let at = reference.as_str();
            let cause = format!("{at} is not a key of 64 hexadecimal digits, or two of them");
            unfit(cause, MAKE)
        };
        read(&text).ok_or_else(wrong)
    }

    fn key_place(&self) -> Result<KeyPlace> {
        self.key_place_of(&self.inner.id)
    }

    /// The same, of a ledger with this id at this address.
    pub(super) fn key_place_of(&self, id: &str) -> Result<KeyPlace> {
        let url = &self.inner.target.url;
        if let Some(reference) = &url.key {
            return Ok(KeyPlace::Named(reference.clone()));
        }
        let variable = SecretRef::parse(VARIABLE)
            .map_err(|error| LedgerError::unreadable(self.location(), &error))?;
        let secrets = Secrets::new(&url.folder, ExecPolicy::Refuse);
        if secrets.probe(&variable, SecretUse::PrivateKey).is_ok() {
            return Ok(KeyPlace::Named(variable));
        }
        let nowhere = || {
            let cause =
                "there is no key for the fingerprints of secrets, and no home to keep one in";
            self.inner.target.unfit(cause.to_owned(), MAKE)
        };
        let place = own_key::place(id).map(|place| place.with_extension("key"));
        place.map(KeyPlace::Own).ok_or_else(nowhere)
    }

    fn other_key(&self) -> LedgerError {
        let cause = "the key given here is not the one that it is used with".to_owned();
        self.inner.target.unfit(cause, SAME)
    }
}

/// Where the key is.
pub(super) enum KeyPlace {
    /// Where the address says, or in the environment.
    Named(SecretRef),
    /// In the home of who works.
    Own(PathBuf),
}

impl KeyPlace {
    fn reference(&self, location: &str) -> Result<SecretRef> {
        match self {
            Self::Named(reference) => Ok(reference.clone()),
            Self::Own(path) => SecretRef::parse(&format!("file:{}", path.display()))
                .map_err(|error| LedgerError::unreadable(location, &error)),
        }
    }
}

impl HmacKey {
    /// The key that links for one org are signed with.
    pub(super) fn of_shares(&self) -> Self {
        let made = derived(self, "links");
        Self::new(SecretBox::init_with_mut(|key: &mut [u8; Self::LEN]| {
            *key = made;
        }))
    }
}

/// What tells a key from others, and gives nothing of it away.
pub(super) fn check(key: &HmacKey) -> [u8; 32] {
    derived(key, "check")
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn derived(key: &HmacKey, purpose: &str) -> [u8; 32] {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.secret().expose_secret()).expect("a key of 32 bytes");
    mac.update(format!("okta-rollout ledger: {purpose}").as_bytes());
    mac.finalize().into_bytes().into()
}

pub(super) fn read(text: &SecretString) -> Option<Vec<HmacKey>> {
    let keys = text.expose_secret().split_whitespace().map(|digits| {
        let mut is_key = false;
        let secret = SecretBox::init_with_mut(|key: &mut [u8; HmacKey::LEN]| {
            is_key = hex::decode_to_slice(digits, key).is_ok();
        });
        is_key.then(|| HmacKey::new(secret))
    });
    let keys: Option<Vec<HmacKey>> = keys.collect();
    keys.filter(|keys| (1..=2).contains(&keys.len()))
}

async fn key_check(session: &Connection, lock: &str) -> Result<Option<[u8; 32]>> {
    let sql = format!("SELECT key_check FROM ledger {lock}");
    session.query_one(&sql, &[]).await?.bytes(0)
}

/// What becomes of fingerprints once the first key has taken the second one's place.
async fn rotation(session: &Connection, [new, current]: [KeyId; 2]) -> Result<Rotation> {
    let sql = "SELECT count(*) FILTER (WHERE key_id = $2),
             count(*) FILTER (WHERE key_id NOT IN ($1, $2))
         FROM app WHERE hmac IS NOT NULL";
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
        [&new.as_slice(), &current.as_slice()];
    let row: Row = session.query_one(sql, &params).await?;
    Ok(Rotation {
        to_renew: row.count(0)?,
        forgotten: row.count(1)?,
    })
}
