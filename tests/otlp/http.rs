//! `POST /v1/traces`: every status, every content type, every compression.

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;
use tonic::Code;

use super::{
    client::{JSON, PROTOBUF, body, gunzip, gzip, open, post, read_reply, send, span, zstd},
    support::{TestApp, TestOptions},
};

const FINISHED: &str = "SELECT count(*) FROM finished_spans";

#[tokio::test]
async fn an_empty_request_is_a_success_in_either_type() {
    let app = TestApp::start().await;
    let to = app.app.otlp_http_addr();
    let reply = post(to, PROTOBUF, &[], b"").await;
    assert_eq!(reply.response().partial_success, None);
    let reply = post(to, JSON, &[], b"{}").await;
    assert_eq!((reply.status, reply.json()), (200, json!({})));
}

#[tokio::test]
async fn every_compression_is_taken_however_it_is_written() {
    let app = TestApp::start().await;
    let to = app.app.otlp_http_addr();
    let sent = |id| body(vec![span(1, id)]);
    for (id, coding, bytes) in [
        (1, "identity", sent(1)),
        (2, "gzip", gzip(&sent(2))),
        (3, "GZIP", gzip(&sent(3))),
        (4, "zstd", zstd(&sent(4))),
        // Files in parts are one file.
        (5, "gzip", [gzip(&sent(5)), gzip(&sent(6))].concat()),
        (6, "zstd", [zstd(&sent(7)), zstd(&sent(8))].concat()),
    ] {
        let header = format!("Content-Encoding: {coding}");
        let reply = post(to, "Application/X-Protobuf; charset=utf-8", &[&header], &bytes).await;
        assert_eq!(reply.response().partial_success, None, "{id} {coding}");
    }
    assert_eq!(app.count(FINISHED).await, 8);
}

/// Content type, more header fields, body; status and content type of the answer.
type Case<'a> = (&'a str, &'a [&'a str], &'a [u8], u16, &'a str);

#[tokio::test]
async fn what_the_body_is_not_is_said_by_its_status_and_its_type() {
    let app = TestApp::start().await;
    let to = app.app.otlp_http_addr();
    let good = body(vec![span(1, 1)]);
    let cut_gzip = &gzip(&good)[..20];
    let cut_zstd = &zstd(&good)[..20];
    let wrong_sum = {
        let mut bytes = gzip(&good);
        let last = bytes.len() - 6;
        bytes[last] ^= 1;
        bytes
    };
    let table: [Case<'_>; 11] = [
        (PROTOBUF, &[], b"\xff\xff\xff", 400, PROTOBUF),
        (JSON, &[], b"{\"resourceSpans\":", 400, JSON),
        ("application/json; charset=utf-8", &[], b"[]", 400, JSON),
        (PROTOBUF, &["Content-Encoding: gzip"], &good, 400, PROTOBUF),
        (PROTOBUF, &["Content-Encoding: zstd"], &good, 400, PROTOBUF),
        (PROTOBUF, &["Content-Encoding: gzip"], cut_gzip, 400, PROTOBUF),
        (PROTOBUF, &["Content-Encoding: zstd"], cut_zstd, 400, PROTOBUF),
        (PROTOBUF, &["Content-Encoding: gzip"], &wrong_sum, 400, PROTOBUF),
        (PROTOBUF, &["Content-Encoding: br"], &good, 415, PROTOBUF),
        (JSON, &["Content-Encoding: deflate"], b"{}", 415, JSON),
        ("text/plain", &[], b"hello", 415, JSON),
    ];
    for (content_type, head, bytes, status, reply_type) in table {
        let reply = post(to, content_type, head, bytes).await;
        let case = format!("{content_type} {head:?}: {reply:?}");
        assert_eq!(reply.status, status, "{case}");
        assert_eq!(reply.header("content-type"), Some(reply_type), "{case}");
        assert_eq!(reply.error().code, Code::InvalidArgument as i32, "{case}");
        assert!(!reply.error().message.is_empty(), "{case}");
        // Says that the coding is what is not supported, so only where it is.
        let is_of_coding = status == 415 && !head.is_empty();
        let codings = is_of_coding.then_some("gzip, zstd");
        assert_eq!(reply.header("accept-encoding"), codings, "{case}");
    }
    let reply = send(to, "POST /v1/traces", &["Content-Length: 0".to_owned()], b"").await;
    assert_eq!((reply.status, reply.error().code), (415, Code::InvalidArgument as i32));
    assert_eq!(app.count("SELECT count(*) FROM run_events").await, 0);
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let app = TestApp::start().await;
    let to = app.app.otlp_http_addr();
    let head = [format!("Content-Type: {PROTOBUF}"), "Content-Length: 0".to_owned()];
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let reply = send(to, &format!("{method} /v1/traces"), &head, b"").await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")), "{method}");
        assert!(reply.error().message.contains("POST"), "{reply:?}");
    }
    for path in ["/v1/metrics", "/v1/logs", "/", "/v1/traces/", "/v2/traces"] {
        let reply = send(to, &format!("POST {path}"), &head, b"").await;
        assert_eq!((reply.status, reply.error().code), (404, Code::NotFound as i32), "{path}");
        assert!(reply.error().message.contains("/v1/traces"), "{reply:?}");
    }
}

