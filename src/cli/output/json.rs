//! Answers as JSON, one document a call: exactly what the same message looks
//! like over REST, so that a script may move between the two.
//!
//! The mapping is protobuf's own JSON mapping with these choices, which are the
//! REST gateway's too: names as in the proto (snake_case); fields that hold
//! their zero value are written (`""`, `0`, `[]`); messages and `optional`
//! fields that are absent are left out; enums by name; 64-bit integers as
//! strings, because JavaScript would round them; times as RFC 3339 in UTC.

use std::collections::{BTreeMap, HashMap};

use prost_types::Timestamp;
use serde_json::{Map, Value};

use crate::proto::{JsonObject, JsonValue, v1};

/// What can be written as JSON.
pub(crate) trait ToJson {
    /// The message as a JSON value.
    fn to_json(&self) -> Value;
}

impl ToJson for String {
    fn to_json(&self) -> Value {
        Value::String(self.clone())
    }
}

impl ToJson for bool {
    fn to_json(&self) -> Value {
        Value::Bool(*self)
    }
}

impl ToJson for u32 {
    fn to_json(&self) -> Value {
        Value::from(*self)
    }
}

impl ToJson for u64 {
    fn to_json(&self) -> Value {
        Value::String(self.to_string())
    }
}

impl ToJson for f64 {
    fn to_json(&self) -> Value {
        match *self {
            number if number.is_nan() => Value::from("NaN"),
            f64::INFINITY => Value::from("Infinity"),
            f64::NEG_INFINITY => Value::from("-Infinity"),
            number => Value::from(number),
        }
    }
}

impl ToJson for Timestamp {
    fn to_json(&self) -> Value {
        Value::String(self.to_string())
    }
}

impl ToJson for JsonValue {
    fn to_json(&self) -> Value {
        // The server wrote it from JSON that it had checked.
        self.to_value().unwrap_or(Value::Null)
    }
}

