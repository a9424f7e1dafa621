//! The key of the fingerprints that tell whether a secret changed. It is not in the database: where it is the address
//! says (`?key=`), or it is in `OKTA_ROLLOUT_LEDGER_KEY`. In the database is only what it makes of a constant, so that
//! all processes have the same.

use super::Store;
use crate::ledger::{Forgetting, HmacKeys, Result, Rotation};

impl Store {
    pub async fn keys(&self) -> Result<HmacKeys> {
        todo_stub!()
    }

    pub async fn rotate_key(&self, forgetting: Forgetting) -> Result<Option<Rotation>> {
        let _ = forgetting;
        todo_stub!()
    }
}
