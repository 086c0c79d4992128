//! What is written, and every form that is read.

#![allow(clippy::unwrap_used)]
use prost_types::{Duration, Timestamp};
use serde_json::{Value, json};

use crate::proto::{JsonObject, JsonValue, v1};

fn written(message: &impl serde::Serialize) -> Value {
    serde_json::to_value(message).unwrap()
}

fn start(body: &Value) -> Result<v1::StartSpanRequest, String> {
    serde_json::from_str(&body.to_string()).map_err(|error| error.to_string())
}

#[test]
fn every_field_is_written() {
    let document = written(&v1::Span::default());
    assert_eq!(document.as_object().unwrap().len(), 30);
    assert_eq!(document["reason_code"], "");
    assert_eq!(document["artifact_list"], json!([]));
    assert_eq!(document["artifacts"], json!({}));
    assert_eq!(document["duration_seconds"], 0.0);
    for absent in ["ts_end", "error", "progress", "input_summary", "attributes"] {
        assert_eq!(document.get(absent), Some(&Value::Null), "{absent}");
    }
}

#[test]
fn values_follow_protobufs_json_mapping() {
    let at = Timestamp { seconds: 0, nanos: 500_000_000 };
    let span = v1::Span {
        status: v1::Status::Failed.into(),
        ts_start: Some(at),
        input_summary: Some(JsonValue::from(&json!({"b": 1, "a": [null, 0.5]}))),
        attributes: Some(JsonObject::default()),
        artifacts: ["b", "a", "c"].map(|key| (key.to_owned(), "x".to_owned())).into(),
        error: Some(v1::SpanError { r#type: "E".to_owned(), ..Default::default() }),
        progress: Some(v1::Progress { total: Some(2.0), ..Default::default() }),
        ..Default::default()
    };
    let document = written(&span);
    assert_eq!(document["ts_start"], "1970-01-01T00:00:00.500Z");
    assert_eq!(document["input_summary"].to_string(), r#"{"b":1,"a":[null,0.5]}"#);
    assert_eq!(document["attributes"], json!({}));
    assert_eq!(document["artifacts"].to_string(), r#"{"a":"x","b":"x","c":"x"}"#);
    assert_eq!(document["status"], "FAILED");
    assert_eq!(document["error"]["type"], "E");
    assert_eq!(document["progress"], json!({"current": 0.0, "total": 2.0, "note": ""}));
    let unknown = v1::Span { status: 99, ..Default::default() };
    assert_eq!(written(&unknown)["status"], 99);
    let artifact = v1::Artifact { size_bytes: u64::MAX, ..Default::default() };
    assert_eq!(written(&artifact)["size_bytes"], "18446744073709551615");
}

#[test]
fn either_spelling_and_every_form_of_a_value_is_read() {
    let request = start(&json!({
        "runId": "r", "step_name": "s", "attempt": "3", "start_time": "2026-01-31T12:00:00+01:00",
        "stuckAfter": "1.5s", "progress_timeout": null, "agent": null,
        "input": {"a": [1, "x", null, {"b": true}]},
    }))
    .unwrap();
    assert_eq!((request.run_id.as_str(), request.step_name.as_str()), ("r", "s"));
    assert_eq!(request.attempt, 3);
    assert_eq!(request.start_time.unwrap().seconds, 1_769_857_200);
    assert_eq!(request.stuck_after, Some(Duration { seconds: 1, nanos: 500_000_000 }));
    assert_eq!((request.progress_timeout, request.agent.as_str()), (None, ""));
    let input = request.input.unwrap().to_map().unwrap();
    assert_eq!(Value::Object(input), json!({"a": [1, "x", null, {"b": true}]}));
    for attempt in [json!(3.0), json!("3.0"), json!(3)] {
        assert_eq!(start(&json!({"attempt": attempt})).unwrap().attempt, 3);
    }
    let end: v1::EndSpanRequest =
        serde_json::from_value(json!({"status": "FAILED", "reason_kind": 2})).unwrap();
    assert_eq!((end.status(), end.reason_kind()), (v1::Status::Failed, v1::ReasonKind::Persistent));
}

#[test]
fn what_does_not_fit_is_refused_with_what_to_send() {
    for (body, said) in [
        (json!({"attempt": -1}), "send a whole number from 0"),
        (json!({"attempt": 4_294_967_296_u64}), "send a whole number from 0"),
        (json!({"attempt": 1.5}), "send a whole number from 0"),
        (json!({"attempt": "many"}), "is \"many\": send a whole number"),
        (json!({"attempt": [1]}), "a whole number from 0"),
        (json!({"start_time": "yesterday"}), "RFC 3339"),
        (json!({"stuck_after": "5m"}), "such as 90s"),
        (json!({"input": [1]}), "a JSON object"),
        (json!({"step_name": 1}), "a string"),
        (json!({"step": "x"}), "unknown field `step`"),
        (json!({"run_id": "a", "runId": "b"}), "duplicate field"),
    ] {
        let error = start(&body).unwrap_err();
        assert!(error.contains(said), "{body}: {error}");
    }
    let end =
        |status: Value| serde_json::from_value::<v1::EndSpanRequest>(json!({"status": status}));
    assert!(end(json!("BROKEN")).unwrap_err().to_string().contains("one of STATUS_UNSPECIFIED"));
    assert!(end(json!({})).is_err());
}

#[test]
fn bytes_are_read_in_every_form_of_base64() {
    let read = |content: &str| {
        serde_json::from_value::<v1::StoreArtifactRequest>(json!({"content": content}))
    };
    for content in ["+/8=", "+/8", "-_8=", "-_8"] {
        assert_eq!(read(content).unwrap().content.as_ref(), [0xfb, 0xff], "{content}");
    }
    for content in ["*", "a", "+_8="] {
        assert!(read(content).unwrap_err().to_string().contains("base64"), "{content}");
    }
}