impl ToJson for JsonObject {
    fn to_json(&self) -> Value {
        self.to_map().map_or(Value::Null, Value::Object)
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn to_json(&self) -> Value {
        self.iter().map(ToJson::to_json).collect()
    }
}

/// In the order of its keys, so that the same answer is the same text.
impl ToJson for HashMap<String, String> {
    fn to_json(&self) -> Value {
        let sorted: BTreeMap<_, _> = self.iter().collect();
        sorted.into_iter().map(|(key, value)| (key.clone(), value.to_json())).collect()
    }
}

/// An enum's name; the number of one that this version doesn't know.
fn name<E: TryFrom<i32>>(number: i32, name_of: impl Fn(&E) -> &'static str) -> Value {
    E::try_from(number).map_or_else(|_| Value::from(number), |value| Value::from(name_of(&value)))
}

fn status(number: i32) -> Value {
    name(number, v1::Status::as_str_name)
}

fn reason_kind(number: i32) -> Value {
    name(number, v1::ReasonKind::as_str_name)
}

fn verdict(number: i32) -> Value {
    name(number, v1::Verdict::as_str_name)
}

/// A field's way into an object: `Some` and every plain value is written, what
/// is absent is not.
trait IntoField {
    fn into_field(self) -> Option<Value>;
}

impl IntoField for Value {
    fn into_field(self) -> Option<Value> {
        Some(self)
    }
}

impl<T: ToJson> IntoField for &T {
    fn into_field(self) -> Option<Value> {
        Some(self.to_json())
    }
}

impl<T: ToJson> IntoField for Option<&T> {
    fn into_field(self) -> Option<Value> {
        self.map(ToJson::to_json)
    }
}

/// Writes a message: `field` alone goes by its own value, `field?` may be
/// absent, `field: value` goes by that.
macro_rules! message {
    ($message:ident { $($body:tt)* }) => {
        impl ToJson for v1::$message {
            fn to_json(&self) -> Value {
                let mut object = Map::new();
                // A comma more, because rustfmt takes the last one away.
                message!(@fields self object $($body)*,);
                Value::Object(object)
            }
        }
    };
    (@fields $self:ident $object:ident $(,)?) => {};
    (@fields $self:ident $object:ident $field:ident via $enum:ident, $($rest:tt)*) => {
        $object.insert(stringify!($field).trim_start_matches("r#").to_owned(), $enum($self.$field));
        message!(@fields $self $object $($rest)*);
    };
    (@fields $self:ident $object:ident $field:ident ?, $($rest:tt)*) => {
        if let Some(value) = $self.$field.as_ref().into_field() {
            $object.insert(stringify!($field).trim_start_matches("r#").to_owned(), value);
        }
        message!(@fields $self $object $($rest)*);
    };
    (@fields $self:ident $object:ident $field:ident, $($rest:tt)*) => {
        if let Some(value) = (&$self.$field).into_field() {
            $object.insert(stringify!($field).trim_start_matches("r#").to_owned(), value);
        }
        message!(@fields $self $object $($rest)*);
    };
}

message!(Progress { current, total?, note, });
message!(SpanError { r#type, message, stack_trace });
message!(Artifact {
    artifact_id, run_id, span_id, artifact_type, file_name, content_type, size_bytes, sha256,
    storage_backend, created_at?, expires_at?,
});
message!(Span {
    run_id, span_id, parent_span_id, task_id, layer, step_name, status via status, executor_host,
    agent, attempt, reason_code, reason_kind via reason_kind, ts_start?, ts_end?, heartbeat_ts?,
    input_summary?, output_summary?, artifacts, artifact_list, attributes?, error?, progress?,
    progress_at?, fingerprint, reason_evidence, duration_seconds, conflicting_ends, is_last_alive,
    depth, otel?,
});
message!(GetTimelineResponse {
    run_id, spans, last_alive_span_id, task_id, attempt, retry_of, status via status,
    next_page_token,
});
message!(ActiveRun {
    run_id, task_id, attempt, span_id, layer, step_name, executor_host, agent, status via status,
    started_at?, last_alive_at?, seconds_since_activity, running_spans, progress?, hosts,
    verdict via verdict,
});
message!(ListActiveRunsResponse { runs, total_count });
message!(FailedSpan {
    span_id, layer, step_name, executor_host, attempt, reason_code, reason_kind via reason_kind,
    message, ts_end?,
});
message!(RunSummary {
    run_id, task_id, attempt, retry_of, status via status, started_at?, ended_at?,
    duration_seconds, total_spans, running_spans, success_spans, failed_spans, cancelled_spans,
    hosts_involved, agents, max_attempt, failures, last_alive_at?, root_step_name, gc_at?,
    cancel_requested_at?,
});
message!(ListRunsResponse { runs, next_page_token });
message!(StuckRun {
    run_id, task_id, span_id, layer, step_name, executor_host, agent, attempt,
    stuck_duration_seconds, limit_seconds, verdict via verdict, evidence, since?, input_summary?,
    artifacts, started_at?,
});
message!(ListStuckRunsResponse { runs });
message!(FailureGroup {
    reason_kind via reason_kind, reason_code, failure_count, affected_runs, affected_hosts, steps,
    first_seen?, last_seen?, sample_run_ids, sample_message,
});
message!(ListTopFailuresResponse { failures });

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    /// The fields of a message as the proto declares them.
    fn declared_fields(message: &str) -> Vec<String> {
        use prost::Message as _;
        let set = prost_types::FileDescriptorSet::decode(crate::proto::DESCRIPTOR_SET).unwrap();
        let found = set
            .file
            .iter()
            .flat_map(|file| &file.message_type)
            .find(|found| found.name() == message)
            .unwrap();
        found.field.iter().map(|field| field.name().to_owned()).collect()
    }

    /// Every field set, so that none is left out for being absent.
    fn full_span() -> v1::Span {
        let at = Some(Timestamp { seconds: 0, nanos: 500_000_000 });
        v1::Span {
            ts_start: at,
            ts_end: at,
            heartbeat_ts: at,
            progress_at: at,
            input_summary: Some(JsonValue::from(&json!({"b": 1, "a": [null]}))),
            output_summary: Some(JsonValue::default()),
            attributes: Some(JsonObject::default()),
            otel: Some(JsonObject::default()),
            error: Some(v1::SpanError::default()),
            progress: Some(v1::Progress { total: Some(2.0), ..Default::default() }),
            ..Default::default()
        }
    }

    #[test]
    fn every_field_of_the_proto_is_written_in_its_order() {
        let at = Some(Timestamp::default());
        let documents = [
            ("Span", full_span().to_json()),
            ("Progress", full_span().progress.unwrap().to_json()),
            ("SpanError", v1::SpanError::default().to_json()),
            (
                "Artifact",
                v1::Artifact { created_at: at, expires_at: at, ..Default::default() }.to_json(),
            ),
            ("GetTimelineResponse", v1::GetTimelineResponse::default().to_json()),
            (
                "ActiveRun",
                v1::ActiveRun {
                    started_at: at,
                    last_alive_at: at,
                    progress: Some(v1::Progress::default()),
                    ..Default::default()
                }
                .to_json(),
            ),
            ("ListActiveRunsResponse", v1::ListActiveRunsResponse::default().to_json()),
            ("FailedSpan", v1::FailedSpan { ts_end: at, ..Default::default() }.to_json()),
            (
                "RunSummary",
                v1::RunSummary {
                    started_at: at,
                    ended_at: at,
                    last_alive_at: at,
                    gc_at: at,
                    cancel_requested_at: at,
                    ..Default::default()
                }
                .to_json(),
            ),
            ("ListRunsResponse", v1::ListRunsResponse::default().to_json()),
            (
                "StuckRun",
                v1::StuckRun {
                    since: at,
                    started_at: at,
                    input_summary: Some(JsonValue::default()),
                    ..Default::default()
                }
                .to_json(),
            ),
            ("ListStuckRunsResponse", v1::ListStuckRunsResponse::default().to_json()),
            (
                "FailureGroup",
                v1::FailureGroup { first_seen: at, last_seen: at, ..Default::default() }.to_json(),
            ),
            ("ListTopFailuresResponse", v1::ListTopFailuresResponse::default().to_json()),
        ];
        for (message, document) in documents {
            let written: Vec<_> = document.as_object().unwrap().keys().cloned().collect();
            assert_eq!(written, declared_fields(message), "{message}");
        }
    }

    #[test]
    fn absent_messages_are_left_out_and_zero_values_are_not() {
        let document = v1::Span::default().to_json();
        assert_eq!(document["ts_end"], Value::Null);
        assert!(document.get("ts_end").is_none() && document.get("error").is_none());
        assert_eq!(document["reason_code"], "");
        assert_eq!(document["reason_kind"], "UNKNOWN");
        assert_eq!(document["artifact_list"], json!([]));
        assert_eq!(document["artifacts"], json!({}));
        assert_eq!(document["duration_seconds"], 0.0);
    }

    #[test]
    fn values_follow_protobufs_json_mapping() {
        let document = full_span().to_json();
        assert_eq!(document["ts_start"], "1970-01-01T00:00:00.500Z");
        assert_eq!(document["input_summary"].to_string(), r#"{"b":1,"a":[null]}"#);
        assert_eq!(
            v1::Artifact { size_bytes: 7, ..Default::default() }.to_json()["size_bytes"],
            "7"
        );
        assert_eq!(v1::Span { status: 3, ..Default::default() }.to_json()["status"], "FAILED");
        assert_eq!(v1::Span { status: 99, ..Default::default() }.to_json()["status"], 99);
        assert_eq!(f64::INFINITY.to_json(), "Infinity");
    }
}
