//! What is kept beside a ledger for people who have no part in it: the key of links for one org, and where the desk is.

use super::store::{DeskMark, OfBackend, Store};
use super::{HmacKey, Ledger, Result};

impl Ledger {
    /// The key that links for one org are signed with, made on first use.
    ///
    /// # Errors
    /// As [`Self::keys`].
    pub async fn share_key(&self) -> Result<HmacKey> {
        match &self.store {
            Store::Sqlite(store) => store.share_key(),
            Store::Postgres(store) => Box::pin(store.share_key()).await,
        }
    }

    /// The same, if it was made.
    pub async fn made_share_key(&self) -> Result<Option<HmacKey>> {
        match &self.store {
            Store::Sqlite(store) => store.made_share_key(),
            Store::Postgres(store) => Box::pin(store.made_share_key()).await,
        }
    }

    /// The generation of links for the org with this URL that are good; those of any other were taken back.
    pub async fn share_generation(&self, org_url: &str) -> Result<u64> {
        match &self.store {
            Store::Sqlite(store) => store.share_generation(org_url),
            Store::Postgres(store) => Box::pin(store.share_generation(org_url)).await,
        }
    }

    /// Takes back every link for an org that was made so far: links are of the next generation from now on.
    pub async fn take_back_shares(&self, org_url: &str) -> Result<()> {
        match &self.store {
            Store::Sqlite(store) => store.take_back_shares(org_url),
            Store::Postgres(store) => Box::pin(store.take_back_shares(org_url)).await,
        }
    }

    /// Says where the desk of this process is, until what is returned is dropped; `None` = another process has one.
    pub async fn announce_desk(&self, url: &str) -> Result<Option<DeskMark>> {
        Ok(match &self.store {
            Store::Sqlite(store) => store.announce_desk(url)?.map(OfBackend::Sqlite),
            Store::Postgres(store) => Box::pin(store.announce_desk(url))
                .await?
                .map(OfBackend::Postgres),
        }
        .map(DeskMark))
    }

    /// Where the desk is that works on this ledger, if there is one.
    pub async fn desk(&self) -> Result<Option<String>> {
        match &self.store {
            Store::Sqlite(store) => store.desk(),
            Store::Postgres(store) => Box::pin(store.desk()).await,
        }
    }
}
