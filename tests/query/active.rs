//! `ListActiveRuns`.

use livespan_server::{
    domain::{event::Start, status::EndStatus},
    proto::v1::{self, trace_query_server::TraceQuery as _},
};
use sqlx::PgPool;
use tonic::Request;

use crate::fleet::*;

async fn active(fleet: &Fleet, page_size: u32) -> v1::ListActiveRunsResponse {
    let request = v1::ListActiveRunsRequest { page_size };
    fleet.service.list_active_runs(Request::new(request)).await.unwrap().into_inner()
}

#[sqlx::test]
async fn where_nothing_runs_none_is_active(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    assert_eq!(active(&fleet, 0).await, v1::ListActiveRunsResponse::default());
    fleet.start(span(run(1), 1), step("a")).await;
    fleet.end(span(run(1), 1), EndStatus::Success).await;
    assert_eq!(active(&fleet, 0).await, v1::ListActiveRunsResponse::default());
}

#[sqlx::test]
async fn an_active_run_is_shown_at_the_span_heard_of_last(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (root, child) = (span(run(1), 1), span(run(1), 2));
    let start = Start { task_id: Some("task".into()), attempt: 3, ..step("root") };
    fleet.start(root, on("hk-vps", "caramel", start)).await;
    fleet.wait(5);
    let start = Start { layer: Some("tool".into()), ..step_of(root, "fetch") };
    fleet.start(child, on("us-vps", "qa", start)).await;
    fleet.wait(5);
    fleet.progress(child, 1.0, 2.0).await;
    fleet.wait(12);
    let answer = active(&fleet, 0).await;
    assert_eq!(answer.total_count, 1);
    let expected = v1::ActiveRun {
        run_id: run(1).to_string(),
        task_id: "task".to_owned(),
        attempt: 3,
        span_id: child.span_id.to_string(),
        layer: "tool".to_owned(),
        step_name: "fetch".to_owned(),
        executor_host: "us-vps".to_owned(),
        agent: "qa".to_owned(),
        status: v1::Status::Running.into(),
        started_at: Some(wire(0)),
        last_alive_at: Some(wire(10)),
        seconds_since_activity: 12,
        running_spans: 2,
        progress: Some(v1::Progress { current: 1.0, total: Some(2.0), note: String::new() }),
        hosts: vec!["hk-vps".to_owned(), "us-vps".to_owned()],
        verdict: v1::Verdict::Unspecified.into(),
    };
    assert_eq!(answer.runs, [expected]);
}

#[sqlx::test]
async fn the_latest_started_comes_first_and_all_are_counted(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    for number in 1..=5 {
        fleet.start(span(run(number), 1), step("a")).await;
        fleet.start(span(run(number), 2), step("b")).await;
        fleet.wait(1);
    }
    let answer = active(&fleet, 2).await;
    assert_eq!(answer.total_count, 5);
    let ids: Vec<_> = answer.runs.iter().map(|run| run.run_id.clone()).collect();
    assert_eq!(ids, [run(5).to_string(), run(4).to_string()]);
}

#[sqlx::test]
async fn of_spans_heard_of_at_once_the_deepest_is_the_current_step(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (root, child) = (span(run(1), 9), span(run(1), 1));
    fleet.start(root, step("root")).await;
    fleet.start(child, step_of(root, "child")).await;
    assert_eq!(active(&fleet, 0).await.runs[0].step_name, "child");
}

#[sqlx::test]
async fn a_steps_end_is_a_sign_of_life_of_its_parent(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (root, child, other) = (span(run(1), 1), span(run(1), 2), span(run(1), 3));
    fleet.start(root, step("root")).await;
    fleet.start(child, step_of(root, "child")).await;
    fleet.wait(1);
    fleet.start(other, step_of(root, "other")).await;
    fleet.wait(1);
    fleet.end(child, EndStatus::Success).await;
    let answer = active(&fleet, 0).await;
    assert_eq!(answer.runs[0].step_name, "root");
    assert_eq!(answer.runs[0].last_alive_at, Some(wire(2)));
}

#[sqlx::test]
async fn a_stuck_run_is_active_and_says_so(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("a")).await;
    fleet.wait(301);
    assert_eq!(active(&fleet, 0).await.runs[0].verdict(), v1::Verdict::NoHeartbeat);
}
