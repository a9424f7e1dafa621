//! What is kept beside a ledger for people who have no part in it: the key of links for one org, and where the desk is.

use super::{DeskMark, HmacKey, Ledger, Result};

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

    /// The generation of links for the org with this URL that are good; those of any other were taken back.
    pub fn share_generation(&self, org_url: &str) -> Result<u64> {
        self.store.share_generation(org_url)
    }

    /// Takes back every link for an org that was made so far: links are of the next generation from now on.
    pub fn take_back_shares(&self, org_url: &str) -> Result<()> {
        self.store.take_back_shares(org_url)
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
