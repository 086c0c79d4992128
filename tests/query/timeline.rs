//! `GetTimeline`.

use std::sync::Arc;

use livespan_server::{
    domain::{
        event::{End, SharedJsonText, SpanEventKind, Start},
        ids::{SpanId, SpanKey},
        reason::ReasonKind,
        status::EndStatus,
    },
    proto::v1::{self, trace_query_server::TraceQuery as _},
};
use sqlx::PgPool;
use tonic::{Code, Request};
use uuid::Uuid;

use crate::fleet::*;

async fn page(fleet: &Fleet, size: u32, token: &str) -> v1::GetTimelineResponse {
    let request = v1::GetTimelineRequest {
        run_id: run(1).to_string(),
        page_size: size,
        page_token: token.to_owned(),
    };
    fleet.service.get_timeline(Request::new(request)).await.unwrap().into_inner()
}

async fn timeline(fleet: &Fleet) -> v1::GetTimelineResponse {
    page(fleet, 0, "").await
}

fn names(timeline: &v1::GetTimelineResponse) -> Vec<&str> {
    timeline.spans.iter().map(|span| span.step_name.as_str()).collect()
}

#[sqlx::test]
async fn a_run_that_was_never_heard_of_is_not_found(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let request = v1::GetTimelineRequest { run_id: run(1).to_string(), ..Default::default() };
    let status = fleet.service.get_timeline(Request::new(request)).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.message(), format!("run {} was never heard of: check the id", run(1)));
}

#[sqlx::test]
async fn running_and_ended_spans_stand_in_one_order_by_start(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let root = span(run(1), 1);
    fleet.start(root, step("root")).await;
    for (number, name) in [(2, "first"), (3, "second"), (4, "third")] {
        fleet.wait(1);
        fleet.start(span(run(1), number), step_of(root, name)).await;
    }
    fleet.end(span(run(1), 3), EndStatus::Success).await;
    let answer = timeline(&fleet).await;
    assert_eq!(names(&answer), ["root", "first", "second", "third"]);
    assert_eq!(answer.spans.iter().map(|s| s.depth).collect::<Vec<_>>(), [0, 1, 1, 1]);
    assert_eq!(answer.spans[2].status(), v1::Status::Success);
    assert_eq!(answer.status(), v1::Status::Running);
    assert_eq!(answer.next_page_token, "");
}

#[sqlx::test]
async fn a_span_without_a_start_stands_where_it_was_first_heard_of(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("a")).await;
    fleet.wait(1);
    fleet.beat(span(run(1), 2)).await;
    fleet.wait(1);
    fleet.start(span(run(1), 3), step("c")).await;
    let answer = timeline(&fleet).await;
    assert_eq!(names(&answer), ["a", "", "c"]);
    assert_eq!(answer.spans[1].ts_start, None);
    assert_eq!(answer.spans[1].duration_seconds, 1.0);
}

