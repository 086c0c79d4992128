//! OTLP/JSON: the JSON encoding of a request, rewritten as protobuf.
//!
//! One pass over the text, which writes each field as it is read: no tree of
//! values, no map, and one decoder for both encodings. The rules are protobuf's
//! for JSON, with OTLP's exceptions (ids in hexadecimal, enums as numbers) and
//! with what clients send in spite of the rules wherever it can mean only one
//! thing.

mod output;
mod scalar;
mod schema;
mod walk;

use serde::de::DeserializeSeed;
use serde_json::{Deserializer, error::Category};
use thiserror::Error;

use walk::Body;

/// Why a body is no OTLP/JSON. It says where and what was expected, and nothing
/// of what was there: that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not OTLP/JSON: {0}")]
pub struct JsonProblem(String);

impl JsonProblem {
    fn new(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        match (error.classify(), text.rsplit_once(", expected ")) {
            (Category::Data, Some((_, expected))) => Self(format!("expected {expected}")),
            _ => Self(text),
        }
    }
}

/// Rewrites a request from JSON to protobuf, for [`super::decode`].
///
/// Text is passed on as it is: halves of surrogate pairs and bytes that aren't
/// UTF-8 are the decoder's to mend. An id that isn't hexadecimal becomes one of
/// a wrong length, and values nested past the limit stay past it, so that only
/// their spans are refused.
///
/// # Errors
///
/// Where the body isn't JSON, or a field that OTLP knows has another type.
pub fn json_to_protobuf(body: &[u8]) -> Result<Vec<u8>, JsonProblem> {
    let mut protobuf = Vec::with_capacity(body.len() / 2);
    let mut deserializer = Deserializer::from_slice(body);
    // The walk counts the levels of values, and what it doesn't know is skipped
    // without recursion.
    deserializer.disable_recursion_limit();
    Body { output: &mut protobuf }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| JsonProblem::new(&error))?;
    Ok(protobuf)
}
