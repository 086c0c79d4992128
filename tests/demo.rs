//! `livespan demo`, the real binary against a real collector.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

#[path = "support/recording_collector.rs"]
mod recording_collector;
mod support;

use std::{
    process::{Command, Output},
    time::Duration,
};

use livespan_server::{
    client::{Collector, SpanStream},
    proto::v1::{HeartbeatRequest, stream_spans_request::Event},
};
use recording_collector::{Manners, RecordingCollector, Told};
use sqlx::Row as _;
use support::TestApp;

async fn demo(server: String, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_livespan"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LIVESPAN_") {
            command.env_remove(name);
        }
    }
    command.arg("demo").args(args).env("LIVESPAN_SERVER", server);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// All that an act says of its spans, but for ids and times.
async fn story(app: &TestApp) -> Vec<String> {
    let rows = sqlx::query(
        "SELECT concat_ws(' | ', task_id, layer, step_name, status, executor_host, agent, attempt,
                reason_kind, reason_code, input_summary, progress_current, progress_note) AS line
         FROM run_events ORDER BY line",
    );
    let rows = rows.fetch_all(&app.pool).await.unwrap();
    rows.iter().map(|row| row.get("line")).collect()
}

#[tokio::test]
async fn an_act_shows_everything_there_is_to_see() {
    let app = TestApp::start().await;
    let url = format!("http://{}", app.app.grpc_addr());
    let output = demo(url, &["--seed", "7", "--speed", "40"]).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("--seed 7") && said.contains("livespan stuck"), "{said}");

    assert_eq!(app.count("SELECT count(*) FROM runs").await, 10);
    assert_eq!(app.count("SELECT count(DISTINCT executor_host) FROM run_events").await, 4);
    assert_eq!(app.count("SELECT count(DISTINCT agent) FROM run_events").await, 4);
    assert_eq!(app.count("SELECT count(DISTINCT status) FROM run_events").await, 4);
    // All four kinds, and nothing that the classifier didn't know.
    let kinds = "SELECT count(DISTINCT reason_kind) FROM run_events WHERE status = 'FAILED'";
    assert_eq!(app.count(kinds).await, 4);
    let unknown =
        "SELECT count(*) FROM run_events WHERE status = 'FAILED' AND reason_kind = 'UNKNOWN'";
    assert_eq!(app.count(unknown).await, 0);
    let retries = "SELECT count(*) FROM runs WHERE attempt = 2 AND retry_of IS NOT NULL";
    assert_eq!(app.count(retries).await, 1);
    let kinds = "SELECT count(DISTINCT artifact_type) FROM run_artifacts";
    assert_eq!(app.count(kinds).await, 3);
    // What is left standing: a silent run of two spans, and one that stands still.
    assert_eq!(app.count("SELECT count(*) FROM live_spans").await, 3);
    let secrets = story(&app).await.join("\n");
    assert!(secrets.contains("[REDACTED]"));
    for secret in ["hunter2", "correct horse", "not-for-storage", "eyJ"] {
        assert!(!secrets.contains(secret), "{secret} was stored");
    }
}

