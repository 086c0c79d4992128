//! The request around the spans: resources and scopes.

use bumpalo::Bump;

use super::{
    ExportRequest, Malformed, MalformedSpan, ResourceSpans, ScopeSpans,
    span::uint32,
    stack::{Allowance, Stack},
    wire::{Field, Fields, Parts},
};
use crate::domain::otel::{Event, KeyValue, Link, Resource, Scope, Span, Value};

/// Reads one request. Its stacks hold the lists that are still growing.
pub(super) struct Decoder<'a> {
    pub(super) arena: &'a Bump,
    pub(super) allowance: Allowance,
    pub(super) attributes: Stack<KeyValue<'a>>,
    pub(super) values: Stack<Value<'a>>,
    pub(super) events: Stack<Event<'a>>,
    pub(super) links: Stack<Link<'a>>,
    pub(super) spans: Stack<Span<'a>>,
    pub(super) malformed: Stack<MalformedSpan<'a>>,
    scope_spans: Stack<ScopeSpans<'a>>,
    resource_spans: Stack<ResourceSpans<'a>>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(request_bytes: usize, arena: &'a Bump) -> Self {
        Self {
            arena,
            allowance: Allowance::new(request_bytes),
            attributes: Stack::new(),
            values: Stack::new(),
            events: Stack::new(),
            links: Stack::new(),
            spans: Stack::new(),
            malformed: Stack::new(),
            scope_spans: Stack::new(),
            resource_spans: Stack::new(),
        }
    }

    pub(super) fn request(mut self, bytes: &'a [u8]) -> Result<ExportRequest<'a>, Malformed> {
        let mut fields = Fields::new("ExportTraceServiceRequest", bytes);
        while let Some(field) = fields.next()? {
            if let (1, Field::Bytes(part)) = field {
                let resource_spans = self.resource_spans(part)?;
                self.resource_spans.push(resource_spans, &mut self.allowance)?;
            }
        }
        Ok(ExportRequest { resource_spans: self.resource_spans.keep(0, self.arena) })
    }

    fn resource_spans(&mut self, bytes: &'a [u8]) -> Result<ResourceSpans<'a>, Malformed> {
        let mark = self.scope_spans.mark();
        let mut resource = Parts::default();
        let mut schema_url = "";
        let mut fields = Fields::new("ResourceSpans", bytes);
        while let Some(field) = fields.next()? {
            match field {
                (1, Field::Bytes(part)) => resource.add(part),
                (2, Field::Bytes(part)) => {
                    let scope_spans = self.scope_spans(part)?;
                    self.scope_spans.push(scope_spans, &mut self.allowance)?;
                }
                (3, Field::Bytes(text)) => schema_url = self.text(text)?,
                _ => {}
            }
        }
        Ok(ResourceSpans {
            resource: self.resource(&resource, schema_url)?,
            scope_spans: self.scope_spans.keep(mark, self.arena),
        })
    }

    fn scope_spans(&mut self, bytes: &'a [u8]) -> Result<ScopeSpans<'a>, Malformed> {
        let spans = self.spans.mark();
        let malformed = self.malformed.mark();
        let mut scope = Parts::default();
        let mut schema_url = "";
        let mut fields = Fields::new("ScopeSpans", bytes);
        while let Some(field) = fields.next()? {
            match field {
                (1, Field::Bytes(part)) => scope.add(part),
                (2, Field::Bytes(span)) => self.push_span(span)?,
                (3, Field::Bytes(text)) => schema_url = self.text(text)?,
                _ => {}
            }
        }
        Ok(ScopeSpans {
            scope: self.scope(&scope, schema_url)?,
            spans: self.spans.keep(spans, self.arena),
            malformed: self.malformed.keep(malformed, self.arena),
        })
    }

    fn resource(
        &mut self,
        parts: &Parts<'a>,
        schema_url: &'a str,
    ) -> Result<Resource<'a>, Malformed> {
        let mark = self.attributes.mark();
        let mut resource = Resource { schema_url, ..Resource::default() };
        let mut fields = parts.fields("Resource");
        while let Some(field) = fields.next()? {
            match field {
                (1, Field::Bytes(attribute)) => self.push_attribute(attribute, 1)?,
                (2, Field::Varint(count)) => resource.dropped_attributes_count = uint32(count),
                _ => {}
            }
        }
        resource.attributes = self.attributes.keep(mark, self.arena);
        Ok(resource)
    }

    fn scope(&mut self, parts: &Parts<'a>, schema_url: &'a str) -> Result<Scope<'a>, Malformed> {
        let mark = self.attributes.mark();
        let mut scope = Scope { schema_url, ..Scope::default() };
        let mut fields = parts.fields("InstrumentationScope");
        while let Some(field) = fields.next()? {
            match field {
                (1, Field::Bytes(text)) => scope.name = self.text(text)?,
                (2, Field::Bytes(text)) => scope.version = self.text(text)?,
                (3, Field::Bytes(attribute)) => self.push_attribute(attribute, 1)?,
                (4, Field::Varint(count)) => scope.dropped_attributes_count = uint32(count),
                _ => {}
            }
        }
        scope.attributes = self.attributes.keep(mark, self.arena);
        Ok(scope)
    }

    /// Text as it is in the request, or mended in the arena. Exporters that cut
    /// text to a number of bytes cut through characters, and a span is worth
    /// more than a character.
    #[inline]
    pub(super) fn text(&mut self, bytes: &'a [u8]) -> Result<&'a str, Malformed> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(_) => {
                let mended = String::from_utf8_lossy(bytes);
                self.allowance.take(mended.len())?;
                Ok(self.arena.alloc_str(&mended))
            }
        }
    }
}
