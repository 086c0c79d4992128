//! OTLP's two encodings, read as OpenTelemetry's own types read them, and what
//! becomes of bytes that nobody should send.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]

#[path = "otlp_codec/bytes.rs"]
mod bytes;
#[path = "otlp_codec/compare.rs"]
mod compare;
#[path = "otlp_codec/hostile.rs"]
mod hostile;
#[path = "otlp_codec/json.rs"]
mod json;
#[path = "otlp_codec/protobuf.rs"]
mod protobuf;
#[path = "otlp_codec/requests.rs"]
mod requests;
