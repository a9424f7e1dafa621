//! The key that links for one org are signed with, which of them were taken back, and where the desk is.

use super::Store;
use super::held::Held;
use super::locks::Kind;
use crate::ledger::{HmacKey, Result};

impl Store {
    /// Made of the key of the fingerprints: it need not be stored.
    pub async fn share_key(&self) -> Result<HmacKey> {
        todo_stub!()
    }

    pub async fn made_share_key(&self) -> Result<Option<HmacKey>> {
        todo_stub!()
    }

    pub async fn share_generation(&self, org_url: &str) -> Result<u64> {
        let _ = org_url;
        todo_stub!()
    }

    pub async fn take_back_shares(&self, org_url: &str) -> Result<()> {
        let _ = org_url;
        todo_stub!()
    }

    pub async fn announce_desk(&self, url: &str) -> Result<Option<Held>> {
        let held = self.lock(Kind::Desk.key(""), Some(url.to_owned())).await?;
        Ok(held.ok())
    }

    pub async fn desk(&self) -> Result<Option<String>> {
        todo_stub!()
    }
}
