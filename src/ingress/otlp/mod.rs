//! OTLP's bytes in: one request for spans, read once and copied nowhere.
//!
//! [`decode`] reads what stands around the spans, and a [`SpanDecoder`] the spans
//! themselves, when their turn comes: of a request of a million small spans, few
//! are in memory at once. Both read protobuf into [`crate::domain::otel`]'s types,
//! which borrow names, ids and text from the request and keep their lists in an
//! arena, so that a span costs no allocation of its own. [`json_to_protobuf`]
//! turns the JSON encoding into the same bytes first. What a span means is
//! decided elsewhere: here only its form counts.

mod json;
mod request;
mod span;
mod stack;
mod value;
mod wire;

use bumpalo::Bump;
use thiserror::Error;

use crate::domain::otel::{Resource, Scope, Span};

pub use json::{JsonProblem, json_to_protobuf};
pub use span::SpanDecoder;

/// How deep a value may be nested: an attribute's own value is at level 1.
pub const MAX_VALUE_LEVELS: u32 = 64;

/// What a client asks to store: OTLP's `ExportTraceServiceRequest`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ExportRequest<'a> {
    /// The spans, by what sent them.
    pub resource_spans: &'a [ResourceSpans<'a>],
}

impl ExportRequest<'_> {
    /// How many spans the client sent, readable or not.
    #[must_use]
    pub fn span_count(&self) -> usize {
        let scopes = self.resource_spans.iter().flat_map(|resource| resource.scope_spans);
        scopes.map(|scope| scope.spans.len()).sum()
    }
}

/// The spans of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ResourceSpans<'a> {
    /// What sent them.
    pub resource: Resource<'a>,
    /// The spans, by the instrumentation that made them.
    pub scope_spans: &'a [ScopeSpans<'a>],
}

/// The spans of one instrumentation scope.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScopeSpans<'a> {
    /// What made them.
    pub scope: Scope<'a>,
    /// The spans, in the order in which they were sent.
    pub spans: &'a [EncodedSpan<'a>],
}

/// A span that is still to be read, by [`SpanDecoder::read`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EncodedSpan<'a>(&'a [u8]);

impl EncodedSpan<'_> {
    /// How many bytes it has on the wire, which may be none.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an empty one is a span like any other")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// A span whose own bytes are broken, while those around it are sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MalformedSpan<'a> {
    /// What of it was read before the break.
    pub read: Span<'a>,
    /// What is wrong with it.
    pub problem: Malformed,
}

/// Why bytes are no OTLP request, or a part of them no span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{message}: {fault}")]
pub struct Malformed {
    /// The message of OTLP's proto files that was being read.
    pub message: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with the form of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    /// A field says that it is longer than what is left.
    #[error("it ends in the middle of a field")]
    CutOff,
    /// A varint of more than 10 bytes.
    #[error("a number is longer than 10 bytes")]
    LongNumber,
    /// A field number of 0 or past 2^29 - 1.
    #[error("a field has a number that protobuf doesn't allow")]
    FieldNumber,
    /// One of the wire types that protobuf doesn't define.
    #[error("a field has wire type {0}, which protobuf doesn't define")]
    WireType(u8),
    /// The end of a group that has not begun, or of another one.
    #[error("a group ends that has not begun")]
    GroupEnd,
    /// Values or groups nested past the limit.
    #[error("values are nested deeper than {MAX_VALUE_LEVELS} levels; send them flatter")]
    TooDeep,
    /// Few bytes that stand for very many empty things, or more things than one
    /// message may hold.
    #[error("it holds too many empty or small parts; leave empty ones out and send the rest apart")]
    TooMany,
}

/// Reads a request from protobuf, all but its spans.
///
/// Unknown fields, groups and fields of an unexpected wire type are skipped, and
/// what is said twice is merged or replaced, as protobuf says. Text that isn't
/// UTF-8 gets U+FFFD where it isn't. The same holds for [`SpanDecoder::read`].
///
/// # Errors
///
/// Where the request around the spans, or a resource or a scope, can't be read.
pub fn decode<'a>(request: &'a [u8], arena: &'a Bump) -> Result<ExportRequest<'a>, Malformed> {
    request::RequestDecoder::new(request.len(), arena).request(request)
}