#[tokio::test]
async fn what_was_played_can_be_asked_about() {
    let app = TestApp::start().await;
    let url = format!("http://{}", app.app.grpc_addr());
    let played = demo(url.clone(), &["--speed", "40"]).await;
    let ask = async |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_livespan"));
        command.args(args).args(["--json", "--server", &url]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or(serde_json::Value::Null)
    };
    // Both limits are 5 s of the clock, whatever the play's speed.
    support::eventually("two runs are stuck", async || {
        let stuck = ask(&["stuck"]).await;
        let mut verdicts: Vec<_> = stuck["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["verdict"].as_str().unwrap().to_owned())
            .collect();
        verdicts.sort_unstable();
        verdicts == ["NO_HEARTBEAT", "NO_PROGRESS"]
    })
    .await;
    assert_eq!(ask(&["runs"]).await["runs"].as_array().unwrap().len(), 10);
    assert_eq!(ask(&["runs", "--active"]).await["total_count"], 2);
    let retried = ask(&["runs", "--reason-kind", "TRANSIENT", "--status", "FAILED"]).await;
    let run = &retried["runs"][0];
    assert_eq!(run["root_step_name"], "collect prices", "{}", text(&played.stdout));
    let task = run["task_id"].as_str().unwrap();
    assert_eq!(ask(&["runs", "--task", task]).await["runs"].as_array().unwrap().len(), 2);
    let timeline = ask(&["timeline", run["run_id"].as_str().unwrap()]).await;
    assert_eq!(timeline["spans"].as_array().unwrap().len(), 3);
    assert!(ask(&["failures"]).await["failures"].as_array().unwrap().len() >= 6);
}

#[tokio::test]
async fn the_same_seed_plays_the_same_act() {
    let mut stories = Vec::new();
    for seed in ["3", "3", "4"] {
        let app = TestApp::start().await;
        let url = format!("http://{}", app.app.grpc_addr());
        let output = demo(url, &["--seed", seed, "--speed", "100"]).await;
        assert!(output.status.success(), "{}", text(&output.stderr));
        stories.push(story(&app).await);
    }
    assert_eq!(stories[0], stories[1]);
    assert_ne!(stories[0], stories[2]);
}

#[tokio::test]
async fn a_run_of_many_spans_is_made_at_once() {
    let app = TestApp::start().await;
    let url = format!("http://{}", app.app.grpc_addr());
    let output = demo(url, &["--spans", "3000"]).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(app.count("SELECT count(*) FROM run_events WHERE status <> 'RUNNING'").await, 3_000);
    assert_eq!(app.count("SELECT count(*) FROM runs").await, 1);
    let orphans =
        "SELECT count(*) FROM run_events e WHERE parent_span_id IS NOT NULL AND NOT EXISTS
        (SELECT FROM run_events p WHERE p.span_id = e.parent_span_id)";
    assert_eq!(app.count(orphans).await, 0);
}

#[tokio::test]
async fn without_a_collector_nothing_is_played() {
    let output = demo("http://127.0.0.1:1".to_owned(), &[]).await;
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""));
    assert!(text(&output.stderr).contains("no collector at"), "{}", text(&output.stderr));
}

#[tokio::test]
async fn what_a_broken_stream_did_not_acknowledge_is_sent_again() {
    let manners = Manners { breaks: 2, ..Manners::default() };
    let collector = RecordingCollector::with(manners).await;
    let client = Collector::lazy(collector.url().parse().unwrap(), Duration::from_secs(5));
    let (stream, outcome) = SpanStream::open(&client);
    for _ in 0..10 {
        assert!(stream.send(Event::Heartbeat(HeartbeatRequest::default())).await);
    }
    drop(stream);
    let outcome = outcome.await.unwrap().unwrap();
    assert_eq!((outcome.committed, outcome.rejected.len()), (10, 0));
    let mut heard: Vec<u64> = Vec::new();
    for told in collector.told() {
        let Told::Streamed(seq) = told else { panic!("{told:?}") };
        heard.push(seq);
    }
    // In order over each connection, from the first that was not acknowledged.
    assert_eq!(heard[..3], [1, 2, 3]);
    assert_eq!(heard[3..6], [3, 4, 5]);
    assert_eq!(heard[6..], [5, 6, 7, 8, 9, 10]);
}

#[tokio::test]
async fn a_stream_that_nothing_was_said_over_ends_well() {
    let collector = RecordingCollector::start().await;
    let client = Collector::lazy(collector.url().parse().unwrap(), Duration::from_secs(5));
    let (stream, outcome) = SpanStream::open(&client);
    drop(stream);
    assert_eq!(outcome.await.unwrap().unwrap().committed, 0);
}
