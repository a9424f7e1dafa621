//! Partitions that are taken and given back on the owner's session.

use super::Owner;
use crate::ledger::Result;
use crate::ledger::partitions::{Partition, Turn};
use crate::ledger::postgres::asks::Ask;
use crate::ledger::postgres::locks::Kind;
use crate::ledger::postgres::partition_locks;

impl Owner {
    /// What the keeper of partitions asks for.
    pub(super) async fn partitions(&self, ask: Ask) {
        match ask {
            Ask::Look(reply) => {
                let looked = async {
                    let session = self.session().await?;
                    self.answer(partition_locks::look(&session)).await
                };
                drop(reply.send(looked.await));
            }
            Ask::Do(turn, reply) => drop(reply.send(self.take_turn(turn).await)),
            Ask::End(sessions) => {
                // Who may not is told what it waits for by `status`.
                if let Ok(session) = self.session().await {
                    let ended = partition_locks::end_stuck(&session, &sessions);
                    drop(self.answer(ended).await);
                }
            }
        }
    }

    async fn take_turn(&self, turn: Turn) -> Result<Vec<Partition>> {
        let gives: Vec<i64> = turn
            .gives
            .iter()
            .map(|one| partition_locks::key(Kind::Partition, *one))
            .collect();
        let done = async {
            let mut session = self.session().await?;
            let asked = std::mem::take(&mut session.state.asked);
            let doing = async {
                partition_locks::give_back(&session, &gives).await?;
                partition_locks::ask(&session, &asked, &turn.asks).await?;
                partition_locks::take(&session, &turn.takes).await
            };
            let taken = self.answer(doing).await?;
            self.tally.turned(gives.len(), taken.len(), turn.asks.len());
            session.state.asked = turn.asks;
            Ok(taken)
        };
        let done: Result<Vec<Partition>> = done.await;
        if done.is_err() {
            // Nobody knows what it took.
            self.lose(&mut *self.state.lock().await);
        }
        let mut held = self.held.lock();
        // A session that is gone holds nothing.
        held.retain(|key| !gives.contains(key));
        let taken = done.as_ref().map(Vec::as_slice).unwrap_or_default();
        held.extend(
            taken
                .iter()
                .map(|one| partition_locks::key(Kind::Partition, *one)),
        );
        done
    }
}
