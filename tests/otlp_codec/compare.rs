//! Compares what was decoded with what OpenTelemetry's own types say, every field.

use bumpalo::Bump;
use livespan_server::{
    domain::otel::{self, KeyValue, Value},
    ingress::otlp::{ExportRequest, Fault, SpanDecoder},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{self as common, any_value},
    trace::v1 as trace,
};

pub fn assert_same_request(ours: &ExportRequest<'_>, theirs: &ExportTraceServiceRequest) {
    assert_eq!(ours.resource_spans.len(), theirs.resource_spans.len());
    for (ours, theirs) in ours.resource_spans.iter().zip(&theirs.resource_spans) {
        let resource = theirs.resource.clone().unwrap_or_default();
        assert_same_attributes(ours.resource.attributes, &resource.attributes);
        assert_eq!(ours.resource.dropped_attributes_count, resource.dropped_attributes_count);
        assert_eq!(ours.resource.schema_url, theirs.schema_url);
        assert_eq!(ours.scope_spans.len(), theirs.scope_spans.len());
        for (ours, theirs) in ours.scope_spans.iter().zip(&theirs.scope_spans) {
            let scope = theirs.scope.clone().unwrap_or_default();
            assert_eq!(ours.scope.name, scope.name);
            assert_eq!(ours.scope.version, scope.version);
            assert_same_attributes(ours.scope.attributes, &scope.attributes);
            assert_eq!(ours.scope.dropped_attributes_count, scope.dropped_attributes_count);
            assert_eq!(ours.scope.schema_url, theirs.schema_url);
            assert_eq!(ours.spans.len(), theirs.spans.len());
            let arena = Bump::new();
            let mut decoder = SpanDecoder::new(&arena);
            for (ours, theirs) in ours.spans.iter().zip(&theirs.spans) {
                match decoder.read(*ours) {
                    Ok(ours) => assert_same_span(&ours, theirs),
                    // Which prost has no limit for.
                    Err(broken) => assert_eq!(broken.problem.fault, Fault::TooMany),
                }
            }
        }
    }
}

pub fn assert_same_span(ours: &otel::Span<'_>, theirs: &trace::Span) {
    assert_eq!(ours.trace_id, theirs.trace_id);
    assert_eq!(ours.span_id, theirs.span_id);
    assert_eq!(ours.parent_span_id, theirs.parent_span_id);
    assert_eq!(ours.trace_state, theirs.trace_state);
    assert_eq!(ours.flags, theirs.flags);
    assert_eq!(ours.name, theirs.name);
    assert_eq!(ours.kind, theirs.kind);
    assert_eq!(ours.start_time_unix_nano, theirs.start_time_unix_nano);
    assert_eq!(ours.end_time_unix_nano, theirs.end_time_unix_nano);
    assert_same_attributes(ours.attributes, &theirs.attributes);
    assert_eq!(ours.dropped_attributes_count, theirs.dropped_attributes_count);
    assert_eq!(ours.dropped_events_count, theirs.dropped_events_count);
    assert_eq!(ours.dropped_links_count, theirs.dropped_links_count);
    let status = theirs.status.clone().unwrap_or_default();
    assert_eq!(ours.status_code, status.code);
    assert_eq!(ours.status_message, status.message);
    assert_eq!(ours.events.len(), theirs.events.len());
    for (ours, theirs) in ours.events.iter().zip(&theirs.events) {
        assert_eq!(ours.time_unix_nano, theirs.time_unix_nano);
        assert_eq!(ours.name, theirs.name);
        assert_same_attributes(ours.attributes, &theirs.attributes);
        assert_eq!(ours.dropped_attributes_count, theirs.dropped_attributes_count);
    }
    assert_eq!(ours.links.len(), theirs.links.len());
    for (ours, theirs) in ours.links.iter().zip(&theirs.links) {
        assert_eq!(ours.trace_id, theirs.trace_id);
        assert_eq!(ours.span_id, theirs.span_id);
        assert_eq!(ours.trace_state, theirs.trace_state);
        assert_same_attributes(ours.attributes, &theirs.attributes);
        assert_eq!(ours.dropped_attributes_count, theirs.dropped_attributes_count);
        assert_eq!(ours.flags, theirs.flags);
    }
}

pub fn assert_same_attributes(ours: &[KeyValue<'_>], theirs: &[common::KeyValue]) {
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert_eq!(ours.key, theirs.key);
        assert_same_value(&ours.value, theirs.value.as_ref());
    }
}

fn assert_same_value(ours: &Value<'_>, theirs: Option<&common::AnyValue>) {
    use any_value::Value as Theirs;
    match (ours, theirs.and_then(|value| value.value.as_ref())) {
        // An index into a table that only profiles have: as if it were absent.
        (_, Some(Theirs::StringValueStrindex(_))) | (Value::Empty, None) => {}
        (Value::String(ours), Some(Theirs::StringValue(theirs))) => assert_eq!(ours, theirs),
        (Value::Bool(ours), Some(Theirs::BoolValue(theirs))) => assert_eq!(ours, theirs),
        (Value::Int(ours), Some(Theirs::IntValue(theirs))) => assert_eq!(ours, theirs),
        (Value::Double(ours), Some(Theirs::DoubleValue(theirs))) => {
            assert_eq!(ours.to_bits(), theirs.to_bits());
        }
        (Value::Bytes(ours), Some(Theirs::BytesValue(theirs))) => assert_eq!(ours, theirs),
        (Value::Array(ours), Some(Theirs::ArrayValue(theirs))) => {
            assert_eq!(ours.len(), theirs.values.len());
            for (ours, theirs) in ours.iter().zip(&theirs.values) {
                assert_same_value(ours, Some(theirs));
            }
        }
        (Value::Map(ours), Some(Theirs::KvlistValue(theirs))) => {
            assert_same_attributes(ours, &theirs.values);
        }
        (ours, theirs) => panic!("{ours:?} is not {theirs:?}"),
    }
}
