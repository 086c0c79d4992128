//! `live_spans`: spans that run now.

use std::time::Duration;

use sqlx::postgres::PgRow;

use super::{
    SpanWriter, StorageError,
    columns::{Fields, key_columns},
    copy::CopyBuffer,
};
use crate::domain::{
    event::{JsonText, Start},
    ids::SpanKey,
    progress::Progress,
    span::Span,
    time::Timestamp,
};

const LOAD: &str = "
    SELECT run_id, span_id, parent_span_id, layer, step_name, executor_host, agent, attempt,
           ts_start, first_seen_at, last_alive_at,
           progress_at, progress_reported_at, progress_current, progress_total, progress_note,
           stuck_after_ms, progress_timeout_ms, input_summary::text, attributes::text,
           cancel_requested
    FROM unnest($1::uuid[], $2::uuid[]) AS k (run_id, span_id)
    JOIN live_spans l USING (run_id, span_id)
    FOR UPDATE OF l";

/// As many columns as [`write_row`] writes.
const COPY: &str = "
    COPY live_spans (
        run_id, span_id, parent_span_id, layer, step_name, executor_host, agent, attempt,
        ts_start, first_seen_at, last_alive_at,
        progress_at, progress_reported_at, progress_current, progress_total, progress_note,
        stuck_after_ms, progress_timeout_ms, input_summary, attributes, cancel_requested
    ) FROM STDIN (FORMAT binary)";
const COPY_COLUMNS: i16 = 21;

const DELETE: &str = "
    DELETE FROM live_spans l USING unnest($1::uuid[], $2::uuid[]) AS k (run_id, span_id)
    WHERE l.run_id = k.run_id AND l.span_id = k.span_id";

const BEAT: &str = "
    UPDATE live_spans l SET last_alive_at = greatest(l.last_alive_at, b.at)
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS b (run_id, span_id, at)
    WHERE l.run_id = b.run_id AND l.span_id = b.span_id
    RETURNING l.run_id, l.span_id, l.ts_start IS NOT NULL, l.cancel_requested";

const LOAD_PROGRESS: &str = "
    SELECT run_id, span_id,
           progress_at, progress_reported_at, progress_current, progress_total, progress_note
    FROM unnest($1::uuid[], $2::uuid[]) AS k (run_id, span_id)
    JOIN live_spans l USING (run_id, span_id)
    FOR UPDATE OF l";

const STORE_PROGRESS: &str = "
    UPDATE live_spans l SET
        progress_at = p.moved_at, progress_reported_at = p.reported_at,
        progress_current = p.current, progress_total = p.total, progress_note = p.note
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[],
                $5::float8[], $6::float8[], $7::text[])
         AS p (run_id, span_id, moved_at, reported_at, current, total, note)
    WHERE l.run_id = p.run_id AND l.span_id = p.span_id";

/// What a heartbeat found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beaten {
    /// Which span.
    pub key: SpanKey,
    /// Whether its start was received.
    pub known: bool,
    /// Whether somebody asked for its run to be cancelled.
    pub cancel_requested: bool,
}

impl SpanWriter {
    /// Reads and locks those of `keys` that run.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn load_live(&mut self, keys: &[SpanKey]) -> Result<Vec<Span>, StorageError> {
        let (runs, spans) = key_columns(keys);
        let rows = sqlx::query(LOAD).bind(runs).bind(spans).fetch_all(&mut self.conn).await?;
        rows.iter().map(read_row).collect()
    }

    /// Appends running spans.
    ///
    /// # Errors
    ///
    /// [`StorageError::Duplicate`] where one is there.
    pub async fn copy_live(&mut self, spans: &[&Span]) -> Result<(), StorageError> {
        let mut rows = CopyBuffer::new(COPY_COLUMNS);
        for span in spans {
            write_row(&mut rows, span);
        }
        self.copy_in(COPY, rows.finish()).await
    }

    /// Removes spans that run no more.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn delete_live(&mut self, keys: &[SpanKey]) -> Result<(), StorageError> {
        let (runs, spans) = key_columns(keys);
        sqlx::query(DELETE).bind(runs).bind(spans).execute(&mut self.conn).await?;
        Ok(())
    }

    /// Notes signs of life of spans that run; those that do not are left out of
    /// the answer. `beats` is sorted by key, so that collectors wait for each
    /// other rather than deadlock.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn beat(
        &mut self,
        beats: &[(SpanKey, Timestamp)],
    ) -> Result<Vec<Beaten>, StorageError> {
        debug_assert!(beats.is_sorted_by_key(|(key, _)| *key));
        let (runs, spans) = key_columns(beats.iter().map(|(key, _)| key));
        let rows = sqlx::query(BEAT)
            .bind(runs)
            .bind(spans)
            .bind(beats.iter().map(|(_, at)| *at).collect::<Vec<_>>())
            .fetch_all(&mut self.conn)
            .await?;
        rows.iter()
            .map(|row| {
                let mut fields = Fields::of(row);
                Ok(Beaten {
                    key: fields.key()?,
                    known: fields.take()?,
                    cancel_requested: fields.take()?,
                })
            })
            .collect()
    }

    /// Reads and locks the progress of those of `keys` that run.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn load_progress(
        &mut self,
        keys: &[SpanKey],
    ) -> Result<Vec<(SpanKey, Option<Progress>)>, StorageError> {
        let (runs, spans) = key_columns(keys);
        let rows =
            sqlx::query(LOAD_PROGRESS).bind(runs).bind(spans).fetch_all(&mut self.conn).await?;
        rows.iter()
            .map(|row| {
                let mut fields = Fields::of(row);
                Ok((fields.key()?, read_progress(&mut fields)?))
            })
            .collect()
    }

    /// Overwrites the progress of spans that run.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn store_progress(
        &mut self,
        progress: &[(SpanKey, Progress)],
    ) -> Result<(), StorageError> {
        let (runs, spans) = key_columns(progress.iter().map(|(key, _)| key));
        let of = |read: fn(&Progress) -> Timestamp| {
            progress.iter().map(|(_, progress)| read(progress)).collect::<Vec<_>>()
        };
        sqlx::query(STORE_PROGRESS)
            .bind(runs)
            .bind(spans)
            .bind(of(|progress| progress.moved_at))
            .bind(of(|progress| progress.reported_at))
            .bind(progress.iter().map(|(_, progress)| progress.current).collect::<Vec<_>>())
            .bind(progress.iter().map(|(_, progress)| progress.total).collect::<Vec<_>>())
            .bind(progress.iter().map(|(_, progress)| progress.note.as_deref()).collect::<Vec<_>>())
            .execute(&mut self.conn)
            .await?;
        Ok(())
    }
}

