//! Cancelling a run: who asks, whom it reaches, and that `exec` heeds it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

mod support;

#[path = "support/random.rs"]
mod random;
#[path = "support/requests.rs"]
mod requests;

use std::{
    process::{Command, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use livespan_server::proto::v1::{
    CancelRunRequest, CancelRunResponse, GetRunSummaryRequest, Status,
    run_control_client::RunControlClient,
};
use random::Random;
use requests::{Key, end, heartbeat, numbered, start};
use serde_json::Value;
use support::{TestApp, eventually};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

async fn cancel(app: &TestApp, key: &Key) -> Result<CancelRunResponse, tonic::Status> {
    let request = CancelRunRequest { run_id: key.run_id.clone() };
    Ok(RunControlClient::new(app.channel.clone()).cancel_run(request).await?.into_inner())
}

fn livespan(app: &TestApp, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_livespan"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LIVESPAN_") {
            command.env_remove(name);
        }
    }
    let server = format!("http://{}", app.app.grpc_addr());
    command.env("LIVESPAN_SERVER", server).args(args).stdin(Stdio::null());
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn every_running_step_is_told_with_its_next_heartbeat() {
    let app = TestApp::start().await;
    let root = Key::random();
    let (step, ended) = (root.sibling(), root.sibling());
    for key in [&root, &step, &ended] {
        let started = app.spans().start_span(key.start()).await.unwrap().into_inner();
        assert!(!started.cancel_requested);
    }
    app.spans().end_span(ended.end(Status::Success)).await.unwrap();
    assert!(!app.spans().heartbeat(root.heartbeat()).await.unwrap().into_inner().cancel_requested);

    let asked = cancel(&app, &root).await.unwrap();
    assert_eq!((asked.run_id.as_str(), asked.running_spans), (root.run_id.as_str(), 2));
    for key in [&root, &step] {
        let told = app.spans().heartbeat(key.progress(1.0)).await.unwrap().into_inner();
        assert!(told.cancel_requested);
    }
    // Asking again changes nothing, and says since when.
    assert_eq!(cancel(&app, &root).await.unwrap(), asked);
    let request = GetRunSummaryRequest { run_id: root.run_id.clone() };
    let summary = app.queries().get_run_summary(request).await.unwrap().into_inner();
    assert_eq!(summary.cancel_requested_at, asked.cancel_requested_at);
}

#[tokio::test]
async fn steps_that_start_later_are_told_at_once_and_other_runs_are_not() {
    let app = TestApp::start().await;
    let (first, other) = (Key::random(), Key::random());
    for key in [&first, &other] {
        app.spans().start_span(key.start()).await.unwrap();
    }
    app.spans().end_span(first.end(Status::Success)).await.unwrap();
    // Between two steps nothing runs.
    assert_eq!(cancel(&app, &first).await.unwrap().running_spans, 0);
    let next = first.sibling();
    assert!(app.spans().start_span(next.start()).await.unwrap().into_inner().cancel_requested);
    assert!(app.spans().heartbeat(next.heartbeat()).await.unwrap().into_inner().cancel_requested);
    // A heartbeat of a span whose start is still to come.
    let unheard_of = first.sibling();
    let told = app.spans().heartbeat(unheard_of.heartbeat()).await.unwrap().into_inner();
    assert!(told.cancel_requested && !told.known);
    assert!(!app.spans().heartbeat(other.heartbeat()).await.unwrap().into_inner().cancel_requested);
}

#[tokio::test]
async fn a_stream_is_told_with_its_acknowledgements() {
    let app = TestApp::start().await;
    let key = Key::random();
    let (events, requests) = mpsc::channel(8);
    let mut spans = app.spans();
    events.send(numbered(1, start(key.start()))).await.unwrap();
    let stream = spans.stream_spans(ReceiverStream::new(requests)).await.unwrap();
    let mut replies = stream.into_inner();
    let reply = replies.message().await.unwrap().unwrap();
    assert_eq!((reply.acked_through, reply.cancel_requested_run_ids.len()), (1, 0));
    cancel(&app, &key).await.unwrap();
    events.send(numbered(2, heartbeat(key.heartbeat()))).await.unwrap();
    let reply = replies.message().await.unwrap().unwrap();
    assert_eq!(
        (reply.acked_through, reply.cancel_requested_run_ids),
        (2, vec![key.run_id.clone()])
    );
    events.send(numbered(3, end(key.end(Status::Cancelled)))).await.unwrap();
    assert_eq!(replies.message().await.unwrap().unwrap().acked_through, 3);
}

#[tokio::test]
async fn a_run_that_was_never_heard_of_and_what_is_no_run_are_said_to_be_so() {
    let app = TestApp::start().await;
    let refused = cancel(&app, &Key::random()).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let nonsense = Key { run_id: "7".to_owned(), span_id: String::new() };
    let refused = cancel(&app, &nonsense).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().starts_with("run_id: "), "{}", refused.message());
}

