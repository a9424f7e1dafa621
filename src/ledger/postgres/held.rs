//! What a process holds of a ledger, until it gives it back or its session ends.

use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::mpsc::WeakUnboundedSender;
use tokio::sync::oneshot;

use super::Store;
use super::locks::{self, Kind, Lock};
use super::owner::Command;
use crate::ledger::{LedgerError, Result};
use crate::model::RunId;

/// What is said of the lock of a run that others may join.
const OPEN: &str = "others may join";

/// How long giving a lock back is waited for: another process that looks at once finds it free.
const GIVE_BACK: Duration = Duration::from_secs(2);

/// What is held until this is dropped, or the session ends.
#[derive(Debug)]
pub struct Held {
    key: i64,
    // A ledger that is closed holds nothing.
    commands: WeakUnboundedSender<Command>,
    thread: std::thread::ThreadId,
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(commands) = self.commands.upgrade() else {
            return;
        };
        let (done, is_done) = mpsc::sync_channel(1);
        let told = commands.send(Command::Unlock(self.key, done));
        drop(commands);
        // The ledger's own thread would wait for itself.
        if told.is_ok() && std::thread::current().id() != self.thread {
            is_done.recv_timeout(GIVE_BACK).ok();
        }
    }
}

impl Store {
    pub async fn lock_run(&self, id: &RunId) -> Result<Held> {
        let held = self.lock(Kind::Run.key(&id.0), None).await?;
        held.map_err(|by| LedgerError::Held {
            run: id.clone(),
            by,
        })
    }

    pub async fn lock_file(&self, file_key: &str) -> Result<Held> {
        let held = self.lock(Kind::File.key(file_key), None).await?;
        held.map_err(|by| LedgerError::Starting { by })
    }

    pub async fn invite(&self, run: &RunId) -> Result<()> {
        let transaction = self.begin().await?;
        let sql = "UPDATE holder SET about = $2 WHERE lock = $1";
        let key = Kind::Run.key(&run.0);
        transaction.execute(sql, &[&key, &OPEN]).await?;
        transaction.commit().await
    }

    pub async fn is_open(&self, run: &RunId) -> Result<bool> {
        let reader = self.reader().await?;
        let key = Kind::Run.key(&run.0);
        let sql = "SELECT EXISTS (SELECT 1 FROM holder WHERE lock = $1 AND about = $2)";
        let says = reader.query_one(sql, &[&key, &OPEN]).await?.get(0)?;
        Ok(says && locks::is_held(&reader, key).await?)
    }

    pub async fn is_locked(&self, id: &RunId) -> Result<bool> {
        locks::is_held(&*self.reader().await?, Kind::Run.key(&id.0)).await
    }

    /// Whether the session that holds all this answered within the last second, or does so now.
    pub async fn still_holds(&self) -> Result<()> {
        let writer = self.writer()?;
        if writer.owner.answered_lately() {
            return Ok(());
        }
        let (reply, answer) = oneshot::channel();
        let lost = || LedgerError::lost(self.location());
        let told = writer.commands.send(Command::Look(reply));
        told.map_err(|_| lost())?;
        answer.await.map_err(|_| lost())?
    }

    /// The lock, or who has it.
    pub(super) async fn lock(
        &self,
        key: i64,
        about: Option<String>,
    ) -> Result<Result<Held, String>> {
        let writer = self.writer()?;
        let (reply, answer) = oneshot::channel();
        let lock = Lock { key, about };
        let lost = || LedgerError::lost(self.location());
        let told = writer.commands.send(Command::Lock(lock, reply));
        told.map_err(|_| lost())?;
        let taken = answer.await.map_err(|_| lost())??;
        Ok(taken.map(|()| Held {
            key,
            commands: writer.commands.downgrade(),
            thread: writer.thread,
        }))
    }
}
