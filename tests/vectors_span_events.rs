//! The merging of a span's events, held to `tests/vectors/span_events.json`.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{path::Path, sync::Arc};

use livespan_server::domain::{
    event::{End, ProgressReport, SpanEvent, SpanEventKind, Start},
    ids::{RunId, SpanId, SpanKey},
    span::Span,
    status::EndStatus,
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Case {
    name: String,
    any_order: bool,
    events: Vec<Event>,
    replies: Vec<Value>,
    state: Value,
}

#[derive(Deserialize)]
struct Event {
    at: i64,
    #[serde(flatten)]
    kind: Kind,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Start { step_name: String, attempt: Option<i32>, start_time: Option<i64> },
    Heartbeat { progress: Option<Progress> },
    End { status: EndStatus, end_time: Option<i64> },
}

#[derive(Deserialize)]
struct Progress {
    current: f64,
    total: Option<f64>,
    note: Option<String>,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn key() -> SpanKey {
    let run_id: RunId = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
    SpanKey { run_id, span_id: SpanId::from_otel(run_id, [7; 8]) }
}

impl Event {
    fn to_domain(&self) -> SpanEvent {
        let kind = match &self.kind {
            Kind::Start { step_name, attempt, start_time } => {
                SpanEventKind::Start(Arc::new(Start {
                    step_name: Some(step_name.into()),
                    attempt: attempt.unwrap_or_default(),
                    ts_start: start_time.map(at),
                    ..Start::default()
                }))
            }
            Kind::Heartbeat { progress } => {
                SpanEventKind::Heartbeat(progress.as_ref().map(|progress| ProgressReport {
                    current: progress.current,
                    total: progress.total,
                    note: progress.note.clone(),
                }))
            }
            Kind::End { status, end_time } => SpanEventKind::End(Box::new(End {
                status: *status,
                ts_end: end_time.map(at),
                output_summary: None,
                failure: None,
            })),
        };
        SpanEvent { key: key(), received_at: at(self.at), kind }
    }
}

fn seconds(time: Timestamp) -> i64 {
    time.as_micros() / 1_000_000
}

/// As the vectors write a state; numbers as JSON compares them.
fn written(span: &Span) -> Value {
    let progress = span.progress.as_ref().map(|progress| {
        json!({
            "current": progress.current,
            "total": progress.total,
            "note": progress.note,
            "moved_at": seconds(progress.moved_at),
            "reported_at": seconds(progress.reported_at),
        })
    });
    json!({
        "status": span.status().as_str(),
        "started": span.started,
        "step_name": span.start.step_name.as_deref(),
        "attempt": span.start.attempt,
        "ts_start": span.start.ts_start.map(seconds),
        "ts_end": span.ended.as_ref().map(|ended| seconds(ended.ts_end)),
        "first_seen_at": seconds(span.first_seen_at),
        "last_alive_at": seconds(span.last_alive_at),
        "progress": progress,
        "conflicting_ends": span.ended.as_ref().map_or(0, |ended| ended.conflicting_ends.len()),
    })
}

/// The same with every number as a float, since JSON knows no other.
fn numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(numbers).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), numbers(value))).collect()
        }
        other => other.clone(),
    }
}

fn reply(span: &mut Span, event: &SpanEvent) -> Value {
    match span.apply(event) {
        Ok(applied) => {
            let mut reply = json!({"known": applied.known, "status": span.status().as_str()});
            if applied.conflict {
                reply["conflict"] = json!(true);
            }
            reply
        }
        Err(contradiction) => json!({"refused": contradiction.field()}),
    }
}

fn fold<'e>(events: impl IntoIterator<Item = &'e SpanEvent>) -> (Span, Vec<Value>) {
    let mut events = events.into_iter().peekable();
    let mut span = Span::stub(key(), events.peek().unwrap().received_at);
    let replies = events.map(|event| reply(&mut span, event)).collect();
    (span, replies)
}

/// Every order of so many things.
fn orders(length: usize) -> Vec<Vec<usize>> {
    if length == 0 {
        return vec![Vec::new()];
    }
    orders(length - 1)
        .into_iter()
        .flat_map(|order| {
            (0..length).map(move |place| {
                let mut order = order.clone();
                order.insert(place, length - 1);
                order
            })
        })
        .collect()
}

#[test]
fn span_events_merge_as_the_vectors_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/span_events.json");
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let events: Vec<SpanEvent> = case.events.iter().map(Event::to_domain).collect();
        let (span, replies) = fold(&events);
        assert_eq!(replies, case.replies, "{}", case.name);
        assert_eq!(numbers(&written(&span)), numbers(&case.state), "{}", case.name);
        if !case.any_order {
            continue;
        }
        for order in orders(events.len()) {
            // Each event twice in a row: a repetition changes nothing either.
            let (shuffled, _) = fold(order.iter().flat_map(|place| [&events[*place]; 2]));
            assert_eq!(shuffled, span, "{}, in the order {order:?}", case.name);
        }
    }
}
