//! Runs in figures.

use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::super::columns::Fields;
use crate::{
    domain::{ids::RunId, status::Status, time::Timestamp},
    storage::{Database, StorageError},
};

/// The view computes from the spans of the runs asked for and of no others. A
/// run without spans is one that retention is about to delete.
const SUMMARIES: &str = "
    SELECT run_id, task_id, attempt, retry_of, status, started_at, ended_at,
           total_spans, running_spans, success_spans, failed_spans, cancelled_spans,
           hosts_involved, agents, max_attempt, last_alive_at, root_step_name, gc_at,
           cancel_requested_at
    FROM v_run_summary WHERE run_id = ANY($1) AND total_spans > 0";

/// A run in figures, as of when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSummary {
    /// Which run.
    pub run_id: RunId,
    /// The business job.
    pub task_id: Option<String>,
    /// Which try of the task.
    pub attempt: i32,
    /// The run that it retries.
    pub retry_of: Option<RunId>,
    /// Where it stands.
    pub status: Status,
    /// When its first span started, by the clients' clocks.
    pub started_at: Timestamp,
    /// When its last span ended, by the clients' clocks; `None` while it runs.
    pub ended_at: Option<Timestamp>,
    /// How many spans it has.
    pub total_spans: i64,
    /// How many run.
    pub running_spans: i64,
    /// How many ended well.
    pub success_spans: i64,
    /// How many failed.
    pub failed_spans: i64,
    /// How many were cancelled.
    pub cancelled_spans: i64,
    /// The machines it ran on, by name.
    pub hosts_involved: Vec<String>,
    /// Who ran its steps, by name.
    pub agents: Vec<String>,
    /// The greatest attempt among its spans.
    pub max_attempt: i32,
    /// When anything in it was last heard of, by the server's clock.
    pub last_alive_at: Timestamp,
    /// The name of its first root, or of its first span.
    pub root_step_name: Option<String>,
    /// When retention marked it for deletion.
    pub gc_at: Option<Timestamp>,
    /// When somebody first asked for it to be cancelled.
    pub cancel_requested_at: Option<Timestamp>,
}

impl Database {
    /// The figures of some runs, in no order; runs that were never heard of are
    /// left out.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn run_summaries(
        &self,
        run_ids: &[RunId],
    ) -> Result<Vec<StoredSummary>, StorageError> {
        let rows = sqlx::query(SUMMARIES)
            .bind(run_ids.iter().copied().map(Uuid::from).collect::<Vec<_>>())
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(read_row).collect()
    }

    /// A run's figures; `None` where it was never heard of.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn run_summary(&self, run_id: RunId) -> Result<Option<StoredSummary>, StorageError> {
        Ok(self.run_summaries(&[run_id]).await?.pop())
    }
}

fn read_row(row: &PgRow) -> Result<StoredSummary, StorageError> {
    let mut fields = Fields::of(row);
    Ok(StoredSummary {
        run_id: RunId::from_stored(fields.take()?),
        task_id: fields.take()?,
        attempt: fields.take()?,
        retry_of: fields.take::<Option<Uuid>>()?.map(RunId::from_stored),
        status: fields
            .take::<&str>()?
            .parse()
            .map_err(|_| StorageError::Inconsistent { table: "v_run_summary", column: "status" })?,
        started_at: fields.take()?,
        ended_at: fields.take()?,
        total_spans: fields.take()?,
        running_spans: fields.take()?,
        success_spans: fields.take()?,
        failed_spans: fields.take()?,
        cancelled_spans: fields.take()?,
        hosts_involved: fields.take()?,
        agents: fields.take()?,
        max_attempt: fields.take()?,
        last_alive_at: fields.take()?,
        root_step_name: fields.take()?,
        gc_at: fields.take()?,
        cancel_requested_at: fields.take()?,
    })
}
