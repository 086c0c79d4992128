//! The mapping of OpenTelemetry spans against its vectors
//! (`tests/vectors/otlp_mapping.json`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;

use livespan_server::domain::{
    classify::Classifier,
    event::{End, JsonText, SpanEvent, SpanEventKind, Start},
    otel::{Event, KeyValue, Link, Mapper, Mapping, Resource, Scope, Span, Value},
    redact::Redactor,
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

const RECEIVED_AT: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    trace_id: String,
    span_id: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    mapping: Option<String>,
    peer: Option<String>,
    #[serde(default)]
    resource: Json,
    #[serde(default)]
    scope: Json,
    #[serde(default)]
    span: Map<String, Json>,
    want: Option<Map<String, Json>>,
    problem: Option<String>,
}

fn vectors() -> Vectors {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/otlp_mapping.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn mapper(extension: Option<&str>) -> Mapper {
    let mapping = Mapping::parse_extension(extension.unwrap_or_default()).unwrap();
    Mapper::new(mapping, Redactor::standard(), Classifier::standard())
}

/// Lives as long as the test; the vectors are few.
fn kept<T>(items: Vec<T>) -> &'static [T] {
    items.leak()
}

fn items(json: &Json) -> &[Json] {
    json.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(json: &Json) -> &'static str {
    kept(json.as_str().unwrap_or_default().as_bytes().to_vec())
        .utf8_chunks()
        .next()
        .map_or("", |chunk| chunk.valid())
}

fn hex(json: &Json) -> &'static [u8] {
    let text = json.as_str().unwrap_or_default();
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    kept((0..text.len()).step_by(2).map(byte).collect())
}

fn number<T: TryFrom<u64>>(json: &Json) -> T {
    let number = json.as_u64().or_else(|| json.as_str()?.parse().ok()).unwrap_or_default();
    T::try_from(number).ok().unwrap()
}

fn value(json: &Json) -> Value<'static> {
    let Some((kind, said)) = json.as_object().and_then(|value| value.iter().next()) else {
        return Value::Empty;
    };
    match kind.as_str() {
        "stringValue" => Value::String(text(said)),
        "boolValue" => Value::Bool(said.as_bool().unwrap()),
        "intValue" => {
            Value::Int(said.as_i64().or_else(|| said.as_str()?.parse().ok()).expect("a number"))
        }
        "doubleValue" => Value::Double(match said.as_str() {
            Some("NaN") => f64::NAN,
            Some("Infinity") => f64::INFINITY,
            Some("-Infinity") => f64::NEG_INFINITY,
            _ => said.as_f64().unwrap(),
        }),
        // In hex rather than base64, so that the vectors don't encode what they ask for.
        "bytesHex" => Value::Bytes(hex(said)),
        "arrayValue" => Value::Array(kept(items(&said["values"]).iter().map(value).collect())),
        "kvlistValue" => Value::Map(attributes(&said["values"])),
        other => panic!("{other} is no kind of value"),
    }
}

fn attributes(json: &Json) -> &'static [KeyValue<'static>] {
    let attribute =
        |json: &Json| KeyValue { key: text(&json["key"]), value: value(&json["value"]) };
    kept(items(json).iter().map(attribute).collect())
}

fn event(json: &Json) -> Event<'static> {
    Event {
        time_unix_nano: number(&json["timeUnixNano"]),
        name: text(&json["name"]),
        attributes: attributes(&json["attributes"]),
        dropped_attributes_count: number(&json["droppedAttributesCount"]),
    }
}

fn link(json: &Json) -> Link<'static> {
    Link {
        trace_id: hex(&json["traceId"]),
        span_id: hex(&json["spanId"]),
        trace_state: text(&json["traceState"]),
        attributes: attributes(&json["attributes"]),
        dropped_attributes_count: number(&json["droppedAttributesCount"]),
        flags: number(&json["flags"]),
    }
}

