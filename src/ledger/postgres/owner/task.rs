//! The owner's task: what it is told, in order, and signs of life in between.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::MissedTickBehavior;

use super::{Command, Owner};
use crate::ledger::postgres::group::Group;

/// Checkpoints in one transaction at most.
const GROUP: usize = 512;

/// Between two signs of life on an idle session: see `idle_session_timeout` in `connect.rs`.
const PING: Duration = Duration::from_millis(500);

/// Ends when nobody can tell it anything any more.
pub(in crate::ledger::postgres) async fn run(
    owner: Arc<Owner>,
    mut commands: UnboundedReceiver<Command>,
) {
    let most = if owner.abort_after.is_some() {
        1
    } else {
        GROUP
    };
    let mut ping = tokio::time::interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next = VecDeque::new();
    loop {
        let command = if let Some(command) = next.pop_front() {
            command
        } else {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => command,
                    None => return owner.end().await,
                },
                _ = ping.tick() => {
                    owner.ping().await;
                    continue;
                }
            }
        };
        match command {
            Command::Commit(checkpoint, mut wakes, reply) => {
                let mut group = Group::new(checkpoint, reply);
                while group.replies.len() < most {
                    let Some(command) = next.pop_front().or_else(|| commands.try_recv().ok())
                    else {
                        break;
                    };
                    let other = match command {
                        Command::Commit(checkpoint, too, reply) => {
                            let other = group.add(checkpoint, reply);
                            if other.is_none() {
                                wakes = wakes.max(too);
                            }
                            other.map(|(checkpoint, reply)| Command::Commit(checkpoint, too, reply))
                        }
                        other => Some(other),
                    };
                    if let Some(other) = other {
                        next.push_front(other);
                        break;
                    }
                }
                let outcomes = owner.commit(&group.checkpoints, wakes).await;
                for (reply, outcome) in group.replies.into_iter().zip(outcomes) {
                    // Nobody waits any more when the caller was cancelled.
                    drop(reply.send(outcome));
                }
            }
            Command::Note(take, end) => owner.note(take, end).await,
            Command::Lock(lock, reply) => {
                let taken = owner.lock(&lock).await;
                let is_ours = matches!(taken, Ok(Ok(())));
                if reply.send(taken).is_err() && is_ours {
                    owner.unlock(lock.key).await;
                }
            }
            Command::Unlock(key, done) => {
                owner.unlock(key).await;
                done.send(()).ok();
            }
            // Nobody waits any more when the caller was cancelled.
            Command::Look(reply) => drop(reply.send(owner.look().await)),
            Command::Partitions(ask) => owner.partitions(ask).await,
        }
    }
}
