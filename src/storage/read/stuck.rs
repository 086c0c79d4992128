//! Runs that may be stuck.

use std::time::Duration;

use futures_util::TryStreamExt;

use super::{
    run::{LiveRun, LiveRuns, by_key, run_columns},
    spans::{live_outline_columns, shared_columns},
};
use crate::{
    domain::time::Timestamp,
    storage::{Database, StorageError},
};

/// Running spans of the runs that may be stuck, and, by key, their runs. What
/// the domain's verdict needs at the least: that the last sign of life is older
/// than the shortest limit in the run, or that some progress is overdue.
const CANDIDATES: &str = concat!(
    // A thousand years stand in for longer limits, which no interval can hold.
    "WITH quiet AS (
         SELECT run_id FROM live_spans GROUP BY run_id
         HAVING max(last_alive_at) < $1::timestamptz
                    - least(min(coalesce(stuck_after_ms, $2::bigint)), 31536000000000)
                    * interval '1 millisecond'
             OR min(coalesce(progress_at, first_seen_at)
                    + least(progress_timeout_ms, 31536000000000) * interval '1 millisecond')
                < $1::timestamptz
     )
     SELECT ",
    run_columns!(),
    ", ",
    live_outline_columns!(),
    " FROM quiet ",
    by_key!("quiet"),
    " JOIN live_spans s ON s.run_id = quiet.run_id
      ORDER BY quiet.run_id"
);

impl Database {
    /// Shows `visit` every run that may be stuck at `now`, one at a time: after
    /// an outage there may be more than fit into memory. `stuck_after` is for
    /// spans that have no limit of their own.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn visit_quiet_runs(
        &self,
        now: Timestamp,
        stuck_after: Duration,
        mut visit: impl FnMut(LiveRun),
    ) -> Result<(), StorageError> {
        let mut rows = sqlx::query(CANDIDATES)
            .bind(now)
            .bind(i64::try_from(stuck_after.as_millis()).unwrap_or(i64::MAX))
            .fetch(self.pool());
        let mut runs = LiveRuns::default();
        while let Some(row) = rows.try_next().await? {
            if let Some(run) = runs.take(&row)? {
                visit(run);
            }
        }
        if let Some(run) = runs.finish() {
            visit(run);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use sqlx::{AssertSqlSafe, PgPool, Row};

    use super::*;

    #[sqlx::test]
    async fn whether_runs_are_stuck_is_asked_of_running_spans_alone(pool: PgPool) {
        sqlx::raw_sql(
            "INSERT INTO runs (run_id, started_at, last_alive_at)
             SELECT gen_random_uuid(), now(), now() FROM generate_series(1, 1000);
             INSERT INTO finished_spans
                 (run_id, span_id, status, ts_end, first_seen_at, last_alive_at)
             SELECT run_id, gen_random_uuid(), 'FAILED', now(), now(), now() FROM runs;
             INSERT INTO live_spans (run_id, span_id, first_seen_at, last_alive_at)
             SELECT run_id, gen_random_uuid(), now(), now() FROM runs;
             ANALYZE",
        )
        .execute(&pool)
        .await
        .unwrap();
        let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN (FORMAT JSON) {CANDIDATES}")))
            .bind(Timestamp::MAX)
            .bind(300_000_i64)
            .fetch_one(&pool)
            .await
            .unwrap();
        let plan: String = plan.try_get_unchecked(0).unwrap();
        assert!(plan.contains("\"live_spans\""), "{plan}");
        assert!(!plan.contains("finished_spans"), "{plan}");
    }
}
