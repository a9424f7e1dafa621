//! What other processes change: they wake whoever listens (LISTEN, NOTIFY), and since a connection may be half open, it is
//! looked for as well.

use std::sync::atomic::Ordering;

use futures_util::stream::{self, Stream};

use super::Store;
use crate::ledger::{Known, Result};

impl Store {
    #[expect(clippy::unused_async, reason = "to be written: todo_stub")]
    pub async fn changes(&self) -> Result<impl Stream<Item = Result<()>> + use<>> {
        // Heard of by `connect_to_hear`, looked for in the sequence `change`; counts up `others`.
        let stub: Result<()> = todo_stub!();
        stub?;
        Ok(stream::pending())
    }

    pub fn is_current(&self, known: &Known) -> bool {
        known.as_of == self.inner.others.load(Ordering::Relaxed)
    }
}
