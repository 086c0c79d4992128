//! opentelemetry-python: its SDK with the exporters over gRPC and HTTP.

use super::expectation::Sdk;

const PYTHON: Sdk = Sdk {
    language: "python",
    command: &["target/interop/python/bin/python", "tests/interop/python/client.py"],
    cannot_send: &[],
    sends_otherwise: &[],
    scope_attributes: true,
    link_trace_state: false,
    exception_type: "FileNotFoundError",
    exception_message: "No such file or directory",
    exception_stack: "client.py",
};

#[tokio::test]
async fn a_trace_over_grpc_is_told_whole() {
    PYTHON.is_told_whole("grpc", "none").await;
}

#[tokio::test]
async fn a_trace_over_grpc_with_gzip_is_told_whole() {
    PYTHON.is_told_whole("grpc", "gzip").await;
}

#[tokio::test]
async fn a_trace_over_http_is_told_whole() {
    PYTHON.is_told_whole("http/protobuf", "none").await;
}

#[tokio::test]
async fn a_trace_over_http_with_gzip_is_told_whole() {
    PYTHON.is_told_whole("http/protobuf", "gzip").await;
}

#[tokio::test]
async fn a_trace_lies_beneath_the_step_that_started_it() {
    PYTHON.lies_beneath_the_step_that_started_it("http/protobuf").await;
}
