//! A ledger is moved: all of it goes into one that is empty, and the one that it was in is closed.
//!
//! ```text
//! leave FROM ─▶ chunks of rows ─▶ arrive at TO     nobody changes either meanwhile
//!                                 TO is durable    with a sum of all rows
//! close FROM ◀────────────────────┘
//! ```
//!
//! Cut off before TO is durable, nothing happened. Cut off before FROM is closed, FROM is still open, and the same command
//! finds by the sum that TO has all of it, and closes FROM.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::store::{Store, ask};
use super::tables::Value;
use super::transit::{Arriving, Chunk, Leaving, MovedKeys, Sum, Whereabouts};
use super::{Gone, Ledger, LedgerError, MovedLedger, OpenMode, Result, postgres};
use crate::job::LedgerUrl;
use crate::model::UnixMillis;

/// What moving a ledger needs besides the two.
pub struct MoveOptions<Beside> {
    /// When that is.
    pub now: UnixMillis,
    /// Carries what lies beside the one to beside the other: what its files begin with there ([`Ledger::place`]).
    pub beside: Beside,
    /// For tests of crashes: the process aborts after so many steps.
    pub abort_after: Option<u64>,
}

/// Moves a ledger to one that is new or empty.
///
/// # Errors
/// [`LedgerError::InUse`] when anybody has a part of it, [`LedgerError::NotEmpty`] when there is something at the other,
/// [`LedgerError::Closed`] when it was moved before, and what opening either may come to.
pub async fn move_ledger<Beside>(
    from: &LedgerUrl,
    to: &LedgerUrl,
    options: MoveOptions<Beside>,
) -> Result<MovedLedger>
where
    Beside: FnOnce(&Path, &Path) -> Result<()> + Send,
{
    if from.clone().absolute() == to.clone().absolute() {
        return Err(same(to));
    }
    let from = Ledger::open(from, OpenMode::Existing).await?;
    let to = match Ledger::open(to, OpenMode::ReadWrite).await {
        Err(LedgerError::Closed { location, gone }) => {
            let what = format!("it was moved to {gone}");
            return Err(LedgerError::NotEmpty { location, what });
        }
        opened => opened?,
    };
    let moved = Box::pin(transfer(&from, &to, options)).await;
    if moved.is_err() {
        // Nothing is there that was not before.
        to.discard_unused().await;
    }
    moved
}

fn same(to: &LedgerUrl) -> LedgerError {
    LedgerError::NotEmpty {
        location: to.to_string(),
        what: "it is the ledger that is to be moved".to_owned(),
    }
}

async fn transfer<Beside>(
    from: &Ledger,
    to: &Ledger,
    options: MoveOptions<Beside>,
) -> Result<MovedLedger>
where
    Beside: FnOnce(&Path, &Path) -> Result<()> + Send,
{
    let here = ask!(&from.store, store => store.whereabouts())?;
    let there = ask!(&to.store, store => store.whereabouts())?;
    let is_same = here.id == there.id;
    // A copy of an empty one has its id, too.
    if is_same
        && here.arrival == there.arrival
        && (from.runs().await?.is_empty() || !to.runs().await?.is_empty())
    {
        return Err(same(&to.url));
    }
    let keys = from.moved_keys().await?;
    let gone = Gone {
        to: to.url.to_string(),
        at: options.now,
    };
    let links_end = to.url.path().is_none() && from.url.path().is_some() && keys.shares.is_some();
    let key = keys.fingerprints.as_ref().map(|keys| keys.current.id());
    let mut leaving = ask!(&from.store, store => store.leave(key))?;
    let mut count = Count::default();
    // It is not in use, or this is where that is said.
    let first = leaving.next().await?;
    let only_closed = is_same && there.arrival.is_some();
    if only_closed {
        compare(&mut leaving, first, &there, &mut count).await.and_then(|is_all| {
            let what = format!(
                "{} was moved there before, by a command that was cut off, and was worked on since: of the two, only one can go on; delete the other",
                from.url
            );
            let location = to.url.to_string();
            if is_all { Ok(()) } else { Err(LedgerError::NotEmpty { location, what }) }
        })?;
    } else {
        let mut arriving = to.arrive(here.id.clone(), keys).await?;
        let mut steps = Steps(options.abort_after);
        let carried = carry(&mut leaving, &mut arriving, first, &mut count, &mut steps).await;
        let carried = carried.and_then(|sum| {
            if let (Some(from), Some(to)) = (from.place(), to.place_of(&here.id)) {
                (options.beside)(&from, &to)?;
            }
            Ok(sum)
        });
        match carried {
            Ok(sum) => arriving.finish(sum.finish()).await?,
            Err(error) => {
                arriving.give_up().await;
                return Err(error);
            }
        }
        steps.one_more();
    }
    leaving.close(gone.clone()).await?;
    Ok(MovedLedger {
        runs: count.runs,
        entries: count.entries,
        to: gone.to,
        only_closed,
        links_end: links_end && !only_closed,
    })
}

