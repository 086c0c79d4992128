//! Spans of a run, whether they run or have ended.

use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::super::{
    columns::{Fields, key_columns},
    finished::read_end,
    shared::read_shared,
};
use crate::{
    domain::{
        event::JsonText,
        ids::{RunId, SpanId, SpanKey},
        span::Span,
        status::Status,
    },
    storage::{Database, StorageError},
};

/// The columns that both tables share, but the JSON.
macro_rules! shared_columns {
    () => {
        "s.run_id, s.span_id, s.parent_span_id, s.layer, s.step_name, s.executor_host, s.agent, \
         s.attempt, s.ts_start, s.first_seen_at, s.last_alive_at, s.progress_at, \
         s.progress_reported_at, s.progress_current, s.progress_total, s.progress_note, \
         s.stuck_after_ms, s.progress_timeout_ms, "
    };
}

/// A running span without its JSON, as [`read_outline`] reads it.
macro_rules! live_outline_columns {
    () => {
        concat!(
            shared_columns!(),
            "NULL::text, NULL::text, NULL::text, s.cancel_requested, NULL::text, \
             NULL::timestamptz, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, \
             NULL::text, NULL::text, NULL::text, NULL::bigint[]"
        )
    };
}
pub(super) use {live_outline_columns, shared_columns};

/// Spans where `$which` holds, all of them.
macro_rules! whole_spans {
    ($which:literal) => {
        concat!(
            "SELECT ",
            shared_columns!(),
            "s.input_summary::text, s.attributes::text, s.otel::text, s.cancel_requested, \
             NULL::text, NULL::timestamptz, NULL::text, NULL::text, NULL::text, NULL::text, \
             NULL::text, NULL::text, NULL::text, NULL::text, NULL::bigint[] \
             FROM live_spans s WHERE ",
            $which,
            " UNION ALL SELECT ",
            shared_columns!(),
            "s.input_summary::text, s.attributes::text, s.otel::text, false, \
             s.status, s.ts_end, s.output_summary::text, s.error_type, s.error_message, \
             s.error_stack, s.reason_code, s.reason_kind, s.reason_evidence, s.fingerprint, \
             s.conflicting_end_hashes \
             FROM finished_spans s WHERE ",
            $which
        )
    };
}

const OF_RUN: &str = whole_spans!("s.run_id = $1");
const OF_RUN_NAMED: &str = whole_spans!("s.run_id = $1 AND s.span_id = ANY($2)");

/// All spans of a run without what may be large: a tree or a last sign of life
/// needs neither JSON nor the error's text.
const OUTLINES: &str = concat!(
    "SELECT ",
    live_outline_columns!(),
    " FROM live_spans s WHERE s.run_id = $1 UNION ALL SELECT ",
    shared_columns!(),
    "NULL::text, NULL::text, NULL::text, false, s.status, s.ts_end, NULL::text, NULL::text, \
     NULL::text, NULL::text, s.reason_code, s.reason_kind, NULL::text, NULL::text, \
     s.conflicting_end_hashes FROM finished_spans s WHERE s.run_id = $1"
);

const LATEST_FAILURES: &str = concat!(
    "SELECT ",
    shared_columns!(),
    "NULL::text, NULL::text, NULL::text, false, s.status, s.ts_end, NULL::text, s.error_type, \
     s.error_message, NULL::text, s.reason_code, s.reason_kind, s.reason_evidence, s.fingerprint, \
     s.conflicting_end_hashes \
     FROM finished_spans s WHERE s.run_id = $1 AND s.status = 'FAILED' \
     ORDER BY s.last_alive_at DESC, s.span_id DESC LIMIT $2"
);

const LIVE_INPUTS: &str = "
    SELECT l.run_id, l.span_id, l.input_summary::text
    FROM unnest($1::uuid[], $2::uuid[]) AS k (run_id, span_id)
    JOIN live_spans l USING (run_id, span_id)
    WHERE l.input_summary IS NOT NULL";

impl Database {
    /// All spans of a run, whole, in no order.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn run_spans(&self, run_id: RunId) -> Result<Vec<Span>, StorageError> {
        let rows = sqlx::query(OF_RUN).bind(Uuid::from(run_id)).fetch_all(self.pool()).await?;
        rows.iter().map(read_row).collect()
    }

    /// Those of a run's spans that are named, whole, in no order.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn named_spans(
        &self,
        run_id: RunId,
        span_ids: &[SpanId],
    ) -> Result<Vec<Span>, StorageError> {
        let rows = sqlx::query(OF_RUN_NAMED)
            .bind(Uuid::from(run_id))
            .bind(span_ids.iter().copied().map(Uuid::from).collect::<Vec<_>>())
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(read_row).collect()
    }

    /// All spans of a run without their JSON and error texts, in no order.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn run_outlines(&self, run_id: RunId) -> Result<Vec<Span>, StorageError> {
        let rows = sqlx::query(OUTLINES).bind(Uuid::from(run_id)).fetch_all(self.pool()).await?;
        rows.iter().map(read_row).collect()
    }

    /// A run's failed spans without JSON and stack traces, those first whose
    /// ends were received last.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn latest_failures(
        &self,
        run_id: RunId,
        limit: u32,
    ) -> Result<Vec<Span>, StorageError> {
        let rows = sqlx::query(LATEST_FAILURES)
            .bind(Uuid::from(run_id))
            .bind(i64::from(limit))
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(read_row).collect()
    }

    /// What running spans were given; those that were given nothing, or have
    /// ended, are left out.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn live_inputs(
        &self,
        keys: &[SpanKey],
    ) -> Result<Vec<(SpanKey, JsonText)>, StorageError> {
        let (runs, spans) = key_columns(keys);
        let rows = sqlx::query(LIVE_INPUTS).bind(runs).bind(spans).fetch_all(self.pool()).await?;
        rows.iter()
            .map(|row| {
                let key = Fields::of(row).key()?;
                Ok((key, JsonText::from_valid(row.try_get(2)?)))
            })
            .collect()
    }
}

fn read_row(row: &PgRow) -> Result<Span, StorageError> {
    read_outline(&mut Fields::of(row))
}

pub(super) fn read_outline(fields: &mut Fields<'_>) -> Result<Span, StorageError> {
    let mut span = read_shared(fields)?;
    span.cancel_requested = fields.take()?;
    let status: Option<&str> = fields.take()?;
    span.ended = match status.map(str::parse) {
        None => None,
        Some(Ok(Status::Ended(status))) => Some(read_end(fields, status)?),
        Some(_) => {
            return Err(StorageError::Inconsistent { table: "finished_spans", column: "status" });
        }
    };
    Ok(span)
}