#[tokio::test]
async fn more_than_the_limit_is_too_large_as_sent_and_when_decompressed() {
    let mut options = TestOptions::default();
    options.otlp.max_request_bytes = 100_000;
    let app = TestApp::start_with(options).await;
    let to = app.app.otlp_http_addr();
    let large = body((1..=2_000).map(|id| span(1, id)).collect());
    assert!(large.len() > 100_000 && gzip(&large).len() < 100_000, "{}", large.len());
    let chunked = ["Transfer-Encoding: chunked", &format!("Content-Type: {PROTOBUF}")];
    for (head, bytes) in [
        ("X-Plain: yes", large.clone()),
        ("Content-Encoding: gzip", gzip(&large)),
        ("Content-Encoding: zstd", zstd(&large)),
    ] {
        let reply = post(to, PROTOBUF, &[head], &bytes).await;
        let error = reply.error();
        assert_eq!((reply.status, error.code), (413, Code::ResourceExhausted as i32), "{head}");
        assert!(error.message.contains("100000"), "{}", error.message);
    }
    let head: Vec<String> = chunked.iter().map(|line| (*line).to_owned()).collect();
    let mut bytes = format!("{:x}\r\n", large.len()).into_bytes();
    bytes.extend_from_slice(&large);
    bytes.extend_from_slice(b"\r\n0\r\n\r\n");
    assert_eq!(send(to, "POST /v1/traces", &head, &bytes).await.status, 413);

    let small = body((1..=500).map(|id| span(1, id)).collect());
    assert_eq!(post(to, PROTOBUF, &[], &small).await.response().partial_success, None);
    assert_eq!(app.count(FINISHED).await, 500);
}

#[tokio::test]
async fn a_refusal_is_read_even_by_a_client_that_writes_everything_first() {
    let mut options = TestOptions::default();
    options.otlp.max_request_bytes = 100_000;
    let app = TestApp::start_with(options).await;
    // More than the sockets' buffers hold.
    let reply = post(app.app.otlp_http_addr(), PROTOBUF, &[], &vec![0; 30 << 20]).await;
    assert_eq!(reply.status, 413);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let mut options = TestOptions::default();
    options.otlp.read_timeout = std::time::Duration::from_millis(300);
    let app = TestApp::start_with(options).await;
    let to = app.app.otlp_http_addr();
    let head = [format!("Content-Type: {PROTOBUF}"), "Content-Length: 1000".to_owned()];
    let reply = read_reply(open(to, "POST /v1/traces", &head).await).await;
    assert_eq!((reply.status, reply.error().code), (408, Code::DeadlineExceeded as i32));
}

#[tokio::test]
async fn the_answer_is_compressed_where_the_client_offers_that() {
    let app = TestApp::start().await;
    let to = app.app.otlp_http_addr();
    // Three reasons make an answer that is worth compressing.
    let sent = body((1..=3).map(|id| Span { trace_id: vec![1], ..span(1, id) }).collect());
    for (offer, coding) in [
        ("gzip", Some("gzip")),
        ("br;q=1.0, zstd;q=0.5", Some("zstd")),
        ("gzip;q=0, zstd", Some("zstd")),
        ("gzip;q=0", None),
        ("identity", None),
    ] {
        let header = format!("Accept-Encoding: {offer}");
        let mut reply = post(to, PROTOBUF, &[&header], &sent).await;
        assert_eq!(reply.header("content-encoding"), coding, "{offer}: {reply:?}");
        reply.body = match coding {
            Some("gzip") => gunzip(&reply.body),
            Some(_) => zstd::decode_all(&*reply.body).unwrap(),
            None => reply.body,
        };
        assert_eq!(reply.response().partial_success.unwrap().rejected_spans, 3);
    }
}

#[tokio::test]
async fn json_is_read_as_exporters_write_it() {
    let app = TestApp::start().await;
    let to = app.app.otlp_http_addr();
    let document = json!({ "resourceSpans": [{
        "resource": { "attributes": [
            { "key": "service.name", "value": { "stringValue": "shop" } },
        ] },
        "unknown": { "a": [1] },
        "scopeSpans": [{ "scope": null, "spans": [
            {
                "traceId": "0af7651916cd43dd8448eb211c80319c",
                "spanId": "B7AD6B7169203331",
                "parentSpanId": null,
                "name": "pay",
                "kind": 2,
                "startTimeUnixNano": "1000000000000",
                "endTimeUnixNano": 1_001_000_000_000_u64,
                "attributes": [
                    { "key": "ratio", "value": { "doubleValue": "NaN" } },
                    { "key": "none", "value": { "arrayValue": {} } },
                ],
            },
            {
                "traceId": "0af7651916cd43dd8448eb211c80319c",
                "spanId": "0000000000000000",
                "name": "bad",
                "startTimeUnixNano": "1000000000000",
            },
        ] }],
    }] });
    let reply = post(to, JSON, &[], document.to_string().as_bytes()).await;
    let answer = reply.json();
    assert_eq!((reply.status, &answer["partialSuccess"]["rejectedSpans"]), (200, &json!("1")));
    let message = answer["partialSuccess"]["errorMessage"].as_str().unwrap();
    assert!(message.contains("0000000000000000"), "{message}");
    assert_eq!(app.count(FINISHED).await, 1);
}
