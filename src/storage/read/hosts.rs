//! The machines that spans name.

use std::collections::BTreeMap;

use sqlx::Row;

use crate::{
    domain::{ids::SpanKey, time::Timestamp},
    storage::{Database, StorageError, columns::Fields},
};

/// A machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub executor_host: String,
    /// How many spans run on it.
    pub running_spans: i64,
    /// Of how many runs.
    pub running_runs: i64,
    /// Who runs or ran there, by name; at most 20.
    pub agents: Vec<String>,
    /// When anything on it was last heard of.
    pub last_alive_at: Option<Timestamp>,
    /// How many spans failed there.
    pub failure_count: i64,
    /// When the last of them ended.
    pub last_failure_at: Option<Timestamp>,
    /// What runs there, the last heard of first; at most 5.
    pub steps: Vec<HostStep>,
}

/// A step that runs on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostStep {
    /// Which.
    pub key: SpanKey,
    /// Its layer.
    pub layer: Option<String>,
    /// Its name.
    pub step_name: Option<String>,
    /// Who runs it.
    pub agent: Option<String>,
    /// When it was last heard of.
    pub last_alive_at: Timestamp,
}

/// No index leads from a machine to its ended spans: every insert would pay for
/// it. So these are looked for in the runs that started last, a bounded number
/// of spans in each.
const HOSTS: &str = "
    WITH said AS (
        SELECT executor_host AS host, agent, count(*) AS spans, max(last_alive_at) AS heard,
               0 AS failures, NULL::timestamptz AS failed
        FROM live_spans WHERE executor_host IS NOT NULL GROUP BY executor_host, agent
        UNION ALL
        SELECT executor_host, agent, 0, max(last_alive_at), count(*), max(last_alive_at)
        FROM finished_spans
        WHERE status = 'FAILED' AND last_alive_at >= $1 AND executor_host IS NOT NULL
        GROUP BY executor_host, agent
        UNION ALL
        SELECT f.executor_host, f.agent, 0, max(f.last_alive_at), 0, NULL
        FROM (
            SELECT run_id FROM runs WHERE started_at >= $1
            ORDER BY started_at DESC, run_id DESC LIMIT 500
        ) r
        CROSS JOIN LATERAL (
            SELECT executor_host, agent, last_alive_at FROM finished_spans f
            WHERE f.run_id = r.run_id AND executor_host IS NOT NULL LIMIT 200
        ) f
        GROUP BY f.executor_host, f.agent
    ), running AS (
        SELECT executor_host AS host, count(DISTINCT run_id) AS runs
        FROM live_spans WHERE executor_host IS NOT NULL GROUP BY executor_host
    )
    SELECT s.host, sum(s.spans)::bigint, coalesce(max(r.runs), 0),
           coalesce((array_agg(DISTINCT s.agent) FILTER (WHERE s.agent IS NOT NULL))[1:20], '{}'),
           max(s.heard), sum(s.failures)::bigint, max(s.failed)
    FROM said s LEFT JOIN running r USING (host)
    GROUP BY s.host ORDER BY s.host LIMIT $2";

const STEPS: &str = "
    SELECT run_id, span_id, layer, step_name, agent, last_alive_at, executor_host AS host
    FROM (
        SELECT *, row_number() OVER (PARTITION BY executor_host
                                     ORDER BY last_alive_at DESC, run_id, span_id) AS place
        FROM live_spans WHERE executor_host = ANY($1)
    ) s
    WHERE place <= 5 ORDER BY executor_host, place";

impl Database {
    /// The machines that were heard of since `since`, by name.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn hosts(&self, since: Timestamp, limit: u32) -> Result<Vec<Host>, StorageError> {
        let rows =
            sqlx::query(HOSTS).bind(since).bind(i64::from(limit)).fetch_all(self.pool()).await?;
        let mut hosts = BTreeMap::new();
        for row in &rows {
            let mut fields = Fields::of(row);
            let host = Host {
                executor_host: fields.take()?,
                running_spans: fields.take()?,
                running_runs: fields.take()?,
                agents: fields.take()?,
                last_alive_at: fields.take()?,
                failure_count: fields.take()?,
                last_failure_at: fields.take()?,
                steps: Vec::new(),
            };
            hosts.insert(host.executor_host.clone(), host);
        }
        let names: Vec<String> = hosts.keys().cloned().collect();
        // A step that ended in between is only not among these.
        for row in &sqlx::query(STEPS).bind(names).fetch_all(self.pool()).await? {
            let mut fields = Fields::of(row);
            let step = HostStep {
                key: fields.key()?,
                layer: fields.take()?,
                step_name: fields.take()?,
                agent: fields.take()?,
                last_alive_at: fields.take()?,
            };
            if let Some(host) = hosts.get_mut(row.try_get::<&str, _>("host")?) {
                host.steps.push(step);
            }
        }
        Ok(hosts.into_values().collect())
    }
}
