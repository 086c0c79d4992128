//! Which files spans left behind.

use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::super::columns::{Fields, key_columns};
use crate::{
    domain::ids::{ArtifactId, RunId, SpanId, SpanKey},
    storage::{Database, NewArtifact, StorageError},
};

/// Whether one is still served does not matter: what expired is named, so that
/// a reader sees that there was one.
const OF_RUN: &str = "
    SELECT id, run_id, span_id, artifact_type, file_name, storage_backend, storage_key,
           content_type, size_bytes, sha256, created_at, expires_at
    FROM run_artifacts WHERE run_id = $1 ORDER BY created_at, id";

const OF_SPANS: &str = "
    SELECT a.id, a.run_id, a.span_id, artifact_type, file_name, storage_backend, storage_key,
           content_type, size_bytes, sha256, created_at, expires_at
    FROM unnest($1::uuid[], $2::uuid[]) AS k (run_id, span_id)
    JOIN run_artifacts a ON a.run_id = k.run_id AND a.span_id = k.span_id
    ORDER BY created_at, id";

impl Database {
    /// All artifacts of a run, the oldest first.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn run_artifacts(&self, run_id: RunId) -> Result<Vec<NewArtifact>, StorageError> {
        let rows = sqlx::query(OF_RUN).bind(Uuid::from(run_id)).fetch_all(self.pool()).await?;
        rows.iter().map(read_row).collect()
    }

    /// All artifacts of some spans, the oldest first.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn span_artifacts(&self, keys: &[SpanKey]) -> Result<Vec<NewArtifact>, StorageError> {
        let (runs, spans) = key_columns(keys);
        let rows = sqlx::query(OF_SPANS).bind(runs).bind(spans).fetch_all(self.pool()).await?;
        rows.iter().map(read_row).collect()
    }
}

fn read_row(row: &PgRow) -> Result<NewArtifact, StorageError> {
    let mut fields = Fields::of(row);
    Ok(NewArtifact {
        id: ArtifactId::from_stored(fields.take()?),
        key: SpanKey {
            run_id: RunId::from_stored(fields.take()?),
            span_id: SpanId::from_stored(fields.take()?),
        },
        artifact_type: fields.take()?,
        file_name: fields.take()?,
        storage_backend: fields.take()?,
        storage_key: fields.take()?,
        content_type: fields.take()?,
        size_bytes: fields.take()?,
        sha256: fields
            .take::<&[u8]>()?
            .try_into()
            .map_err(|_| StorageError::Inconsistent { table: "run_artifacts", column: "sha256" })?,
        created_at: fields.take()?,
        expires_at: fields.take()?,
    })
}
