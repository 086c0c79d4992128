//! The columns that `live_spans` and `finished_spans` begin with, in the order
//! in which both are written and read: `run_id` to `otel`.

use std::{sync::Arc, time::Duration};

use smol_str::SmolStr;

use super::{StorageError, columns::Fields, copy::CopyBuffer};
use crate::domain::{
    event::{JsonText, SharedJsonText, Start},
    progress::Progress,
    span::Span,
    time::Timestamp,
};

/// How many there are.
pub(super) const SHARED_COLUMNS: i16 = 21;

/// Writes the shared columns of a span.
pub(super) fn write_shared(rows: &mut CopyBuffer, span: &Span) {
    let start = &span.start;
    rows.uuid(span.key.run_id);
    rows.uuid(span.key.span_id);
    rows.optional(start.parent_span_id, CopyBuffer::uuid);
    rows.optional(start.layer.as_deref(), CopyBuffer::text);
    rows.optional(start.step_name.as_deref(), CopyBuffer::text);
    rows.optional(start.executor_host.as_deref(), CopyBuffer::text);
    rows.optional(start.agent.as_deref(), CopyBuffer::text);
    rows.int4(start.attempt.max(1));
    rows.optional(start.ts_start, CopyBuffer::timestamp);
    rows.timestamp(span.first_seen_at);
    rows.timestamp(span.last_alive_at);
    let progress = span.progress.as_ref();
    rows.optional(progress.map(|progress| progress.moved_at), CopyBuffer::timestamp);
    rows.optional(progress.map(|progress| progress.reported_at), CopyBuffer::timestamp);
    rows.optional(progress.map(|progress| progress.current), CopyBuffer::float8);
    rows.optional(progress.and_then(|progress| progress.total), CopyBuffer::float8);
    rows.optional(progress.and_then(|progress| progress.note.as_deref()), CopyBuffer::text);
    rows.optional(start.stuck_after.map(milliseconds), CopyBuffer::int8);
    rows.optional(start.progress_timeout.map(milliseconds), CopyBuffer::int8);
    rows.optional(start.input_summary.as_ref(), CopyBuffer::json);
    rows.optional(start.attributes.as_ref(), CopyBuffer::json);
    rows.optional(start.otel.as_ref(), CopyBuffer::shared_json);
}

/// Reads the shared columns of a span. JSON columns come as text.
pub(super) fn read_shared(fields: &mut Fields<'_>) -> Result<Span, StorageError> {
    let mut span = Span::stub(fields.key()?, Timestamp::EPOCH);
    let mut start = Start {
        parent_span_id: fields.optional_span()?,
        layer: read_name(fields)?,
        step_name: read_name(fields)?,
        executor_host: read_name(fields)?,
        agent: read_name(fields)?,
        attempt: fields.take()?,
        ts_start: fields.take()?,
        ..Start::default()
    };
    // A start always has a time: the client's, or that of its receipt.
    span.started = start.ts_start.is_some();
    span.first_seen_at = fields.take()?;
    span.last_alive_at = fields.take()?;
    span.progress = read_progress(fields)?;
    start.stuck_after = read_milliseconds(fields)?;
    start.progress_timeout = read_milliseconds(fields)?;
    start.input_summary = read_json(fields)?;
    start.attributes = read_json(fields)?;
    let otel = fields.take::<Option<String>>()?;
    start.otel = otel.map(|text| SharedJsonText::from_valid(text, None));
    span.start = Arc::new(start);
    Ok(span)
}

fn read_name(fields: &mut Fields<'_>) -> Result<Option<SmolStr>, StorageError> {
    Ok(fields.take::<Option<&str>>()?.map(SmolStr::from))
}

/// Reads the columns of progress; none where nothing was reported.
pub(super) fn read_progress(fields: &mut Fields<'_>) -> Result<Option<Progress>, StorageError> {
    let moved_at: Option<Timestamp> = fields.take()?;
    let reported_at: Option<Timestamp> = fields.take()?;
    let current: Option<f64> = fields.take()?;
    let total = fields.take()?;
    let note = fields.take()?;
    Ok(match (moved_at, reported_at, current) {
        (Some(moved_at), Some(reported_at), Some(current)) => {
            Some(Progress { current, total, note, moved_at, reported_at })
        }
        _ => None,
    })
}

/// Reads a JSON column that comes as text.
pub(super) fn read_json(fields: &mut Fields<'_>) -> Result<Option<JsonText>, StorageError> {
    Ok(fields.take::<Option<String>>()?.map(JsonText::from_valid))
}

fn read_milliseconds(fields: &mut Fields<'_>) -> Result<Option<Duration>, StorageError> {
    let milliseconds = fields.take::<Option<i64>>()?;
    Ok(milliseconds.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis))
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
