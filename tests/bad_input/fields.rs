//! Every field with every kind of nonsense, one table a kind.

use prost_types::{Duration, Timestamp};
use serde_json::{Map, Value, json};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{
    Call, Wrong, check_all, complaint_about,
    requests::{Key, nested, object},
    wrong_artifact, wrong_end, wrong_heartbeat, wrong_start,
};
use crate::support::TestApp;
use livespan_server::proto::v1::{Progress, SpanError};

#[tokio::test]
async fn ids_that_are_none_are_named() {
    let app = TestApp::start().await;
    let mut table = Vec::new();
    for (what, id) in [
        ("too short", "0af76519"),
        ("not hex", "0af7651916cd43dd8448eb211c80319g"),
        ("braces", "{0af76519-16cd-43dd-8448-eb211c80319c}"),
        ("urn", "urn:uuid:0af76519-16cd-43dd-8448-eb211c80319c"),
        ("all zero", "00000000-0000-0000-0000-000000000000"),
        ("all zero, no hyphens", "00000000000000000000000000000000"),
        ("a NUL", "0af76519\u{0}16cd43dd8448eb211c80319c"),
        ("blank", " "),
        ("full-width digits", "０af7651916cd43dd8448eb211c803"),
    ] {
        table.push(wrong_start(what, "run_id", |r| r.run_id = id.to_owned()));
        table.push(wrong_start(what, "span_id", |r| r.span_id = id.to_owned()));
        table.push(wrong_start(what, "parent_span_id", |r| r.parent_span_id = id.to_owned()));
        table.push(wrong_start(what, "retry_of", |r| r.retry_of = id.to_owned()));
        table.push(wrong_heartbeat(what, "run_id", |r| r.run_id = id.to_owned()));
        table.push(wrong_heartbeat(what, "span_id", |r| r.span_id = id.to_owned()));
        table.push(wrong_end(what, "run_id", |r| r.run_id = id.to_owned()));
        table.push(wrong_end(what, "span_id", |r| r.span_id = id.to_owned()));
        table.push(wrong_artifact(what, "run_id", |r| r.run_id = id.to_owned()));
        table.push(wrong_artifact(what, "span_id", |r| r.span_id = id.to_owned()));
    }
    let missing = "missing";
    table.push(wrong_heartbeat(missing, "run_id", |r| r.run_id.clear()));
    table.push(wrong_heartbeat(missing, "span_id", |r| r.span_id.clear()));
    table.push(wrong_end(missing, "run_id", |r| r.run_id.clear()));
    table.push(wrong_end(missing, "span_id", |r| r.span_id.clear()));
    table.push(wrong_artifact(missing, "run_id", |r| r.run_id.clear()));
    table.push(wrong_artifact(missing, "span_id", |r| r.span_id.clear()));
    table.push(wrong_start("missing", "step_name", |r| r.step_name.clear()));
    table.push(wrong_start("its own parent", "parent_span_id", |r| {
        r.parent_span_id.clone_from(&r.span_id);
    }));
    table.push(wrong_start("no span to OpenTelemetry", "span_id", |r| {
        r.span_id = "0af76519-16cd-43dd-0000-000000000000".to_owned();
    }));
    check_all(&app, table).await;
}

#[tokio::test]
async fn ids_that_a_client_leaves_out_are_made() {
    let app = TestApp::start().await;
    let mut start = Key::random().start();
    start.run_id.clear();
    start.span_id.clear();
    let made = app.spans().start_span(start).await.unwrap().into_inner();
    assert_eq!((made.run_id.len(), made.span_id.len()), (36, 36), "{made:?}");
    assert_eq!(made.run_id[..18], made.span_id[..18], "the span carries its run's first bytes");
    let traceparent = format!("00-{}-{}-01", made.run_id, &made.span_id[19..]).replace('-', "");
    assert_eq!(made.traceparent.replace('-', ""), traceparent);
}

