//! What becomes of exported spans: in the timeline, whatever comes first and
//! however often.

use livespan_server::proto::v1::{self, GetTimelineRequest, StartSpanRequest, Status};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{
        Span, Status as SpanStatus,
        span::{Event, Link, SpanKind},
        status::StatusCode,
    },
};
use uuid::Uuid;

use super::{
    client::{PROTOBUF, body, export, post, request, run_id, span, unfinished},
    support::TestApp,
};

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) }),
        ..KeyValue::default()
    }
}

async fn timeline(app: &TestApp, run_id: impl ToString) -> Vec<v1::Span> {
    let request = GetTimelineRequest { run_id: run_id.to_string(), ..Default::default() };
    app.queries().get_timeline(request).await.unwrap().into_inner().spans
}

async fn stored(app: &TestApp, spans: Vec<Span>) {
    let answer = export(&app.channel, request(spans), None).await.unwrap();
    assert_eq!(answer.partial_success, None);
}

#[tokio::test]
async fn an_unfinished_span_runs_until_its_end_is_exported() {
    let app = TestApp::start().await;
    stored(&app, vec![unfinished(1, 1)]).await;
    let running = timeline(&app, run_id(1)).await;
    assert_eq!((running.len(), running[0].status()), (1, Status::Running));
    assert_eq!(running[0].step_name, "fetch");
    stored(&app, vec![span(1, 1)]).await;
    let ended = timeline(&app, run_id(1)).await;
    assert_eq!((ended.len(), ended[0].status()), (1, Status::Success));
    assert_eq!(ended[0].duration_seconds, 1.0);
}

#[tokio::test]
async fn every_order_and_repetition_of_exports_ends_in_one_row() {
    let app = TestApp::start().await;
    let orders: [&[bool]; 6] = [
        &[false, true],
        &[true, false],
        &[false, false, true, true],
        &[true, true, false],
        &[false, true, false],
        &[true, false, true],
    ];
    for (trace, order) in (1..).zip(orders) {
        // Each in a request of its own, and then all in one.
        for finished in order {
            let span = if *finished { span(trace, 1) } else { unfinished(trace, 1) };
            stored(&app, vec![span]).await;
        }
        let together = order
            .iter()
            .map(|finished| if *finished { span(trace, 2) } else { unfinished(trace, 2) });
        stored(&app, together.collect()).await;
        for found in timeline(&app, run_id(trace)).await {
            assert_eq!(found.status(), Status::Success, "{order:?}");
            assert_eq!(found.conflicting_ends, 0, "{order:?}");
        }
    }
    assert_eq!(app.count("SELECT count(*) FROM live_spans").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM finished_spans").await, 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_span_in_requests_at_once_is_one_row() {
    let app = TestApp::start().await;
    let sent = body((1..=100).map(|id| span(1, id)).collect());
    let to = app.app.otlp_http_addr();
    let exports = (0..8).map(|_| post(to, PROTOBUF, &[], &sent));
    for reply in futures_util::future::join_all(exports).await {
        assert_eq!(reply.response().partial_success, None);
    }
    assert_eq!(app.count("SELECT count(*) FROM run_events").await, 100);
}

#[tokio::test]
async fn what_is_exported_under_a_step_is_in_its_timeline() {
    let app = TestApp::start().await;
    let start = StartSpanRequest { step_name: "checkout".to_owned(), ..Default::default() };
    let step = app.spans().start_span(start).await.unwrap().into_inner();
    let parts: Vec<&str> = step.traceparent.split('-').collect();
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    };
    let child = Span { trace_id: bytes(parts[1]), parent_span_id: bytes(parts[2]), ..span(1, 9) };
    stored(&app, vec![child]).await;
    let spans = timeline(&app, &step.run_id).await;
    assert_eq!(spans.len(), 2);
    let child = spans.iter().find(|span| span.step_name == "fetch").unwrap();
    assert_eq!((child.depth, child.parent_span_id.as_str()), (1, step.span_id.as_str()));
}

