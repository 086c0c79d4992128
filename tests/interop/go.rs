//! opentelemetry-go: its SDK with the exporters over gRPC and HTTP.

use super::expectation::Sdk;

const GO: Sdk = Sdk {
    language: "go",
    command: &["target/interop/go/client"],
    cannot_send: &[],
    sends_otherwise: &[],
    scope_attributes: true,
    // The API takes it, the exporters leave it out.
    link_trace_state: false,
    exception_type: "*fs.PathError",
    exception_message: "open /nowhere/receipt.txt: no such file or directory",
    exception_stack: "main.readReceipt",
};

#[tokio::test]
async fn a_trace_over_grpc_is_told_whole() {
    GO.is_told_whole("grpc", "none").await;
}

#[tokio::test]
async fn a_trace_over_grpc_with_gzip_is_told_whole() {
    GO.is_told_whole("grpc", "gzip").await;
}

#[tokio::test]
async fn a_trace_over_http_is_told_whole() {
    GO.is_told_whole("http/protobuf", "none").await;
}

#[tokio::test]
async fn a_trace_over_http_with_gzip_is_told_whole() {
    GO.is_told_whole("http/protobuf", "gzip").await;
}

#[tokio::test]
async fn a_trace_in_json_is_told_whole() {
    GO.is_told_whole("http/json", "none").await;
}

#[tokio::test]
async fn a_trace_in_json_with_gzip_is_told_whole() {
    GO.is_told_whole("http/json", "gzip").await;
}

#[tokio::test]
async fn a_trace_lies_beneath_the_step_that_started_it() {
    GO.lies_beneath_the_step_that_started_it("grpc").await;
}
