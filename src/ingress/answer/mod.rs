//! Answers, put into the words of the proto.

mod failures;
mod graph;
mod hosts;
mod liveness;
mod run;
mod span;

use std::time::Duration;

pub(super) use graph::graph;
pub(super) use liveness::last_alive;

use crate::{
    domain::{
        event::JsonText,
        liveness::Verdict,
        progress::Progress,
        reason::ReasonKind,
        span::Span,
        status::{EndStatus, Status},
        time::Timestamp,
    },
    proto::{JsonObject, JsonValue, v1},
};

impl From<Verdict> for v1::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::NoHeartbeat => Self::NoHeartbeat,
            Verdict::NoProgress => Self::NoProgress,
        }
    }
}

impl From<&Progress> for v1::Progress {
    fn from(progress: &Progress) -> Self {
        Self {
            current: progress.current,
            total: progress.total,
            note: progress.note.clone().unwrap_or_default(),
        }
    }
}

fn status(status: Status) -> i32 {
    v1::Status::from(status).into()
}

fn reason_kind(kind: Option<ReasonKind>) -> i32 {
    v1::ReasonKind::from(kind.unwrap_or_default()).into()
}

/// Why a span failed; none where it did not.
fn failure_kind(span: &Span) -> Option<i32> {
    let failure = span.ended.as_ref().and_then(|ended| ended.failure.as_ref());
    let has_failed = span.status() == Status::Ended(EndStatus::Failed);
    (has_failed || failure.is_some())
        .then(|| reason_kind(failure.and_then(|failure| failure.reason_kind)))
}

fn verdict(verdict: Option<Verdict>) -> i32 {
    verdict.map_or(v1::Verdict::Unspecified, v1::Verdict::from).into()
}

pub(super) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.as_micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or(0),
    }
}

fn text(text: Option<impl ToString>) -> String {
    text.map(|text| text.to_string()).unwrap_or_default()
}

fn id(id: Option<impl ToString>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

/// Whole seconds, as many as fit.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// A count, as far as it fits.
fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// Any JSON. What is stored is valid; what a SQL user has put there beyond the
/// reach of the reader is left out.
fn json_value(json: Option<&JsonText>) -> Option<JsonValue> {
    let value: serde_json::Value = serde_json::from_str(json?.as_str()).ok()?;
    Some(JsonValue::for_readers(&value))
}

fn json_object(json: Option<&str>) -> Option<JsonObject> {
    let map: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json?).ok()?;
    Some(JsonObject::for_readers(&map))
}