fn write_row(rows: &mut CopyBuffer, span: &Span) {
    rows.row();
    write_identity(rows, span);
    rows.optional(span.start.ts_start, CopyBuffer::timestamp);
    write_life(rows, span);
    rows.optional(span.start.input_summary.as_ref(), CopyBuffer::json);
    rows.optional(span.start.attributes.as_ref(), CopyBuffer::json);
    rows.bool(span.cancel_requested);
}

/// `run_id` to `attempt`: the columns that both tables begin with.
pub(super) fn write_identity(rows: &mut CopyBuffer, span: &Span) {
    let start = &span.start;
    rows.uuid(span.key.run_id);
    rows.uuid(span.key.span_id);
    rows.optional(start.parent_span_id, CopyBuffer::uuid);
    rows.optional(start.layer.as_deref(), CopyBuffer::text);
    rows.optional(start.step_name.as_deref(), CopyBuffer::text);
    rows.optional(start.executor_host.as_deref(), CopyBuffer::text);
    rows.optional(start.agent.as_deref(), CopyBuffer::text);
    rows.int4(start.attempt.max(1));
}

/// `first_seen_at` to `progress_timeout_ms`: the columns of liveness.
pub(super) fn write_life(rows: &mut CopyBuffer, span: &Span) {
    let progress = span.progress.as_ref();
    rows.timestamp(span.first_seen_at);
    rows.timestamp(span.last_alive_at);
    rows.optional(progress.map(|progress| progress.moved_at), CopyBuffer::timestamp);
    rows.optional(progress.map(|progress| progress.reported_at), CopyBuffer::timestamp);
    rows.optional(progress.map(|progress| progress.current), CopyBuffer::float8);
    rows.optional(progress.and_then(|progress| progress.total), CopyBuffer::float8);
    rows.optional(progress.and_then(|progress| progress.note.as_deref()), CopyBuffer::text);
    rows.optional(span.start.stuck_after.map(milliseconds), CopyBuffer::int8);
    rows.optional(span.start.progress_timeout.map(milliseconds), CopyBuffer::int8);
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn read_row(row: &PgRow) -> Result<Span, StorageError> {
    let mut fields = Fields::of(row);
    let mut span = read_start(&mut fields)?;
    span.start.ts_start = fields.take()?;
    span.started = span.start.ts_start.is_some();
    read_life(&mut fields, &mut span)?;
    span.start.input_summary = read_json(&mut fields)?;
    span.start.attributes = read_json(&mut fields)?;
    span.cancel_requested = fields.take()?;
    Ok(span)
}

/// `run_id` to `attempt`: the columns that both tables begin with.
pub(super) fn read_start(fields: &mut Fields<'_>) -> Result<Span, StorageError> {
    let key = fields.key()?;
    let mut span = Span::stub(key, Timestamp::EPOCH);
    span.start = Start {
        parent_span_id: fields.optional_span()?,
        layer: fields.take()?,
        step_name: fields.take()?,
        executor_host: fields.take()?,
        agent: fields.take()?,
        attempt: fields.take()?,
        ..Start::default()
    };
    Ok(span)
}

/// `first_seen_at` to `progress_timeout_ms`: the columns of liveness.
pub(super) fn read_life(fields: &mut Fields<'_>, span: &mut Span) -> Result<(), StorageError> {
    span.first_seen_at = fields.take()?;
    span.last_alive_at = fields.take()?;
    span.progress = read_progress(fields)?;
    span.start.stuck_after = read_milliseconds(fields)?;
    span.start.progress_timeout = read_milliseconds(fields)?;
    Ok(())
}

fn read_progress(fields: &mut Fields<'_>) -> Result<Option<Progress>, StorageError> {
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

fn read_milliseconds(fields: &mut Fields<'_>) -> Result<Option<Duration>, StorageError> {
    Ok(fields
        .take::<Option<i64>>()?
        .and_then(|ms| u64::try_from(ms).ok())
        .map(Duration::from_millis))
}

pub(super) fn read_json(fields: &mut Fields<'_>) -> Result<Option<JsonText>, StorageError> {
    Ok(fields.take::<Option<String>>()?.map(JsonText::from_valid))
}
