//! Any bytes as an OTLP/JSON request: never a panic, and what is taken becomes
//! protobuf that can be read.

#![no_main]

use bumpalo::Bump;
use libfuzzer_sys::fuzz_target;
use livespan::ingress::otlp::{Fault, decode, json_to_protobuf};

fuzz_target!(|body: &[u8]| {
    if let Ok(protobuf) = json_to_protobuf(body) {
        let arena = Bump::new();
        match decode(&protobuf, &arena) {
            Ok(_) => {}
            Err(problem) => {
                assert!(matches!(problem.fault, Fault::TooDeep | Fault::MostlyEmpty), "{problem}");
            }
        }
    }
});
