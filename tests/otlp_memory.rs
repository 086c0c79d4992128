//! Requests that are small on the wire and large in memory: ten gigabytes in a
//! few megabytes, and very many very small spans. A process of its own, and one
//! test after the other in it, because what is measured is the process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

mod support;

#[path = "otlp/client.rs"]
mod client;

use std::fs;

use client::{JSON, PROTOBUF, gzip, open, read_reply, zstd};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message as _;
use support::{TestApp, TestOptions};
use tokio::io::AsyncWriteExt as _;

const LIMIT_BYTES: usize = 4 << 20;
const PART_BYTES: usize = 64 << 20;
const PARTS: usize = 160;

/// The most memory that this process had, in bytes.
fn peak_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn memory_stays_flat() {
    a_bomb_is_refused_at_the_limit().await;
    small_spans_are_stored_a_part_at_a_time().await;
}

/// Forgets the peak so far, which was the test's own, and says how much there is.
fn forget_peak() -> usize {
    fs::write("/proc/self/clear_refs", "5").unwrap();
    peak_bytes()
}

async fn small_spans_are_stored_a_part_at_a_time() {
    const SPANS: u64 = 60_000;
    let app = TestApp::start().await;
    let spans = (1..=SPANS).map(|id| Span {
        trace_id: vec![7; 16],
        span_id: id.to_be_bytes().to_vec(),
        end_time_unix_nano: 1_700_000_000_000_000_000,
        ..Span::default()
    });
    let scope_spans = vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    let head = [format!("Content-Type: {PROTOBUF}"), format!("Content-Length: {}", body.len())];
    let mut connection = open(app.app.otlp_http_addr(), "POST /v1/traces", &head).await;
    let before = forget_peak();
    connection.write_all(&body).await.unwrap();
    let reply = read_reply(connection).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let grown = peak_bytes() - before;
    assert_eq!(app.count("SELECT count(*) FROM finished_spans").await, SPANS as i64);
    // As events all of them would be over a hundred.
    assert!(grown < 64 << 20, "{} MiB for {} MiB", grown >> 20, body.len() >> 20);
}

async fn a_bomb_is_refused_at_the_limit() {
    let mut options = TestOptions::default();
    options.otlp.max_request_bytes = LIMIT_BYTES;
    let app = TestApp::start_with(options).await;
    let to = app.app.otlp_http_addr();
    let zeros = vec![0_u8; PART_BYTES];
    let bombs = [("gzip", gzip(&zeros)), ("zstd", zstd(&zeros))];
    drop(zeros);
    let before = forget_peak();
    for (coding, part) in &bombs {
        for content_type in [PROTOBUF, JSON] {
            let head = [
                format!("Content-Type: {content_type}"),
                format!("Content-Encoding: {coding}"),
                // Announces nothing, so that what is inside decides.
                "Transfer-Encoding: chunked".to_owned(),
            ];
            let mut connection = open(to, "POST /v1/traces", &head).await;
            for _ in 0..PARTS {
                // A server that has answered may read no more.
                let size = format!("{:x}\r\n", part.len());
                let sent = [size.as_bytes(), part, b"\r\n"].concat();
                if connection.write_all(&sent).await.is_err() {
                    break;
                }
            }
            let _ = connection.write_all(b"0\r\n\r\n").await;
            let reply = read_reply(connection).await;
            assert_eq!(reply.status, 413, "{coding} {reply:?}");
            reply.error();
        }
    }
    let grown = peak_bytes() - before;
    assert!(grown < 32 << 20, "{} MiB for {} MiB", grown >> 20, (PART_BYTES * PARTS) >> 20);
}
