//! The Logfire SDK, which tells of a step when it starts, by a pending span.

use std::process::Stdio;

use livespan_server::proto::v1::{ListActiveRunsRequest, ReasonKind, Status};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use uuid::Uuid;

use super::{
    client::{self, PATIENCE},
    collector::Collector,
    support::eventually,
};

/// The steps are seen while they run, and each is one row, also when it is over.
async fn steps_run_until_they_have_ended(way: &str) {
    if !client::is_ready("python") {
        return;
    }
    let collector = Collector::start().await;
    let line = ["target/interop/python/bin/python", "tests/interop/python/logfire_steps.py", way];
    let mut command = client::command(&line);
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", collector.server.otlp_http_addr()))
        .env("OTEL_SERVICE_NAME", "interop-logfire")
        .env("OTEL_RESOURCE_ATTRIBUTES", "host.name=interop-host");
    let mut program = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = program.stdin.take().unwrap();
    let mut stdout = BufReader::new(program.stdout.take().unwrap()).lines();
    let trace = tokio::time::timeout(PATIENCE, stdout.next_line()).await.unwrap().unwrap();
    let Some(trace) = trace else {
        panic!("it ended: {:?}", program.wait_with_output().await);
    };
    let run_id = Uuid::parse_str(&trace).unwrap();

    eventually("three steps run", async || {
        let timeline = collector.try_timeline(run_id).await;
        timeline.is_some_and(|timeline| timeline.spans.len() == 3)
    })
    .await;
    let timeline = collector.timeline(run_id).await;
    assert_eq!(timeline.status(), Status::Running);
    let [root, child, grandchild] = &timeline.spans[..] else { panic!("{timeline:#?}") };
    for (span, (name, parent)) in timeline.spans.iter().zip([
        ("checkout {order}", ""),
        ("charge card", root.span_id.as_str()),
        ("read receipt", child.span_id.as_str()),
    ]) {
        assert_eq!((span.step_name.as_str(), span.parent_span_id.as_str()), (name, parent));
        assert_eq!((span.status(), &span.ts_end), (Status::Running, &None));
        assert_eq!(span.executor_host, "interop-host");
        assert_eq!(span.agent, "interop-logfire");
    }
    let active = collector.queries().list_active_runs(ListActiveRunsRequest::default()).await;
    let active = active.unwrap().into_inner().runs;
    assert_eq!(active.len(), 1, "{active:?}");
    assert_eq!((active[0].run_id.as_str(), active[0].running_spans), (&*timeline.run_id, 3));
    assert_eq!(active[0].span_id, grandchild.span_id);
    assert_eq!(active[0].step_name, "read receipt");

    stdin.write_all(b"\n").await.unwrap();
    let done = tokio::time::timeout(PATIENCE, program.wait_with_output()).await.unwrap().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let after = collector.timeline(run_id).await;
    assert_eq!(after.spans.len(), 3, "{after:#?}");
    for (before, after) in timeline.spans.iter().zip(&after.spans) {
        assert_eq!(before.span_id, after.span_id);
        assert_eq!(before.parent_span_id, after.parent_span_id);
        assert_eq!(before.ts_start, after.ts_start);
        assert!(after.duration_seconds > 0.0 && after.conflicting_ends == 0, "{after:#?}");
    }
    let statuses: Vec<_> = after.spans.iter().map(|span| span.status()).collect();
    assert_eq!(statuses, [Status::Success, Status::Success, Status::Failed]);
    let failed = &after.spans[2];
    assert_eq!(
        (failed.reason_code.as_str(), failed.reason_kind()),
        ("missing_file", ReasonKind::Persistent)
    );
    let active = collector.queries().list_active_runs(ListActiveRunsRequest::default()).await;
    assert_eq!(active.unwrap().into_inner().runs, []);
}

#[tokio::test]
async fn steps_of_its_own_exporter_run_until_they_have_ended() {
    steps_run_until_they_have_ended("base_url").await;
}

#[tokio::test]
async fn steps_of_a_further_processor_run_until_they_have_ended() {
    steps_run_until_they_have_ended("processor").await;
}