#[tokio::test]
async fn the_export_of_a_step_ends_it_and_keeps_what_only_the_step_told() {
    let app = TestApp::start().await;
    let start = StartSpanRequest {
        step_name: "checkout".to_owned(),
        task_id: "order-7".to_owned(),
        ..Default::default()
    };
    let step = app.spans().start_span(start).await.unwrap().into_inner();
    let run: Uuid = step.run_id.parse().unwrap();
    let id: Uuid = step.span_id.parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = u64::try_from(now.as_nanos()).unwrap();
    let whole = Span {
        trace_id: run.as_bytes().to_vec(),
        span_id: id.as_bytes()[8..].to_vec(),
        start_time_unix_nano: now,
        end_time_unix_nano: now + 1_000_000_000,
        ..span(1, 1)
    };
    stored(&app, vec![whole]).await;
    let spans = timeline(&app, &step.run_id).await;
    assert_eq!((spans.len(), spans[0].status()), (1, Status::Success));
    assert_eq!(spans[0].task_id, "order-7");
}

#[tokio::test]
async fn everything_that_was_exported_is_told_and_nothing_secret() {
    let app = TestApp::start().await;
    let failed = Span {
        kind: SpanKind::Client.into(),
        trace_state: "vendor=1".to_owned(),
        attributes: vec![
            attribute("gen_ai.tool.name", "search"),
            attribute("authorization", "Bearer abcdefghijklmnop"),
            attribute("livespan.task_id", "order-7"),
        ],
        events: vec![Event {
            time_unix_nano: 1_000_500_000_000,
            name: "exception".to_owned(),
            attributes: vec![
                attribute("exception.type", "builtins.TimeoutError"),
                attribute("exception.message", "no answer after 30 s"),
            ],
            ..Event::default()
        }],
        links: vec![Link {
            trace_id: vec![3; 16],
            span_id: vec![4; 8],
            attributes: vec![attribute("why", "batch")],
            ..Link::default()
        }],
        status: Some(SpanStatus { code: StatusCode::Error.into(), message: "gave up".to_owned() }),
        ..span(1, 1)
    };
    let mut request = request(vec![failed]);
    let resource = &mut request.resource_spans[0];
    resource.resource = Some(Resource {
        attributes: vec![attribute("host.name", "hk-vps"), attribute("service.name", "shop")],
        ..Resource::default()
    });
    resource.scope_spans[0].scope = Some(InstrumentationScope {
        name: "requests".to_owned(),
        version: "2.0".to_owned(),
        ..InstrumentationScope::default()
    });
    export(&app.channel, request, None).await.unwrap();

    let spans = timeline(&app, run_id(1)).await;
    let found = &spans[0];
    assert_eq!((found.executor_host.as_str(), found.agent.as_str()), ("hk-vps", "shop"));
    assert_eq!((found.task_id.as_str(), found.step_name.as_str()), ("order-7", "search"));
    assert_eq!((found.status(), found.reason_code.as_str()), (Status::Failed, "timeout"));
    assert_eq!(found.reason_kind(), v1::ReasonKind::Transient);
    assert!(!found.fingerprint.is_empty() && found.error.is_some(), "{found:?}");
    let attributes = found.attributes.as_ref().unwrap().to_map().unwrap();
    assert_eq!(attributes["gen_ai.tool.name"], "search");
    let otel = serde_json::Value::from(found.otel.as_ref().unwrap().to_map().unwrap());
    let text = otel.to_string();
    for told in
        ["vendor=1", "hk-vps", "requests", "2.0", "batch", "builtins.TimeoutError", "gave up"]
    {
        assert!(text.contains(told), "{told} is not in {text}");
    }
    let leaked: i64 = app
        .count("SELECT count(*) FROM run_events e WHERE e::text LIKE '%abcdefghijklmnop%'")
        .await;
    assert_eq!(leaked, 0);
    let sql: i64 =
        app.count("SELECT count(*) FROM run_events WHERE otel ->> 'kind' IS NOT NULL").await;
    assert_eq!(sql, 1);
}
