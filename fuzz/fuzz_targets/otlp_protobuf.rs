//! Any bytes as an OTLP request: never a panic, and what OpenTelemetry's own
//! types accept is read the same.

#![no_main]

#[path = "../../tests/otlp_codec/compare.rs"]
#[allow(dead_code)]
mod compare;

use bumpalo::Bump;
use libfuzzer_sys::fuzz_target;
use livespan_server::ingress::otlp::{SpanDecoder, decode};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

fuzz_target!(|request: &[u8]| {
    let arena = Bump::new();
    let ours = decode(request, &arena);
    if let Ok(theirs) = ExportTraceServiceRequest::decode(request) {
        let ours = ours.expect("what prost accepts is a request");
        compare::assert_same_request(&ours, &theirs);
    } else if let Ok(ours) = ours {
        let mut decoder = SpanDecoder::new(&arena);
        let scopes = ours.resource_spans.iter().flat_map(|part| part.scope_spans);
        for span in scopes.flat_map(|scope| scope.spans) {
            let _ = decoder.read(*span);
        }
    }
});
