//! opentelemetry-js in Node: its SDK with the exporters over gRPC and HTTP, the
//! latter in protobuf and in JSON.

use super::expectation::Sdk;

const NODE: Sdk = Sdk {
    language: "node",
    command: &["node", "target/interop/node/client.js"],
    cannot_send: &["bytes", "map", "null"],
    // All numbers are doubles there: past 2^53 it knows the even ones alone.
    sends_otherwise: &[("big", "9007199254740992")],
    scope_attributes: false,
    link_trace_state: true,
    // The SDK prefers an error's code to its name.
    exception_type: "ENOENT",
    exception_message: "ENOENT: no such file or directory, open '/nowhere/receipt.txt'",
    exception_stack: "client.js",
};

/// In JSON the SDK writes null for NaN.
const NODE_IN_JSON: Sdk =
    Sdk { sends_otherwise: &[("big", "9007199254740992"), ("nan", "null")], ..NODE };

#[tokio::test]
async fn a_trace_over_grpc_is_told_whole() {
    NODE.is_told_whole("grpc", "none").await;
}

#[tokio::test]
async fn a_trace_over_grpc_with_gzip_is_told_whole() {
    NODE.is_told_whole("grpc", "gzip").await;
}

#[tokio::test]
async fn a_trace_over_http_is_told_whole() {
    NODE.is_told_whole("http/protobuf", "none").await;
}

#[tokio::test]
async fn a_trace_over_http_with_gzip_is_told_whole() {
    NODE.is_told_whole("http/protobuf", "gzip").await;
}

#[tokio::test]
async fn a_trace_in_json_is_told_whole() {
    NODE_IN_JSON.is_told_whole("http/json", "none").await;
}

#[tokio::test]
async fn a_trace_in_json_with_gzip_is_told_whole() {
    NODE_IN_JSON.is_told_whole("http/json", "gzip").await;
}

#[tokio::test]
async fn a_trace_lies_beneath_the_step_that_started_it() {
    NODE_IN_JSON.lies_beneath_the_step_that_started_it("http/json").await;
}
