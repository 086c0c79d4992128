//! `runs`: one row a run.

use std::collections::HashSet;

use sqlx::{Postgres, Row, postgres::PgArguments, query::Query};
use uuid::Uuid;

use super::{SpanWriter, StorageError};
use crate::domain::{ids::RunId, run::RunFacts, time::Timestamp};

/// Inserts what is new and locks the rest: the conflict clause locks a row also
/// where it changes nothing, and a run's row is locked before its spans. A run
/// that retention has marked lives on. One that is to be cancelled is written too,
/// as it is: only what is written is returned, and its new spans are to know.
const LOCK: &str = "
    INSERT INTO runs AS r
        (run_id, task_id, attempt, retry_of, started_at, last_alive_at, last_ended_parent)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::uuid[],
                         $5::timestamptz[], $6::timestamptz[], $7::uuid[])
    ON CONFLICT (run_id) DO UPDATE SET gc_at = NULL
    WHERE r.gc_at IS NOT NULL OR r.cancel_requested_at IS NOT NULL
    RETURNING r.run_id, r.xmax = 0, r.cancel_requested_at IS NOT NULL";

/// Writes only where there is something new: most spans say nothing of their
/// run that its first one did not.
const MERGE: &str = "
    UPDATE runs r SET
        task_id = coalesce(r.task_id, f.task_id),
        attempt = greatest(r.attempt, f.attempt),
        retry_of = coalesce(r.retry_of, f.retry_of),
        started_at = least(r.started_at, f.started_at),
        last_ended_parent =
            CASE WHEN f.ended_at >= r.last_alive_at THEN f.parent ELSE r.last_ended_parent END,
        last_alive_at = greatest(r.last_alive_at, f.ended_at)
    FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::uuid[],
                $5::timestamptz[], $6::timestamptz[], $7::uuid[])
         AS f (run_id, task_id, attempt, retry_of, started_at, ended_at, parent)
    WHERE r.run_id = f.run_id
        AND ((r.task_id IS NULL AND f.task_id IS NOT NULL)
            OR r.attempt < f.attempt
            OR (r.retry_of IS NULL AND f.retry_of IS NOT NULL)
            OR f.started_at < r.started_at
            OR f.ended_at >= r.last_alive_at)";

/// What locking some runs has found.
#[derive(Debug, Default)]
pub struct LockedRuns {
    /// Those that nobody had heard of.
    pub new: HashSet<RunId>,
    /// Those that somebody wants to be cancelled.
    pub to_cancel: HashSet<RunId>,
}

impl SpanWriter {
    /// Inserts the runs that nobody has heard of, with these facts, and locks the
    /// others until the transaction ends. `runs` is sorted
    /// by id, so that two collectors wait for each other rather than deadlock.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn lock_runs(&mut self, runs: &[RunFacts]) -> Result<LockedRuns, StorageError> {
        debug_assert!(runs.is_sorted_by_key(|run| run.run_id));
        let last_alive_at = |run: &RunFacts| run.last_end.map_or(run.first_seen_at, |end| end.at);
        let rows = bind_facts(LOCK, runs, |run| Some(last_alive_at(run)))
            .fetch_all(&mut self.conn)
            .await?;
        let mut locked = LockedRuns::default();
        for row in rows {
            let run_id = RunId::from_stored(row.try_get(0)?);
            if row.try_get(1)? {
                locked.new.insert(run_id);
            }
            if row.try_get(2)? {
                locked.to_cancel.insert(run_id);
            }
        }
        Ok(locked)
    }

    /// Adds facts to runs that are locked.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn merge_runs(&mut self, runs: &[RunFacts]) -> Result<(), StorageError> {
        bind_facts(MERGE, runs, |run| run.last_end.map(|end| end.at))
            .execute(&mut self.conn)
            .await?;
        Ok(())
    }
}

/// Both statements take the same seven columns.
fn bind_facts<'q>(
    statement: &'static str,
    runs: &'q [RunFacts],
    alive_at: impl Fn(&RunFacts) -> Option<Timestamp>,
) -> Query<'q, Postgres, PgArguments> {
    let uuid = |id: Option<RunId>| id.map(Uuid::from);
    let parent = |run: &RunFacts| run.last_end.and_then(|end| end.parent).map(Uuid::from);
    sqlx::query(statement)
        .bind(runs.iter().map(|run| run.run_id.into()).collect::<Vec<Uuid>>())
        .bind(runs.iter().map(|run| run.task_id.as_deref()).collect::<Vec<_>>())
        .bind(runs.iter().map(|run| run.attempt).collect::<Vec<_>>())
        .bind(runs.iter().map(|run| uuid(run.retry_of)).collect::<Vec<_>>())
        .bind(runs.iter().map(|run| run.started_at).collect::<Vec<_>>())
        .bind(runs.iter().map(alive_at).collect::<Vec<_>>())
        .bind(runs.iter().map(parent).collect::<Vec<_>>())
}
