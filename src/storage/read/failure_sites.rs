//! Where failures happen: by fingerprint, step and machine.

use sqlx::{Postgres, QueryBuilder, postgres::PgRow};
use uuid::Uuid;

use super::{super::columns::Fields, failures::push_conditions};
use crate::{
    domain::{
        ids::{RunId, SpanId},
        reason::ReasonKind,
        time::Timestamp,
    },
    storage::{Database, FailureQuery, StorageError},
};

/// Which failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureSiteQuery {
    /// As for failures by reason; its limit is that of the sites.
    pub failures: FailureQuery,
    /// Only those of this code.
    pub reason_code: Option<String>,
}

/// Failures of one fingerprint, of one step, on one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureSite {
    /// The fingerprint; empty where there is none, and likewise below.
    pub fingerprint: String,
    /// The step.
    pub step_name: String,
    /// The machine.
    pub executor_host: String,
    /// How many spans.
    pub failure_count: i64,
    /// In how many runs.
    pub affected_runs: i64,
    /// When the first end was received.
    pub first_seen_at: Timestamp,
    /// When the last end was received.
    pub last_seen_at: Timestamp,
    /// Runs of it, the latest first; at most 5.
    pub sample_runs: Vec<RunId>,
    /// The latest of the spans.
    pub sample_span: SpanId,
    /// Its layer.
    pub layer: Option<String>,
    /// Who ran it.
    pub agent: Option<String>,
    /// Its kind.
    pub reason_kind: ReasonKind,
    /// Its code; `unknown` where there is none.
    pub reason_code: String,
    /// The class of its error.
    pub error_type: Option<String>,
    /// What its error said.
    pub error_message: Option<String>,
}

/// As failures by reason are found: narrow rows first, by the partial index;
/// texts for the latest failure of each site alone.
const FAILURES: &str = "
    WITH failures AS MATERIALIZED (
        SELECT coalesce(fingerprint, '') AS fingerprint, coalesce(step_name, '') AS step,
               coalesce(executor_host, '') AS host, run_id, last_alive_at
        FROM finished_spans
        WHERE status = 'FAILED' AND last_alive_at >= ";

const SITES: &str = "
    ), by_run AS MATERIALIZED (
        SELECT fingerprint, step, host, run_id, count(*) AS failures,
               min(last_alive_at) AS first_seen, max(last_alive_at) AS last_seen
        FROM failures GROUP BY fingerprint, step, host, run_id
    ), sites AS MATERIALIZED (
        SELECT fingerprint, step, host, sum(failures)::bigint AS failures, count(*) AS runs,
               min(first_seen) AS first_seen, max(last_seen) AS last_seen
        FROM by_run GROUP BY fingerprint, step, host
        ORDER BY failures DESC, last_seen DESC, fingerprint, step, host
        LIMIT ";

const DETAILS: &str = "
    ), samples AS (
        SELECT fingerprint, step, host, array_agg(run_id ORDER BY place) AS run_ids
        FROM (
            SELECT fingerprint, step, host, run_id,
                   row_number() OVER (PARTITION BY fingerprint, step, host
                                      ORDER BY last_seen DESC, run_id DESC) AS place
            FROM by_run JOIN (SELECT fingerprint, step, host FROM sites) s
                USING (fingerprint, step, host)
        ) r
        WHERE place <= 5 GROUP BY fingerprint, step, host
    )
    SELECT g.fingerprint, g.step, g.host, g.failures, g.runs, g.first_seen, g.last_seen,
           samples.run_ids, latest.span_id, latest.layer, latest.agent,
           coalesce(latest.reason_kind, 'UNKNOWN'), coalesce(latest.reason_code, 'unknown'),
           latest.error_type, latest.error_message
    FROM sites g
    JOIN samples USING (fingerprint, step, host)
    CROSS JOIN LATERAL (
        SELECT f.span_id, f.layer, f.agent, f.reason_kind, f.reason_code, f.error_type,
               f.error_message
        FROM finished_spans f
        WHERE f.run_id = samples.run_ids[1] AND f.last_alive_at = g.last_seen
            AND f.status = 'FAILED' AND coalesce(f.fingerprint, '') = g.fingerprint
            AND coalesce(f.step_name, '') = g.step AND coalesce(f.executor_host, '') = g.host
        ORDER BY f.span_id DESC LIMIT 1
    ) latest
    ORDER BY g.failures DESC, g.last_seen DESC, g.fingerprint, g.step, g.host";

impl Database {
    /// Groups failures by where they happen, the site with the most first.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn failure_sites(
        &self,
        query: &FailureSiteQuery,
    ) -> Result<Vec<FailureSite>, StorageError> {
        let mut statement = QueryBuilder::<Postgres>::new(FAILURES);
        push_conditions(&mut statement, &query.failures);
        if let Some(code) = &query.reason_code {
            statement.push(" AND coalesce(reason_code, 'unknown') = ").push_bind(code.clone());
        }
        statement.push(SITES).push_bind(i64::from(query.failures.limit)).push(DETAILS);
        let rows = statement.build().fetch_all(self.pool()).await?;
        rows.iter().map(read_row).collect()
    }
}

fn read_row(row: &PgRow) -> Result<FailureSite, StorageError> {
    let mut fields = Fields::of(row);
    Ok(FailureSite {
        fingerprint: fields.take()?,
        step_name: fields.take()?,
        executor_host: fields.take()?,
        failure_count: fields.take()?,
        affected_runs: fields.take()?,
        first_seen_at: fields.take()?,
        last_seen_at: fields.take()?,
        sample_runs: fields.take::<Vec<Uuid>>()?.into_iter().map(RunId::from_stored).collect(),
        sample_span: SpanId::from_stored(fields.take()?),
        layer: fields.take()?,
        agent: fields.take()?,
        reason_kind: fields.reason_kind()?,
        reason_code: fields.take()?,
        error_type: fields.take()?,
        error_message: fields.take()?,
    })
}
