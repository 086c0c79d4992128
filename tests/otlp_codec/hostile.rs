//! Bytes that nobody should send: cut, altered, nested, lying about lengths.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use bumpalo::Bump;
use livespan_server::ingress::otlp::{
    ExportRequest, Fault, MAX_VALUE_LEVELS, Malformed, SpanDecoder, decode, json_to_protobuf,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::{collection::vec, prelude::*};
use prost::Message;

use crate::{
    bytes::{
        attribute, field, fixed64, group, key_value, nested_lists, nested_maps, number, request_of,
        span_named, tag, varint,
    },
    compare::assert_same_request,
    protobuf::{only_span, spans},
    requests::{Doubles, request},
};

/// Whatever prost accepts is read the same; nothing at all panics.
fn assert_no_worse_than_prost(bytes: &[u8]) {
    let arena = Bump::new();
    let ours = decode(bytes, &arena);
    if let Ok(theirs) = ExportTraceServiceRequest::decode(bytes) {
        assert_same_request(&ours.unwrap(), &theirs);
    } else if let Ok(ours) = ours {
        read_all(&ours);
    }
}

/// Reads every span, however broken.
fn read_all(request: &ExportRequest<'_>) {
    let arena = Bump::new();
    let mut decoder = SpanDecoder::new(&arena);
    for scope in request.resource_spans.iter().flat_map(|resource| resource.scope_spans) {
        for span in scope.spans {
            let _ = decoder.read(*span);
        }
    }
}

/// A span that has one of everything.
fn rich_span() -> Vec<u8> {
    let value = field(6, field(1, key_value("list", &nested_lists(4))));
    let event = [fixed64(1, 5), field(2, "exception"), field(3, field(1, "type"))].concat();
    let link = [field(1, [1; 16]), field(2, [2; 8]), field(3, "k=v")].concat();
    let status = [field(2, "it broke"), number(3, 2)].concat();
    let more = [
        number(6, 2),
        fixed64(7, 1_700_000_000_000_000_000),
        attribute("map", &value),
        attribute("text", &field(1, "x".repeat(200))),
        field(11, event),
        field(13, link),
        field(15, status),
        group(90, &number(1, 300)),
    ];
    span_named("rich", &more.concat())
}

fn rich_request() -> Vec<u8> {
    let resource = field(1, field(1, key_value("service.name", &field(1, "s"))));
    let scope = field(1, [field(1, "library"), field(2, "1.0")].concat());
    let scope_spans = [scope, field(2, rich_span()), field(3, "https://schema")].concat();
    field(1, [resource, field(2, scope_spans)].concat())
}

/// Sends a span between two sound ones; what is its problem?
fn problem_between_neighbours(bad: Vec<u8>) -> Malformed {
    let bytes = request_of(&[span_named("before", &[]), bad, span_named("after", &[])]);
    let arena = Bump::new();
    let spans = spans(&decode(&bytes, &arena).unwrap(), &arena);
    let [Ok(before), Err(bad), Ok(after)] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((before.name, bad.read.name, after.name), ("before", "bad", "after"));
    bad.problem
}

#[test]
fn a_request_cut_anywhere_is_refused() {
    let bytes = rich_request();
    let arena = Bump::new();
    assert_eq!(only_span(&bytes, &arena).name, "rich");
    for length in 1..bytes.len() {
        let problem = decode(&bytes[..length], &arena).unwrap_err();
        assert_eq!(problem.fault, Fault::CutOff, "cut after {length} bytes");
    }
}

#[test]
fn a_span_cut_anywhere_costs_no_other_span() {
    let whole = [span_named("bad", &[]), rich_span()].concat();
    let start = span_named("bad", &[]).len();
    let mut refused = 0;
    for length in start..whole.len() {
        let bytes = request_of(&[span_named("before", &[]), whole[..length].to_vec(), rich_span()]);
        let arena = Bump::new();
        let request = decode(&bytes, &arena).unwrap();
        assert_eq!(request.span_count(), 3, "cut after {length} bytes");
        let spans = spans(&request, &arena);
        let [Ok(first), second, Ok(last)] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!((first.name, last.name, last.attributes.len()), ("before", "rich", 2));
        assert_eq!((first.attributes, last.events.len()), (&[][..], 1));
        refused += usize::from(second.is_err());
    }
    assert!(refused > 300, "only {refused} cuts were noticed");
}

#[test]
fn a_span_that_is_broken_says_how() {
    let with = |more: Vec<u8>| problem_between_neighbours(span_named("bad", &more));
    let fault = |more: Vec<u8>| with(more).fault;
    assert_eq!(fault(tag(30, 6)), Fault::WireType(6));
    assert_eq!(fault(tag(30, 7)), Fault::WireType(7));
    assert_eq!(fault(number(0, 1)), Fault::FieldNumber);
    assert_eq!(fault(varint(1 << 40)), Fault::FieldNumber);
    assert_eq!(fault([tag(30, 0), vec![0x80; 11]].concat()), Fault::LongNumber);
    assert_eq!(fault([tag(30, 0), vec![0xff; 9], vec![2]].concat()), Fault::LongNumber);
    assert_eq!(fault([tag(30, 0), vec![0xff; 5]].concat()), Fault::CutOff);
    assert_eq!(fault(tag(30, 4)), Fault::GroupEnd);
    assert_eq!(fault([tag(30, 3), tag(31, 4)].concat()), Fault::GroupEnd);
    assert_eq!(fault(tag(30, 3)), Fault::CutOff);
    assert_eq!(fault(tag(30, 3).repeat(1_000_000)), Fault::TooDeep);
    let within = attribute("k", &[tag(1, 2), varint(100)].concat());
    let problem = with(within);
    assert_eq!(problem, Malformed { message: "AnyValue", fault: Fault::CutOff });
    assert_eq!(problem.to_string(), "AnyValue: it ends in the middle of a field");
}

#[test]
fn lengths_that_lie_are_noticed() {
    for lie in [1, 5, 127, 128, 1 << 20, u64::from(u32::MAX), 1 << 40, i64::MAX as u64, u64::MAX] {
        // In a span it is that span's fault; around spans, the request's.
        let name = [tag(5, 2), varint(lie)].concat();
        let problem = problem_between_neighbours(span_named("bad", &name));
        assert_eq!(problem, Malformed { message: "Span", fault: Fault::CutOff }, "{lie}");
        let outer = [tag(1, 2), varint(lie)].concat();
        let arena = Bump::new();
        for request in [outer.clone(), field(1, &outer), field(1, field(2, &outer))] {
            assert_eq!(decode(&request, &arena).unwrap_err().fault, Fault::CutOff, "{lie}");
        }
    }
}

#[test]
fn values_are_read_to_64_levels_and_refused_beyond() {
    for nested in [nested_lists, nested_maps] {
        let deepest = span_named("deep", &attribute("k", &nested(MAX_VALUE_LEVELS)));
        let arena = Bump::new();
        let request = request_of(&[deepest]);
        assert_eq!(only_span(&request, &arena).attributes.len(), 1);
        for levels in [MAX_VALUE_LEVELS + 1, 200, 5_000] {
            let value = nested(levels);
            let event = field(11, field(3, key_value("k", &value)));
            let link = field(13, field(4, key_value("k", &value)));
            for more in [attribute("k", &value), event, link] {
                let problem = problem_between_neighbours(span_named("bad", &more));
                assert_eq!(problem, Malformed { message: "AnyValue", fault: Fault::TooDeep });
            }
        }
    }
}

#[test]
fn a_hundred_thousand_attributes_take_time_in_proportion() {
    let decoded_in = |count: usize| -> Duration {
        let attributes: Vec<u8> =
            (0..count).flat_map(|at| attribute(&format!("key {at}"), &number(3, 7))).collect();
        let bytes = request_of(&[span_named("wide", &attributes)]);
        let started_at = Instant::now();
        for _ in 0..3 {
            let arena = Bump::new();
            assert_eq!(only_span(&bytes, &arena).attributes.len(), count);
            assert!(arena.allocated_bytes() < 16 * bytes.len() + (1 << 20));
        }
        started_at.elapsed()
    };
    let (some, many) = (decoded_in(10_000), decoded_in(100_000));
    println!("10,000 attributes: {some:?}, 100,000: {many:?}");
    // Ten times as many; a hundred times as long would be a square.
    assert!(many < some * 40, "{some:?}, then {many:?}");
}

#[test]
fn merging_copies_nothing() {
    // Each level in two parts: copies of both would be as many as the levels.
    let text = field(1, "x".repeat(1 << 20));
    let value = (0..MAX_VALUE_LEVELS - 1)
        .fold(text, |inner, _| [field(5, field(1, inner)), field(5, field(1, []))].concat());
    let bytes = request_of(&[span_named("parts", &attribute("k", &value))]);
    let arena = Bump::new();
    assert_eq!(only_span(&bytes, &arena).attributes.len(), 1);
    assert!(arena.allocated_bytes() < 100_000, "{}", arena.allocated_bytes());
}

#[test]
fn empty_spans_take_no_memory_beyond_their_worth() {
    const BYTES: usize = 8 * 1024 * 1024;
    let empty_spans = field(1, field(2, field(2, []).repeat(BYTES / 2)));
    let empty_attributes = request_of(&[field(9, []).repeat(BYTES / 2)]);
    let arena = Bump::new();
    assert_eq!(decode(&empty_spans, &arena).unwrap_err().fault, Fault::TooMany);
    assert!(arena.allocated_bytes() <= 8 * BYTES, "{}", arena.allocated_bytes());
    let [Err(broken)] = &spans(&decode(&empty_attributes, &arena).unwrap(), &arena)[..] else {
        panic!()
    };
    assert_eq!(broken.problem.fault, Fault::TooMany);
    assert!(arena.allocated_bytes() <= 64 << 20, "{}", arena.allocated_bytes());
}

/// Where fuzzing starts from, and what it has found since.
#[test]
fn requests_kept_from_fuzzing_are_read() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let files = |folder: &str| {
        let entries = fs::read_dir(corpus.join(folder)).unwrap();
        entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect::<Vec<_>>()
    };
    let (protobuf, json) = (files("otlp_protobuf"), files("otlp_json"));
    assert!(protobuf.len() > 5 && json.len() > 5);
    let rewritten = json.iter().map(|body| json_to_protobuf(body).unwrap());
    for request in protobuf.iter().cloned().chain(rewritten) {
        decode(&request, &Bump::new()).unwrap();
        assert_no_worse_than_prost(&request);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_at_all_end_the_decoder(bytes in vec(any::<u8>(), 0..400)) {
        assert_no_worse_than_prost(&bytes);
    }

    #[test]
    fn bytes_like_fields_are_read_as_prost_reads(
        fields in vec((1..17_u32, 0..6_u32, vec(any::<u8>(), 0..12)), 0..20),
    ) {
        let bytes: Vec<u8> = fields
            .into_iter()
            .flat_map(|(number, wire_type, content)| match wire_type {
                2 => field(number, content),
                wire_type => [tag(number, wire_type), content].concat(),
            })
            .collect();
        assert_no_worse_than_prost(&bytes);
        assert_no_worse_than_prost(&request_of(std::slice::from_ref(&bytes)));
        assert_no_worse_than_prost(&request_of(&[attribute("k", &bytes)]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn altered_requests_are_read_as_prost_reads(
        request in request(Doubles::All),
        alterations in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = request.encode_to_vec();
        prop_assume!(!bytes.is_empty());
        for (place, byte) in alterations {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        assert_no_worse_than_prost(&bytes);
    }
}
