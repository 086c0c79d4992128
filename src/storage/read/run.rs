//! A run's row, and a run with the spans that run.

use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::{
    super::columns::Fields,
    spans::{live_outline_columns, read_outline, shared_columns},
};
use crate::{
    domain::{
        ids::{RunId, SpanId},
        run::LastEnd,
        span::Span,
        time::Timestamp,
    },
    storage::{Database, StorageError},
};

/// The columns of `runs r` that [`read_run`] reads.
macro_rules! run_columns {
    () => {
        "r.run_id, r.task_id, r.attempt, r.retry_of, r.started_at, r.last_alive_at, \
         r.last_ended_parent"
    };
}

/// Joins the rows `r` of the runs in `$runs`. The LIMIT holds the planner to
/// looking each up by its key: a join it may also do by reading all of `runs`,
/// which takes the longer the more history there is.
macro_rules! by_key {
    ($runs:literal) => {
        concat!(
            "CROSS JOIN LATERAL (SELECT * FROM runs k WHERE k.run_id = ",
            $runs,
            ".run_id LIMIT 1) r"
        )
    };
}
pub(super) use {by_key, run_columns};

const RUN: &str = concat!("SELECT ", run_columns!(), " FROM runs r WHERE r.run_id = $1");

const LIVE_RUN: &str = concat!(
    "SELECT ",
    run_columns!(),
    ", ",
    live_outline_columns!(),
    " FROM runs r JOIN live_spans s ON s.run_id = r.run_id WHERE r.run_id = $1"
);

/// What holds for all spans of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRun {
    /// Which run.
    pub run_id: RunId,
    /// The business job.
    pub task_id: Option<String>,
    /// Which try of the task.
    pub attempt: i32,
    /// The run that it retries.
    pub retry_of: Option<RunId>,
    /// The least start of its spans, by the clients' clocks.
    pub started_at: Timestamp,
    /// The end of a span that was received last; when the run was first heard
    /// of, before any.
    pub last_end: LastEnd,
}

/// A run and its running spans, without their JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveRun {
    /// The run.
    pub run: StoredRun,
    /// Those of its spans that run; never none.
    pub spans: Vec<Span>,
}

impl Database {
    /// A run's row; `None` where it was never heard of.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn run(&self, run_id: RunId) -> Result<Option<StoredRun>, StorageError> {
        let row = sqlx::query(RUN).bind(Uuid::from(run_id)).fetch_optional(self.pool()).await?;
        row.map(|row| read_run(&mut Fields::of(&row))).transpose()
    }

    /// A run and those of its spans that run; `None` where none does.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn live_run(&self, run_id: RunId) -> Result<Option<LiveRun>, StorageError> {
        let rows = sqlx::query(LIVE_RUN).bind(Uuid::from(run_id)).fetch_all(self.pool()).await?;
        let mut runs = LiveRuns::default();
        for row in &rows {
            runs.take(row)?;
        }
        Ok(runs.finish())
    }
}

pub(super) fn read_run(fields: &mut Fields<'_>) -> Result<StoredRun, StorageError> {
    Ok(StoredRun {
        run_id: RunId::from_stored(fields.take()?),
        task_id: fields.take()?,
        attempt: fields.take()?,
        retry_of: fields.take::<Option<Uuid>>()?.map(RunId::from_stored),
        started_at: fields.take()?,
        last_end: LastEnd {
            at: fields.take()?,
            parent: fields.take::<Option<Uuid>>()?.map(SpanId::from_stored),
        },
    })
}

/// Puts together runs from rows of a run and one of its running spans. The
/// rows of a run follow each other.
#[derive(Debug, Default)]
pub(super) struct LiveRuns {
    growing: Option<LiveRun>,
}

impl LiveRuns {
    /// Takes a row; gives the run before, once this row begins another.
    pub(super) fn take(&mut self, row: &PgRow) -> Result<Option<LiveRun>, StorageError> {
        let mut fields = Fields::of(row);
        let run = read_run(&mut fields)?;
        let span = read_outline(&mut fields)?;
        match &mut self.growing {
            Some(growing) if growing.run.run_id == run.run_id => {
                growing.spans.push(span);
                Ok(None)
            }
            growing => Ok(growing.replace(LiveRun { run, spans: vec![span] })),
        }
    }

    /// Gives the last run.
    pub(super) fn finish(self) -> Option<LiveRun> {
        self.growing
    }
}
