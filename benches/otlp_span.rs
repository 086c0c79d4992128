//! What one exported span of ten attributes costs from its bytes on the wire to
//! the event that goes to a lane: decoded, mapped, redacted and, where it
//! failed, classified. Times are for one span, on one core.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{hint::black_box, time::Instant};

use bumpalo::Bump;
use criterion::{Bencher, Criterion, criterion_group, criterion_main};
use livespan_server::{
    domain::{
        classify::Classifier,
        otel::{Mapper, Mapping},
        redact::Redactor,
        time::Timestamp,
    },
    ingress::otlp::{SpanDecoder, decode},
};
use mimalloc::MiMalloc;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event},
};
use prost::Message as _;

/// As the server has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What OpenTelemetry's exporters send at once unless told otherwise.
const SPANS: u64 = 512;

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// A span of an instrumented HTTP client.
fn span(number_of_span: u64) -> Span {
    Span {
        trace_id: vec![7; 16],
        span_id: (number_of_span + 1).to_be_bytes().to_vec(),
        parent_span_id: vec![9; 8],
        flags: 257,
        name: "POST /v1/orders/{id}/items".to_owned(),
        kind: 3,
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_000_250_000_000,
        attributes: vec![
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
        ],
        ..Span::default()
    }
}

/// One that failed, without an exception.
fn failed(mut span: Span) -> Span {
    span.status = Some(Status { code: 2, message: "no answer after 30 s".to_owned() });
    span
}

/// One that failed with an exception and its stack trace, three attributes more.
fn raised(mut span: Span) -> Span {
    let stack =
        "Traceback (most recent call last):\n  File \"shop/orders.py\", line 7, in add_item";
    span.status = Some(Status { code: 2, message: "no answer".to_owned() });
    span.events = vec![Event {
        time_unix_nano: 1_700_000_000_250_000_000,
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", "requests.exceptions.ConnectionError"),
            text("exception.message", "connection to api.example.com timed out after 30 s"),
            text("exception.stacktrace", stack),
        ],
        dropped_attributes_count: 0,
    }];
    span
}

fn request(spans: Vec<Span>) -> Vec<u8> {
    let resource = Resource {
        attributes: vec![
            text("service.name", "shop"),
            text("service.version", "2.14.0"),
            text("host.name", "us-vps"),
            text("telemetry.sdk.language", "python"),
            text("telemetry.sdk.version", "1.35.0"),
        ],
        ..Resource::default()
    };
    let scope = InstrumentationScope {
        name: "opentelemetry.instrumentation.requests".to_owned(),
        version: "0.56b0".to_owned(),
        ..InstrumentationScope::default()
    };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

/// Runs `on_request` until as many spans have passed as criterion wants.
fn per_span(bencher: &mut Bencher<'_>, mut on_request: impl FnMut()) {
    bencher.iter_custom(|spans| {
        let requests = spans.div_ceil(SPANS);
        let started = Instant::now();
        for _ in 0..requests {
            on_request();
        }
        started.elapsed().mul_f64(spans as f64 / (requests * SPANS) as f64)
    });
}

fn bench(criterion: &mut Criterion) {
    let mapper = Mapper::new(Mapping::standard(), Redactor::standard(), Classifier::standard());
    let well = request((0..SPANS).map(span).collect());
    let failed = request((0..SPANS).map(|number| failed(span(number))).collect());
    let raised = request((0..SPANS).map(|number| raised(span(number))).collect());
    let mut group = criterion.benchmark_group("otlp_span");
    for (name, bytes) in [("well", &well), ("failed", &failed), ("raised", &raised)] {
        group.bench_function(format!("{name}/decode"), |bencher| {
            per_span(bencher, || {
                let (around, lists) = (Bump::new(), Bump::new());
                let request = decode(black_box(bytes), &around).unwrap();
                let mut decoder = SpanDecoder::new(&lists);
                for scope in request.resource_spans.iter().flat_map(|part| part.scope_spans) {
                    for span in scope.spans {
                        black_box(decoder.read(*span).unwrap());
                    }
                }
            });
        });
        group.bench_function(format!("{name}/whole"), |bencher| {
            per_span(bencher, || {
                let (around, mut lists) = (Bump::new(), Bump::new());
                let request = decode(black_box(bytes), &around).unwrap();
                for resource in request.resource_spans {
                    let mut context = mapper.resource(&resource.resource, Some("10.0.0.7"));
                    for scope in resource.scope_spans {
                        mapper.enter(&mut context, &scope.scope);
                        for block in scope.spans.chunks(32) {
                            let mut decoder = SpanDecoder::new(&lists);
                            for span in block {
                                let span = decoder.read(*span).unwrap();
                                let event = mapper.span(&context, &span, Timestamp::EPOCH);
                                drop(black_box(event.unwrap()));
                            }
                            drop(decoder);
                            lists.reset();
                        }
                    }
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
