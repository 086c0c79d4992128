//! Requests in JSON: the same as in protobuf, by OTLP's rules and with what
//! clients make of them.

use bumpalo::Bump;
use livespan_server::{
    domain::otel::{KeyValue, Span},
    ingress::otlp::{Fault, MAX_VALUE_LEVELS, decode, json_to_protobuf},
};
use proptest::{collection::vec, prelude::*};

use crate::{
    compare::assert_same_request,
    protobuf::{only_span, spans},
    requests::{Doubles, request},
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_request_is_read_as_the_official_types_write_it(request in request(Doubles::Finite)) {
        let json = serde_json::to_vec(&request).unwrap();
        let protobuf = json_to_protobuf(&json).unwrap();
        let arena = Bump::new();
        assert_same_request(&decode(&protobuf, &arena).unwrap(), &request);
    }

    #[test]
    fn no_text_ends_the_walk(body in vec(any::<u8>(), 0..200)) {
        drop(json_to_protobuf(&body));
    }

    #[test]
    fn altered_requests_are_read_or_refused(
        request in request(Doubles::Finite),
        alterations in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut json = serde_json::to_vec(&request).unwrap();
        for (place, byte) in alterations {
            let place = place.index(json.len());
            json[place] = byte;
        }
        if let Ok(protobuf) = json_to_protobuf(&json) {
            decode(&protobuf, &Bump::new()).unwrap();
        }
    }
}

/// A request of one span with these fields.
fn request_of(fields: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{fields}}}]}}]}}]}}"#)
}