#[tokio::test]
async fn nul_characters_are_named_by_their_place() {
    let app = TestApp::start().await;
    let nul = || "a\u{0}b".to_owned();
    let what = "a NUL";
    let mut table = vec![
        wrong_start(what, "task_id", |r| r.task_id = nul()),
        wrong_start(what, "layer", |r| r.layer = nul()),
        wrong_start(what, "step_name", |r| r.step_name = nul()),
        wrong_start(what, "executor_host", |r| r.executor_host = nul()),
        wrong_start(what, "agent", |r| r.agent = nul()),
        wrong_heartbeat(what, "progress.note", |r| {
            r.progress = Some(Progress { current: 1.0, total: None, note: nul() });
        }),
        wrong_end(what, "reason_code", |r| r.reason_code = nul()),
        wrong_artifact(what, "artifact_type", |r| r.artifact_type = nul()),
        wrong_artifact(what, "file_name", |r| r.file_name = nul()),
        wrong_artifact(what, "content_type", |r| r.content_type = "image/p\u{0}ng".to_owned()),
        wrong_artifact(what, "storage_backend", |r| {
            (r.storage_backend, r.storage_key) = (nul(), "a".to_owned());
            r.content.clear();
        }),
    ];
    for (field, spoil) in [
        ("error.type", SpanError { r#type: nul(), ..SpanError::default() }),
        ("error.message", SpanError { message: nul(), ..SpanError::default() }),
        ("error.stack_trace", SpanError { stack_trace: nul(), ..SpanError::default() }),
    ] {
        table.push(wrong_end(what, field, |r| r.error = Some(spoil)));
    }
    for (value, place) in [
        (json!({"k": "a\u{0}b"}), [".k"; 3]),
        (json!({"k": {"list": [1, "a\u{0}b"]}}), [".k.list[1]"; 3]),
        (json!({"a\u{0}b": 1}), [" (a key)"; 3]),
    ] {
        let [input, attributes, output] = place;
        table.push(wrong_start(what, leak(format!("input{input}")), |r| r.input = object(&value)));
        table.push(wrong_start(what, leak(format!("attributes{attributes}")), |r| {
            r.attributes = object(&value);
        }));
        table.push(wrong_end(what, leak(format!("output{output}")), |r| r.output = object(&value)));
    }
    check_all(&app, table).await;
}

/// Fields of a table are constants but for these few.
fn leak(text: String) -> &'static str {
    text.leak()
}

#[tokio::test]
async fn what_is_too_long_or_too_deep_is_named() {
    let app = TestApp::start().await;
    let long = || "x".repeat(1 << 20);
    let what = "a megabyte";
    let many: Map<String, Value> =
        (0..10_000).map(|number| (format!("key {number}"), json!(number))).collect();
    let mut table = vec![
        wrong_start(what, "run_id", |r| r.run_id = long()),
        wrong_start(what, "task_id", |r| r.task_id = long()),
        wrong_start(what, "layer", |r| r.layer = long()),
        wrong_start(what, "step_name", |r| r.step_name = long()),
        wrong_start(what, "executor_host", |r| r.executor_host = long()),
        wrong_start(what, "agent", |r| r.agent = long()),
        wrong_start("one byte more", "agent", |r| r.agent = "x".repeat(1025)),
        wrong_start("10,000 attributes", "attributes", |r| {
            r.attributes = object(&Value::Object(many));
        }),
        wrong_start("a high attempt", "attempt", |r| r.attempt = 1_000_001),
        wrong_heartbeat(what, "progress.note", |r| {
            r.progress = Some(Progress { current: 1.0, total: None, note: long() });
        }),
        wrong_end(what, "reason_code", |r| r.reason_code = long()),
        wrong_end(what, "error.type", |r| {
            r.error = Some(SpanError { r#type: long(), ..SpanError::default() });
        }),
        wrong_artifact(what, "artifact_type", |r| r.artifact_type = long()),
        wrong_artifact(what, "file_name", |r| r.file_name = long()),
        wrong_artifact(what, "content_type", |r| r.content_type = format!("a/{}", long())),
    ];
    for depth in [65, 200] {
        let deep = object(&nested(depth, "k"));
        let place = ".k".repeat(64);
        let field = |of: &str| leak(format!("{of}{place}"));
        table.push(wrong_start("deep", field("input"), |r| r.input.clone_from(&deep)));
        table.push(wrong_start("deep", field("attributes"), |r| r.attributes.clone_from(&deep)));
        table.push(wrong_end("deep", field("output"), |r| r.output.clone_from(&deep)));
    }
    check_all(&app, table).await;
}

/// The place of a mistake in JSON is made of the client's own keys. However
/// long these are, the answer must fit into what clients take as headers.
#[tokio::test]
async fn the_place_of_a_deep_mistake_fits_into_an_answer() {
    let app = TestApp::start().await;
    for key in ["key".repeat(1000), "🔥".repeat(1000), "ß".repeat(64)] {
        let mut start = Key::random().start();
        start.input = object(&nested(200, &key));
        let status = app.spans().start_span(start).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(status.message().contains("input."), "{}", status.message());
        let shown = status.get_details_bad_request().expect("details").field_violations;
        assert!(shown[0].field.len() < 1024, "{} bytes", shown[0].field.len());
    }
}

#[tokio::test]
async fn long_prose_is_cut_and_many_inputs_are_kept() {
    let app = TestApp::start().await;
    let key = Key::random();
    let mut start = key.start();
    let many: Map<String, Value> =
        (0..10_000).map(|number| (format!("key {number}"), json!(number))).collect();
    start.input = object(&Value::Object(many));
    start.attributes = object(&nested(63, "k"));
    app.spans().start_span(start).await.unwrap();
    let mut end = key.end(livespan_server::proto::v1::Status::Failed);
    let long = "the disk is full ".repeat(1 << 16);
    end.error =
        Some(SpanError { r#type: "ENOSPC".to_owned(), message: long.clone(), stack_trace: long });
    app.spans().end_span(end).await.unwrap();
    let longest = app
        .count("SELECT greatest(octet_length(error_message), octet_length(error_stack))::bigint FROM finished_spans")
        .await;
    assert!((1024..=5000).contains(&longest), "{longest} bytes");
}

#[tokio::test]
async fn times_and_durations_that_cannot_be_are_named() {
    let app = TestApp::start().await;
    let mut table = Vec::new();
    for (what, seconds, nanos) in [
        ("before 1970", -1, 0),
        ("year 1", -62_135_596_800, 0),
        ("year 10,000", 253_402_300_800, 0),
        ("milliseconds for seconds", 1_700_000_000_000, 0),
        ("the most", i64::MAX, 0),
        ("the least", i64::MIN, 0),
        ("the most, nanos too", i64::MAX, i32::MAX),
        ("negative nanos", 1_700_000_000, -1),
        ("least nanos", 1_700_000_000, i32::MIN),
        ("a second of nanos", 1_700_000_000, 1_000_000_000),
    ] {
        let time = Some(Timestamp { seconds, nanos });
        table.push(wrong_start(what, "start_time", |r| r.start_time = time));
        table.push(wrong_end(what, "end_time", |r| r.end_time = time));
    }
    for (what, seconds, nanos) in [
        ("no time", 0, 0),
        ("less than a second", 0, 999_999_999),
        ("negative", -5, 0),
        ("negative nanos", 0, -1),
        ("the least", i64::MIN, 0),
        ("the least, nanos too", i64::MIN, i32::MIN),
        ("the most", i64::MAX, i32::MAX),
        ("eleven years", 11 * 366 * 86_400, 0),
    ] {
        let duration = Some(Duration { seconds, nanos });
        table.push(wrong_start(what, "stuck_after", |r| r.stuck_after = duration));
        table.push(wrong_start(what, "progress_timeout", |r| r.progress_timeout = duration));
        table.push(wrong_artifact(what, "ttl", |r| r.ttl = duration));
    }
    check_all(&app, table).await;
}

#[tokio::test]
async fn numbers_and_enums_that_mean_nothing_are_named() {
    let app = TestApp::start().await;
    let mut table: Vec<Wrong> = Vec::new();
    for (what, number) in
        [("NaN", f64::NAN), ("inf", f64::INFINITY), ("-inf", f64::NEG_INFINITY), ("negative", -0.5)]
    {
        table.push(wrong_heartbeat(what, "progress.current", |r| {
            r.progress = Some(Progress { current: number, total: None, note: String::new() });
        }));
        table.push(wrong_heartbeat(what, "progress.total", |r| {
            r.progress = Some(Progress { current: 1.0, total: Some(number), note: String::new() });
        }));
    }
    for (what, status) in
        [("unspecified", 0), ("RUNNING", 1), ("unknown", 7), ("negative", -1), ("most", i32::MAX)]
    {
        table.push(wrong_end(what, "status", |r| r.status = status));
    }
    for (what, kind) in [("unknown", 5), ("negative", -1), ("least", i32::MIN)] {
        table.push(wrong_end(what, "reason_kind", |r| r.reason_kind = Some(kind)));
    }
    for code in ["Upper", "two words", "ü", "a\nb"] {
        table.push(wrong_end("no short name", "reason_code", |r| r.reason_code = code.to_owned()));
    }
    check_all(&app, table).await;
}

#[tokio::test]
async fn all_mistakes_of_a_request_are_told_at_once() {
    let app = TestApp::start().await;
    let mut start = Key::random().start();
    start.run_id = "7".to_owned();
    start.step_name.clear();
    start.agent = "a\u{0}".to_owned();
    start.stuck_after = Some(Duration { seconds: -1, nanos: 0 });
    let answer = Call::Start(start).send(&app).await;
    for field in ["run_id", "step_name", "agent", "stuck_after"] {
        assert_eq!(complaint_about(&answer, field), None, "{field}");
    }
}

#[tokio::test]
async fn names_in_any_script_are_kept_as_they_are() {
    let app = TestApp::start().await;
    for name in ["渲染步骤", "шаг 1", "🔥🔥", "e\u{301}", "\u{202e}txet", "tab\tnewline\n", "'; --"]
    {
        let key = Key::random();
        let mut start = key.start();
        start.step_name = name.to_owned();
        start.agent = name.to_owned();
        start.attributes = object(&json!({ name: name }));
        app.spans().start_span(start).await.unwrap();
        let stored: (String, String, String) = sqlx::query_as(
            "SELECT step_name, agent, attributes ->> step_name FROM live_spans WHERE run_id = $1",
        )
        .bind(key.run_id.parse::<uuid::Uuid>().unwrap())
        .fetch_one(&app.pool)
        .await
        .unwrap();
        assert_eq!(stored, (name.to_owned(), name.to_owned(), name.to_owned()));
    }
}
