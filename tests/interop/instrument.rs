//! `livespan exec -- opentelemetry-instrument python …`: a program that nobody
//! has changed shows its requests beneath its step.

use livespan_server::proto::v1::Status;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};
use uuid::Uuid;

use super::{
    client::{command, is_ready, output},
    collector::Collector,
    expectation::map,
};

/// Answers one request with `hello`, and returns its head.
async fn greeter(listener: TcpListener) -> String {
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut lines = BufReader::new(&mut connection).lines();
    let mut head = String::new();
    while let Some(line) = lines.next_line().await.unwrap().filter(|line| !line.is_empty()) {
        head.push_str(&line);
        head.push('\n');
    }
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
    connection.write_all(answer).await.unwrap();
    head
}

#[tokio::test]
async fn the_requests_of_an_instrumented_program_lie_beneath_its_step() {
    if !is_ready("python") {
        return;
    }
    let collector = Collector::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/orders?token=hunter2", listener.local_addr().unwrap());
    let greeter = tokio::spawn(greeter(listener));
    let run_id = Uuid::new_v4();
    let mut exec = command(&[
        env!("CARGO_BIN_EXE_livespan"),
        "exec",
        "--server",
        &collector.server.url(),
        "--run",
        &run_id.to_string(),
        "--step",
        "fetch orders",
        "--",
        "target/interop/python/bin/opentelemetry-instrument",
        "target/interop/python/bin/python",
        "tests/interop/python/fetch.py",
        &url,
    ]);
    exec.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.server.url());
    exec.env("OTEL_SERVICE_NAME", "fetcher");
    let done = output(&mut exec).await;
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(String::from_utf8_lossy(&done.stdout), "hello", "{said}");

    let timeline = collector.timeline(run_id).await;
    let [step, request] = &timeline.spans[..] else { panic!("{timeline:#?} {said}") };
    assert_eq!((step.step_name.as_str(), step.status()), ("fetch orders", Status::Success));
    assert_eq!((step.depth, request.depth), (0, 1));
    assert_eq!(request.parent_span_id, step.span_id);
    assert_eq!((request.step_name.as_str(), request.status()), ("GET", Status::Success));
    assert_eq!((request.layer.as_str(), request.agent.as_str()), ("http", "fetcher"));
    assert!(request.duration_seconds > 0.0 && request.duration_seconds <= step.duration_seconds);
    assert_eq!(map(request.otel.as_ref())["kind"], "CLIENT");
    let attributes = serde_json::Value::from(map(request.attributes.as_ref())).to_string();
    assert!(attributes.contains("/orders") && !attributes.contains("hunter2"), "{attributes}");

    // What it called would go on beneath it.
    let head = greeter.await.unwrap();
    let id = &request.span_id.replace('-', "")[16..];
    let traceparent = format!("traceparent: 00-{}-{id}-0", run_id.simple());
    assert!(head.to_lowercase().contains(&traceparent), "{head}");
}