async fn carry(
    leaving: &mut Leaving,
    arriving: &mut Arriving,
    first: Option<Chunk>,
    count: &mut Count,
    steps: &mut Steps,
) -> Result<Sum> {
    let mut sum = Sum::new();
    let mut next = first;
    while let Some(chunk) = next {
        sum.add(&chunk);
        count.add(&chunk);
        arriving.put(chunk).await?;
        steps.one_more();
        next = leaving.next().await?;
    }
    Ok(sum)
}

/// Whether what arrived is all that is here.
async fn compare(
    leaving: &mut Leaving,
    first: Option<Chunk>,
    there: &Whereabouts,
    count: &mut Count,
) -> Result<bool> {
    let Some(arrival) = &there.arrival else {
        return Ok(false);
    };
    let mut sum = Sum::as_of(arrival);
    let mut next = first;
    while let Some(chunk) = next {
        sum.add(&chunk);
        count.add(&chunk);
        next = leaving.next().await?;
    }
    Ok(sum.finish() == *arrival)
}

impl Ledger {
    async fn moved_keys(&self) -> Result<MovedKeys> {
        match &self.store {
            Store::Sqlite(store) => store.moved_keys(),
            Store::Postgres(store) => Box::pin(store.moved_keys()).await,
        }
    }

    fn place_of(&self, id: &str) -> Option<PathBuf> {
        match &self.store {
            Store::Sqlite(store) => Some(store.file().to_owned()),
            Store::Postgres(_) => postgres::Store::place_of(id),
        }
    }

    async fn arrive(&self, id: String, keys: MovedKeys) -> Result<Arriving> {
        match &self.store {
            Store::Sqlite(store) => store.arrive(id, keys),
            Store::Postgres(store) => Box::pin(store.arrive(id, keys)).await,
        }
    }
}

/// What people are told of a ledger: what they see of it.
#[derive(Default)]
struct Count {
    runs: u64,
    entries: u64,
    dropped: HashSet<i64>,
}

impl Count {
    fn add(&mut self, chunk: &Chunk) {
        let at = |column| chunk.table.place(column);
        let whole = |row: &[Value], at: Option<usize>| match at.and_then(|at| row.get(at)) {
            Some(Value::Whole(n)) => Some(*n),
            _ => None,
        };
        match chunk.table.name {
            "run" => {
                let (seq, dropped) = (at("seq"), at("dropped"));
                for row in &chunk.rows {
                    if dropped.and_then(|at| row.get(at)) == Some(&Value::Flag(true)) {
                        self.dropped.extend(whole(row, seq));
                    } else {
                        self.runs += 1;
                    }
                }
            }
            "entry" => {
                let run = at("run");
                let of = chunk.rows.iter().filter_map(|row| whole(row, run));
                self.entries += of.filter(|run| !self.dropped.contains(run)).count() as u64;
            }
            _ => {}
        }
    }
}

/// Steps until the process is to abort.
struct Steps(Option<u64>);

impl Steps {
    fn one_more(&mut self) {
        if let Some(left) = &mut self.0 {
            *left = left.saturating_sub(1);
            if *left == 0 {
                std::process::abort();
            }
        }
    }
}
