//! Any bytes as an OTLP/JSON request: never a panic, and what is taken becomes
//! protobuf that can be read.

#![no_main]

use bumpalo::Bump;
use libfuzzer_sys::fuzz_target;
use livespan_server::ingress::otlp::{Fault, Malformed, SpanDecoder, decode, json_to_protobuf};

fuzz_target!(|body: &[u8]| {
    if let Ok(protobuf) = json_to_protobuf(body) {
        let arena = Bump::new();
        let refused = |problem: Malformed| {
            assert!(matches!(problem.fault, Fault::TooDeep | Fault::TooMany), "{problem}");
        };
        match decode(&protobuf, &arena) {
            Ok(request) => {
                let mut decoder = SpanDecoder::new(&arena);
                let scopes = request.resource_spans.iter().flat_map(|part| part.scope_spans);
                for span in scopes.flat_map(|scope| scope.spans) {
                    if let Err(broken) = decoder.read(*span) {
                        refused(broken.problem);
                    }
                }
            }
            Err(problem) => refused(problem),
        }
    }
});
