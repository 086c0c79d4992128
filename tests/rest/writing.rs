//! Spans told over REST are the same as over gRPC.

use livespan_server::proto::v1::{GetTimelineRequest, ReasonKind, Status};
use serde_json::json;

use crate::{
    client::{get, post, send},
    support::TestApp,
};

const RUN: &str = "00000000-0000-4000-8000-0000000000aa";
const SPAN: &str = "00000000-0000-4000-8000-000000000001";

#[tokio::test]
async fn a_step_is_told_from_start_to_end() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    let start = json!({
        "runId": RUN, "span_id": SPAN, "step_name": "fetch", "layer": "L2_executor", "attempt": "2",
        "start_time": "2026-01-31T12:00:00.123456Z", "stuck_after": "90s",
        "input": {"url": "https://user:hunter2@example.org", "sizes": [1, 2.5, null, {"b": true}]},
        "attributes": {"password": "hunter2", "note": "ü"},
    });
    let started = post(to, "/api/v1/spans", &start).await.document();
    assert_eq!((&started["run_id"], &started["span_id"]), (&json!(RUN), &json!(SPAN)));
    assert_eq!((&started["known"], &started["status"]), (&json!(false), &json!("RUNNING")));

    let at = |what: &str| format!("/api/v1/runs/{RUN}/spans/{SPAN}/{what}");
    let beat = json!({"progress": {"current": 3, "total": "10", "note": "pages"}});
    let beaten = post(to, &at("heartbeat"), &beat).await.document();
    assert_eq!(beaten, json!({"status": "RUNNING", "known": true, "cancel_requested": false}));
    // Nothing more to say.
    assert_eq!(send(to, &format!("POST {}", at("heartbeat")), &[], b"").await.status, 200);

    let file = json!({
        "artifact_type": "log", "file_name": "a.txt", "content": "aGVsbG8", "ttl": "3600s",
    });
    let stored = post(to, &at("artifacts"), &file).await.document();
    assert_eq!((&stored["size_bytes"], &stored["known"]), (&json!("5"), &json!(true)));

    let end = json!({
        "status": "FAILED", "error": {"type": "TimeoutError", "message": "timed out"},
        "reason_kind": 3, "exit_code": 7,
    });
    let ended = post(to, &at("end"), &end).await.document();
    let expected = json!({
        "status": "FAILED", "reason_code": "timeout", "reason_kind": "RESOURCE", "known": true,
        "conflict": false,
    });
    assert_eq!(ended, expected);

    let request = GetTimelineRequest { run_id: RUN.to_owned(), ..Default::default() };
    let timeline = app.queries().get_timeline(request).await.unwrap().into_inner();
    let span = &timeline.spans[0];
    assert_eq!((span.status(), span.reason_kind()), (Status::Failed, ReasonKind::Resource));
    assert_eq!((span.attempt, span.ts_start.unwrap().nanos), (2, 123_456_000));
    let rest = get(to, &format!("/api/v1/runs/{RUN}/timeline")).await.document();
    let told = &rest["spans"][0];
    assert_eq!(told["artifacts"], json!({"log_id": stored["artifact_id"]}));
    assert_eq!(told["progress"], json!({"current": 3.0, "total": 10.0, "note": "pages"}));
    assert_eq!(told["input_summary"]["sizes"], json!([1, 2.5, null, {"b": true}]));
    let text = rest.to_string();
    assert!(!text.contains("hunter2") && text.contains("ü"), "{text}");
}

#[tokio::test]
async fn ids_are_made_where_none_are_sent() {
    let app = TestApp::start().await;
    let started =
        post(app.app.http_addr(), "/api/v1/spans", &json!({"step_name": "a"})).await.document();
    for id in ["run_id", "span_id"] {
        started[id].as_str().unwrap().parse::<uuid::Uuid>().unwrap();
    }
    let traceparent = started["traceparent"].as_str().unwrap();
    assert!(traceparent.contains(&started["run_id"].as_str().unwrap().replace('-', "")));
}
