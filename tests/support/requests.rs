//! Requests that are right, for tests to send or to spoil.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use livespan_server::proto::{
    JsonObject,
    v1::{
        EndSpanRequest, HeartbeatRequest, Progress, StartSpanRequest, Status, StoreArtifactRequest,
        StreamSpansRequest, stream_spans_request::Event,
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

/// The key of a span, as texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) run_id: String,
    pub(crate) span_id: String,
}

impl Key {
    /// A span of a run that nobody has heard of.
    pub(crate) fn random() -> Self {
        Self::of(Uuid::new_v4(), Uuid::new_v4())
    }

    pub(crate) fn of(run_id: Uuid, span_id: Uuid) -> Self {
        Self { run_id: run_id.to_string(), span_id: span_id.to_string() }
    }

    /// Another span of the same run.
    pub(crate) fn sibling(&self) -> Self {
        Self { run_id: self.run_id.clone(), span_id: Uuid::new_v4().to_string() }
    }

    pub(crate) fn start(&self) -> StartSpanRequest {
        StartSpanRequest {
            run_id: self.run_id.clone(),
            span_id: self.span_id.clone(),
            layer: "L2_executor".to_owned(),
            step_name: "render".to_owned(),
            executor_host: "host-1".to_owned(),
            agent: "caramel".to_owned(),
            ..StartSpanRequest::default()
        }
    }

    pub(crate) fn heartbeat(&self) -> HeartbeatRequest {
        HeartbeatRequest {
            run_id: self.run_id.clone(),
            span_id: self.span_id.clone(),
            progress: None,
        }
    }

    pub(crate) fn progress(&self, current: f64) -> HeartbeatRequest {
        let progress = Progress { current, total: Some(10.0), note: "frames".to_owned() };
        HeartbeatRequest { progress: Some(progress), ..self.heartbeat() }
    }

    pub(crate) fn end(&self, status: Status) -> EndSpanRequest {
        EndSpanRequest {
            run_id: self.run_id.clone(),
            span_id: self.span_id.clone(),
            status: status.into(),
            ..EndSpanRequest::default()
        }
    }

    pub(crate) fn artifact(&self, content: impl Into<bytes::Bytes>) -> StoreArtifactRequest {
        StoreArtifactRequest {
            run_id: self.run_id.clone(),
            span_id: self.span_id.clone(),
            artifact_type: "screenshot".to_owned(),
            file_name: "screen.png".to_owned(),
            content: content.into(),
            ..StoreArtifactRequest::default()
        }
    }
}

/// An event with its number in a stream.
pub(crate) fn numbered(seq: u64, event: impl Into<Event>) -> StreamSpansRequest {
    StreamSpansRequest { seq, event: Some(event.into()) }
}

/// What a stream takes, without a number yet.
pub(crate) fn start(start: StartSpanRequest) -> Event {
    Event::Start(start)
}

pub(crate) fn heartbeat(heartbeat: HeartbeatRequest) -> Event {
    Event::Heartbeat(heartbeat)
}

pub(crate) fn end(end: EndSpanRequest) -> Event {
    Event::End(end)
}

/// A JSON object as it travels.
pub(crate) fn object(value: &Value) -> Option<JsonObject> {
    Some(JsonObject::from(value.as_object().expect("an object")))
}

/// An object in an object in an object …
pub(crate) fn nested(depth: usize, key: &str) -> Value {
    let mut value = json!("deep");
    for _ in 0..depth {
        value = json!({ key: value });
    }
    value
}
