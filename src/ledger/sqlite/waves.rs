//! What has become of the waves of runs.

use rusqlite::{Connection, params};

use super::Store;
use super::rows::{self, Result};
use crate::ledger::{LedgerError, WaveRow};
use crate::model::RunId;

impl Store {
    pub async fn waves(&self, run: &RunId, count: usize) -> Result<Vec<WaveRow>, LedgerError> {
        let run = run.clone();
        self.read(move |connection| waves(connection, &run, count))
            .await
    }

    pub async fn set_waves(
        &self,
        run: &RunId,
        waves: Vec<(usize, WaveRow)>,
    ) -> Result<(), LedgerError> {
        self.change(run, move |connection, seq| {
            let mut statement = connection.prepare_cached(
                "INSERT OR REPLACE INTO wave (run, no, started_at, finished_at, approved_at, passed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for (no, wave) in &waves {
                statement.execute(params![
                    seq,
                    rows::integer(*no as u64),
                    wave.started_at,
                    wave.finished_at,
                    wave.approved_at,
                    wave.passed_at
                ])?;
            }
            Ok(())
        })
        .await
    }
}

fn waves(connection: &Connection, run: &RunId, count: usize) -> Result<Vec<WaveRow>> {
    let mut waves = vec![WaveRow::default(); count];
    let seq = rows::seq(connection, run)?;
    let mut statement = connection.prepare_cached(
        "SELECT no, started_at, finished_at, approved_at, passed_at FROM wave WHERE run = ?1",
    )?;
    let mut rows = statement.query([seq])?;
    while let Some(row) = rows.next()? {
        let no = usize::try_from(rows::count(row, 0)?).unwrap_or(usize::MAX);
        if let Some(wave) = waves.get_mut(no) {
            *wave = WaveRow {
                started_at: row.get(1)?,
                finished_at: row.get(2)?,
                approved_at: row.get(3)?,
                passed_at: row.get(4)?,
            };
        }
    }
    Ok(waves)
}
