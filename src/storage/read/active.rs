//! Runs that have running spans.

use sqlx::Row;

use super::{
    run::{LiveRun, LiveRuns, by_key, run_columns},
    spans::{live_outline_columns, shared_columns},
};
use crate::storage::{Database, StorageError};

/// Reads `live_spans` and, by key, `runs`: as fast after a billion spans as
/// after none.
const ACTIVE: &str = concat!(
    "WITH active AS (SELECT DISTINCT run_id FROM live_spans),
     page AS (
         SELECT r.*, count(*) OVER () AS total
         FROM active ",
    by_key!("active"),
    "
         ORDER BY r.started_at DESC, r.run_id DESC
         LIMIT $1
     )
     SELECT ",
    run_columns!(),
    ", ",
    live_outline_columns!(),
    ", r.total AS total
     FROM page r JOIN live_spans s USING (run_id)
     ORDER BY r.started_at DESC, r.run_id DESC"
);

/// Some of the active runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ActiveRuns {
    /// The runs, the latest started first.
    pub runs: Vec<LiveRun>,
    /// How many there are in all.
    pub total_count: i64,
}

impl Database {
    /// The active runs that started last.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn active_runs(&self, limit: u32) -> Result<ActiveRuns, StorageError> {
        let rows = sqlx::query(ACTIVE).bind(i64::from(limit)).fetch_all(self.pool()).await?;
        let mut answer = ActiveRuns::default();
        let mut runs = LiveRuns::default();
        for row in &rows {
            answer.total_count = row.try_get("total")?;
            answer.runs.extend(runs.take(row)?);
        }
        answer.runs.extend(runs.finish());
        Ok(answer)
    }
}
