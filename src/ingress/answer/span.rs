//! Spans and the files they left behind.

use std::collections::HashMap;

use super::{count, failure_kind, id, json_object, json_value, status, text, timestamp};
use crate::{
    domain::{
        event::{FailureFacts, JsonText},
        ids::SpanId,
        span::Span,
    },
    proto::v1,
    query::{Timeline, TimelineSpan},
    storage::NewArtifact,
};

impl From<&Timeline> for v1::GetTimelineResponse {
    fn from(timeline: &Timeline) -> Self {
        let run = &timeline.run;
        Self {
            run_id: run.run_id.to_string(),
            spans: timeline
                .spans
                .iter()
                .map(|span| span_in_run(span, text(run.task_id.as_ref()), timeline.last_alive))
                .collect(),
            last_alive_span_id: id(timeline.last_alive),
            task_id: text(run.task_id.as_ref()),
            attempt: count(run.attempt.into()),
            retry_of: id(run.retry_of),
            status: status(run.status),
            next_page_token: id(timeline.next),
        }
    }
}

fn span_in_run(placed: &TimelineSpan, task_id: String, last_alive: Option<SpanId>) -> v1::Span {
    let Span { key, start, ended, progress, .. } = &placed.span;
    let failure = ended.as_ref().and_then(|ended| ended.failure.as_ref());
    let failure_text = |read: fn(&FailureFacts) -> &Option<String>| {
        text(failure.and_then(|failure| read(failure).as_ref()))
    };
    v1::Span {
        run_id: key.run_id.to_string(),
        span_id: key.span_id.to_string(),
        parent_span_id: id(start.parent_span_id),
        task_id,
        layer: text(start.layer.as_ref()),
        step_name: text(start.step_name.as_ref()),
        status: status(placed.span.status()),
        executor_host: text(start.executor_host.as_ref()),
        agent: text(start.agent.as_ref()),
        attempt: count(start.attempt.into()),
        reason_code: failure_text(|failure| &failure.reason_code),
        reason_kind: failure_kind(&placed.span),
        ts_start: start.ts_start.map(timestamp),
        ts_end: ended.as_ref().map(|ended| timestamp(ended.ts_end)),
        heartbeat_ts: Some(timestamp(placed.span.last_alive_at)),
        input_summary: json_value(start.input_summary.as_ref()),
        output_summary: json_value(ended.as_ref().and_then(|e| e.output_summary.as_ref())),
        artifacts: newest_by_type(&placed.artifacts),
        artifact_list: placed.artifacts.iter().map(v1::Artifact::from).collect(),
        attributes: json_object(start.attributes.as_ref().map(JsonText::as_str)),
        error: failure.and_then(|failure| error(failure)),
        progress: progress.as_ref().map(v1::Progress::from),
        progress_at: progress.as_ref().map(|progress| timestamp(progress.moved_at)),
        fingerprint: failure_text(|failure| &failure.fingerprint),
        reason_evidence: failure_text(|failure| &failure.reason_evidence),
        duration_seconds: placed.duration.as_secs_f64(),
        conflicting_ends: ended
            .as_ref()
            .map_or(0, |ended| u32::try_from(ended.conflicting_ends.len()).unwrap_or(u32::MAX)),
        is_last_alive: last_alive == Some(key.span_id),
        depth: placed.depth,
        otel: json_object(start.otel.as_ref().map(|otel| otel.pieces().concat()).as_deref()),
    }
}

/// The error itself; absent where only a reason was given.
fn error(failure: &FailureFacts) -> Option<v1::SpanError> {
    let error = v1::SpanError {
        r#type: text(failure.error_type.as_ref()),
        message: text(failure.error_message.as_ref()),
        stack_trace: text(failure.error_stack.as_ref()),
    };
    (error != v1::SpanError::default()).then_some(error)
}

impl From<&NewArtifact> for v1::Artifact {
    fn from(artifact: &NewArtifact) -> Self {
        Self {
            artifact_id: artifact.id.to_string(),
            run_id: artifact.key.run_id.to_string(),
            span_id: artifact.key.span_id.to_string(),
            artifact_type: artifact.artifact_type.clone(),
            file_name: artifact.file_name.clone(),
            content_type: artifact.content_type.clone(),
            size_bytes: u64::try_from(artifact.size_bytes).unwrap_or(0),
            sha256: artifact.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
            storage_backend: artifact.storage_backend.clone(),
            created_at: Some(timestamp(artifact.created_at)),
            expires_at: artifact.expires_at.map(timestamp),
        }
    }
}

/// `<artifact_type>_id` to the newest artifact of that type, of artifacts that
/// are sorted by age.
pub(super) fn newest_by_type(artifacts: &[NewArtifact]) -> HashMap<String, String> {
    artifacts
        .iter()
        .map(|artifact| (format!("{}_id", artifact.artifact_type), artifact.id.to_string()))
        .collect()
}
