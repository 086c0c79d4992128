//! `live_spans`: spans that run now.

use std::collections::HashSet;

use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::{
    SpanWriter, StorageError,
    columns::{Fields, key_columns},
    shared::{SHARED_COLUMNS, read_progress, read_shared, write_shared},
};
use crate::domain::{
    ids::{RunId, SpanKey},
    progress::Progress,
    span::Span,
    time::Timestamp,
};

const LOAD: &str = "
    SELECT run_id, span_id, parent_span_id, layer, step_name, executor_host, agent, attempt,
           ts_start, first_seen_at, last_alive_at,
           progress_at, progress_reported_at, progress_current, progress_total, progress_note,
           stuck_after_ms, progress_timeout_ms, input_summary::text, attributes::text,
           otel::text, cancel_requested
    FROM unnest($1::uuid[], $2::uuid[]) AS k (run_id, span_id)
    JOIN live_spans l USING (run_id, span_id)
    FOR UPDATE OF l";

const LIVE_RUNS: &str = "
    SELECT k.run_id FROM unnest($1::uuid[]) AS k (run_id)
    WHERE EXISTS (SELECT FROM live_spans l WHERE l.run_id = k.run_id)";

const COPY: &str = "
    COPY live_spans (
        run_id, span_id, parent_span_id, layer, step_name, executor_host, agent, attempt,
        ts_start, first_seen_at, last_alive_at,
        progress_at, progress_reported_at, progress_current, progress_total, progress_note,
        stuck_after_ms, progress_timeout_ms, input_summary, attributes, otel, cancel_requested
    ) FROM STDIN (FORMAT binary)";
const COPY_COLUMNS: i16 = SHARED_COLUMNS + 1;

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
    /// Which of `runs`, which are locked, have spans that run.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn live_runs(&mut self, runs: &[RunId]) -> Result<HashSet<RunId>, StorageError> {
        let runs: Vec<Uuid> = runs.iter().copied().map(Uuid::from).collect();
        let live: Vec<Uuid> =
            sqlx::query_scalar(LIVE_RUNS).bind(runs).fetch_all(&mut self.conn).await?;
        Ok(live.into_iter().map(RunId::from_stored).collect())
    }

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
        self.copy_in(COPY, COPY_COLUMNS, spans, |rows, span| {
            rows.row();
            write_shared(rows, span);
            rows.bool(span.cancel_requested);
        })
        .await
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

fn read_row(row: &PgRow) -> Result<Span, StorageError> {
    let mut fields = Fields::of(row);
    let mut span = read_shared(&mut fields)?;
    span.cancel_requested = fields.take()?;
    Ok(span)
}
