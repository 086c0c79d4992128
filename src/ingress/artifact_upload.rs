//! `StoreArtifact`: a file that a span left behind.
//!
//! First the bytes are on disk, then the row is committed: what an id names is
//! always there. Where the row can't be stored, the bytes are removed.

use std::{io, time::Duration};

use bytes::Bytes;
use tokio::task::JoinError;

use super::{
    check,
    error::{ApiError, Violations},
    intake,
    span_service::SpanServiceImpl,
};
use crate::{
    artifacts::{ArtifactError, LOCAL, StoredFile},
    domain::{
        ids::{ArtifactId, SpanKey},
        time::Timestamp,
    },
    ingest::{IngestError, Permit, Recorded, Write},
    proto::v1,
    storage::NewArtifact,
};

/// The most that fits into one message. Larger files are streamed.
const MAX_CONTENT_BYTES: usize = 4 * 1024 * 1024;

const MAX_TYPE_BYTES: usize = 64;
const MAX_FILE_NAME_BYTES: usize = 255;
const MAX_KEY_BYTES: usize = 4096;
const MAX_TTL: Duration = Duration::from_secs(3650 * 24 * 3600);

/// What a request says of its artifact, checked.
struct Checked {
    key: SpanKey,
    artifact_type: String,
    file_name: String,
    content_type: String,
    expires_at: Option<Timestamp>,
    created_at: Timestamp,
    source: Source,
}

/// Why a row is not acknowledged.
enum Unstored {
    /// It is not stored.
    Surely(ApiError),
    /// Nobody knows whether it is.
    Perhaps(ApiError),
}

enum Source {
    Content(Bytes),
    Stored { store: String, key: String },
}

pub(super) async fn store(
    service: &SpanServiceImpl,
    request: v1::StoreArtifactRequest,
) -> Result<v1::StoreArtifactResponse, ApiError> {
    let checked = check(service, request)?;
    let bytes = match &checked.source {
        Source::Content(content) => content.len(),
        Source::Stored { .. } => 0,
    };
    let permit = service.ingest.try_admit(bytes)?;
    // A task of its own: a client that cancels must not leave bytes behind that
    // no row refers to.
    let service = service.clone();
    tokio::spawn(async move { store_checked(&service, checked, permit).await })
        .await
        .map_err(|error: JoinError| ApiError::internal(&error))?
}

async fn store_checked(
    service: &SpanServiceImpl,
    checked: Checked,
    permit: Permit,
) -> Result<v1::StoreArtifactResponse, ApiError> {
    let id = ArtifactId::generate();
    let file = store_file(service, id, &checked).await?;
    let recorded = match store_row(service, id, &checked, &file, permit).await {
        Ok(recorded) => recorded,
        Err(Unstored::Surely(error)) => {
            if file.storage_backend == LOCAL {
                service.artifacts.discard(file).await;
            }
            return Err(error);
        }
        Err(Unstored::Perhaps(error)) => {
            // A row that names nothing would be worse than bytes that nothing names.
            tracing::warn!(
                storage_key = file.storage_key,
                "an artifact is kept although its row may not be stored"
            );
            return Err(error);
        }
    };
    Ok(v1::StoreArtifactResponse {
        known: recorded.known,
        artifact_id: id.to_string(),
        size_bytes: file.size_bytes,
        sha256: hex(&file.sha256),
    })
}

async fn store_file(
    service: &SpanServiceImpl,
    id: ArtifactId,
    checked: &Checked,
) -> Result<StoredFile, ApiError> {
    let stored = match &checked.source {
        Source::Content(content) => {
            let content = redacted(service, &checked.content_type, content);
            service.artifacts.store(checked.key.run_id, id, content).await
        }
        Source::Stored { store, key } => service.artifacts.find(store, key).await,
    };
    stored.map_err(|error| match error {
        ArtifactError::UnknownStore { .. } => {
            ApiError::invalid("storage_backend", error.to_string())
        }
        ArtifactError::NoSuchFile { .. } | ArtifactError::NotAFile => {
            ApiError::invalid("storage_key", error.to_string())
        }
        ArtifactError::Io(ref cause) if is_full(cause) => {
            tracing::warn!(%cause, "no room for an artifact");
            ApiError::Unavailable("the artifact store is full; try again")
        }
        ArtifactError::Io(_) => ApiError::internal(&error),
    })
}

/// Whether somebody has to make room, which helps those who try again.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

