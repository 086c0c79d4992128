//! Bytes in, answers out: the gRPC services. They convert and check, and leave
//! every decision to the rooms behind them.

mod answer;
mod artifact_upload;
mod check;
pub mod error;
mod export;
mod intake;
pub mod otlp;
mod question;
mod run_control;
mod span_service;
mod span_stream;
mod trace_query;

pub use export::{ExportOptions, NoLogs, NoMetrics, TraceExport, TraceServiceServer, serve_http};
pub use intake::Intake;
pub use run_control::RunControlService;
pub use span_service::SpanServiceImpl;
pub use trace_query::TraceQueryService;

use http::{HeaderValue, Response};
use tonic::{Code, Status, body::Body};
use tonic_reflection::server::{v1, v1alpha};
use tower::util::MapResponseLayer;

use crate::proto::{DESCRIPTOR_SET, v1::span_service_server::SpanServiceServer};

/// The largest message: an artifact of 4 MiB with what is said about it.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024 + 64 * 1024;

/// `SpanService` with its limits.
#[must_use]
pub fn span_server(service: SpanServiceImpl) -> SpanServiceServer<SpanServiceImpl> {
    SpanServiceServer::new(service).max_decoding_message_size(MAX_MESSAGE_BYTES)
}

/// The same mending for a stream, whose status is in its trailers.
fn mended_status(status: Status) -> Status {
    if status.code() == Code::OutOfRange {
        Status::resource_exhausted(status.message())
    } else {
        status
    }
}

type StatusLayer = MapResponseLayer<fn(Response<Body>) -> Response<Body>>;

/// Mends the status of a message over the limit. tonic answers OUT_OF_RANGE,
/// which OpenTelemetry's clients send again for ever; the code for it is
/// RESOURCE_EXHAUSTED. Nothing of livespan's own answers OUT_OF_RANGE.
#[must_use]
pub fn status_layer() -> StatusLayer {
    fn mend(mut response: Response<Body>) -> Response<Body> {
        const STATUS: &str = "grpc-status";
        let is_out_of_range =
            |value: &HeaderValue| Code::from_bytes(value.as_bytes()) == Code::OutOfRange;
        if response.headers().get(STATUS).is_some_and(is_out_of_range) {
            response
                .headers_mut()
                .insert(STATUS, HeaderValue::from(Code::ResourceExhausted as i32));
        }
        response
    }
    MapResponseLayer::new(mend)
}

/// Reflection, for grpcurl and its kin.
///
/// # Errors
///
/// Where the descriptors, which are part of the program, can't be read.
pub fn reflection_v1()
-> Result<v1::ServerReflectionServer<impl v1::ServerReflection>, tonic_reflection::server::Error> {
    reflection().build_v1()
}

/// The same for tools that know only its first version.
///
/// # Errors
///
/// As [`reflection_v1`].
pub fn reflection_v1alpha() -> Result<
    v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>,
    tonic_reflection::server::Error,
> {
    reflection().build_v1alpha()
}

fn reflection<'b>() -> tonic_reflection::server::Builder<'b> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
