//! What has become of the waves of runs.

use super::{Store, rows};
use crate::ledger::{Result, WaveRow, stored};
use crate::model::RunId;

impl Store {
    pub async fn waves(&self, run: &RunId, count: usize) -> Result<Vec<WaveRow>> {
        let reader = self.reader().await?;
        let seq = rows::seq(&reader, run).await?;
        let mut waves = vec![WaveRow::default(); count];
        let sql =
            "SELECT no, started_at, finished_at, approved_at, passed_at FROM wave WHERE run = $1";
        for row in reader.query(sql, &[&seq]).await? {
            let no = usize::try_from(row.count(0)?).unwrap_or(usize::MAX);
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

    pub async fn set_waves(&self, run: &RunId, waves: Vec<(usize, WaveRow)>) -> Result<()> {
        let (transaction, seq) = self.change(run).await?;
        let sql = "INSERT INTO wave (run, no, started_at, finished_at, approved_at, passed_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (run, no) DO UPDATE SET started_at = excluded.started_at, finished_at = excluded.finished_at,
                 approved_at = excluded.approved_at, passed_at = excluded.passed_at";
        for (no, wave) in &waves {
            let no = stored::integer(*no as u64);
            transaction
                .execute(
                    sql,
                    &[
                        &seq,
                        &no,
                        &wave.started_at,
                        &wave.finished_at,
                        &wave.approved_at,
                        &wave.passed_at,
                    ],
                )
                .await?;
        }
        transaction.commit().await
    }
}
