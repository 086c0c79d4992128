//! A span with its events, links and status.

use bumpalo::Bump;

use super::{
    EncodedSpan, Malformed, MalformedSpan,
    stack::{Allowance, Stack},
    value::ValueDecoder,
    wire::{Field, Fields, Parts},
};
use crate::domain::otel::{Event, Link, Span};

/// Reads spans, one after the other, into an arena.
pub struct SpanDecoder<'a> {
    values: ValueDecoder<'a>,
    events: Stack<Event<'a>>,
    links: Stack<Link<'a>>,
}

impl<'a> SpanDecoder<'a> {
    /// A decoder that keeps the lists of its spans in `arena`.
    #[must_use]
    pub fn new(arena: &'a Bump) -> Self {
        let values = ValueDecoder::new(Allowance::of_span(0), arena);
        Self { values, events: Stack::new(), links: Stack::new() }
    }

    /// Reads a span.
    ///
    /// # Errors
    ///
    /// Where its own bytes are broken, which costs no other span anything.
    pub fn read(&mut self, encoded: EncodedSpan<'a>) -> Result<Span<'a>, Box<MalformedSpan<'a>>> {
        self.values.allowance = Allowance::of_span(encoded.0.len());
        let mut span = Span::default();
        self.span(&mut span, encoded.0).map(|()| span).map_err(|problem| {
            self.values.attributes.clear();
            self.values.values.clear();
            self.events.clear();
            self.links.clear();
            Box::new(MalformedSpan { read: span, problem })
        })
    }

    fn span(&mut self, span: &mut Span<'a>, bytes: &'a [u8]) -> Result<(), Malformed> {
        let attributes = self.values.attributes.mark();
        let events = self.events.mark();
        let links = self.links.mark();
        let mut status = Parts::default();
        let mut fields = Fields::new("Span", bytes);
        while let Some(field) = fields.next()? {
            match field {
                (1, Field::Bytes(id)) => span.trace_id = id,
                (2, Field::Bytes(id)) => span.span_id = id,
                (3, Field::Bytes(text)) => span.trace_state = self.values.text(text)?,
                (4, Field::Bytes(id)) => span.parent_span_id = id,
                (5, Field::Bytes(text)) => span.name = self.values.text(text)?,
                (6, Field::Varint(kind)) => span.kind = int32(kind),
                (7, Field::Fixed64(nanos)) => span.start_time_unix_nano = nanos,
                (8, Field::Fixed64(nanos)) => span.end_time_unix_nano = nanos,
                (9, Field::Bytes(attribute)) => self.values.push_attribute(attribute, 1)?,
                (10, Field::Varint(count)) => span.dropped_attributes_count = uint32(count),
                (11, Field::Bytes(event)) => self.push_event(event)?,
                (12, Field::Varint(count)) => span.dropped_events_count = uint32(count),
                (13, Field::Bytes(link)) => self.push_link(link)?,
                (14, Field::Varint(count)) => span.dropped_links_count = uint32(count),
                (15, Field::Bytes(part)) => status.add(part),
                (16, Field::Fixed32(flags)) => span.flags = flags,
                _ => {}
            }
        }
        let mut fields = status.fields("Status");
        while let Some(field) = fields.next()? {
            match field {
                (2, Field::Bytes(text)) => span.status_message = self.values.text(text)?,
                (3, Field::Varint(code)) => span.status_code = int32(code),
                _ => {}
            }
        }
        span.attributes = self.values.attributes.keep(attributes, self.values.arena);
        span.events = self.events.keep(events, self.values.arena);
        span.links = self.links.keep(links, self.values.arena);
        Ok(())
    }

    fn push_event(&mut self, bytes: &'a [u8]) -> Result<(), Malformed> {
        let attributes = self.values.attributes.mark();
        let mut event =
            Event { time_unix_nano: 0, name: "", attributes: &[], dropped_attributes_count: 0 };
        let mut fields = Fields::new("Event", bytes);
        while let Some(field) = fields.next()? {
            match field {
                (1, Field::Fixed64(nanos)) => event.time_unix_nano = nanos,
                (2, Field::Bytes(text)) => event.name = self.values.text(text)?,
                (3, Field::Bytes(attribute)) => self.values.push_attribute(attribute, 1)?,
                (4, Field::Varint(count)) => event.dropped_attributes_count = uint32(count),
                _ => {}
            }
        }
        event.attributes = self.values.attributes.keep(attributes, self.values.arena);
        self.events.push(event, &mut self.values.allowance, "Event")
    }

    fn push_link(&mut self, bytes: &'a [u8]) -> Result<(), Malformed> {
        let attributes = self.values.attributes.mark();
        let mut link = Link {
            trace_id: &[],
            span_id: &[],
            trace_state: "",
            attributes: &[],
            dropped_attributes_count: 0,
            flags: 0,
        };
        let mut fields = Fields::new("Link", bytes);
        while let Some(field) = fields.next()? {
            match field {
                (1, Field::Bytes(id)) => link.trace_id = id,
                (2, Field::Bytes(id)) => link.span_id = id,
                (3, Field::Bytes(text)) => link.trace_state = self.values.text(text)?,
                (4, Field::Bytes(attribute)) => self.values.push_attribute(attribute, 1)?,
                (5, Field::Varint(count)) => link.dropped_attributes_count = uint32(count),
                (6, Field::Fixed32(flags)) => link.flags = flags,
                _ => {}
            }
        }
        link.attributes = self.values.attributes.keep(attributes, self.values.arena);
        self.links.push(link, &mut self.values.allowance, "Link")
    }
}

/// A uint32: the low 32 bits of its varint, as protobuf says.
#[inline]
pub(super) fn uint32(varint: u64) -> u32 {
    varint as u32
}

/// An int32 or an enum: a negative one is sign-extended to 64 bits on the wire.
#[inline]
fn int32(varint: u64) -> i32 {
    uint32(varint).cast_signed()
}
