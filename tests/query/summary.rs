//! `GetRunSummary`.

use livespan_server::{
    domain::{event::Start, reason::ReasonKind, status::EndStatus},
    proto::v1::{self, trace_query_server::TraceQuery as _},
};
use sqlx::PgPool;
use tonic::{Code, Request};

use crate::fleet::*;

async fn summary(fleet: &Fleet) -> v1::RunSummary {
    let request = v1::GetRunSummaryRequest { run_id: run(1).to_string() };
    fleet.service.get_run_summary(Request::new(request)).await.unwrap().into_inner()
}

#[sqlx::test]
async fn a_run_that_was_never_heard_of_is_not_found(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let request = v1::GetRunSummaryRequest { run_id: run(1).to_string() };
    let status = fleet.service.get_run_summary(Request::new(request)).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[sqlx::test]
async fn a_run_is_told_in_figures(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let root = span(run(1), 1);
    let start = Start {
        task_id: Some("task".into()),
        retry_of: Some(run(9)),
        attempt: 2,
        ..on("b", "qa", step("root"))
    };
    fleet.start(root, start).await;
    for (number, name) in [(2, "ok"), (3, "bad"), (4, "off"), (5, "on")] {
        fleet.wait(1);
        fleet.start(span(run(1), number), on("a", "audit", step_of(root, name))).await;
    }
    fleet.end(span(run(1), 2), EndStatus::Success).await;
    fleet.wait(1);
    fleet.fail(span(run(1), 3), ReasonKind::Transient, "timeout", "too late").await;
    fleet.end(span(run(1), 4), EndStatus::Cancelled).await;
    fleet.wait(5);

    let running = summary(&fleet).await;
    assert_eq!(running.status(), v1::Status::Running);
    assert_eq!((running.ended_at, running.duration_seconds), (None, 10.0));
    assert_eq!((running.total_spans, running.running_spans, running.success_spans), (5, 2, 1));
    assert_eq!((running.failed_spans, running.cancelled_spans), (1, 1));

    fleet.end(span(run(1), 5), EndStatus::Success).await;
    fleet.end(root, EndStatus::Success).await;
    fleet.wait(1_000);
    let expected = v1::RunSummary {
        run_id: run(1).to_string(),
        task_id: "task".to_owned(),
        attempt: 2,
        retry_of: run(9).to_string(),
        status: v1::Status::Success.into(),
        started_at: Some(wire(0)),
        ended_at: Some(wire(10)),
        duration_seconds: 10.0,
        total_spans: 5,
        running_spans: 0,
        success_spans: 3,
        failed_spans: 1,
        cancelled_spans: 1,
        hosts_involved: vec!["a".to_owned(), "b".to_owned()],
        agents: vec!["audit".to_owned(), "qa".to_owned()],
        max_attempt: 2,
        failures: vec![v1::FailedSpan {
            span_id: span(run(1), 3).span_id.to_string(),
            layer: String::new(),
            step_name: "bad".to_owned(),
            executor_host: "a".to_owned(),
            attempt: 1,
            reason_code: "timeout".to_owned(),
            reason_kind: v1::ReasonKind::Transient.into(),
            message: "too late".to_owned(),
            ts_end: Some(wire(5)),
        }],
        last_alive_at: Some(wire(10)),
        root_step_name: "root".to_owned(),
        gc_at: None,
        cancel_requested_at: None,
    };
    assert_eq!(summary(&fleet).await, expected);
}

#[sqlx::test]
async fn a_step_that_was_tried_again_is_judged_by_its_last_try(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("root")).await;
    fleet.fail(span(run(1), 1), ReasonKind::Transient, "timeout", "").await;
    assert_eq!(summary(&fleet).await.status(), v1::Status::Failed);
    fleet.start(span(run(1), 2), Start { attempt: 2, ..step("root") }).await;
    fleet.end(span(run(1), 2), EndStatus::Success).await;
    assert_eq!(summary(&fleet).await.status(), v1::Status::Success);
}

#[sqlx::test]
async fn the_twenty_latest_failures_are_told(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    for number in 1..=22 {
        let key = span(run(1), number);
        fleet.start(key, step(&number.to_string())).await;
        fleet.fail(key, ReasonKind::Config, "permission", "").await;
        fleet.wait(1);
    }
    let answer = summary(&fleet).await;
    assert_eq!((answer.failed_spans, answer.failures.len()), (22, 20));
    assert_eq!((&*answer.failures[0].step_name, &*answer.failures[19].step_name), ("22", "3"));
}
