//! Requests that are small on the wire and large in memory: ten gigabytes in a
//! few megabytes, and very many very small spans. A process of its own, and one
//! test after the other in it, because what is measured is the process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

mod support;

#[path = "otlp/client.rs"]
mod client;

use std::fs;

use client::{JSON, PROTOBUF, Reply, gzip, open, read_reply, zstd};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
    resource::v1::Resource,
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
    a_large_resource_is_not_repeated_in_each_span().await;
    spans_of_very_many_empty_attributes_are_read_one_by_one().await;
}

/// Forgets the peak so far, which was the test's own, and says how much there is.
fn forget_peak() -> usize {
    fs::write("/proc/self/clear_refs", "5").unwrap();
    peak_bytes()
}

/// Sends a request. Returns the answer and by how much memory has grown meanwhile.
async fn sent(app: &TestApp, body: &[u8]) -> (Reply, usize) {
    let head = [format!("Content-Type: {PROTOBUF}"), format!("Content-Length: {}", body.len())];
    let mut connection = open(app.app.otlp_http_addr(), "POST /v1/traces", &head).await;
    let before = forget_peak();
    connection.write_all(body).await.unwrap();
    let reply = read_reply(connection).await;
    (reply, peak_bytes() - before)
}

fn spans(count: u64) -> Vec<Span> {
    let span = |id: u64| Span {
        trace_id: vec![7; 16],
        span_id: id.to_be_bytes().to_vec(),
        end_time_unix_nano: 1_700_000_000_000_000_000,
        ..Span::default()
    };
    (1..=count).map(span).collect()
}

fn request(resource: Option<Resource>, spans: Vec<Span>) -> Vec<u8> {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

async fn small_spans_are_stored_a_part_at_a_time() {
    const SPANS: u64 = 60_000;
    let app = TestApp::start().await;
    let body = request(None, spans(SPANS));
    let (reply, grown) = sent(&app, &body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(app.count("SELECT count(*) FROM finished_spans").await, SPANS as i64);
    // As events all of them would be over a hundred.
    assert!(grown < 64 << 20, "{} MiB for {} MiB", grown >> 20, body.len() >> 20);
}

async fn a_large_resource_is_not_repeated_in_each_span() {
    const SPANS: u64 = 4_000;
    let app = TestApp::start().await;
    let text = || Some(AnyValue { value: Some(Value::StringValue("x".repeat(4_000))) });
    let attribute = |at| KeyValue { key: format!("k{at}"), value: text(), ..KeyValue::default() };
    let resource =
        Resource { attributes: (0..1_000).map(attribute).collect(), ..Resource::default() };
    let body = request(Some(resource), spans(SPANS));
    let (reply, grown) = sent(&app, &body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(app.count("SELECT count(*) FROM finished_spans").await, SPANS as i64);
    // In each of them it would be 16 GB.
    assert!(grown < 64 << 20, "{} MiB for {} MiB", grown >> 20, body.len() >> 20);
}

async fn spans_of_very_many_empty_attributes_are_read_one_by_one() {
    let app = TestApp::start().await;
    let empty = KeyValue { value: Some(AnyValue::default()), ..KeyValue::default() };
    let mut all = spans(32);
    for span in &mut all {
        span.attributes = vec![empty.clone(); 100_000];
    }
    let body = request(None, all);
    let (reply, grown) = sent(&app, &body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(app.count("SELECT count(*) FROM finished_spans").await, 0);
    // Together they would be 128 MB.
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
