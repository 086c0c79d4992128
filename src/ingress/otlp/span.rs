//! A span with its events, links and status.

use super::{
    Fault, Malformed, MalformedSpan,
    request::Decoder,
    wire::{Field, Fields, Parts},
};
use crate::domain::otel::{Event, Link, Span};

impl<'a> Decoder<'a> {
    /// Reads one span onto the stack of spans, or of the malformed ones.
    pub(super) fn push_span(&mut self, bytes: &'a [u8]) -> Result<(), Malformed> {
        let attributes = self.attributes.mark();
        let values = self.values.mark();
        let events = self.events.mark();
        let links = self.links.mark();
        let mut span = Span::default();
        let Err(problem) = self.span(&mut span, bytes) else {
            return self.spans.push(span, &mut self.allowance);
        };
        // No span can be read any more.
        if problem.fault == Fault::MostlyEmpty {
            return Err(problem);
        }
        self.attributes.forget(attributes);
        self.values.forget(values);
        self.events.forget(events);
        self.links.forget(links);
        self.malformed.push(MalformedSpan { read: span, problem }, &mut self.allowance)
    }

    fn span(&mut self, span: &mut Span<'a>, bytes: &'a [u8]) -> Result<(), Malformed> {
        let attributes = self.attributes.mark();
        let events = self.events.mark();
        let links = self.links.mark();
        let mut status = Parts::default();
        let mut fields = Fields::new("Span", bytes);
        while let Some(field) = fields.next()? {
            match field {
                (1, Field::Bytes(id)) => span.trace_id = id,
                (2, Field::Bytes(id)) => span.span_id = id,
                (3, Field::Bytes(text)) => span.trace_state = self.text(text)?,
                (4, Field::Bytes(id)) => span.parent_span_id = id,
                (5, Field::Bytes(text)) => span.name = self.text(text)?,
                (6, Field::Varint(kind)) => span.kind = int32(kind),
                (7, Field::Fixed64(nanos)) => span.start_time_unix_nano = nanos,
                (8, Field::Fixed64(nanos)) => span.end_time_unix_nano = nanos,
                (9, Field::Bytes(attribute)) => self.push_attribute(attribute, 1)?,
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
                (2, Field::Bytes(text)) => span.status_message = self.text(text)?,
                (3, Field::Varint(code)) => span.status_code = int32(code),
                _ => {}
            }
        }
        span.attributes = self.attributes.keep(attributes, self.arena);
        span.events = self.events.keep(events, self.arena);
        span.links = self.links.keep(links, self.arena);
        Ok(())
    }

    fn push_event(&mut self, bytes: &'a [u8]) -> Result<(), Malformed> {
        let attributes = self.attributes.mark();
        let mut event =
            Event { time_unix_nano: 0, name: "", attributes: &[], dropped_attributes_count: 0 };
        let mut fields = Fields::new("Event", bytes);
        while let Some(field) = fields.next()? {
            match field {
                (1, Field::Fixed64(nanos)) => event.time_unix_nano = nanos,
                (2, Field::Bytes(text)) => event.name = self.text(text)?,
                (3, Field::Bytes(attribute)) => self.push_attribute(attribute, 1)?,
                (4, Field::Varint(count)) => event.dropped_attributes_count = uint32(count),
                _ => {}
            }
        }
        event.attributes = self.attributes.keep(attributes, self.arena);
        self.events.push(event, &mut self.allowance)
    }

    fn push_link(&mut self, bytes: &'a [u8]) -> Result<(), Malformed> {
        let attributes = self.attributes.mark();
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
                (3, Field::Bytes(text)) => link.trace_state = self.text(text)?,
                (4, Field::Bytes(attribute)) => self.push_attribute(attribute, 1)?,
                (5, Field::Varint(count)) => link.dropped_attributes_count = uint32(count),
                (6, Field::Fixed32(flags)) => link.flags = flags,
                _ => {}
            }
        }
        link.attributes = self.attributes.keep(attributes, self.arena);
        self.links.push(link, &mut self.allowance)
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
