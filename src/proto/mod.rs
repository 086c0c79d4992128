//! The wire: code generated from `proto/`, the codec that decodes it, and the
//! types that carry JSON through it.

mod codec;
mod json;

pub use codec::StrictCodec;
pub use json::{JsonError, JsonObject, JsonProblem, JsonValue, MAX_DEPTH};

/// Messages and services of `livespan.v1`. The documentation is the proto's.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod v1 {
    tonic::include_proto!("livespan.v1");
}

/// Every descriptor of `proto/` with its comments and HTTP rules, encoded.
/// Reflection serves it.
pub const DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/livespan_descriptor.bin"));
