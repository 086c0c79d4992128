//! `GetLastAliveSpan`.

use livespan_server::{
    domain::{event::Start, reason::ReasonKind, status::EndStatus},
    proto::v1::{self, trace_query_server::TraceQuery as _},
};
use sqlx::PgPool;
use tonic::{Code, Request};

use crate::fleet::*;

async fn last_alive(fleet: &Fleet) -> v1::GetLastAliveSpanResponse {
    let request = v1::GetLastAliveSpanRequest { run_id: run(1).to_string() };
    fleet.service.get_last_alive_span(Request::new(request)).await.unwrap().into_inner()
}

#[sqlx::test]
async fn a_run_that_was_never_heard_of_is_not_found(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let request = v1::GetLastAliveSpanRequest { run_id: run(1).to_string() };
    let status = fleet.service.get_last_alive_span(Request::new(request)).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[sqlx::test]
async fn the_top_repeats_the_span(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let key = span(run(1), 1);
    let start = Start {
        layer: Some("L2_executor".into()),
        input_summary: json(r#"{"a":1}"#),
        ..on("mac-mini", "qa", step("render"))
    };
    fleet.start(key, start).await;
    let shot = fleet.artifact(key, "screenshot", None).await;
    fleet.wait(394);
    let answer = last_alive(&fleet).await;
    let inner = answer.last_alive_span.clone().unwrap();
    assert_eq!(answer.run_id, run(1).to_string());
    assert!(answer.is_stuck && inner.is_stuck);
    assert_eq!(inner.verdict(), v1::Verdict::NoHeartbeat);
    assert_eq!(inner.evidence, "no heartbeat for 394 s, limit 300 s");
    assert_eq!((answer.seconds_since_activity, inner.seconds_since_activity), (394, 394));
    assert_eq!((&*answer.span_id, &*inner.span_id), (&*key.span_id.to_string(), &*answer.span_id));
    assert_eq!((&*answer.layer, &*inner.layer), ("L2_executor", "L2_executor"));
    assert_eq!((&*answer.step_name, &*inner.step_name), ("render", "render"));
    assert_eq!((&*answer.executor_host, &*inner.executor_host), ("mac-mini", "mac-mini"));
    assert_eq!((&*answer.agent, &*inner.agent, inner.attempt), ("qa", "qa", 1));
    assert_eq!((answer.status(), inner.status()), (v1::Status::Running, v1::Status::Running));
    assert_eq!(answer.artifacts["screenshot_id"], shot.to_string());
    assert_eq!(answer.artifacts, inner.artifacts);
    let input = answer.input_summary.unwrap().to_value().unwrap();
    assert_eq!(input, serde_json::json!({"a": 1}));
    assert_eq!(input, inner.input_summary.unwrap().to_value().unwrap());
    assert_eq!((inner.last_alive_at, inner.ts_start), (Some(wire(0)), Some(wire(0))));
}

#[sqlx::test]
async fn exactly_at_its_limit_a_run_is_not_stuck(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("a")).await;
    fleet.wait(300);
    let answer = last_alive(&fleet).await.last_alive_span.unwrap();
    assert!(!answer.is_stuck);
    assert_eq!(answer.verdict(), v1::Verdict::Unspecified);
    assert_eq!(answer.evidence, "heard of 300 s ago, limit 300 s");
}

#[sqlx::test]
async fn a_spans_own_limit_goes_before_the_servers(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), Start { stuck_after: seconds(10), ..step("a") }).await;
    fleet.wait(11);
    let answer = last_alive(&fleet).await.last_alive_span.unwrap();
    assert_eq!(answer.evidence, "no heartbeat for 11 s, limit 10 s");
}

#[sqlx::test]
async fn a_heartbeat_revokes_the_verdict(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("a")).await;
    fleet.wait(400);
    assert!(last_alive(&fleet).await.is_stuck);
    fleet.beat(span(run(1), 1)).await;
    assert!(!last_alive(&fleet).await.is_stuck);
}

#[sqlx::test]
async fn a_step_that_stands_still_is_named_where_another_was_heard_of_last(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (still, beating) = (span(run(1), 1), span(run(1), 2));
    fleet.start(still, Start { progress_timeout: seconds(60), ..step("render") }).await;
    fleet.start(beating, step("watch")).await;
    fleet.wait(61);
    fleet.beat(beating).await;
    let answer = last_alive(&fleet).await.last_alive_span.unwrap();
    assert_eq!((&*answer.step_name, answer.is_stuck), ("watch", true));
    assert_eq!(answer.verdict(), v1::Verdict::NoProgress);
    assert_eq!(answer.evidence, "step render: no progress for 61 s, limit 60 s");
}

#[sqlx::test]
async fn of_an_ended_run_the_span_that_ended_last_is_named(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (root, child) = (span(run(1), 1), span(run(1), 2));
    fleet.start(root, step("root")).await;
    fleet.start(child, step_of(root, "child")).await;
    fleet.end(child, EndStatus::Success).await;
    fleet.wait(3);
    fleet.fail(root, ReasonKind::Transient, "timeout", "late").await;
    fleet.wait(1_000);
    let answer = last_alive(&fleet).await.last_alive_span.unwrap();
    assert_eq!((&*answer.step_name, answer.status()), ("root", v1::Status::Failed));
    assert!(!answer.is_stuck);
    assert_eq!(answer.evidence, "ended FAILED 1000 s ago");
    assert_eq!(answer.last_alive_at, Some(wire(3)));
}

#[sqlx::test]
async fn of_spans_that_ended_at_once_the_deepest_is_named(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (root, child) = (span(run(1), 9), span(run(1), 2));
    fleet.start(root, step("root")).await;
    fleet.start(child, step_of(root, "child")).await;
    fleet
        .write(vec![
            fleet.event(child, end(EndStatus::Success)),
            fleet.event(root, end(EndStatus::Success)),
        ])
        .await;
    assert_eq!(last_alive(&fleet).await.step_name, "child");
}

#[sqlx::test]
async fn of_siblings_that_ended_at_once_the_latest_started_is_named(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (late, early) = (span(run(1), 1), span(run(1), 2));
    fleet.start(early, step("early")).await;
    fleet.wait(1);
    fleet.start(late, step("late")).await;
    fleet
        .write(vec![
            fleet.event(late, end(EndStatus::Success)),
            fleet.event(early, end(EndStatus::Success)),
        ])
        .await;
    assert_eq!(last_alive(&fleet).await.step_name, "late");
}
