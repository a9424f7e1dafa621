//! The key that links for one org are signed with, which of them were taken back, and where the desk is.

use super::Store;
use super::held::Held;
use super::locks::{self, Kind};
use crate::ledger::{HmacKey, Result};

impl Store {
    /// Made of the key of the fingerprints: it need not be stored. Once that is replaced, links end.
    pub async fn share_key(&self) -> Result<HmacKey> {
        Ok(self.keys().await?.current.of_shares())
    }

    pub async fn made_share_key(&self) -> Result<Option<HmacKey>> {
        let keys = self.made_keys().await?;
        Ok(keys.map(|keys| keys.current.of_shares()))
    }

    pub async fn share_generation(&self, org_url: &str) -> Result<u64> {
        let sql = "SELECT generation FROM share WHERE org_url = $1";
        let row = self.reader().await?.query_opt(sql, &[&org_url]).await?;
        row.map_or(Ok(0), |row| row.count(0))
    }

    pub async fn take_back_shares(&self, org_url: &str) -> Result<()> {
        let transaction = self.begin().await?;
        let sql = "INSERT INTO share (org_url, generation) VALUES ($1, 1)
             ON CONFLICT (org_url) DO UPDATE SET generation = share.generation + 1";
        transaction.execute(sql, &[&org_url]).await?;
        transaction.commit().await
    }

    pub async fn announce_desk(&self, url: &str) -> Result<Option<Held>> {
        let held = self.lock(Kind::Desk.key(""), Some(url.to_owned())).await?;
        Ok(held.ok())
    }

    pub async fn desk(&self) -> Result<Option<String>> {
        let reader = self.reader().await?;
        let key = Kind::Desk.key("");
        // What one that was killed left says nothing.
        if !locks::is_held(&reader, key).await? {
            return Ok(None);
        }
        let sql = "SELECT about FROM holder WHERE lock = $1";
        let row = reader.query_opt(sql, &[&key]).await?;
        row.map_or(Ok(None), |row| row.get(0))
    }
}
