//! The wire: code generated from `proto/`, the codec that decodes it, the types
//! that carry JSON through it, and how messages are themselves written as JSON.

mod codec;
mod json;
mod json_fields;
mod json_stream;

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

macro_rules! enumerations {
    ($($name:ident [$($value:ident),*];)*) => {$(
        impl json_fields::Enumeration for v1::$name {
            const VALUES: &'static [Self] = &[$(Self::$value),*];

            fn name(self) -> &'static str {
                self.as_str_name()
            }
        }
    )*};
}

enumerations! {
    Status [Unspecified, Running, Success, Failed, Cancelled];
    ReasonKind [Unknown, Transient, Persistent, Resource, Config];
    Verdict [Unspecified, NoHeartbeat, NoProgress];
}