#[sqlx::test]
async fn a_span_tells_all_that_was_said_about_it(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let key = span(run(1), 1);
    let start = Start {
        task_id: Some("task".into()),
        retry_of: Some(run(9)),
        layer: Some("L2_executor".into()),
        attempt: 2,
        input_summary: json(r#"{"url":"u","n":[1,2.5]}"#),
        attributes: json(r#"{"a.b":true}"#),
        otel: Some(SharedJsonText::from_valid(r#"{"kind":"SERVER"}"#.to_owned(), None)),
        ..on("us-vps", "nobel", step("render"))
    };
    fleet.start(key, start).await;
    fleet.wait(3);
    fleet.progress(key, 4.0, 10.0).await;
    fleet.wait(2);
    let SpanEventKind::End(end) = failure(ReasonKind::Resource, "out_of_disk", "no space") else {
        unreachable!()
    };
    let end = End { output_summary: json("[1]"), ..*end };
    fleet.report(key, SpanEventKind::End(Box::new(end))).await;

    let answer = timeline(&fleet).await;
    assert_eq!(
        (answer.task_id.as_str(), answer.attempt, answer.retry_of.clone()),
        ("task", 2, run(9).to_string())
    );
    assert_eq!(answer.status(), v1::Status::Failed);
    let span = &answer.spans[0];
    assert_eq!(
        (span.run_id.as_str(), span.span_id.as_str()),
        (&*run(1).to_string(), &*key.span_id.to_string())
    );
    assert_eq!((span.task_id.as_str(), span.layer.as_str()), ("task", "L2_executor"));
    assert_eq!((span.executor_host.as_str(), span.agent.as_str()), ("us-vps", "nobel"));
    assert_eq!((span.attempt, span.status()), (2, v1::Status::Failed));
    assert_eq!(
        (span.reason_code.as_str(), span.reason_kind()),
        ("out_of_disk", v1::ReasonKind::Resource)
    );
    assert_eq!((span.ts_start, span.ts_end), (Some(wire(0)), Some(wire(5))));
    assert_eq!((span.heartbeat_ts, span.progress_at), (Some(wire(5)), Some(wire(3))));
    assert_eq!(
        span.input_summary.as_ref().unwrap().to_value().unwrap(),
        serde_json::json!({"url": "u", "n": [1, 2.5]})
    );
    assert_eq!(span.output_summary.as_ref().unwrap().to_value().unwrap(), serde_json::json!([1]));
    assert_eq!(span.attributes.as_ref().unwrap().to_map().unwrap()["a.b"], true);
    assert_eq!(span.otel.as_ref().unwrap().to_map().unwrap()["kind"], "SERVER");
    let error = span.error.as_ref().unwrap();
    assert_eq!((error.r#type.as_str(), error.message.as_str()), ("TestError", "no space"));
    let progress = span.progress.as_ref().unwrap();
    assert_eq!((progress.current, progress.total), (4.0, Some(10.0)));
    assert_eq!(
        (span.fingerprint.as_str(), span.reason_evidence.as_str()),
        ("f00d", "told by the test")
    );
    assert_eq!((span.duration_seconds, span.conflicting_ends), (5.0, 0));
}

#[sqlx::test]
async fn a_running_span_has_lasted_until_now(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("a")).await;
    fleet.wait(7);
    assert_eq!(timeline(&fleet).await.spans[0].duration_seconds, 7.0);
}

#[sqlx::test]
async fn only_a_failed_span_has_a_kind_of_failure(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    for id in 1..=3 {
        fleet.start(span(run(1), id), step("a")).await;
    }
    fleet.end(span(run(1), 2), EndStatus::Success).await;
    fleet.fail(span(run(1), 3), ReasonKind::Unknown, "odd", "").await;
    let kinds: Vec<_> =
        timeline(&fleet).await.spans.iter().map(|span| (span.status(), span.reason_kind)).collect();
    let unknown = Some(v1::ReasonKind::Unknown.into());
    assert_eq!(
        kinds,
        [(v1::Status::Running, None), (v1::Status::Success, None), (v1::Status::Failed, unknown)]
    );
}

#[sqlx::test]
async fn clients_whose_clocks_run_ahead_make_no_negative_durations(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), Start { ts_start: Some(at(50)), ..step("a") }).await;
    assert_eq!(timeline(&fleet).await.spans[0].duration_seconds, 0.0);
}

#[sqlx::test]
async fn the_newest_artifact_of_a_type_is_in_the_map_and_all_are_in_the_list(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let key = span(run(1), 1);
    fleet.start(key, step("a")).await;
    let old = fleet.artifact(key, "screenshot", None).await;
    fleet.wait(1);
    let new = fleet.artifact(key, "screenshot", Some(at(2))).await;
    let log = fleet.artifact(key, "log", None).await;
    fleet.wait(100);
    for answer in [timeline(&fleet).await, page(&fleet, 5, "").await] {
        let span = &answer.spans[0];
        assert_eq!(span.artifacts["screenshot_id"], new.to_string());
        assert_eq!(span.artifacts["log_id"], log.to_string());
        assert_eq!(span.artifacts.len(), 2);
        let list: Vec<_> = span.artifact_list.iter().map(|a| a.artifact_id.clone()).collect();
        assert_eq!(list, [old.to_string(), new.to_string(), log.to_string()]);
        // It has expired, and is named all the same.
        assert_eq!(span.artifact_list[1].expires_at, Some(wire(2)));
        assert_eq!(
            (span.artifact_list[0].size_bytes, &*span.artifact_list[0].sha256),
            (5, &*"ab".repeat(32))
        );
    }
}

#[sqlx::test]
async fn a_parent_is_known_by_its_last_8_bytes(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("root")).await;
    fleet.wait(1);
    let otherwise = SpanId::from_stored(Uuid::from_u64_pair(77, 1));
    let start = Start { parent_span_id: Some(otherwise), ..step("child") };
    fleet.start(span(run(1), 2), start).await;
    assert_eq!(timeline(&fleet).await.spans[1].depth, 1);
}

#[sqlx::test]
async fn spans_in_a_circle_are_all_answered(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (a, b) = (span(run(1), 1), span(run(1), 2));
    fleet.start(a, step_of(b, "a")).await;
    fleet.start(b, step_of(a, "b")).await;
    let answer = timeline(&fleet).await;
    assert_eq!(names(&answer), ["a", "b"]);
    assert_eq!(answer.spans.iter().map(|s| s.depth).collect::<Vec<_>>(), [0, 0]);
}

#[sqlx::test]
async fn the_span_heard_of_last_is_marked(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (a, b) = (span(run(1), 1), span(run(1), 2));
    fleet.start(a, step("a")).await;
    fleet.start(b, step_of(a, "b")).await;
    fleet.wait(1);
    fleet.beat(a).await;
    let answer = timeline(&fleet).await;
    assert_eq!(answer.last_alive_span_id, a.span_id.to_string());
    assert_eq!(answer.spans.iter().map(|s| s.is_last_alive).collect::<Vec<_>>(), [true, false]);
}

#[sqlx::test]
async fn pages_neither_repeat_nor_skip_where_many_spans_start_at_once(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let root = span(run(1), 1);
    let writes = (1..=23)
        .map(|number| {
            let start = if number == 1 { step("root") } else { step_of(root, &number.to_string()) };
            fleet.event(span(run(1), number), SpanEventKind::Start(Arc::new(start)))
        })
        .collect();
    fleet.write(writes).await;
    fleet.end(span(run(1), 5), EndStatus::Success).await;

    let whole = timeline(&fleet).await;
    let mut paged: Vec<v1::Span> = Vec::new();
    let mut token = String::new();
    loop {
        let answer = page(&fleet, 5, &token).await;
        assert!(answer.spans.len() <= 5);
        assert_eq!(answer.last_alive_span_id, whole.last_alive_span_id);
        paged.extend(answer.spans);
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, whole.spans);
}

#[sqlx::test]
async fn a_span_stands_before_its_steps_that_start_in_the_same_tick_of_a_clock(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    // As Node's SDK has it, whose spans start at whole milliseconds: ids that are
    // in no order, and here in the wrong one.
    let writes = (1..=7)
        .map(|number| {
            let name = number.to_string();
            let parent = span(run(1), number + 1);
            let start = if number == 7 { step(&name) } else { step_of(parent, &name) };
            fleet.event(span(run(1), number), SpanEventKind::Start(Arc::new(start)))
        })
        .collect();
    fleet.write(writes).await;
    let whole = timeline(&fleet).await;
    assert_eq!(names(&whole), ["7", "6", "5", "4", "3", "2", "1"]);
    let first = page(&fleet, 3, "").await;
    assert_eq!(names(&first), ["7", "6", "5"]);
    let second = page(&fleet, 3, &first.next_page_token).await;
    assert_eq!(names(&second), ["4", "3", "2"]);
    assert_eq!(names(&page(&fleet, 3, &second.next_page_token).await), ["1"]);
}

#[sqlx::test]
async fn a_page_that_ends_with_the_run_is_the_last(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("a")).await;
    fleet.start(span(run(1), 2), step("b")).await;
    assert_eq!(page(&fleet, 2, "").await.next_page_token, "");
    let first = page(&fleet, 1, "").await;
    assert_ne!(first.next_page_token, "");
    // After a place, all of the rest.
    assert_eq!(names(&page(&fleet, 0, &first.next_page_token).await), ["b"]);
}

#[sqlx::test]
async fn a_run_of_two_thousand_spans_is_answered_whole(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let mut writes = Vec::new();
    for number in 1..=2_000_u64 {
        let key = span(run(1), number);
        // A tree in which everybody has two steps.
        let start = match number {
            1 => step("1"),
            _ => step_of(span(run(1), number / 2), &number.to_string()),
        };
        writes.push(fleet.event(key, SpanEventKind::Start(Arc::new(start))));
        if number % 2 == 0 {
            writes.push(fleet.event(key, end(EndStatus::Success)));
        }
    }
    fleet.write(writes).await;
    let answer = timeline(&fleet).await;
    assert_eq!(answer.spans.len(), 2_000);
    assert_eq!(answer.spans[1_999].depth, 10);
    let keys: std::collections::HashSet<_> = answer.spans.iter().map(|s| &s.span_id).collect();
    assert_eq!(keys.len(), 2_000);
}

#[sqlx::test]
async fn another_runs_spans_are_not_in_it(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("mine")).await;
    // The same span id under another run.
    let foreign = SpanKey { run_id: run(2), span_id: span(run(1), 1).span_id };
    fleet.start(foreign, step("theirs")).await;
    assert_eq!(names(&timeline(&fleet).await), ["mine"]);
}

#[sqlx::test]
async fn a_span_that_ends_while_it_is_asked_for_is_answered_once(pool: PgPool) {
    const SPANS: u64 = 300;
    let fleet = Fleet::new(&pool).await;
    let starts = (1..=SPANS)
        .map(|n| fleet.event(span(run(1), n), SpanEventKind::Start(Arc::new(step("a")))))
        .collect();
    fleet.write(starts).await;
    let ending = async {
        for number in 1..=SPANS {
            fleet.end(span(run(1), number), EndStatus::Success).await;
        }
    };
    let asking = async {
        loop {
            let answer = timeline(&fleet).await;
            assert_eq!(answer.spans.len(), 300);
            let running = answer.spans.iter().any(|span| span.status() == v1::Status::Running);
            assert_eq!(running, answer.status() == v1::Status::Running);
            if !running {
                break;
            }
        }
    };
    tokio::join!(ending, asking);
}
