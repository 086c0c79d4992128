//! Bytes that are no message, and messages over the limit.

use bytes::Bytes;
use http::uri::PathAndQuery;
use livespan_server::proto::v1::{GetTimelineRequest, StartSpanResponse};
use prost::Message;
use tonic::{Code, Request, Status, client::Grpc};

use super::{
    Call, is_clean,
    requests::{Key, nested, numbered, object, start},
    spans_of_run, stream,
};
use crate::support::{TestApp, raw_codec::RawCodec};

async fn send_raw(app: &TestApp, rpc: &str, wire: Vec<u8>) -> Result<Bytes, Status> {
    call_raw(app, &format!("SpanService/{rpc}"), wire).await
}

async fn call_raw(app: &TestApp, method: &str, wire: Vec<u8>) -> Result<Bytes, Status> {
    let mut grpc = Grpc::new(app.channel.clone());
    grpc.ready().await.expect("ready");
    let path: PathAndQuery = format!("/livespan.v1.{method}").parse().expect("path");
    grpc.unary(Request::new(wire), path, RawCodec).await.map(tonic::Response::into_inner)
}

/// A field of bytes with one byte that no UTF-8 text holds.
fn not_utf8(tag: u32) -> Vec<u8> {
    let mut wire = Vec::new();
    prost::encoding::bytes::encode(tag, &b"a\xffb".to_vec(), &mut wire);
    wire
}

/// A message in a field.
fn inside(tag: u32, message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    prost::encoding::bytes::encode(tag, &message.to_vec(), &mut wire);
    wire
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_named() {
    let app = TestApp::start().await;
    let table: Vec<(&str, Vec<u8>, &str)> = vec![
        ("StartSpan", not_utf8(1), "run_id"),
        ("StartSpan", not_utf8(2), "span_id"),
        ("StartSpan", not_utf8(3), "parent_span_id"),
        ("StartSpan", not_utf8(4), "task_id"),
        ("StartSpan", not_utf8(6), "layer"),
        ("StartSpan", not_utf8(7), "step_name"),
        ("StartSpan", not_utf8(8), "executor_host"),
        ("StartSpan", not_utf8(9), "agent"),
        ("Heartbeat", inside(3, &not_utf8(3)), "note"),
        ("EndSpan", inside(6, &not_utf8(1)), "type"),
        ("EndSpan", inside(6, &not_utf8(2)), "message"),
        ("EndSpan", inside(6, &not_utf8(3)), "stack_trace"),
        ("EndSpan", not_utf8(7), "reason_code"),
        ("StoreArtifact", not_utf8(3), "artifact_type"),
        ("StoreArtifact", not_utf8(4), "file_name"),
        ("StoreArtifact", not_utf8(5), "content_type"),
        ("StoreArtifact", not_utf8(9), "storage_key"),
    ];
    for (rpc, wire, field) in table {
        let status = send_raw(&app, rpc, wire).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{rpc} {field}: {status:?}");
        assert!(status.message().contains(field), "{rpc} {field}: {}", status.message());
        assert!(is_clean(status.message()));
    }
    // In a Struct, beside fields that are right.
    let value = inside(2, &not_utf8(3));
    let entry = [inside(1, b"k"), value].concat();
    let wire = [Key::random().start().encode_to_vec(), inside(12, &inside(1, &entry))].concat();
    let status = send_raw(&app, "StartSpan", wire).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("input.k: "), "{}", status.message());
}

