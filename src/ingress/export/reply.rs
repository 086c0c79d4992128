//! What an export is answered with, as protobuf and as JSON.

use prost::Message;
use serde_json::json;

/// `opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportTraceServiceResponse {
    /// Absent where every span is stored.
    #[prost(message, optional, tag = "1")]
    pub(super) partial_success: Option<ExportTracePartialSuccess>,
}

/// `opentelemetry.proto.collector.trace.v1.ExportTracePartialSuccess`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportTracePartialSuccess {
    /// How many spans will never be stored.
    #[prost(int64, tag = "1")]
    pub(super) rejected_spans: i64,
    /// Why, for the first of them.
    #[prost(string, tag = "2")]
    pub(super) error_message: String,
}

impl ExportTraceServiceResponse {
    /// By protobuf's JSON mapping: 64-bit numbers are strings.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let document = self.partial_success.as_ref().map_or_else(
            || json!({}),
            |partial| {
                json!({
                    "partialSuccess": {
                        "rejectedSpans": partial.rejected_spans.to_string(),
                        "errorMessage": partial.error_message,
                    }
                })
            },
        );
        document.to_string().into_bytes()
    }
}

/// A `google.rpc.Status` as JSON.
pub(super) fn status_json(status: &tonic_types::Status) -> Vec<u8> {
    json!({ "code": status.code, "message": status.message, "details": [] })
        .to_string()
        .into_bytes()
}
