//! All runs in order, some at a time.
//!
//! What a run's spans must be like cannot be looked up in an index without one
//! index a filter, which every insert would pay for. So runs are visited in
//! order, and each statement visits a bounded number of them.

use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::super::columns::Fields;
use crate::{
    domain::{ids::RunId, reason::ReasonKind, status::Status, time::Timestamp},
    storage::{Database, StorageError},
};

/// Where a run stands in the order of runs: the latest started first, then by
/// descending id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunPosition {
    /// When it started, by its clients' clocks.
    pub started_at: Timestamp,
    /// The run.
    pub run_id: RunId,
}

/// What one of a run's spans must be like; what is `None` may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpanFilter {
    /// Who runs it.
    pub agent: Option<String>,
    /// Where it runs.
    pub executor_host: Option<String>,
    /// Its layer.
    pub layer: Option<String>,
    /// It failed, and for a reason of this kind.
    pub reason_kind: Option<ReasonKind>,
    /// It failed, and for this reason.
    pub reason_code: Option<String>,
}

/// Which runs; what is `None` may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunWalk {
    /// The business job.
    pub task_id: Option<String>,
    /// It started at this time or later.
    pub started_after: Option<Timestamp>,
    /// It started before this time.
    pub started_before: Option<Timestamp>,
    /// Where it stands.
    pub status: Option<Status>,
    /// One of its spans passes all of this.
    pub span: SpanFilter,
}

impl RunWalk {
    /// Whether runs may be visited that do not pass.
    #[must_use]
    pub fn is_selective(&self) -> bool {
        self.span != SpanFilter::default() || matches!(self.status, Some(Status::Ended(_)))
    }
}

/// Some steps of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// The runs visited that pass, in order.
    pub passed: Vec<RunPosition>,
    /// The last run visited; `None` where there was none.
    pub reached: Option<RunPosition>,
    /// Whether there is nothing after it.
    pub at_end: bool,
}

impl Database {
    /// Visits at most `limit` runs that follow `after`.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn walk_runs(
        &self,
        walk: &RunWalk,
        after: Option<RunPosition>,
        limit: u32,
    ) -> Result<Walked, StorageError> {
        let mut statement = QueryBuilder::<Postgres>::new(
            "WITH visited AS MATERIALIZED (
                 SELECT r.run_id, r.started_at FROM runs r WHERE true",
        );
        push_run_conditions(&mut statement, walk, after);
        statement.push(" ORDER BY r.started_at DESC, r.run_id DESC LIMIT ");
        statement.push_bind(i64::from(limit)).push(") SELECT v.started_at, v.run_id, true");
        push_span_conditions(&mut statement, &walk.span);
        if let Some(Status::Ended(status)) = walk.status {
            // Looks at most runs' spans only once: a run stands so only where
            // one of its spans does.
            statement
                .push(
                    " AND coalesce((SELECT true FROM finished_spans f
                           WHERE f.run_id = v.run_id AND f.status = ",
                )
                .push_bind(status.as_str())
                .push(
                    " LIMIT 1), false)
                      AND (SELECT s.status FROM v_run_summary s WHERE s.run_id = v.run_id) = ",
                )
                .push_bind(status.as_str());
        }
        statement.push(" FROM visited v ORDER BY v.started_at DESC, v.run_id DESC");

        let rows = statement.build().fetch_all(self.pool()).await?;
        let mut walked = Walked {
            passed: Vec::new(),
            reached: None,
            at_end: u32::try_from(rows.len()).is_ok_and(|visited| visited < limit),
        };
        for row in &rows {
            let mut fields = Fields::of(row);
            let position = RunPosition {
                started_at: fields.take()?,
                run_id: RunId::from_stored(fields.take()?),
            };
            if fields.take::<Option<bool>>()? == Some(true) {
                walked.passed.push(position);
            }
            walked.reached = Some(position);
        }
        Ok(walked)
    }
}

/// What the run's row says, for the walk along its index.
fn push_run_conditions(
    statement: &mut QueryBuilder<Postgres>,
    walk: &RunWalk,
    after: Option<RunPosition>,
) {
    if let Some(task_id) = &walk.task_id {
        statement.push(" AND r.task_id = ").push_bind(task_id.clone());
    }
    if let Some(at) = walk.started_after {
        statement.push(" AND r.started_at >= ").push_bind(at);
    }
    if let Some(at) = walk.started_before {
        statement.push(" AND r.started_at < ").push_bind(at);
    }
    if let Some(after) = after {
        statement.push(" AND (r.started_at, r.run_id) < (").push_bind(after.started_at);
        statement.push(", ").push_bind(Uuid::from(after.run_id)).push(")");
    }
    if walk.status == Some(Status::Running) {
        // Few, and all in one small table.
        statement.push(" AND r.run_id IN (SELECT l.run_id FROM live_spans l)");
    }
}

/// Whether one span of `v.run_id` passes. The LIMIT keeps the planner from
/// reading all spans of all runs into a hash table; after a NULL it would go on
/// to evaluate the rest.
fn push_span_conditions(statement: &mut QueryBuilder<Postgres>, filter: &SpanFilter) {
    if *filter == SpanFilter::default() {
        return;
    }
    statement.push(
        " AND coalesce((SELECT true FROM (
               SELECT l.agent, l.executor_host, l.layer, 'RUNNING' AS status,
                      NULL::text AS reason_kind, NULL::text AS reason_code
               FROM live_spans l WHERE l.run_id = v.run_id
               UNION ALL
               SELECT f.agent, f.executor_host, f.layer, f.status, f.reason_kind,
                      f.reason_code
               FROM finished_spans f WHERE f.run_id = v.run_id
           ) s WHERE true",
    );
    for (column, wanted) in [
        ("agent", &filter.agent),
        ("executor_host", &filter.executor_host),
        ("layer", &filter.layer),
    ] {
        if let Some(wanted) = wanted {
            statement.push(" AND s.").push(column).push(" = ").push_bind(wanted.clone());
        }
    }
    if let Some(kind) = filter.reason_kind {
        statement
            .push(" AND s.status = 'FAILED' AND coalesce(s.reason_kind, 'UNKNOWN') = ")
            .push_bind(kind.as_str());
    }
    if let Some(code) = &filter.reason_code {
        statement
            .push(" AND s.status = 'FAILED' AND coalesce(s.reason_code, 'unknown') = ")
            .push_bind(code.clone());
    }
    statement.push(" LIMIT 1), false)");
}
