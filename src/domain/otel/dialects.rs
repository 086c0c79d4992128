//! Spans that exporters send before they end, and by what they are known.
//!
//! | dialect | known by | |
//! |---|---|---|
//! | open snapshot | no end time | the span runs; its later export ends it |
//! | Logfire's pending span | `logfire.span_type` is `pending_span` | another span, which runs: this one's parent id is the running span's id, and `logfire.pending_parent_id` is that one's parent |
//! | Trigger.dev's partial | `$span.partial`, or `livespan.partial` | the span runs |
//! | Datadog's partial | `_dd.partial_version` of 0 or more | the span runs, and each version is a sign of life |

use super::{
    Span, Value,
    attributes::{Attributes, integer},
    mapper::SpanProblem,
    mapping::Special,
};

/// What an exported span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A span that has ended.
    Finished,
    /// A span that runs.
    Open,
    /// A stand-in for another span, which runs.
    Pending {
        /// The running span's id.
        span_id: [u8; 8],
        /// Its parent's; none of a root.
        parent: Option<[u8; 8]>,
    },
}

/// Tells what a span is by its times and marks.
pub(super) fn shape(span: &Span<'_>, attributes: &Attributes<'_>) -> Result<Shape, SpanProblem> {
    if let Some(Value::String("pending_span")) = attributes.special(Special::LogfireSpanType) {
        let span_id = <[u8; 8]>::try_from(span.parent_span_id)
            .ok()
            .filter(|id| *id != [0; 8])
            .ok_or(SpanProblem::PendingOfNone)?;
        let parent = match attributes.special(Special::LogfirePendingParent) {
            None => None,
            Some(Value::String(hex)) => from_hex(hex).ok_or(SpanProblem::PendingParent)?,
            Some(_) => return Err(SpanProblem::PendingParent),
        };
        return Ok(Shape::Pending { span_id, parent });
    }
    let marked = |special| {
        matches!(
            attributes.special(special),
            Some(Value::Bool(true) | Value::String("true" | "1") | Value::Int(1))
        )
    };
    // Versions are times or counters; -1 is how a tracer says that it sends none.
    let versioned = attributes
        .special(Special::DatadogPartial)
        .and_then(integer)
        .is_some_and(|version| version >= 0);
    let open = span.end_time_unix_nano == 0
        || marked(Special::TriggerPartial)
        || marked(Special::LivespanPartial)
        || versioned;
    Ok(if open { Shape::Open } else { Shape::Finished })
}

/// 16 hex digits; `Some(None)` where all are zero.
fn from_hex(text: &str) -> Option<Option<[u8; 8]>> {
    if text.len() != 16 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let id = u64::from_str_radix(text, 16).ok()?.to_be_bytes();
    Some(Some(id).filter(|id| *id != [0; 8]))
}
