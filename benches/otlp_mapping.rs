//! What it costs to map, redact and classify one exported span of ten
//! attributes, in nanoseconds: one that went well, and one that failed.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::{hint::black_box, time::Instant};

use livespan::domain::{
    classify::Classifier,
    otel::{Event, KeyValue, Mapper, Mapping, Resource, Scope, Span, Value},
    redact::Redactor,
    time::Timestamp,
};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const SPANS: u32 = 100_000;
const ROUNDS: u32 = 7;

const fn text(key: &'static str, value: &'static str) -> KeyValue<'static> {
    KeyValue { key, value: Value::String(value) }
}

const fn number(key: &'static str, value: i64) -> KeyValue<'static> {
    KeyValue { key, value: Value::Int(value) }
}

/// What an instrumented HTTP client says.
const ATTRIBUTES: [KeyValue<'static>; 10] = [
    text("http.request.method", "POST"),
    text("url.full", "https://api.example.com/v1/orders/1234567/items?page=2"),
    text("server.address", "api.example.com"),
    number("server.port", 443),
    number("http.response.status_code", 503),
    text("network.protocol.version", "1.1"),
    text("user_agent.original", "python-requests/2.32.3"),
    text("thread.name", "MainThread"),
    number("thread.id", 140_211_334_526_784),
    text("code.function.name", "shop.orders.client.OrderClient.add_item"),
];

const RESOURCE: [KeyValue<'static>; 5] = [
    text("service.name", "shop"),
    text("service.version", "2.14.0"),
    text("host.name", "us-vps"),
    text("telemetry.sdk.language", "python"),
    text("telemetry.sdk.version", "1.35.0"),
];

const EXCEPTION: [KeyValue<'static>; 3] = [
    text("exception.type", "requests.exceptions.ConnectionError"),
    text("exception.message", "connection to api.example.com timed out after 30 s"),
    text("exception.stacktrace", "Traceback (most recent call last):\n  File \"a.py\", line 7"),
];

fn main() {
    let mapper = Mapper::new(Mapping::standard(), Redactor::standard(), Classifier::standard());
    let resource = Resource { attributes: &RESOURCE, ..Resource::default() };
    let scope = Scope { name: "opentelemetry.instrumentation.requests", ..Scope::default() };
    let context = mapper.resource(&resource, &scope, Some("10.0.0.7"));
    let well = Span {
        trace_id: &[7; 16],
        span_id: &[8; 8],
        parent_span_id: &[9; 8],
        flags: 257,
        name: "POST /v1/orders/{id}/items",
        kind: 3,
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_000_250_000_000,
        attributes: &ATTRIBUTES,
        ..Span::default()
    };
    let exception = [Event {
        time_unix_nano: 1_700_000_000_250_000_000,
        name: "exception",
        attributes: &EXCEPTION,
        dropped_attributes_count: 0,
    }];
    let failed = Span { status_code: 2, status_message: "no answer", events: &exception, ..well };
    for (name, span) in [("well", well), ("failed", failed)] {
        let round = || {
            let started = Instant::now();
            for micros in 0..SPANS {
                let at = Timestamp::from_micros(micros.into());
                let event = mapper.span(&context, black_box(&span), at);
                drop(black_box(event.unwrap()));
            }
            started.elapsed() / SPANS
        };
        let best = (0..ROUNDS).map(|_| round()).min().unwrap_or_default();
        println!("{name:>8}: {} ns a span", best.as_nanos());
    }
}
