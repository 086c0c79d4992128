//! `run_artifacts`: files that spans left behind.

use super::{SpanWriter, StorageError, copy::CopyBuffer};
use crate::domain::{
    ids::{ArtifactId, SpanKey},
    time::Timestamp,
};

/// An artifact whose bytes are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewArtifact {
    /// Its id.
    pub id: ArtifactId,
    /// The span that left it.
    pub key: SpanKey,
    /// What it is to the reader.
    pub artifact_type: String,
    /// Its name for a download.
    pub file_name: String,
    /// Which store has the bytes.
    pub storage_backend: String,
    /// Where in that store.
    pub storage_key: String,
    /// Its media type.
    pub content_type: String,
    /// Its length.
    pub size_bytes: i64,
    /// The SHA-256 of the stored bytes.
    pub sha256: [u8; 32],
    /// When it was stored, by the server's clock.
    pub created_at: Timestamp,
    /// When it stops being served.
    pub expires_at: Option<Timestamp>,
}

const COPY: &str = "
    COPY run_artifacts (
        id, run_id, span_id, artifact_type, file_name, storage_backend, storage_key,
        content_type, size_bytes, sha256, created_at, expires_at
    ) FROM STDIN (FORMAT binary)";
const COPY_COLUMNS: i16 = 12;

impl SpanWriter {
    /// Appends artifacts.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn copy_artifacts(&mut self, artifacts: &[&NewArtifact]) -> Result<(), StorageError> {
        self.copy_in(COPY, COPY_COLUMNS, artifacts, |rows, artifact| {
            rows.row();
            rows.uuid(artifact.id);
            rows.uuid(artifact.key.run_id);
            rows.uuid(artifact.key.span_id);
            rows.text(&artifact.artifact_type);
            rows.text(&artifact.file_name);
            rows.text(&artifact.storage_backend);
            rows.text(&artifact.storage_key);
            rows.text(&artifact.content_type);
            rows.int8(artifact.size_bytes);
            rows.bytea(&artifact.sha256);
            rows.timestamp(artifact.created_at);
            rows.optional(artifact.expires_at, CopyBuffer::timestamp);
        })
        .await
    }
}