#[tokio::test]
async fn bytes_that_are_no_message_are_refused_and_unknown_fields_passed_over() {
    let app = TestApp::start().await;
    for wire in [
        vec![0xff],
        vec![0x0a, 0x05, b'a'],
        vec![0xff; 1000],
        b"GET / HTTP/1.1".to_vec(),
        // Groups in groups, which a careless decoder follows down its stack.
        [0x7b_u8].repeat(100_000),
    ] {
        let status = send_raw(&app, "StartSpan", wire.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    }
    let of_a_later_version = [Key::random().start().encode_to_vec(), inside(999, &[7])].concat();
    let reply = send_raw(&app, "StartSpan", of_a_later_version).await.unwrap();
    assert!(!StartSpanResponse::decode(reply).unwrap().span_id.is_empty());
}

/// A timeline as most clients read it: with protobuf's own types for its JSON, which
/// refuse a message that nests deeper than a hundred.
#[derive(prost::Message)]
struct TimelineReader {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<SpanReader>,
}

#[derive(prost::Message)]
struct SpanReader {
    #[prost(string, tag = "2")]
    span_id: String,
    #[prost(message, optional, tag = "16")]
    input_summary: Option<prost_types::Value>,
    #[prost(message, optional, tag = "20")]
    attributes: Option<prost_types::Struct>,
}

/// One span must not cost its run's readers the others.
#[tokio::test]
async fn a_span_that_nests_as_deep_as_is_taken_can_be_read_by_any_client() {
    let app = TestApp::start().await;
    let key = Key::random();
    let mut deep = key.start();
    deep.attributes = object(&nested(64, "k"));
    deep.input = object(&nested(64, "k"));
    let flat = key.sibling();
    for start in [deep, flat.start()] {
        app.spans().start_span(start).await.unwrap();
    }
    let question = GetTimelineRequest { run_id: key.run_id, ..Default::default() };
    let answer = call_raw(&app, "TraceQuery/GetTimeline", question.encode_to_vec()).await.unwrap();
    let timeline = TimelineReader::decode(answer).expect("any client reads it");
    let ids: Vec<&str> = timeline.spans.iter().map(|span| span.span_id.as_str()).collect();
    assert_eq!(ids, [key.span_id, flat.span_id]);
    assert!(timeline.spans[0].input_summary.is_some());
    let attributes = format!("{:?}", timeline.spans[0].attributes);
    assert!(attributes.contains("deep"), "nothing is lost: {attributes}");
}

#[tokio::test]
async fn a_message_over_the_limit_exhausts_no_more_than_itself() {
    let app = TestApp::start().await;
    let large = "x".repeat(5 << 20);
    let mut attributes = Key::random().start();
    attributes.attributes = object(&serde_json::json!({ "a": large }));
    for (what, call) in [
        ("an artifact", Call::Artifact(Key::random().artifact(large.clone()))),
        ("attributes", Call::Start(attributes.clone())),
    ] {
        let status = call.send(&app).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{what}: {status:?}");
    }
    // In a stream nothing after it can be read; what came before is acknowledged.
    let key = Key::random();
    let events = vec![numbered(1, start(key.start())), numbered(2, start(attributes))];
    let (replies, ended_by) = stream(&app, events).await;
    assert_eq!(ended_by.map(|status| status.code()), Some(Code::ResourceExhausted));
    assert_eq!(replies.last().map(|reply| reply.acked_through), Some(1));
    assert_eq!(spans_of_run(&app, &key.run_id).await, 1);
    Call::Start(Key::random().start()).send(&app).await.expect("the server still answers");
}

#[tokio::test]
async fn a_stream_with_bytes_that_are_no_event_acknowledges_what_came_before() {
    let app = TestApp::start().await;
    let key = Key::random();
    let first = numbered(1, start(key.start())).encode_to_vec();
    // An event whose step_name is not UTF-8.
    let second = [vec![0x08, 0x02], inside(2, &not_utf8(7))].concat();
    let mut grpc = Grpc::new(app.channel.clone());
    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/livespan.v1.SpanService/StreamSpans");
    let events = Request::new(tokio_stream::iter(vec![first, second]));
    let mut replies = grpc.streaming(events, path, RawCodec).await.unwrap().into_inner();
    let mut acked_through = 0;
    let status = loop {
        match replies.message().await {
            Ok(Some(reply)) => {
                let reply = livespan_server::proto::v1::StreamSpansResponse::decode(reply).unwrap();
                acked_through = reply.acked_through;
            }
            Ok(None) => panic!("the stream ended well"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(status.message().contains("step_name"), "{}", status.message());
    assert_eq!(acked_through, 1);
    assert_eq!(spans_of_run(&app, &key.run_id).await, 1);
}
