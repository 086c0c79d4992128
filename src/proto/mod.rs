//! The wire: code generated from `proto/`, the codec that decodes it, and the
//! types that carry JSON through it.

mod codec;
mod json;

pub use codec::StrictCodec;
pub use json::{JsonError, JsonObject, JsonProblem, JsonValue, MAX_DEPTH};

/// Messages and services of `livespan.v1`. The documentation is the proto's.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
// Comments there are plain text, for readers of the proto.
#[allow(rustdoc::invalid_html_tags, rustdoc::broken_intra_doc_links, rustdoc::bare_urls)]
pub mod v1 {
    tonic::include_proto!("livespan.v1");
}

/// Every descriptor of `proto/` with its comments and HTTP rules, encoded.
/// Reflection serves it.
pub const DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/livespan_descriptor.bin"));
