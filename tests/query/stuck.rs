//! `ListStuckRuns`.

use std::sync::Arc;

use livespan_server::{
    domain::{
        event::{SpanEventKind, Start},
        liveness::Limits,
        status::EndStatus,
    },
    ingress::TraceQueryService,
    proto::v1::{self, trace_query_server::TraceQuery as _},
};
use sqlx::PgPool;
use tonic::Request;

use crate::fleet::*;

async fn ask(
    service: &TraceQueryService,
    threshold: Option<u32>,
    page_size: u32,
) -> Vec<v1::StuckRun> {
    let threshold = threshold.map(|s| prost_types::Duration { seconds: s.into(), nanos: 0 });
    let request = v1::ListStuckRunsRequest { threshold, page_size };
    service.list_stuck_runs(Request::new(request)).await.unwrap().into_inner().runs
}

async fn stuck(fleet: &Fleet) -> Vec<v1::StuckRun> {
    ask(&fleet.service, None, 0).await
}

#[sqlx::test]
async fn where_all_is_well_nothing_is_stuck(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    assert_eq!(stuck(&fleet).await, []);
    fleet.start(span(run(1), 1), step("a")).await;
    fleet.wait(300);
    assert_eq!(stuck(&fleet).await, []);
}

#[sqlx::test]
async fn a_silent_run_is_named_with_its_span_and_the_evidence(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let key = span(run(1), 1);
    let start = Start {
        task_id: Some("task".into()),
        layer: Some("L2_executor".into()),
        attempt: 2,
        input_summary: json(r#""page""#),
        ..on("us-vps", "nobel", step("render"))
    };
    fleet.start(key, start).await;
    let shot = fleet.artifact(key, "screenshot", None).await;
    fleet.wait(394);
    let mut answer = stuck(&fleet).await;
    let input = answer[0].input_summary.take().unwrap().to_value().unwrap();
    assert_eq!(input, "page");
    let expected = v1::StuckRun {
        run_id: run(1).to_string(),
        task_id: "task".to_owned(),
        span_id: key.span_id.to_string(),
        layer: "L2_executor".to_owned(),
        step_name: "render".to_owned(),
        executor_host: "us-vps".to_owned(),
        agent: "nobel".to_owned(),
        attempt: 2,
        stuck_duration_seconds: 394,
        limit_seconds: 300,
        verdict: v1::Verdict::NoHeartbeat.into(),
        evidence: "no heartbeat for 394 s, limit 300 s".to_owned(),
        since: Some(wire(0)),
        input_summary: None,
        artifacts: [("screenshot_id".to_owned(), shot.to_string())].into(),
        started_at: Some(wire(0)),
    };
    assert_eq!(answer, [expected]);
}

#[sqlx::test]
async fn the_longest_stuck_comes_first_and_the_least_is_left_out(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    for number in 1..=5 {
        fleet.start(span(run(number), 1), step("a")).await;
        fleet.wait(10);
    }
    fleet.wait(400);
    let ids = |runs: Vec<v1::StuckRun>| runs.into_iter().map(|r| r.run_id).collect::<Vec<_>>();
    assert_eq!(ids(stuck(&fleet).await), (1..=5).map(|n| run(n).to_string()).collect::<Vec<_>>());
    assert_eq!(ids(ask(&fleet.service, None, 2).await), [run(1).to_string(), run(2).to_string()]);
}

#[sqlx::test]
async fn a_threshold_stands_in_for_the_servers_limit_but_not_for_a_spans(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("by default")).await;
    fleet.start(span(run(2), 1), Start { stuck_after: seconds(500), ..step("slow") }).await;
    fleet.start(span(run(3), 1), Start { stuck_after: seconds(5), ..step("quick") }).await;
    fleet.wait(20);
    let ids = |runs: &[v1::StuckRun]| runs.iter().map(|r| r.run_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&stuck(&fleet).await), [run(3).to_string()]);
    let answer = ask(&fleet.service, Some(10), 0).await;
    assert_eq!(ids(&answer), [run(1).to_string(), run(3).to_string()]);
    assert_eq!((answer[0].limit_seconds, answer[1].limit_seconds), (10, 5));
}

