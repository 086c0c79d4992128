//! `runs`: one row a run.

use std::collections::HashSet;

use sqlx::Row;
use uuid::Uuid;

use super::{SpanWriter, StorageError};
use crate::domain::{
    ids::RunId,
    run::{LastEnd, RunFacts},
    time::Timestamp,
};

/// Inserts what is new and merges the rest. The conflict clause locks the row
/// also where it changes nothing, and a run's row is locked before its spans.
const LOCK: &str = "
    INSERT INTO runs AS r
        (run_id, task_id, attempt, retry_of, started_at, last_alive_at, last_ended_parent)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::uuid[],
                         $5::timestamptz[], $6::timestamptz[], $7::uuid[])
    ON CONFLICT (run_id) DO UPDATE SET
        task_id = coalesce(r.task_id, excluded.task_id),
        attempt = greatest(r.attempt, excluded.attempt),
        retry_of = coalesce(r.retry_of, excluded.retry_of),
        started_at = least(r.started_at, excluded.started_at),
        gc_at = NULL
    WHERE (r.task_id IS NULL AND excluded.task_id IS NOT NULL)
        OR r.attempt < excluded.attempt
        OR (r.retry_of IS NULL AND excluded.retry_of IS NOT NULL)
        OR excluded.started_at < r.started_at
        OR r.gc_at IS NOT NULL
    RETURNING r.run_id, r.xmax = 0";

const NOTE_ENDS: &str = "
    UPDATE runs r SET
        last_ended_parent =
            CASE WHEN e.at >= r.last_alive_at THEN e.parent ELSE r.last_ended_parent END,
        last_alive_at = greatest(r.last_alive_at, e.at)
    FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) AS e (run_id, at, parent)
    WHERE r.run_id = e.run_id";

impl SpanWriter {
    /// Writes what is known of some runs, and locks them until the transaction
    /// ends. Returns those that nobody had heard of. `runs` is sorted by id, so
    /// that two collectors wait for each other rather than deadlock.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn lock_runs(&mut self, runs: &[RunFacts]) -> Result<HashSet<RunId>, StorageError> {
        debug_assert!(runs.is_sorted_by_key(|run| run.run_id));
        let column = |of: fn(&RunFacts) -> Timestamp| runs.iter().map(of).collect::<Vec<_>>();
        let rows = sqlx::query(LOCK)
            .bind(runs.iter().map(|run| run.run_id.into()).collect::<Vec<Uuid>>())
            .bind(runs.iter().map(|run| run.task_id.as_deref()).collect::<Vec<_>>())
            .bind(runs.iter().map(|run| run.attempt).collect::<Vec<_>>())
            .bind(
                runs.iter().map(|run| run.retry_of.map(Into::into)).collect::<Vec<Option<Uuid>>>(),
            )
            .bind(column(|run| run.started_at))
            .bind(column(|run| run.last_end.map_or(run.first_seen_at, |end| end.at)))
            .bind(
                runs.iter()
                    .map(|run| run.last_end.and_then(|end| end.parent).map(Into::into))
                    .collect::<Vec<Option<Uuid>>>(),
            )
            .fetch_all(&mut self.conn)
            .await?;
        let mut new = HashSet::new();
        for row in rows {
            if row.try_get::<bool, _>(1)? {
                new.insert(RunId::from_stored(row.try_get(0)?));
            }
        }
        Ok(new)
    }

    /// Notes the last end in some runs: a sign of life of the ended span's parent.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn note_ends(&mut self, ends: &[(RunId, LastEnd)]) -> Result<(), StorageError> {
        sqlx::query(NOTE_ENDS)
            .bind(ends.iter().map(|(run, _)| (*run).into()).collect::<Vec<Uuid>>())
            .bind(ends.iter().map(|(_, end)| end.at).collect::<Vec<_>>())
            .bind(
                ends.iter()
                    .map(|(_, end)| end.parent.map(Into::into))
                    .collect::<Vec<Option<Uuid>>>(),
            )
            .execute(&mut self.conn)
            .await?;
        Ok(())
    }
}
