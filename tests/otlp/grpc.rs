//! `TraceService/Export`: what clients that were compiled from the proto files
//! get, and what they never send.

use std::time::Duration;

use tonic::{Code, codec::CompressionEncoding};
use tonic_types::StatusExt as _;

use super::{
    client::{body, export, export_raw, export_to, request, span},
    support::{TestApp, TestOptions},
};

const FINISHED: &str = "SELECT count(*) FROM finished_spans";

#[tokio::test]
async fn every_compression_is_taken_and_answered() {
    let app = TestApp::start().await;
    let codings = [None, Some(CompressionEncoding::Gzip), Some(CompressionEncoding::Zstd)];
    for (id, coding) in (1_u64..).zip(codings) {
        let mut bad: Vec<_> = (1..=3).map(|id| span(1, id)).collect();
        bad.iter_mut().for_each(|span| span.trace_id.truncate(3));
        bad.push(span(1, 100 + id));
        let partial = export(&app.channel, request(bad), coding).await.unwrap().partial_success;
        assert_eq!(partial.unwrap().rejected_spans, 3, "{coding:?}");
    }
    assert_eq!(app.count(FINISHED).await, 3);
}

#[tokio::test]
async fn an_empty_request_is_a_success() {
    let app = TestApp::start().await;
    let answer = export(&app.channel, request(Vec::new()), None).await.unwrap();
    assert_eq!(answer.partial_success, None);
    assert!(export_raw(&app.channel, Vec::new()).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_bad_span_of_many_is_rejected_and_named_and_the_others_are_stored() {
    let app = TestApp::start().await;
    let mut spans: Vec<_> = (1..=512).map(|id| span(1, id)).collect();
    spans[300].trace_id.pop();
    let answer = export(&app.channel, request(spans), None).await.unwrap();
    let partial = answer.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 1);
    assert!(partial.error_message.contains("span 000000000000012d"), "{}", partial.error_message);
    assert!(partial.error_message.contains("511 stored"), "{}", partial.error_message);
    assert_eq!(app.count(FINISHED).await, 511);
}

#[tokio::test]
async fn a_request_that_is_stored_in_parts_is_counted_as_one() {
    let app = TestApp::start().await;
    let mut spans: Vec<_> = (1..=10_000).map(|id| span(1, id)).collect();
    for bad in [0, 5_000, 9_999] {
        spans[bad].span_id.pop();
    }
    let answer = export(&app.channel, request(spans), None).await.unwrap();
    let partial = answer.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 3);
    assert!(partial.error_message.contains("9997 stored"), "{}", partial.error_message);
    assert_eq!(app.count(FINISHED).await, 9_997);
}

#[tokio::test]
async fn bytes_that_are_no_request_are_an_invalid_argument() {
    let app = TestApp::start().await;
    let refused = export_raw(&app.channel, vec![0xff; 9]).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
}

#[tokio::test]
async fn more_than_the_limit_is_refused_for_good_as_sent_and_when_decompressed() {
    let mut options = TestOptions::default();
    options.otlp.max_request_bytes = 100_000;
    let app = TestApp::start_with(options).await;
    let large = request((1..=2_000).map(|id| span(1, id)).collect());
    for coding in [None, Some(CompressionEncoding::Gzip), Some(CompressionEncoding::Zstd)] {
        let refused = export(&app.channel, large.clone(), coding).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "{coding:?} {refused:?}");
        assert!(refused.get_details_retry_info().is_none(), "clients would send it for ever");
    }
    let small = body((1..=500).map(|id| span(1, id)).collect());
    export_raw(&app.channel, small).await.unwrap();
    assert_eq!(app.count(FINISHED).await, 500);
}

#[tokio::test]
async fn other_signals_are_unimplemented_and_it_is_said_how_to_stop_them() {
    let app = TestApp::start().await;
    for (service, setting) in [
        ("metrics.v1.MetricsService", "OTEL_METRICS_EXPORTER=none"),
        ("logs.v1.LogsService", "OTEL_LOGS_EXPORTER=none"),
    ] {
        let refused = export_to(&app.channel, service).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented, "{service}: {refused:?}");
        assert!(refused.message().contains(setting), "{refused:?}");
    }
}

#[tokio::test]
async fn a_call_whose_message_does_not_come_is_given_up() {
    let mut options = TestOptions::default();
    options.otlp.read_timeout = Duration::from_millis(300);
    let app = TestApp::start_with(options).await;
    let silent = tokio_stream::pending::<Vec<u8>>();
    let refused = super::client::export_stream(&app.channel, silent).await.unwrap_err();
    assert_eq!(refused.code(), Code::DeadlineExceeded, "{refused:?}");
}

#[tokio::test]
async fn more_than_one_message_in_a_call_is_refused() {
    let app = TestApp::start().await;
    let two = tokio_stream::iter([body(vec![span(1, 1)]), body(vec![span(1, 2)])]);
    let refused = super::client::export_stream(&app.channel, two).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    assert_eq!(app.count("SELECT count(*) FROM run_events").await, 0);
}

#[tokio::test]
async fn a_message_that_only_compression_makes_small_is_refused_over_grpc() {
    const LIMIT_BYTES: usize = 4 << 20;
    let mut options = TestOptions::default();
    options.otlp.max_request_bytes = LIMIT_BYTES;
    let app = TestApp::start_with(options).await;
    let mut large = span(1, 1);
    large.name = "a".repeat(3 * LIMIT_BYTES);
    for coding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        let sent = request(vec![large.clone()]);
        let refused = export(&app.channel, sent, Some(coding)).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
    }
}
