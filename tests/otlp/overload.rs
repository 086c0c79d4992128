//! More than the server can carry: turned away at once, and told to come back.

use std::time::{Duration, Instant};

use livespan_server::ingest::{IngestOptions, LaneOptions};
use tokio::io::AsyncWriteExt as _;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{
    client::{PROTOBUF, body, export, gzip, open, post, read_reply, request, span},
    proxy::{Mode, Proxy},
    support::{TestApp, TestOptions, eventually, new_database},
};

fn retry_info(refused: &tonic::Status) -> Option<Duration> {
    refused.get_details_retry_info().and_then(|info| info.retry_delay)
}

#[tokio::test]
async fn a_full_buffer_is_told_at_once_and_forgotten_when_it_empties() {
    let mut options = TestOptions::default();
    options.ingest.buffer_bytes = 100_000;
    let app = TestApp::start_with(options).await;
    let to = app.app.otlp_http_addr();
    let sent = body((1..=1_000).map(|id| span(1, id)).collect());

    // A body that is on its way takes its room.
    let head = [format!("Content-Type: {PROTOBUF}"), format!("Content-Length: {}", sent.len())];
    let mut slow = open(to, "POST /v1/traces", &head).await;
    slow.write_all(&sent[..sent.len() - 1]).await.unwrap();
    eventually("the slow request takes all room", || async {
        post(to, PROTOBUF, &[], &sent).await.status == 503
    })
    .await;
    let begun = Instant::now();
    let reply = post(to, PROTOBUF, &["Content-Encoding: gzip"], &gzip(&sent)).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{reply:?}");
    assert_eq!(reply.error().code, Code::Unavailable as i32);
    let spans = (1..=1_000).map(|id| span(1, id)).collect();
    let refused = export(&app.channel, request(spans), None).await.unwrap_err();
    assert_eq!(
        (refused.code(), retry_info(&refused)),
        (Code::Unavailable, Some(Duration::from_secs(1)))
    );
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());

    slow.write_all(&sent[sent.len() - 1..]).await.unwrap();
    assert_eq!(read_reply(slow).await.response().partial_success, None);
    assert_eq!(post(to, PROTOBUF, &[], &sent).await.response().partial_success, None);
    assert_eq!(app.count("SELECT count(*) FROM finished_spans").await, 1_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_while_the_database_is_away() {
    let database_url = new_database().await;
    let proxy = Proxy::start(&database_url).await;
    let options = TestOptions {
        ingest: IngestOptions {
            lanes: 2,
            buffer_bytes: 64 << 20,
            lane: LaneOptions {
                commit_timeout: Duration::from_millis(500),
                connect_timeout: Duration::from_millis(500),
                ..LaneOptions::default()
            },
        },
        database_url: Some(proxy.url_of(&database_url)),
        ..TestOptions::default()
    };
    let app = TestApp::start_on(database_url, options).await;
    let to = app.app.otlp_http_addr();
    let sent = body(vec![span(1, 1)]);
    proxy.set(Mode::Cut);
    let reply = post(to, PROTOBUF, &[], &sent).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{reply:?}");
    assert!(!reply.error().message.contains("127.0.0.1"), "{reply:?}");
    let refused = export(&app.channel, request(vec![span(1, 1)]), None).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(retry_info(&refused).is_some());
    proxy.set(Mode::Pass);
    eventually("the database is back", || async {
        post(to, PROTOBUF, &[], &sent).await.status == 200
    })
    .await;
    assert_eq!(app.count("SELECT count(*) FROM finished_spans").await, 1);
}
