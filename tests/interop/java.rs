//! opentelemetry-java: its SDK, set up by its own autoconfiguration, with the
//! exporters over gRPC and HTTP.

use super::expectation::Sdk;

const JAVA: Sdk = Sdk {
    language: "java",
    command: &["java", "-cp", "target/interop/java/classes:target/interop/java/lib/*", "Client"],
    cannot_send: &[],
    sends_otherwise: &[],
    scope_attributes: false,
    link_trace_state: true,
    exception_type: "java.nio.file.NoSuchFileException",
    // The message of this exception is the file.
    exception_message: "/nowhere/receipt.txt",
    exception_stack: "Client.readReceipt",
};

#[tokio::test]
async fn a_trace_over_grpc_is_told_whole() {
    JAVA.is_told_whole("grpc", "none").await;
}

#[tokio::test]
async fn a_trace_over_grpc_with_gzip_is_told_whole() {
    JAVA.is_told_whole("grpc", "gzip").await;
}

#[tokio::test]
async fn a_trace_over_http_is_told_whole() {
    JAVA.is_told_whole("http/protobuf", "none").await;
}

#[tokio::test]
async fn a_trace_over_http_with_gzip_is_told_whole() {
    JAVA.is_told_whole("http/protobuf", "gzip").await;
}

#[tokio::test]
async fn a_trace_lies_beneath_the_step_that_started_it() {
    JAVA.lies_beneath_the_step_that_started_it("http/protobuf").await;
}
