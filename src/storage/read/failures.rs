//! What fails, by reason.

use sqlx::{Postgres, QueryBuilder, postgres::PgRow};
use uuid::Uuid;

use super::super::columns::Fields;
use crate::{
    domain::{ids::RunId, reason::ReasonKind, time::Timestamp},
    storage::{Database, StorageError},
};

/// Which failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureQuery {
    /// Only those whose end was received at this time or later.
    pub since: Timestamp,
    /// Only those of this kind.
    pub reason_kind: Option<ReasonKind>,
    /// Only those on this machine.
    pub executor_host: Option<String>,
    /// Only those of this agent.
    pub agent: Option<String>,
    /// How many groups at most.
    pub limit: u32,
}

/// Failures of one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureGroup {
    /// The kind.
    pub reason_kind: ReasonKind,
    /// The code; `unknown` where there is none.
    pub reason_code: String,
    /// How many spans.
    pub failure_count: i64,
    /// In how many runs.
    pub affected_runs: i64,
    /// On which machines, by name.
    pub affected_hosts: Vec<String>,
    /// Which steps, by name; at most 20.
    pub steps: Vec<String>,
    /// When the first end was received.
    pub first_seen_at: Timestamp,
    /// When the last end was received.
    pub last_seen_at: Timestamp,
    /// Runs of it, the latest first; at most 5.
    pub sample_runs: Vec<RunId>,
    /// What the latest said.
    pub sample_message: Option<String>,
}

/// Narrow rows first, by the partial index. What is counted distinct is grouped
/// distinct before, which hashes where `count(DISTINCT …)` would sort; the text
/// is looked up for the latest failure of each group alone.
const FAILURES: &str = "
    WITH failures AS MATERIALIZED (
        SELECT coalesce(reason_kind, 'UNKNOWN') AS kind, coalesce(reason_code, 'unknown') AS code,
               run_id, executor_host, step_name, last_alive_at
        FROM finished_spans
        WHERE status = 'FAILED' AND last_alive_at >= ";

const GROUPS: &str = "
    ), by_run AS MATERIALIZED (
        SELECT kind, code, run_id, count(*) AS failures,
               min(last_alive_at) AS first_seen, max(last_alive_at) AS last_seen
        FROM failures GROUP BY kind, code, run_id
    ), groups AS MATERIALIZED (
        SELECT kind, code, sum(failures)::bigint AS failures, count(*) AS runs,
               min(first_seen) AS first_seen, max(last_seen) AS last_seen
        FROM by_run GROUP BY kind, code
        ORDER BY failures DESC, last_seen DESC, kind, code
        LIMIT ";

const DETAILS: &str = "
    ), hosts AS (
        SELECT kind, code, array_agg(executor_host ORDER BY executor_host) AS names
        FROM (SELECT DISTINCT kind, code, executor_host FROM failures) h
        WHERE executor_host IS NOT NULL GROUP BY kind, code
    ), steps AS (
        SELECT kind, code, (array_agg(step_name ORDER BY step_name))[1:20] AS names
        FROM (SELECT DISTINCT kind, code, step_name FROM failures) s
        WHERE step_name IS NOT NULL GROUP BY kind, code
    ), samples AS (
        SELECT kind, code, array_agg(run_id ORDER BY place) AS run_ids
        FROM (
            SELECT kind, code, run_id,
                   row_number() OVER (PARTITION BY kind, code
                                      ORDER BY last_seen DESC, run_id DESC) AS place
            FROM by_run
        ) r
        WHERE place <= 5 GROUP BY kind, code
    )
    SELECT g.kind, g.code, g.failures, g.runs,
           coalesce(hosts.names, '{}'), coalesce(steps.names, '{}'),
           g.first_seen, g.last_seen, samples.run_ids,
           (SELECT f.error_message FROM finished_spans f
            WHERE f.run_id = samples.run_ids[1] AND f.last_alive_at = g.last_seen
                AND f.status = 'FAILED'
                AND coalesce(f.reason_kind, 'UNKNOWN') = g.kind
                AND coalesce(f.reason_code, 'unknown') = g.code
            ORDER BY f.span_id DESC LIMIT 1)
    FROM groups g
    JOIN samples USING (kind, code)
    LEFT JOIN hosts USING (kind, code)
    LEFT JOIN steps USING (kind, code)
    ORDER BY g.failures DESC, g.last_seen DESC, g.kind, g.code";

impl Database {
    /// Groups failures by reason, the largest group first.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn top_failures(
        &self,
        query: &FailureQuery,
    ) -> Result<Vec<FailureGroup>, StorageError> {
        let mut statement = QueryBuilder::<Postgres>::new(FAILURES);
        push_conditions(&mut statement, query);
        statement.push(GROUPS).push_bind(i64::from(query.limit)).push(DETAILS);
        let rows = statement.build().fetch_all(self.pool()).await?;
        rows.iter().map(read_row).collect()
    }
}

/// When the failures ended, and of which kind, on which machine and whose they
/// are; after `last_alive_at >= `.
pub(super) fn push_conditions(statement: &mut QueryBuilder<Postgres>, query: &FailureQuery) {
    statement.push_bind(query.since);
    match query.reason_kind {
        None => {}
        // Nothing was said of these at all.
        Some(ReasonKind::Unknown) => {
            statement.push(" AND (reason_kind = 'UNKNOWN' OR reason_kind IS NULL)");
        }
        Some(kind) => {
            statement.push(" AND reason_kind = ").push_bind(kind.as_str());
        }
    }
    for (column, wanted) in [("executor_host", &query.executor_host), ("agent", &query.agent)] {
        if let Some(wanted) = wanted {
            statement.push(" AND ").push(column).push(" = ").push_bind(wanted.clone());
        }
    }
}

fn read_row(row: &PgRow) -> Result<FailureGroup, StorageError> {
    let mut fields = Fields::of(row);
    Ok(FailureGroup {
        reason_kind: fields.reason_kind()?,
        reason_code: fields.take()?,
        failure_count: fields.take()?,
        affected_runs: fields.take()?,
        affected_hosts: fields.take()?,
        steps: fields.take()?,
        first_seen_at: fields.take()?,
        last_seen_at: fields.take()?,
        sample_runs: fields.take::<Vec<Uuid>>()?.into_iter().map(RunId::from_stored).collect(),
        sample_message: fields.take()?,
    })
}
