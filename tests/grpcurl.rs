//! The collector from a shell: with nothing but grpcurl, without the proto
//! files, one can find out what there is and do all of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]

mod support;

use std::{
    io::{ErrorKind, Write as _},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use support::{TestApp, eventually};

/// What grpcurl said.
#[derive(Debug)]
struct Said {
    succeeded: bool,
    out: String,
    err: String,
}

impl Said {
    /// The one JSON value that it printed.
    fn json(&self) -> Value {
        self.all_json().pop().unwrap_or(Value::Null)
    }

    /// All of them.
    fn all_json(&self) -> Vec<Value> {
        assert!(self.succeeded, "{self:?}");
        serde_json::Deserializer::from_str(&self.out)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs the real one.
async fn grpcurl(app: &TestApp, args: &[&str], input: &str) -> Said {
    let mut command = Command::new("grpcurl");
    command.args(["-plaintext", "-max-time", "60"]);
    // Flags stand before the address, the rest behind it.
    let flags = args.iter().take_while(|arg| arg.starts_with('-')).count() * 2;
    command.args(&args[..flags]).arg(app.app.grpc_addr().to_string()).args(&args[flags..]);
    let input = input.to_owned();
    tokio::task::spawn_blocking(move || {
        let spawned =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => panic!(
                "grpcurl is not on the PATH: run `scripts/setup.sh test`, which builds it into \
                 target/tools, and then `make test`; or take it from \
                 https://github.com/fullstorydev/grpcurl"
            ),
            Err(error) => panic!("grpcurl: {error}"),
        };
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        Said {
            succeeded: output.status.success(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    })
    .await
    .unwrap()
}

/// Calls a method of `SpanService`.
async fn call(app: &TestApp, rpc: &str, request: &str) -> Said {
    grpcurl(app, &["-d", request, &format!("livespan.v1.SpanService/{rpc}")], "").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_can_be_found_out() {
    let app = TestApp::start().await;
    let services = grpcurl(&app, &["list"], "").await.out;
    for service in ["grpc.health.v1.Health", "livespan.v1.SpanService", "livespan.v1.TraceQuery"] {
        assert!(services.lines().any(|line| line == service), "{service} in {services}");
    }
    let methods = grpcurl(&app, &["list", "livespan.v1.SpanService"], "").await.out;
    for method in ["StartSpan", "Heartbeat", "EndSpan", "StoreArtifact", "StreamSpans"] {
        let method = format!("livespan.v1.SpanService.{method}");
        assert!(methods.lines().any(|line| line == method), "{method} in {methods}");
    }
    let rpc = grpcurl(&app, &["describe", "livespan.v1.SpanService.Heartbeat"], "").await.out;
    assert!(rpc.contains("// A step is alive"), "with its comment: {rpc}");
    assert!(rpc.contains("(.google.api.http)"), "with its HTTP rule: {rpc}");
    assert!(rpc.contains("/api/v1/runs/{run_id}/spans/{span_id}/heartbeat"), "{rpc}");
    let message = grpcurl(&app, &["describe", "livespan.v1.StartSpanRequest"], "").await.out;
    assert!(message.contains("string step_name = 7"), "{message}");
    assert!(message.contains("from 1 s\n  // to 365 days"), "fields have their units: {message}");
    let details = grpcurl(&app, &["describe", "google.rpc.BadRequest"], "").await.out;
    assert!(details.contains("field_violations"), "{details}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_is_told_of_from_start_to_end() {
    let app = TestApp::start().await;
    let started = call(
        &app,
        "StartSpan",
        r#"{"layer": "L2_executor", "step_name": "render", "agent": "caramel", "attempt": 2,
            "start_time": "2026-01-02T03:04:05.678Z", "stuck_after": "90s",
            "input": {"scene": "a", "frames": [1, 2, {"x": null}]}}"#,
    )
    .await
    .json();
    assert_eq!(started["status"], "RUNNING");
    let (run_id, span_id) =
        (started["runId"].as_str().unwrap(), started["spanId"].as_str().unwrap());
    let names = |rest: Value| {
        let mut request = json!({ "run_id": run_id, "span_id": span_id });
        request.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        request.to_string()
    };
    let beaten =
        call(&app, "Heartbeat", &names(json!({"progress": {"current": 3, "note": "frames"}})))
            .await;
    assert_eq!(beaten.json(), json!({ "status": "RUNNING", "known": true }));
    let artifact = json!({
        "artifact_type": "screenshot", "file_name": "shot.png", "content": "iVBORw==", "ttl": "3600s",
    });
    let stored = call(&app, "StoreArtifact", &names(artifact)).await.json();
    assert_eq!((&stored["sizeBytes"], &stored["known"]), (&json!("4"), &json!(true)));
    let end = json!({
        "status": "FAILED",
        "error": { "type": "TimeoutError", "message": "no answer in 30 s" },
    });
    let ended = call(&app, "EndSpan", &names(end)).await.json();
    assert_eq!(
        ended,
        json!({ "status": "FAILED", "reasonCode": "timeout", "reasonKind": "TRANSIENT", "known": true })
    );
    let stored = "SELECT count(*) FROM finished_spans JOIN run_artifacts USING (run_id, span_id)
        WHERE attempt = 2 AND stuck_after_ms = 90000 AND progress_current = 3
          AND ts_start = '2026-01-02 03:04:05.678Z' AND reason_kind = 'TRANSIENT'";
    assert_eq!(app.count(stored).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_answered() {
    let app = TestApp::start().await;
    let started =
        call(&app, "StartSpan", r#"{"layer": "llm", "step_name": "render"}"#).await.json();
    let ask = async |rpc: &str, request: Value| {
        let method = format!("livespan.v1.TraceQuery/{rpc}");
        grpcurl(&app, &["-d", &request.to_string(), &method], "").await
    };
    let timeline = ask("GetTimeline", json!({ "run_id": started["runId"] })).await.json();
    assert_eq!(timeline["spans"][0]["spanId"], started["spanId"], "{timeline}");
    assert_eq!(timeline["spans"][0]["stepName"], "render", "{timeline}");
    let stuck = ask("ListStuckRuns", json!({})).await.json();
    assert_eq!(stuck, json!({}), "nothing is stuck");
    let unknown = uuid::Uuid::new_v4().to_string();
    let said = ask("GetTimeline", json!({ "run_id": unknown })).await;
    assert!(said.err.contains("Code: NotFound"), "{said:?}");
    let said = ask("GetTimeline", json!({ "run_id": "7" })).await;
    assert!(said.err.contains(r#""field": "run_id""#), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_read_from_standard_input() {
    let app = TestApp::start().await;
    let key = r#""run_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "0af7651916cd43ddb7ad6b7169203331""#;
    let input = format!(
        r#"{{"seq": 1, "start": {{{key}, "step_name": "render"}}}}
           {{"seq": 2, "heartbeat": {{{key}, "progress": {{"current": 1}}}}}}
           {{"seq": 3, "heartbeat": {{{key}, "progress": {{"current": "NaN"}}}}}}
           {{"seq": 4, "end": {{{key}, "status": "SUCCESS"}}}}"#
    );
    let said = grpcurl(&app, &["-d", "@", "livespan.v1.SpanService/StreamSpans"], &input).await;
    let replies = said.all_json();
    assert_eq!(replies.last().unwrap()["ackedThrough"], "4", "{replies:?}");
    let rejected: Vec<&Value> =
        replies.iter().filter_map(|reply| reply["rejected"].as_array()).flatten().collect();
    assert_eq!(rejected.len(), 1);
    assert_eq!((&rejected[0]["seq"], &rejected[0]["code"]), (&json!("3"), &json!(3)));
    assert!(rejected[0]["message"].as_str().unwrap().starts_with("progress.current: "));
    assert_eq!(
        app.count("SELECT count(*) FROM finished_spans WHERE progress_current = 1").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistake_is_told_with_its_field_in_words() {
    let app = TestApp::start().await;
    let said = call(&app, "EndSpan", r#"{"run_id": "7", "status": "RUNNING"}"#).await;
    assert!(!said.succeeded);
    assert!(said.err.contains("Code: InvalidArgument"), "{}", said.err);
    // Not "unknown type": the details' type is described, too.
    assert!(said.err.contains("google.rpc.BadRequest"), "{}", said.err);
    for field in ["run_id", "span_id", "status"] {
        assert!(said.err.contains(&format!(r#""field": "{field}""#)), "{}", said.err);
    }
    assert!(said.err.contains("run_id: is not a uuid: send 32 hex digits"), "{}", said.err);
}

/// JSON can name half of a character. Whatever the tools make of it, it does
/// not get into the tables, where it would be an error of everyone who reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_character_does_no_harm() {
    let app = TestApp::start().await;
    for request in [
        r#"{"step_name": "a\ud800b"}"#,
        r#"{"step_name": "s", "input": {"k": "\ud800", "\udc00": 1}}"#,
        r#"{"step_name": "s", "attributes": {"k": ["\ud83d", "\ude00\ud83d"]}}"#,
    ] {
        let said = call(&app, "StartSpan", request).await;
        if said.succeeded {
            assert_eq!(said.json()["status"], "RUNNING");
        } else {
            assert!(said.err.contains("InvalidArgument") || said.err.contains("UTF-8"), "{said:?}");
        }
    }
    let readable = "SELECT count(*) FROM live_spans
        WHERE attributes::jsonb IS NULL OR input_summary::jsonb IS NULL OR step_name <> ''";
    assert_eq!(app.count(readable).await, app.count("SELECT count(*) FROM live_spans").await);
    let said = call(&app, "StartSpan", r#"{"step_name": "a\u0000b"}"#).await;
    assert!(said.err.contains("step_name: holds a NUL character at byte 1"), "{said:?}");
    let said = call(&app, "StartSpan", r#"{"step_name": "s", "input": {"k": "\u0000"}}"#).await;
    assert!(said.err.contains("input.k: holds a NUL character"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_told_for_the_server_and_its_services() {
    let app = TestApp::start().await;
    for request in [r"{}", r#"{"service": "livespan.v1.SpanService"}"#] {
        eventually("the server says that it serves", || async {
            let said = grpcurl(&app, &["-d", request, "grpc.health.v1.Health/Check"], "").await;
            said.json()["status"] == "SERVING"
        })
        .await;
    }
    let unknown = r#"{"service": "livespan.v1.Nothing"}"#;
    let said = grpcurl(&app, &["-d", unknown, "grpc.health.v1.Health/Check"], "").await;
    assert!(said.err.contains("NotFound"), "{said:?}");
}