async fn store_row(
    service: &SpanServiceImpl,
    id: ArtifactId,
    checked: &Checked,
    file: &StoredFile,
    permit: Permit,
) -> Result<Recorded, Unstored> {
    let artifact = NewArtifact {
        id,
        key: checked.key,
        artifact_type: checked.artifact_type.clone(),
        file_name: checked.file_name.clone(),
        storage_backend: file.storage_backend.clone(),
        storage_key: file.storage_key.clone(),
        content_type: checked.content_type.clone(),
        size_bytes: i64::try_from(file.size_bytes).unwrap_or(i64::MAX),
        sha256: file.sha256,
        created_at: checked.created_at,
        expires_at: checked.expires_at,
    };
    let event = service.intake.sign_of_life(checked.key);
    let write = Write { event, artifact: Some(Box::new(artifact)) };
    let receipt = service
        .ingest
        .enqueue(vec![write], permit)
        .map_err(|error| Unstored::Surely(error.into()))?;
    // The database may have committed, and only its answer been lost.
    let perhaps = |error: IngestError| Unstored::Perhaps(error.into());
    let outcomes = receipt.outcomes().await.map_err(perhaps)?;
    let outcome = outcomes.into_iter().next().ok_or_else(|| perhaps(IngestError::Internal))?;
    outcome.map_err(|rejected| Unstored::Surely(rejected.into()))
}

fn check(
    service: &SpanServiceImpl,
    request: v1::StoreArtifactRequest,
) -> Result<Checked, ApiError> {
    let mut violations = Violations::default();
    let key = intake::key(&request.run_id, &request.span_id, &mut violations);
    check_type(&request.artifact_type, &mut violations);
    check_file_name(&request.file_name, &mut violations);
    violations.take("storage_key", check::text(&request.storage_key, MAX_KEY_BYTES));
    let content_type = content_type(&request, &mut violations);
    let ttl = request.ttl.map(|ttl| check::duration(ttl, MAX_TTL)).transpose();
    let ttl = violations.take("ttl", ttl).flatten();
    if request.content.len() > MAX_CONTENT_BYTES {
        violations.add(
            "content",
            format!("is {} bytes long, the most is {MAX_CONTENT_BYTES}: send less, or put the file where a store of the server's is", request.content.len()),
        );
    }
    let source = match (request.storage_backend.as_str(), request.storage_key.as_str()) {
        ("", "") => Source::Content(request.content),
        _ if !request.content.is_empty() => {
            violations.add("content", "is set beside storage_key: send one of the two");
            Source::Content(Bytes::new())
        }
        (store, key) => {
            for (field, text) in [("storage_backend", store), ("storage_key", key)] {
                if text.is_empty() {
                    violations.add(field, "is missing: a stored file is named by both");
                }
            }
            Source::Stored { store: store.to_owned(), key: key.to_owned() }
        }
    };
    violations.check()?;
    let created_at = service.intake.clock().now();
    Ok(Checked {
        key: key.ok_or(ApiError::Internal)?,
        artifact_type: request.artifact_type,
        file_name: service.intake.redactor().text(&request.file_name).into_owned(),
        content_type,
        expires_at: ttl.map(|ttl| created_at.plus(ttl)),
        created_at,
        source,
    })
}

fn check_type(artifact_type: &str, violations: &mut Violations) {
    let fits = (1..=MAX_TYPE_BYTES).contains(&artifact_type.len())
        && artifact_type.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if !fits {
        violations.add(
            "artifact_type",
            format!("is not a short name such as screenshot: use letters, digits, '_', '-' and '.', at most {MAX_TYPE_BYTES}"),
        );
    }
}

fn check_file_name(file_name: &str, violations: &mut Violations) {
    violations.take("file_name", check::text(file_name, MAX_FILE_NAME_BYTES));
    let fits = !matches!(file_name, "" | "." | "..")
        && !file_name.chars().any(|c| matches!(c, '/' | '\\') || c.is_control());
    if !fits {
        violations.add("file_name", "is not the name of a file: send one without folders");
    }
}

fn content_type(request: &v1::StoreArtifactRequest, violations: &mut Violations) -> String {
    let given = request.content_type.as_str();
    if given.is_empty() {
        return mime_guess::from_path(&request.file_name).first_or_octet_stream().to_string();
    }
    let visible = given.bytes().all(|b| (b' '..=b'~').contains(&b));
    if given.len() > MAX_FILE_NAME_BYTES || !visible || !given.contains('/') {
        violations.add("content_type", "is not a media type such as image/png");
    }
    given.to_owned()
}

/// Text is redacted before it is stored; other bytes stay as they are.
fn redacted(service: &SpanServiceImpl, content_type: &str, content: &Bytes) -> Bytes {
    if !is_text(content_type) {
        return content.clone();
    }
    match std::str::from_utf8(content) {
        Ok(text) => match service.intake.redactor().text_whole(text) {
            std::borrow::Cow::Borrowed(_) => content.clone(),
            std::borrow::Cow::Owned(redacted) => redacted.into(),
        },
        // Text in another encoding, or cut within a character: what can be read
        // is redacted, what can't be becomes the replacement character.
        Err(_) => {
            let text = String::from_utf8_lossy(content);
            service.intake.redactor().text_whole(&text).into_owned().into()
        }
    }
}

fn is_text(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/').unwrap_or_default();
    kind == "text"
        || ["json", "yaml", "xml", "x-yaml", "x-ndjson", "javascript"]
            .iter()
            .any(|text| subtype == *text || subtype.ends_with(&format!("+{text}")))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        // Writing into a String never fails.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