fn span(json: &Json) -> Span<'static> {
    Span {
        trace_id: hex(&json["traceId"]),
        span_id: hex(&json["spanId"]),
        parent_span_id: hex(&json["parentSpanId"]),
        trace_state: text(&json["traceState"]),
        flags: number(&json["flags"]),
        name: text(&json["name"]),
        kind: number::<u32>(&json["kind"]).try_into().unwrap(),
        start_time_unix_nano: number(&json["startTimeUnixNano"]),
        end_time_unix_nano: number(&json["endTimeUnixNano"]),
        attributes: attributes(&json["attributes"]),
        dropped_attributes_count: number(&json["droppedAttributesCount"]),
        events: kept(items(&json["events"]).iter().map(event).collect()),
        dropped_events_count: number(&json["droppedEventsCount"]),
        links: kept(items(&json["links"]).iter().map(link).collect()),
        dropped_links_count: number(&json["droppedLinksCount"]),
        status_code: number::<u32>(&json["status"]["code"]).try_into().unwrap(),
        status_message: text(&json["status"]["message"]),
    }
}

fn resource(json: &Json) -> Resource<'static> {
    Resource {
        attributes: attributes(&json["attributes"]),
        dropped_attributes_count: number(&json["droppedAttributesCount"]),
        schema_url: text(&json["schemaUrl"]),
    }
}

fn scope(json: &Json) -> Scope<'static> {
    Scope {
        name: text(&json["name"]),
        version: text(&json["version"]),
        attributes: attributes(&json["attributes"]),
        dropped_attributes_count: number(&json["droppedAttributesCount"]),
        schema_url: text(&json["schemaUrl"]),
    }
}

fn of_json(text: Option<impl AsRef<str>>) -> Json {
    text.map_or(Json::Null, |text| serde_json::from_str(text.as_ref()).unwrap())
}

/// Every field of an event, by the names that the vectors use.
fn fields(event: &SpanEvent) -> Json {
    assert_eq!(event.received_at, RECEIVED_AT);
    let none = |start: &Start| (start.clone(), None::<End>);
    let (start, end) = match &event.kind {
        SpanEventKind::Start(start) => none(start),
        SpanEventKind::Whole(start, end) => (Start::clone(start), Some(End::clone(end))),
        other => panic!("no span becomes {other:?}"),
    };
    let failure = end.as_ref().and_then(|end| end.failure.clone()).unwrap_or_default();
    json!({
        "run_id": event.key.run_id.to_string().replace('-', ""),
        "span_id": event.key.span_id.to_string().replace('-', ""),
        "parent_span_id": start.parent_span_id.map(|id| id.to_string().replace('-', "")),
        "task_id": start.task_id.as_deref(),
        "retry_of": start.retry_of.map(|id| id.to_string().replace('-', "")),
        "layer": start.layer.as_deref(),
        "step_name": start.step_name.as_deref(),
        "executor_host": start.executor_host.as_deref(),
        "agent": start.agent.as_deref(),
        "attempt": start.attempt,
        "start_micros": start.ts_start.map(Timestamp::as_micros),
        "stuck_after_seconds": start.stuck_after.map(|limit| limit.as_secs_f64()),
        "progress_timeout_seconds": start.progress_timeout.map(|limit| limit.as_secs_f64()),
        "input_summary": of_json(start.input_summary.as_ref().map(JsonText::as_str)),
        "attributes": of_json(start.attributes.as_ref().map(JsonText::as_str)),
        "otel": of_json(start.otel.as_ref().map(|otel| otel.pieces().concat())),
        "status": end.as_ref().map_or("RUNNING", |end| end.status.as_str()),
        "end_micros": end.as_ref().and_then(|end| end.ts_end).map(Timestamp::as_micros),
        "output_summary":
            of_json(end.as_ref().and_then(|end| Some(end.output_summary.as_ref()?.as_str()))),
        "error_type": failure.error_type,
        "error_message": failure.error_message,
        "error_stack": failure.error_stack,
        "reason_code": failure.reason_code,
        "reason_kind": failure.reason_kind.map(|kind| kind.as_str()),
        "reason_evidence": failure.reason_evidence,
        "fingerprint": failure.fingerprint,
    })
}

