//! What clients tell of a span, made from its number, and the hashes by which
//! it is recognised in the database.

use livespan_server::proto::v1::{EndSpanRequest, SpanError, StartSpanRequest, Status};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{Span, Status as SpanStatus, status::StatusCode},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::requests::{Key, object};

/// The start of the span with this number.
pub(crate) fn start_of(key: &Key, number: u64) -> StartSpanRequest {
    StartSpanRequest {
        step_name: step_name(number),
        attributes: object(&json!({ "text": text(number), "number": number })),
        ..key.start()
    }
}

/// Its end.
pub(crate) fn end_of(key: &Key, number: u64) -> EndSpanRequest {
    EndSpanRequest {
        error: error(number).map(|message| SpanError { message, ..SpanError::default() }),
        output: object(&json!({ "number": number })),
        ..key.end(status(number))
    }
}

/// The key of a span with this id in the trace that is this run.
pub(crate) fn exported_key(run_id: Uuid, span_id: u64) -> Key {
    let (high, _) = run_id.as_u64_pair();
    Key::of(run_id, Uuid::from_u64_pair(high, span_id))
}

/// The same content as an exporter of OpenTelemetry sends it; without its end
/// where it runs.
pub(crate) fn exported(run_id: Uuid, span_id: u64, number: u64, ended: bool) -> Span {
    let message = error(number);
    let end = [
        ("livespan.status", Value::StringValue(status(number).as_str_name().to_owned())),
        ("output.value", Value::StringValue(number.to_string())),
    ];
    let mut attributes = vec![
        attribute("text", Value::StringValue(text(number))),
        attribute("number", Value::IntValue(i64::try_from(number).expect("small"))),
    ];
    if ended {
        attributes.extend(end.map(|(key, value)| attribute(key, value)));
    }
    let begun = 1_700_000_000_000_000_000;
    Span {
        trace_id: run_id.as_bytes().to_vec(),
        span_id: span_id.to_be_bytes().to_vec(),
        name: step_name(number),
        start_time_unix_nano: begun,
        end_time_unix_nano: if ended { begun + 1_000_000_000 } else { 0 },
        attributes,
        status: ended.then(|| SpanStatus {
            code: message.as_ref().map_or(StatusCode::Unset, |_| StatusCode::Error).into(),
            message: message.unwrap_or_default(),
        }),
        ..Span::default()
    }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// The hash of what a start says.
pub(crate) fn start_hash(number: u64) -> String {
    hash(&[&step_name(number), &text(number), &number.to_string()])
}

/// The hash of what an end says.
pub(crate) fn end_hash(number: u64) -> String {
    hash(&[
        status(number).as_str_name(),
        &number.to_string(),
        error(number).as_deref().unwrap_or_default(),
    ])
}

/// SHA-256 of texts, each with its length before it.
pub(crate) fn hash(texts: &[&str]) -> String {
    let mut sha256 = Sha256::new();
    for text in texts {
        sha256.update(text.len().to_be_bytes());
        sha256.update(text);
    }
    hex(&sha256.finalize())
}

/// SHA-256 of a file's bytes.
pub(crate) fn file_hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn step_name(number: u64) -> String {
    format!("step {number}")
}

fn text(number: u64) -> String {
    format!("the lazy dog {number} ").repeat(usize::try_from(number % 7).expect("small") + 1)
}

fn status(number: u64) -> Status {
    [Status::Success, Status::Failed, Status::Cancelled]
        [usize::try_from(number % 3).expect("small")]
}

fn error(number: u64) -> Option<String> {
    (status(number) == Status::Failed).then(|| text(number))
}