/// Starts race with the request. Whoever is acknowledged after it knows; whoever
/// was before, is told with the next heartbeat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_starts_and_the_request_meet_no_step_is_left_untold() {
    let mut random = Random::seeded("cancel race");
    let app = Arc::new(TestApp::start().await);
    for _ in 0..20 {
        let root = Key::random();
        app.spans().start_span(root.start()).await.unwrap();
        let steps: Vec<_> = (0..16)
            .map(|_| {
                let (app, key) = (Arc::clone(&app), root.sibling());
                let pause = random.micros(Duration::from_millis(5));
                tokio::spawn(async move {
                    tokio::time::sleep(pause).await;
                    app.spans().start_span(key.start()).await.unwrap();
                    app.spans().heartbeat(key.heartbeat()).await.unwrap();
                    key
                })
            })
            .collect();
        tokio::time::sleep(random.micros(Duration::from_millis(5))).await;
        cancel(&app, &root).await.unwrap();
        for step in steps {
            let key = step.await.unwrap();
            let told = app.spans().heartbeat(key.heartbeat()).await.unwrap().into_inner();
            assert!(told.cancel_requested, "{key:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_and_the_command_ask_for_it_too() {
    let app = TestApp::start().await;
    let (by_rest, by_command) = (Key::random(), Key::random());
    for key in [&by_rest, &by_command] {
        app.spans().start_span(key.start()).await.unwrap();
    }
    for path in ["api/v1", "api/brain/trace"] {
        let url = format!("http://{}/{path}/runs/{}/cancel", app.app.http_addr(), by_rest.run_id);
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail-with-body", "-X", "POST", &url]);
        let output = run(curl).await;
        assert!(output.status.success(), "{}", text(&output.stdout));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&answer["run_id"], &answer["running_spans"]),
            (&by_rest.run_id.clone().into(), &1.into())
        );
    }

    let output = run(livespan(&app, &["cancel", &by_command.run_id])).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout),
        "1 running step will be told to stop with its next sign of life\n"
    );
    let output = run(livespan(&app, &["cancel", "--json", &by_command.run_id])).await;
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["running_spans"], 1);
    for key in [&by_rest, &by_command] {
        assert!(
            app.spans().heartbeat(key.heartbeat()).await.unwrap().into_inner().cancel_requested
        );
    }
    let unknown = run(livespan(&app, &["cancel", &Key::random().run_id])).await;
    assert_eq!(unknown.status.code(), Some(3), "{}", text(&unknown.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_stops_its_command_and_tells_that_it_was_cancelled() {
    let app = TestApp::start().await;
    let key = Key::random();
    let mut exec = livespan(&app, &["exec", "--run", &key.run_id, "--heartbeat", "100ms", "--"]);
    // It tidies up when it is told to stop, as commands do.
    exec.args(["sh", "-c", "trap 'kill $!; echo tidied; exit 7' TERM; sleep 600 & wait"]);
    let exec = tokio::spawn(run(exec));
    let running = "SELECT count(*) FROM live_spans";
    eventually("the step runs", || async { app.count(running).await == 1 }).await;
    cancel(&app, &key).await.unwrap();
    let output = exec.await.unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "tidied\n");
    assert!(text(&output.stderr).contains("somebody wants the run cancelled"));
    let cancelled = "SELECT count(*) FROM finished_spans WHERE status = 'CANCELLED'";
    assert_eq!(app.count(cancelled).await, 1);
}