fn with_span<T>(fields: &str, look: impl FnOnce(Span<'_>) -> T) -> T {
    let protobuf = json_to_protobuf(request_of(fields).as_bytes()).expect(fields);
    let arena = Bump::new();
    look(only_span(&protobuf, &arena))
}

/// What a value in JSON is, in Rust's words.
fn value(json: &str) -> String {
    let fields = format!(r#""attributes":[{{"key":"k","value":{json}}}]"#);
    with_span(&fields, |span| {
        let [KeyValue { key: "k", value }] = span.attributes else { panic!("{span:?}") };
        format!("{value:?}")
    })
}

fn problem(body: &str) -> String {
    json_to_protobuf(body.as_bytes()).expect_err(body).to_string()
}

#[test]
fn a_client_that_follows_the_rules_is_understood() {
    let fields = r#"
        "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174",
        "parentSpanId": "", "traceState": "a=b", "name": "I'm a \"span\" \u00e9\ud83d\ude00",
        "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1544712661000000000,
        "kind": 2, "flags": 257, "droppedAttributesCount": 1, "droppedEventsCount": 2,
        "droppedLinksCount": 3, "status": {"code": 2, "message": "broken"},
        "events": [{"timeUnixNano": "5", "name": "e", "droppedAttributesCount": 4}],
        "links": [{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b175",
                   "flags": 1, "traceState": "c=d"}]"#;
    with_span(fields, |span| {
        assert_eq!(span.trace_id[..4], [0x5b, 0x8e, 0xff, 0xf7]);
        assert_eq!(span.span_id, [0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74]);
        assert_eq!((span.parent_span_id, span.trace_state), (&[][..], "a=b"));
        assert_eq!(span.name, "I'm a \"span\" é😀");
        assert_eq!(span.start_time_unix_nano, 1_544_712_660_000_000_000);
        assert_eq!(span.end_time_unix_nano, 1_544_712_661_000_000_000);
        assert_eq!((span.kind, span.flags), (2, 257));
        assert_eq!((span.status_code, span.status_message), (2, "broken"));
        let [event] = span.events else { panic!("{span:?}") };
        assert_eq!((event.time_unix_nano, event.name), (5, "e"));
        assert_eq!(event.dropped_attributes_count, 4);
        let [link] = span.links else { panic!("{span:?}") };
        assert_eq!((link.span_id[7], link.flags, link.trace_state), (0x75, 1, "c=d"));
        let dropped =
            (span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count);
        assert_eq!(dropped, (1, 2, 3));
    });
}

#[test]
fn every_kind_of_value_is_understood() {
    for (json, said) in [
        (r#"{"stringValue":"x"}"#, r#"String("x")"#),
        (r#"{"stringValue":""}"#, r#"String("")"#),
        (r#"{"boolValue":false}"#, "Bool(false)"),
        (r#"{"boolValue":"true"}"#, "Bool(true)"),
        (r#"{"intValue":"-9223372036854775808"}"#, "Int(-9223372036854775808)"),
        (r#"{"intValue":9223372036854775807}"#, "Int(9223372036854775807)"),
        (r#"{"intValue":-1}"#, "Int(-1)"),
        (r#"{"intValue":1e3}"#, "Int(1000)"),
        (r#"{"intValue":"5.0"}"#, "Int(5)"),
        // As opentelemetry-js writes whole numbers that are none of 64 bits.
        (r#"{"intValue":9223372036854775808}"#, "Double(9.223372036854776e18)"),
        (r#"{"intValue":-9223372036854777856}"#, "Double(-9.223372036854778e18)"),
        (r#"{"intValue":100000000000000000000}"#, "Double(1e20)"),
        (r#"{"intValue":1e+300}"#, "Double(1e300)"),
        (r#"{"intValue":"18446744073709551616"}"#, "Double(1.8446744073709552e19)"),
        (r#"{"doubleValue":0.1}"#, "Double(0.1)"),
        (r#"{"doubleValue":3}"#, "Double(3.0)"),
        (r#"{"doubleValue":-3}"#, "Double(-3.0)"),
        (r#"{"doubleValue":"2.5"}"#, "Double(2.5)"),
        (r#"{"doubleValue":"NaN"}"#, "Double(NaN)"),
        (r#"{"doubleValue":"Infinity"}"#, "Double(inf)"),
        (r#"{"doubleValue":"-Infinity"}"#, "Double(-inf)"),
        (r#"{"bytesValue":"+/8="}"#, "Bytes([251, 255])"),
        (r#"{"bytesValue":"-_8"}"#, "Bytes([251, 255])"),
        (r#"{"bytesValue":"AQID"}"#, "Bytes([1, 2, 3])"),
        (r#"{"bytesValue":""}"#, "Bytes([])"),
        (r#"{"arrayValue":{}}"#, "Array([])"),
        (r#"{"arrayValue":{"values":null}}"#, "Array([])"),
        (r#"{"arrayValue":{"values":[{"intValue":1},{},null]}}"#, "Array([Int(1), Empty, Empty])"),
        (r#"{"kvlistValue":{"values":[]}}"#, "Map([])"),
        (
            r#"{"kvlistValue":{"values":[{"key":"a","value":{"boolValue":true}}]}}"#,
            r#"Map([KeyValue { key: "a", value: Bool(true) }])"#,
        ),
        ("{}", "Empty"),
        ("null", "Empty"),
        (r#"{"stringValue":null}"#, "Empty"),
        (r#"{"lastingValue":[{"x":1}]}"#, "Empty"),
    ] {
        assert_eq!(value(json), said, "{json}");
    }
}

#[test]
fn null_is_as_if_the_field_were_absent() {
    let fields = r#"
        "traceId": null, "spanId": null, "parentSpanId": null, "name": null, "kind": null,
        "startTimeUnixNano": null, "endTimeUnixNano": null, "attributes": null, "flags": null,
        "events": null, "links": [null], "status": null, "droppedAttributesCount": null"#;
    with_span(fields, |span| assert_eq!(span, Span::default()));
    for body in [r#"{"resourceSpans":null}"#, r#"{"resourceSpans":[null]}"#, "{}"] {
        assert_eq!(json_to_protobuf(body.as_bytes()), Ok(Vec::new()), "{body}");
    }
}

#[test]
fn names_stand_for_enums_and_snake_case_for_camel_case() {
    let fields = r#"
        "kind": "SPAN_KIND_CLIENT", "status": {"code": "STATUS_CODE_ERROR"},
        "start_time_unix_nano": "7", "dropped_events_count": "8""#;
    with_span(fields, |span| {
        assert_eq!((span.kind, span.status_code), (3, 2));
        assert_eq!((span.start_time_unix_nano, span.dropped_events_count), (7, 8));
    });
}

#[test]
fn unknown_fields_are_passed_over_however_they_look() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let fields = format!(
        r#""name": "kept", "later": {deep}, "\ud800": "\udc00", "statusCode": {{"a": [1, null]}},
           "names": 1, "name_": 2, "kind_": "x""#
    );
    with_span(&fields, |span| assert_eq!((span.name, span.kind), ("kept", 0)));
}

#[test]
fn text_with_half_a_surrogate_pair_is_mended() {
    // What JavaScript leaves of an emoji that was cut.
    with_span(r#""name": "cut \ud83d""#, |span| {
        assert!(span.name.starts_with("cut \u{fffd}"), "{:?}", span.name);
    });
}

#[test]
fn an_id_that_is_not_hexadecimal_has_no_valid_length() {
    for id in ["xyzxyzxyzxyzxyzx", "eee19b7ec3c1b17", "7uGbfsPBsXQ=", "é"] {
        with_span(&format!(r#""spanId": "{id}", "traceId": "{id}""#), |span| {
            assert_eq!((span.span_id, span.trace_id), (&[0xff][..], &[0xff][..]), "{id}");
        });
    }
}

#[test]
fn a_value_nested_too_deep_costs_only_its_own_span() {
    let nested = |levels: u32| {
        (1..levels).fold("{}".to_owned(), |inner, at| match at % 2 {
            0 => format!(r#"{{"arrayValue":{{"values":[{inner}]}}}}"#),
            _ => format!(r#"{{"kvlistValue":{{"values":[{{"key":"k","value":{inner}}}]}}}}"#),
        })
    };
    for (levels, sound) in
        [(MAX_VALUE_LEVELS, true), (MAX_VALUE_LEVELS + 1, false), (200, false), (20_000, false)]
    {
        let value = nested(levels);
        let body = format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"name":"before"}},
                {{"name":"deep","attributes":[{{"key":"k","value":{value}}}]}},
                {{"name":"after"}}]}}]}}]}}"#
        );
        let protobuf = json_to_protobuf(body.as_bytes()).unwrap();
        let arena = Bump::new();
        let request = decode(&protobuf, &arena).unwrap();
        let [Ok(before), deep, Ok(after)] = &spans(&request, &arena)[..] else { panic!() };
        assert_eq!((before.name, after.name), ("before", "after"));
        match deep {
            Ok(deep) => assert!(sound && deep.name == "deep"),
            Err(broken) => {
                assert_eq!((sound, broken.problem.fault), (false, Fault::TooDeep), "{levels}");
            }
        }
    }
}

#[test]
fn a_problem_says_where_and_what_was_expected_but_not_what_was_there() {
    let secret = "hunter2, expected nothing";
    for (fields, said) in [
        (format!(r#""name": ["{secret}"]"#), "name: a string"),
        (r#""name": 5"#.to_owned(), "name: a string"),
        (format!(r#""kind": "{secret}""#), "kind must be an enum's number"),
        (format!(r#""startTimeUnixNano": "{secret}""#), "startTimeUnixNano must be a whole number"),
        (r#""startTimeUnixNano": -1"#.to_owned(), "startTimeUnixNano must be a whole number"),
        (r#""startTimeUnixNano": 1.5"#.to_owned(), "startTimeUnixNano must be a whole number"),
        (r#""startTimeUnixNano": {}"#.to_owned(), "startTimeUnixNano: a whole number"),
        (r#""flags": 4294967296"#.to_owned(), "flags must be a whole number from 0 to"),
        (format!(r#""attributes": "{secret}""#), "attributes: a list of KeyValue"),
        (format!(r#""attributes": ["{secret}"]"#), "an object with the fields of KeyValue"),
        (format!(r#""status": "{secret}""#), "an object with the fields of Status"),
        (
            format!(r#""attributes": [{{"value": {{"bytesValue": "{secret}"}}}}]"#),
            "bytesValue is not base64",
        ),
        (
            format!(r#""attributes": [{{"value": {{"boolValue": "{secret}"}}}}]"#),
            "boolValue must be true or false",
        ),
    ] {
        let problem = problem(&request_of(&fields));
        assert!(problem.contains(said), "{fields}: {problem}");
        assert!(problem.contains("at line 1 column"), "{problem}");
        assert!(!problem.contains("hunter2"), "{problem}");
    }
}

#[test]
fn what_is_no_json_is_refused() {
    for body in ["", "{", "[]", "5", "\"x\"", "{}{}", "{} x", "{\"resourceSpans\":[}", "\u{feff}{}"]
    {
        let problem = problem(body);
        assert!(problem.starts_with("not OTLP/JSON: "), "{body}: {problem}");
    }
    let whole = request_of(r#""name": "x", "attributes": [{"key": "k", "value": {}}]"#);
    for length in 0..whole.len() {
        assert!(json_to_protobuf(&whole.as_bytes()[..length]).is_err(), "cut after {length}");
    }
}