#[sqlx::test]
async fn a_run_in_which_anything_is_alive_is_not_stuck(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (root, child) = (span(run(1), 1), span(run(1), 2));
    fleet.start(root, step("root")).await;
    fleet.start(child, step_of(root, "child")).await;
    fleet.wait(400);
    fleet.beat(child).await;
    assert_eq!(stuck(&fleet).await, []);
}

#[sqlx::test]
async fn a_step_that_ended_just_now_keeps_its_parent_alive(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (root, child) = (span(run(1), 1), span(run(1), 2));
    fleet.start(root, step("root")).await;
    fleet.start(child, step_of(root, "child")).await;
    fleet.wait(400);
    fleet.end(child, EndStatus::Success).await;
    assert_eq!(stuck(&fleet).await, []);
    fleet.wait(301);
    let answer = stuck(&fleet).await;
    assert_eq!((&*answer[0].step_name, answer[0].since), ("root", Some(wire(400))));
}

#[sqlx::test]
async fn a_span_that_beats_but_does_not_move_is_stuck(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let key = span(run(1), 1);
    fleet.start(key, Start { progress_timeout: seconds(60), ..step("render") }).await;
    fleet.wait(10);
    fleet.progress(key, 4.0, 10.0).await;
    fleet.wait(61);
    fleet.progress(key, 4.0, 10.0).await;
    let answer = stuck(&fleet).await;
    assert_eq!(answer[0].verdict(), v1::Verdict::NoProgress);
    assert_eq!((answer[0].stuck_duration_seconds, answer[0].limit_seconds), (61, 60));
    assert_eq!(answer[0].since, Some(wire(10)));
    assert_eq!(answer[0].evidence, "no progress for 61 s, limit 60 s, last at 4 of 10");
    fleet.progress(key, 5.0, 10.0).await;
    assert_eq!(stuck(&fleet).await, []);
}

#[sqlx::test]
async fn what_has_ended_is_not_stuck(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("a")).await;
    fleet.wait(400);
    fleet.end(span(run(1), 1), EndStatus::Cancelled).await;
    fleet.wait(400);
    assert_eq!(stuck(&fleet).await, []);
}

#[sqlx::test]
async fn executors_have_thirty_seconds_to_reach_a_server_that_has_just_started(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("a")).await;
    fleet.wait(1_000);
    let restarted = Limits { server_started_at: Some(at(1_000)), ..Limits::default() };
    let service = TraceQueryService::new(fleet.questions(restarted));
    fleet.wait(29);
    assert_eq!(ask(&service, None, 0).await, []);
    fleet.wait(1);
    assert_eq!(ask(&service, None, 0).await.len(), 1);
}

#[sqlx::test]
async fn asking_changes_nothing(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("a")).await;
    fleet.wait(400);
    assert_eq!(stuck(&fleet).await, stuck(&fleet).await);
    fleet.beat(span(run(1), 1)).await;
    assert_eq!(stuck(&fleet).await, []);
}

#[sqlx::test]
async fn spans_whose_parents_go_in_circles_can_be_stuck(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (a, b) = (span(run(1), 1), span(run(1), 2));
    fleet.start(a, step_of(b, "a")).await;
    fleet.start(b, step_of(a, "b")).await;
    fleet.wait(301);
    assert_eq!(stuck(&fleet).await.len(), 1);
}

#[sqlx::test]
async fn the_longest_limit_that_a_client_may_set_is_no_trouble(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let forever = Some(std::time::Duration::from_millis(u64::MAX >> 1));
    let start = Start { stuck_after: forever, progress_timeout: forever, ..step("a") };
    fleet.start(span(run(1), 1), start).await;
    fleet.wait(1_000_000);
    assert_eq!(stuck(&fleet).await, []);
}

#[sqlx::test]
async fn a_thousand_stuck_runs_fit_one_answer(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let writes = (1..=1_100)
        .map(|n| fleet.event(span(run(n), 1), SpanEventKind::Start(Arc::new(step("a")))))
        .collect();
    fleet.write(writes).await;
    fleet.wait(301);
    assert_eq!(stuck(&fleet).await.len(), 1_000);
}
