//! Requests in protobuf: everything that a client says is there, and what it
//! says twice is merged as protobuf says.

use bumpalo::Bump;
use livespan_server::{
    domain::otel::{KeyValue, Span, Value},
    ingress::otlp::{ExportRequest, MalformedSpan, SpanDecoder, decode},
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message;

use crate::{
    bytes::{attribute, field, fixed32, fixed64, group, number, request_of, span_named},
    compare::assert_same_request,
    requests::{Doubles, request},
};

/// The spans of a request of [`request_of`].
pub fn spans<'a>(
    request: &ExportRequest<'a>,
    arena: &'a Bump,
) -> Vec<Result<Span<'a>, Box<MalformedSpan<'a>>>> {
    let [resource] = request.resource_spans else { panic!("{request:?}") };
    let [scope] = resource.scope_spans else { panic!("{request:?}") };
    let mut decoder = SpanDecoder::new(arena);
    scope.spans.iter().map(|span| decoder.read(*span)).collect()
}

/// The only span of a request of [`request_of`].
pub fn only_span<'a>(request: &'a [u8], arena: &'a Bump) -> Span<'a> {
    let spans = spans(&decode(request, arena).unwrap(), arena);
    let [Ok(span)] = &spans[..] else { panic!("{spans:?}") };
    *span
}

/// Decodes both ways, which must agree.
fn assert_read_as_prost_reads(bytes: &[u8]) {
    let theirs = ExportTraceServiceRequest::decode(bytes).unwrap();
    let arena = Bump::new();
    assert_same_request(&decode(bytes, &arena).unwrap(), &theirs);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_field_of_any_request_is_read(request in request(Doubles::All)) {
        let bytes = request.encode_to_vec();
        let arena = Bump::new();
        assert_same_request(&decode(&bytes, &arena).unwrap(), &request);
    }

    #[test]
    fn two_requests_one_after_the_other_are_one(
        first in request(Doubles::All),
        second in request(Doubles::All),
    ) {
        assert_read_as_prost_reads(&[first.encode_to_vec(), second.encode_to_vec()].concat());
    }

    /// Every message merged with another: of each resource, scope, span and
    /// value, the parts follow each other in one field or in two.
    #[test]
    fn messages_said_twice_are_merged(
        first in request(Doubles::All),
        second in request(Doubles::All),
    ) {
        let merged = |name: u32, parts: &[Vec<u8>]| -> Vec<u8> {
            parts.iter().flat_map(|part| field(name, part)).collect()
        };
        let resources = |request: &ExportTraceServiceRequest| -> Vec<Vec<u8>> {
            let spans = request.resource_spans.iter();
            spans.filter_map(|spans| Some(spans.resource.as_ref()?.encode_to_vec())).collect()
        };
        let scopes = |request: &ExportTraceServiceRequest| -> Vec<Vec<u8>> {
            let spans = request.resource_spans.iter().flat_map(|spans| &spans.scope_spans);
            spans.filter_map(|spans| Some(spans.scope.as_ref()?.encode_to_vec())).collect()
        };
        let values = |request: &ExportTraceServiceRequest| -> Vec<Vec<u8>> {
            let scopes = request.resource_spans.iter().flat_map(|spans| &spans.scope_spans);
            let spans = scopes.flat_map(|spans| &spans.spans);
            let attributes = spans.flat_map(|span| &span.attributes);
            attributes.filter_map(|said| Some(said.value.as_ref()?.encode_to_vec())).collect()
        };
        let both = |parts: &dyn Fn(&ExportTraceServiceRequest) -> Vec<Vec<u8>>| {
            [parts(&first), parts(&second)].concat()
        };
        let attribute = field(9, [field(1, "k"), merged(2, &both(&values))].concat());
        let span = field(2, span_named("merged", &attribute));
        let scope_spans = field(2, [merged(1, &both(&scopes)), span].concat());
        let resource_spans = [scope_spans, merged(1, &both(&resources))].concat();
        assert_read_as_prost_reads(&field(1, resource_spans));
    }
}

#[test]
fn an_empty_request_has_no_spans() {
    let arena = Bump::new();
    let request = decode(&[], &arena).unwrap();
    assert_eq!(request, ExportRequest::default());
    assert_eq!(request.span_count(), 0);
}

