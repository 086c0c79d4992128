//! Requests of every shape, in OpenTelemetry's own types.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{
        AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
    },
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span},
};
use proptest::{collection::vec, option, prelude::*};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z._]{0,12}",
        1 => any::<String>(),
        1 => (100..300_usize).prop_map(|length| "é".repeat(length)),
    ]
}

fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => vec(any::<u8>(), length), 1 => vec(any::<u8>(), 0..40)]
}

/// Whether the JSON encoding is to carry it: the official types write NaN there
/// as null, which nobody could read back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doubles {
    All,
    Finite,
}

fn value(doubles: Doubles) -> impl Strategy<Value = AnyValue> {
    let said = |value| AnyValue { value: Some(value) };
    let leaf = prop_oneof![
        2 => text().prop_map(move |text| said(Value::StringValue(text))),
        1 => any::<bool>().prop_map(move |truth| said(Value::BoolValue(truth))),
        1 => any::<i64>().prop_map(move |number| said(Value::IntValue(number))),
        1 => any::<u64>().prop_map(move |bits| {
            let double = f64::from_bits(bits);
            let kept = doubles == Doubles::All || double.is_finite();
            said(Value::DoubleValue(if kept { double } else { 0.1 }))
        }),
        1 => vec(any::<u8>(), 0..40).prop_map(move |bytes| said(Value::BytesValue(bytes))),
        1 => Just(AnyValue { value: None }),
    ];
    leaf.prop_recursive(6, 24, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4)
                .prop_map(move |values| said(Value::ArrayValue(ArrayValue { values }))),
            vec((text(), option::of(inner)), 0..4).prop_map(move |entries| {
                let values = entries.into_iter().map(|(key, value)| key_value(key, value));
                said(Value::KvlistValue(KeyValueList { values: values.collect() }))
            }),
        ]
    })
}

fn key_value(key: String, value: Option<AnyValue>) -> KeyValue {
    KeyValue { key, value, ..KeyValue::default() }
}

fn attributes(doubles: Doubles) -> impl Strategy<Value = Vec<KeyValue>> {
    vec((text(), option::of(value(doubles))), 0..4)
        .prop_map(|entries| entries.into_iter().map(|(key, value)| key_value(key, value)).collect())
}

fn event(doubles: Doubles) -> impl Strategy<Value = span::Event> {
    (any::<u64>(), text(), attributes(doubles), any::<u32>()).prop_map(
        |(time_unix_nano, name, attributes, dropped_attributes_count)| span::Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count,
        },
    )
}

fn link(doubles: Doubles) -> impl Strategy<Value = span::Link> {
    (id(16), id(8), text(), attributes(doubles), any::<u32>(), any::<u32>()).prop_map(
        |(trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags)| {
            span::Link {
                trace_id,
                span_id,
                trace_state,
                attributes,
                dropped_attributes_count,
                flags,
            }
        },
    )
}

fn status() -> impl Strategy<Value = Status> {
    (text(), -1..4_i32).prop_map(|(message, code)| Status { message, code })
}

fn span(doubles: Doubles) -> impl Strategy<Value = Span> {
    let ids = (id(16), id(8), id(8), text(), any::<u32>());
    let facts = (text(), -1..7_i32, any::<u64>(), any::<u64>(), option::of(status()));
    let lists = (attributes(doubles), vec(event(doubles), 0..3), vec(link(doubles), 0..3));
    let dropped = any::<(u32, u32, u32)>();
    (ids, facts, lists, dropped).prop_map(|(ids, facts, lists, dropped)| {
        let (trace_id, span_id, parent_span_id, trace_state, flags) = ids;
        let (name, kind, start_time_unix_nano, end_time_unix_nano, status) = facts;
        let (attributes, events, links) = lists;
        let (dropped_attributes_count, dropped_events_count, dropped_links_count) = dropped;
        Span {
            trace_id,
            span_id,
            trace_state,
            parent_span_id,
            flags,
            name,
            kind,
            start_time_unix_nano,
            end_time_unix_nano,
            attributes,
            dropped_attributes_count,
            events,
            dropped_events_count,
            links,
            dropped_links_count,
            status,
        }
    })
}

pub fn request(doubles: Doubles) -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope = (text(), text(), attributes(doubles), any::<u32>()).prop_map(
        |(name, version, attributes, dropped_attributes_count)| InstrumentationScope {
            name,
            version,
            attributes,
            dropped_attributes_count,
        },
    );
    let scope_spans = (option::of(scope), vec(span(doubles), 0..3), text())
        .prop_map(|(scope, spans, schema_url)| ScopeSpans { scope, spans, schema_url });
    let resource =
        (attributes(doubles), any::<u32>()).prop_map(|(attributes, dropped_attributes_count)| {
            Resource { attributes, dropped_attributes_count, ..Resource::default() }
        });
    let resource_spans = (option::of(resource), vec(scope_spans, 0..3), text()).prop_map(
        |(resource, scope_spans, schema_url)| ResourceSpans { resource, scope_spans, schema_url },
    );
    vec(resource_spans, 0..3)
        .prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}
