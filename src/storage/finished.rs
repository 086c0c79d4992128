//! `finished_spans`: history, appended once.

use sqlx::postgres::PgRow;

use super::{
    SpanWriter, StorageError,
    columns::{Fields, key_columns},
    copy::CopyBuffer,
    shared::{SHARED_COLUMNS, read_json, read_shared, write_shared},
};
use crate::domain::{
    event::FailureFacts,
    ids::SpanKey,
    span::{Ended, Span},
    status::{EndStatus, Status},
};

const LOAD: &str = "
    SELECT run_id, span_id, parent_span_id, layer, step_name, executor_host, agent, attempt,
           ts_start, first_seen_at, last_alive_at,
           progress_at, progress_reported_at, progress_current, progress_total, progress_note,
           stuck_after_ms, progress_timeout_ms, input_summary::text, attributes::text,
           otel::text, status, ts_end, output_summary::text, error_type, error_message, error_stack,
           reason_code, reason_kind, reason_evidence, fingerprint, conflicting_end_hashes
    FROM unnest($1::uuid[], $2::uuid[]) AS k (run_id, span_id)
    JOIN finished_spans f USING (run_id, span_id)
    FOR UPDATE OF f";

/// As many columns as [`write_row`] writes.
const COPY: &str = "
    COPY finished_spans (
        run_id, span_id, parent_span_id, layer, step_name, executor_host, agent, attempt,
        ts_start, first_seen_at, last_alive_at,
        progress_at, progress_reported_at, progress_current, progress_total, progress_note,
        stuck_after_ms, progress_timeout_ms, input_summary, attributes,
        otel, status, ts_end, output_summary, error_type, error_message, error_stack,
        reason_code, reason_kind, reason_evidence, fingerprint, conflicting_ends,
        conflicting_end_hashes
    ) FROM STDIN (FORMAT binary)";
const COPY_COLUMNS: i16 = SHARED_COLUMNS + 12;

const DELETE: &str = "
    DELETE FROM finished_spans f USING unnest($1::uuid[], $2::uuid[]) AS k (run_id, span_id)
    WHERE f.run_id = k.run_id AND f.span_id = k.span_id";

impl SpanWriter {
    /// Reads and locks those of `keys` that have ended.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn load_finished(&mut self, keys: &[SpanKey]) -> Result<Vec<Span>, StorageError> {
        let (runs, spans) = key_columns(keys);
        let rows = sqlx::query(LOAD).bind(runs).bind(spans).fetch_all(&mut self.conn).await?;
        rows.iter().map(read_row).collect()
    }

    /// Appends spans that have ended. Spans that have not are left out.
    ///
    /// # Errors
    ///
    /// [`StorageError::Duplicate`] where one is there.
    pub async fn copy_finished(&mut self, spans: &[&Span]) -> Result<(), StorageError> {
        self.copy_in(COPY, COPY_COLUMNS, spans, |rows, span| {
            if let Some(ended) = &span.ended {
                write_row(rows, span, ended);
            }
        })
        .await
    }

    /// Removes rows that are about to be written anew.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn delete_finished(&mut self, keys: &[SpanKey]) -> Result<(), StorageError> {
        let (runs, spans) = key_columns(keys);
        sqlx::query(DELETE).bind(runs).bind(spans).execute(&mut self.conn).await?;
        Ok(())
    }
}

fn write_row(rows: &mut CopyBuffer, span: &Span, ended: &Ended) {
    rows.row();
    write_shared(rows, span);
    rows.text(ended.status.as_str());
    rows.timestamp(ended.ts_end);
    rows.optional(ended.output_summary.as_ref(), CopyBuffer::json);
    let failure = ended.failure.as_deref();
    let text = |rows: &mut CopyBuffer, read: fn(&FailureFacts) -> Option<&str>| {
        rows.optional(failure.and_then(read), CopyBuffer::text);
    };
    text(rows, |failure| failure.error_type.as_deref());
    text(rows, |failure| failure.error_message.as_deref());
    text(rows, |failure| failure.error_stack.as_deref());
    text(rows, |failure| failure.reason_code.as_deref());
    text(rows, |failure| failure.reason_kind.map(|kind| kind.as_str()));
    text(rows, |failure| failure.reason_evidence.as_deref());
    text(rows, |failure| failure.fingerprint.as_deref());
    let hashes = &ended.conflicting_ends;
    rows.int4(i32::try_from(hashes.len()).unwrap_or(i32::MAX));
    rows.optional((!hashes.is_empty()).then(|| hashes.iter().copied()), CopyBuffer::int8_array);
}

fn read_row(row: &PgRow) -> Result<Span, StorageError> {
    let mut fields = Fields::of(row);
    let mut span = read_shared(&mut fields)?;
    let Ok(Status::Ended(status)) = fields.take::<&str>()?.parse() else {
        return Err(inconsistent("status"));
    };
    span.ended = Some(read_end(&mut fields, status)?);
    Ok(span)
}

/// `ts_end` to `conflicting_ends`: the columns after the status.
pub(super) fn read_end(fields: &mut Fields<'_>, status: EndStatus) -> Result<Ended, StorageError> {
    let ts_end = fields.take()?;
    let output_summary = read_json(fields)?;
    let failure = FailureFacts {
        error_type: fields.take()?,
        error_message: fields.take()?,
        error_stack: fields.take()?,
        reason_code: fields.take()?,
        reason_kind: fields
            .take::<Option<&str>>()?
            .map(str::parse)
            .transpose()
            .map_err(|_| inconsistent("reason_kind"))?,
        reason_evidence: fields.take()?,
        fingerprint: fields.take()?,
    };
    Ok(Ended {
        status,
        ts_end,
        output_summary,
        failure: (failure != FailureFacts::default()).then(|| Box::new(failure)),
        conflicting_ends: fields.take::<Option<Vec<i64>>>()?.into_iter().flatten().collect(),
    })
}

fn inconsistent(column: &'static str) -> StorageError {
    StorageError::Inconsistent { table: "finished_spans", column }
}