#[test]
fn text_and_ids_stay_where_they_are() {
    let bytes = request_of(&[span_named("step", &attribute("k", &field(1, "v")))]);
    let arena = Bump::new();
    let span = only_span(&bytes, &arena);
    let within = |part: &[u8]| bytes.as_ptr_range().contains(&part.as_ptr());
    assert!(within(span.trace_id) && within(span.name.as_bytes()));
    let [KeyValue { key, value: Value::String(text) }] = span.attributes else {
        panic!("{span:?}")
    };
    assert!(within(key.as_bytes()) && within(text.as_bytes()));
}

#[test]
fn the_last_word_of_a_scalar_counts() {
    let twice = |first: Vec<u8>, second: Vec<u8>| [first, second].concat();
    let more = [
        field(5, "renamed"),
        twice(number(6, 1), number(6, 3)),
        twice(fixed64(7, 1), fixed64(7, 2)),
        twice(fixed32(16, 1), fixed32(16, 257)),
        twice(field(15, field(2, "first")), field(15, number(3, 2))),
        // Not merged: a list after text is another value, and so is text after it.
        attribute("v", &[field(5, field(1, [])), field(1, "x"), field(5, [])].concat()),
        attribute("w", &[field(1, "x"), field(5, []), number(3, 5)].concat()),
    ];
    let bytes = request_of(&[span_named("named", &more.concat())]);
    let arena = Bump::new();
    let span = only_span(&bytes, &arena);
    assert_eq!((span.name, span.kind, span.start_time_unix_nano), ("renamed", 3, 2));
    assert_eq!((span.flags, span.status_code, span.status_message), (257, 2, "first"));
    let values: Vec<_> = span.attributes.iter().map(|attribute| attribute.value).collect();
    assert_eq!(values, [Value::Array(&[]), Value::Int(5)]);
    assert_read_as_prost_reads(&bytes);
}

#[test]
fn unknown_fields_groups_and_wire_types_are_passed_over() {
    let unknown = [
        number(300, 1),
        fixed64(301, 2),
        fixed32(302, 3),
        field(303, "more"),
        group(304, &[number(1, 1), group(2, &field(9, "inner")), fixed32(5, 1)].concat()),
        group(9, &field(1, "an attribute as a group")),
        // A field of OTLP's, but not its type.
        number(5, 77),
        field(6, "kind"),
        field(7, "start"),
    ]
    .concat();
    let value = [unknown.clone(), field(1, "v"), number(200, 1)].concat();
    let span = [unknown.clone(), span_named("step", &attribute("k", &value)), unknown.clone()];
    let scope = [unknown, field(2, span.concat()), number(50, 1)].concat();
    let bytes = [number(50, 1), field(1, [field(2, scope), group(70, &[])].concat())].concat();
    let arena = Bump::new();
    let span = only_span(&bytes, &arena);
    assert_eq!((span.name, span.kind, span.start_time_unix_nano), ("step", 0, 0));
    assert_eq!(span.attributes, &[KeyValue { key: "k", value: Value::String("v") }]);
}

#[test]
fn numbers_of_32_bits_keep_their_low_32() {
    let more = [number(6, u64::MAX), number(10, (1 << 40) | 5), field(15, number(3, u64::MAX - 1))];
    let bytes = request_of(&[span_named("step", &more.concat())]);
    let arena = Bump::new();
    let span = only_span(&bytes, &arena);
    assert_eq!((span.kind, span.dropped_attributes_count, span.status_code), (-1, 5, -2));
    assert_read_as_prost_reads(&bytes);
}

#[test]
fn text_that_is_no_text_is_mended_and_costs_nothing_else() {
    let cut = &"naïve".as_bytes()[..3];
    let more = [field(5, cut), attribute("k", &field(1, [b'a', 0xff, b'b'])), field(3, "x=y")];
    let bytes = request_of(&[span_named("first", &more.concat()), span_named("second", &[])]);
    let arena = Bump::new();
    let request = decode(&bytes, &arena).unwrap();
    let [Ok(first), Ok(second)] = &spans(&request, &arena)[..] else { panic!() };
    assert_eq!((first.name, first.trace_state), ("na\u{fffd}", "x=y"));
    assert_eq!(first.attributes[0].value, Value::String("a\u{fffd}b"));
    assert_eq!(second.name, "second");
}
