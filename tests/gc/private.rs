//! Beside a `serve` with a private Postgres, and where that does not run.

use livespan_server::proto::v1::{Status, span_service_client::SpanServiceClient};
use serde_json::Value;

use crate::{
    ground::{gc, text},
    requests::Key,
    server_process::{Home, ServerProcess},
};

fn collect(home: &Home) -> Value {
    let data_dir = home.path().to_str().unwrap();
    let output = gc(&["--json", "--older-than", "0s", "--grace", "0s", "--data-dir", data_dir])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn end_a_run(server: &ServerProcess) {
    let mut spans = SpanServiceClient::connect(server.url()).await.unwrap();
    let key = Key::random();
    spans.start_span(key.start()).await.unwrap();
    spans.end_span(key.end(Status::Success)).await.unwrap();
    spans.store_artifact(key.artifact(b"png".to_vec())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_uses_the_private_postgres_that_runs_and_starts_one_that_does_not() {
    let home = Home::new();
    let server = ServerProcess::start(&home, "127.0.0.1:0".parse().unwrap()).unwrap();
    end_a_run(&server).await;
    let beside = tokio::task::block_in_place(|| collect(&home));
    assert_eq!((&beside["deleted_runs"], &beside["deleted_files"]), (&1.into(), &1.into()));
    // The server was not disturbed.
    end_a_run(&server).await;
    drop(server);
    let alone = tokio::task::block_in_place(|| collect(&home));
    assert_eq!((&alone["deleted_runs"], &alone["deleted_files"]), (&1.into(), &1.into()));
    assert_eq!(home.postgres_processes(), [], "it ends what it has started");
}
