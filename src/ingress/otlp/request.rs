//! The request around the spans: resources and scopes.

use bumpalo::Bump;

use super::{
    EncodedSpan, ExportRequest, Malformed, ResourceSpans, ScopeSpans,
    span::uint32,
    stack::{Allowance, Stack},
    value::ValueDecoder,
    wire::{Field, Fields, Parts},
};
use crate::domain::otel::{Resource, Scope};

/// Reads one request. Its stacks hold the lists that are still growing.
pub(super) struct RequestDecoder<'a> {
    values: ValueDecoder<'a>,
    spans: Stack<EncodedSpan<'a>>,
    scope_spans: Stack<ScopeSpans<'a>>,
    resource_spans: Stack<ResourceSpans<'a>>,
}

impl<'a> RequestDecoder<'a> {
    pub(super) fn new(request_bytes: usize, arena: &'a Bump) -> Self {
        Self {
            values: ValueDecoder::new(Allowance::of_request(request_bytes), arena),
            spans: Stack::new(),
            scope_spans: Stack::new(),
            resource_spans: Stack::new(),
        }
    }

    pub(super) fn request(mut self, bytes: &'a [u8]) -> Result<ExportRequest<'a>, Malformed> {
        const MESSAGE: &str = "ExportTraceServiceRequest";
        let mut fields = Fields::new(MESSAGE, bytes);
        while let Some(field) = fields.next()? {
            if let (1, Field::Bytes(part)) = field {
                let resource_spans = self.resource_spans(part)?;
                self.resource_spans.push(resource_spans, &mut self.values.allowance, MESSAGE)?;
            }
        }
        Ok(ExportRequest { resource_spans: self.resource_spans.keep(0, self.values.arena) })
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
                    self.scope_spans.push(
                        scope_spans,
                        &mut self.values.allowance,
                        "ResourceSpans",
                    )?;
                }
                (3, Field::Bytes(text)) => schema_url = self.values.text(text)?,
                _ => {}
            }
        }
        Ok(ResourceSpans {
            resource: self.resource(&resource, schema_url)?,
            scope_spans: self.scope_spans.keep(mark, self.values.arena),
        })
    }

    fn scope_spans(&mut self, bytes: &'a [u8]) -> Result<ScopeSpans<'a>, Malformed> {
        let spans = self.spans.mark();
        let mut scope = Parts::default();
        let mut schema_url = "";
        let mut fields = Fields::new("ScopeSpans", bytes);
        while let Some(field) = fields.next()? {
            match field {
                (1, Field::Bytes(part)) => scope.add(part),
                (2, Field::Bytes(span)) => {
                    let span = EncodedSpan(span);
                    self.spans.push(span, &mut self.values.allowance, "ScopeSpans")?;
                }
                (3, Field::Bytes(text)) => schema_url = self.values.text(text)?,
                _ => {}
            }
        }
        Ok(ScopeSpans {
            scope: self.scope(&scope, schema_url)?,
            spans: self.spans.keep(spans, self.values.arena),
        })
    }

    fn resource(
        &mut self,
        parts: &Parts<'a>,
        schema_url: &'a str,
    ) -> Result<Resource<'a>, Malformed> {
        let mark = self.values.attributes.mark();
        let mut resource = Resource { schema_url, ..Resource::default() };
        let mut fields = parts.fields("Resource");
        while let Some(field) = fields.next()? {
            match field {
                (1, Field::Bytes(attribute)) => self.values.push_attribute(attribute, 1)?,
                (2, Field::Varint(count)) => resource.dropped_attributes_count = uint32(count),
                _ => {}
            }
        }
        resource.attributes = self.values.attributes.keep(mark, self.values.arena);
        Ok(resource)
    }

    fn scope(&mut self, parts: &Parts<'a>, schema_url: &'a str) -> Result<Scope<'a>, Malformed> {
        let mark = self.values.attributes.mark();
        let mut scope = Scope { schema_url, ..Scope::default() };
        let mut fields = parts.fields("InstrumentationScope");
        while let Some(field) = fields.next()? {
            match field {
                (1, Field::Bytes(text)) => scope.name = self.values.text(text)?,
                (2, Field::Bytes(text)) => scope.version = self.values.text(text)?,
                (3, Field::Bytes(attribute)) => self.values.push_attribute(attribute, 1)?,
                (4, Field::Varint(count)) => scope.dropped_attributes_count = uint32(count),
                _ => {}
            }
        }
        scope.attributes = self.values.attributes.keep(mark, self.values.arena);
        Ok(scope)
    }
}