/// What is wrong with a case's outcome.
fn complaints(case: &Case, defaults: &Vectors) -> Vec<String> {
    let mapper = mapper(case.mapping.as_deref());
    let mut sent = case.span.clone();
    for (key, default) in [
        ("traceId", json!(defaults.trace_id)),
        ("spanId", json!(defaults.span_id)),
        ("startTimeUnixNano", json!("1700000000000000000")),
        ("endTimeUnixNano", json!("1700000001500000000")),
    ] {
        sent.entry(key).or_insert(default);
    }
    let mut context = mapper.resource(&resource(&case.resource), case.peer.as_deref());
    mapper.enter(&mut context, &scope(&case.scope));
    let got = mapper.span(&context, &span(&Json::Object(sent)), RECEIVED_AT);
    match (got, &case.want, &case.problem) {
        (Ok(event), Some(want), None) => {
            let got = fields(&event);
            want.iter()
                .filter(|(field, want)| got.get(*field) != Some(want))
                .map(|(field, want)| {
                    format!("{field}: got {}, want {want}", got.get(field).unwrap_or(&json!("?")))
                })
                .collect()
        }
        (Err(problem), None, Some(want)) if problem.to_string().contains(want) => Vec::new(),
        (got, want, problem) => vec![format!("got {got:?}, want {want:?} {problem:?}")],
    }
}

#[test]
fn every_span_is_mapped_as_the_vectors_say() {
    let vectors = vectors();
    assert!(vectors.cases.len() >= 80, "{} cases", vectors.cases.len());
    let names: BTreeSet<&str> = vectors.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), vectors.cases.len(), "names are unique");
    let wrong: Vec<String> = vectors
        .cases
        .iter()
        .flat_map(|case| {
            let complaints = complaints(case, &vectors).into_iter();
            complaints.map(|complaint| format!("{}: {complaint}", case.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_resource_of_too_much_is_left_out_of_its_spans_and_counted() {
    let mapper = mapper(None);
    let long = "x".repeat(4_000);
    let attributes = [&["host.name"][..], &["k"; 20]].concat();
    let attributes: Vec<KeyValue<'_>> =
        attributes.iter().map(|key| KeyValue { key, value: Value::String(&long) }).collect();
    let resource = Resource { attributes: &attributes, ..Resource::default() };
    let context = mapper.resource(&resource, None);
    let span = Span { trace_id: &[1; 16], span_id: &[2; 8], ..Span::default() };
    let event = mapper.span(&context, &span, RECEIVED_AT).unwrap();
    let SpanEventKind::Start(start) = event.kind else { panic!() };
    assert_eq!(
        start.otel.as_ref().unwrap().pieces().concat(),
        r#"{"resource":{"dropped_attributes_count":21}}"#
    );
    assert!(start.executor_host.as_ref().unwrap().starts_with("xxx"));
}

#[test]
fn a_span_with_too_much_is_rejected_and_told_why() {
    let mapper = mapper(None);
    let context = mapper.resource(&Resource::default(), None);
    let numbers: Vec<String> = (0..1025).map(|number| format!("n{number}")).collect();
    let attributes: Vec<KeyValue<'_>> =
        numbers.iter().map(|key| KeyValue { key, value: Value::Bool(true) }).collect();
    let plain = Span { trace_id: &[1; 16], span_id: &[2; 8], ..Span::default() };

    let many = Span { attributes: &attributes, ..plain };
    let problem = mapper.span(&context, &many, RECEIVED_AT).unwrap_err().to_string();
    assert!(problem.contains("1025 attributes, the most is 1024"), "{problem}");
    let most = Span { attributes: &attributes[1..], ..plain };
    mapper.span(&context, &most, RECEIVED_AT).unwrap();

    let mut nested = Value::Int(1);
    for _ in 0..65 {
        nested = Value::Array(kept(vec![nested]));
    }
    let deep = [KeyValue { key: "deep", value: nested }];
    let deep_event =
        [Event { time_unix_nano: 1, name: "e", attributes: &deep, dropped_attributes_count: 0 }];
    for span in [Span { attributes: &deep, ..plain }, Span { events: &deep_event, ..plain }] {
        let problem = mapper.span(&context, &span, RECEIVED_AT).unwrap_err().to_string();
        assert!(problem.contains("deeper than 64 levels"), "{problem}");
    }
}
