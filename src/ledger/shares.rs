//! What is kept beside a ledger for people who have no part in it: the key of links for one org, and where the desk is.

use std::collections::BTreeMap;

use super::{DeskMark, HmacKey, Ledger, Result};
use crate::model::UnixMillis;

impl Ledger {
    /// The key that links for one org are signed with, made on first use.
    ///
    /// # Errors
    /// As [`Self::keys`].
    pub fn share_key(&self) -> Result<HmacKey> {
        self.store.share_key()
    }

    /// The same, if it was made.
    pub fn made_share_key(&self) -> Result<Option<HmacKey>> {
        self.store.made_share_key()
    }

    /// Since when links for an org are of no use that were made before, by its URL.
    pub fn taken_back(&self) -> Result<BTreeMap<String, UnixMillis>> {
        self.store.taken_back()
    }

    /// Takes back every link for an org that was made up to then.
    pub fn take_back(&self, org_url: &str, at: UnixMillis) -> Result<()> {
        self.store.take_back(org_url, at)
    }

    /// Says where the desk of this process is, until what is returned is dropped; `None` = another process has one.
    pub fn announce_desk(&self, url: &str) -> Result<Option<DeskMark>> {
        self.store.announce_desk(url)
    }

    /// Where the desk is that works on this ledger, if there is one.
    pub fn desk(&self) -> Result<Option<String>> {
        self.store.desk()
    }
}
