//! `ListTopFailures`.

use std::sync::Arc;

use livespan_server::{
    domain::{
        event::{SpanEventKind, Start},
        reason::ReasonKind,
        status::EndStatus,
    },
    proto::v1::{self, trace_query_server::TraceQuery as _},
};
use sqlx::PgPool;
use tonic::Request;

use crate::fleet::*;

async fn ask(fleet: &Fleet, request: v1::ListTopFailuresRequest) -> Vec<v1::FailureGroup> {
    fleet.service.list_top_failures(Request::new(request)).await.unwrap().into_inner().failures
}

async fn top(fleet: &Fleet) -> Vec<v1::FailureGroup> {
    ask(fleet, v1::ListTopFailuresRequest::default()).await
}

async fn failed(fleet: &Fleet, of: (u64, u64), start: Start, kind: ReasonKind, code: &str) {
    let key = span(run(of.0), of.1);
    let message = format!("{code} in {}", start.step_name.as_deref().unwrap_or_default());
    fleet.start(key, start).await;
    fleet.fail(key, kind, code, &message).await;
}

#[sqlx::test]
async fn where_nothing_failed_there_are_no_groups(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("a")).await;
    fleet.end(span(run(1), 1), EndStatus::Success).await;
    fleet.start(span(run(1), 2), step("b")).await;
    fleet.end(span(run(1), 2), EndStatus::Cancelled).await;
    assert_eq!(top(&fleet).await, []);
}

#[sqlx::test]
async fn failures_are_grouped_by_reason_the_largest_group_first(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let transient = ReasonKind::Transient;
    failed(&fleet, (1, 1), on("b", "qa", step("fetch")), transient, "timeout").await;
    fleet.wait(1);
    failed(&fleet, (1, 2), on("a", "qa", step("post")), transient, "timeout").await;
    fleet.wait(1);
    failed(&fleet, (2, 1), on("a", "qa", step("fetch")), transient, "timeout").await;
    failed(&fleet, (2, 2), step("open"), ReasonKind::Config, "permission").await;
    let answer = top(&fleet).await;
    let timeout = v1::FailureGroup {
        reason_kind: v1::ReasonKind::Transient.into(),
        reason_code: "timeout".to_owned(),
        failure_count: 3,
        affected_runs: 2,
        affected_hosts: vec!["a".to_owned(), "b".to_owned()],
        steps: vec!["fetch".to_owned(), "post".to_owned()],
        first_seen: Some(wire(0)),
        last_seen: Some(wire(2)),
        sample_run_ids: vec![run(2).to_string(), run(1).to_string()],
        sample_message: "timeout in fetch".to_owned(),
    };
    assert_eq!(answer[0], timeout);
    assert_eq!((&*answer[1].reason_code, answer[1].failure_count), ("permission", 1));
    assert_eq!(answer[1].affected_hosts, Vec::<String>::new());
    assert_eq!(answer.len(), 2);
}

#[sqlx::test]
async fn failures_before_the_window_do_not_count(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    failed(&fleet, (1, 1), step("old"), ReasonKind::Config, "permission").await;
    fleet.wait(86_401);
    assert_eq!(top(&fleet).await, []);
    let window = Some(prost_types::Duration { seconds: 86_401, nanos: 0 });
    let answer = ask(&fleet, v1::ListTopFailuresRequest { window, ..Default::default() }).await;
    assert_eq!(answer.len(), 1);
}

#[sqlx::test]
async fn the_window_is_of_the_servers_clock_not_the_clients(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let start =
        Start { ts_start: Some(livespan_server::domain::time::Timestamp::EPOCH), ..step("a") };
    failed(&fleet, (1, 1), start, ReasonKind::Config, "permission").await;
    assert_eq!(top(&fleet).await.len(), 1);
}

#[sqlx::test]
async fn filters_hold_together(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (transient, config) = (ReasonKind::Transient, ReasonKind::Config);
    failed(&fleet, (1, 1), on("a", "qa", step("1")), transient, "timeout").await;
    failed(&fleet, (1, 2), on("a", "audit", step("2")), transient, "timeout").await;
    failed(&fleet, (1, 3), on("b", "qa", step("3")), transient, "timeout").await;
    failed(&fleet, (1, 4), on("a", "qa", step("4")), config, "permission").await;
    let request = v1::ListTopFailuresRequest {
        reason_kind: v1::ReasonKind::Transient.into(),
        executor_host: "a".to_owned(),
        agent: "qa".to_owned(),
        ..Default::default()
    };
    let answer = ask(&fleet, request).await;
    assert_eq!(answer.len(), 1);
    assert_eq!((answer[0].failure_count, answer[0].steps.clone()), (1, vec!["1".to_owned()]));
}

#[sqlx::test]
async fn an_unknown_kind_filters_nothing_and_has_a_group_of_its_own(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    failed(&fleet, (1, 1), step("a"), ReasonKind::Transient, "timeout").await;
    // Nothing at all was said of why.
    fleet.start(span(run(1), 2), step("b")).await;
    fleet.end(span(run(1), 2), EndStatus::Failed).await;
    let answer = top(&fleet).await;
    assert_eq!(answer.len(), 2);
    let unknown = answer.iter().find(|g| g.reason_kind() == v1::ReasonKind::Unknown).unwrap();
    assert_eq!((&*unknown.reason_code, &*unknown.sample_message), ("unknown", ""));
}

#[sqlx::test]
async fn samples_and_steps_are_bounded(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let mut writes = Vec::new();
    for number in 1..=30 {
        let key = span(run(number), 1);
        let start = step(&format!("step {number:02}"));
        writes.push(fleet.event(key, SpanEventKind::Start(Arc::new(start))));
        writes.push(fleet.event(key, failure(ReasonKind::Transient, "timeout", "late")));
    }
    fleet.write(writes).await;
    let answer = top(&fleet).await;
    assert_eq!((answer[0].failure_count, answer[0].affected_runs), (30, 30));
    assert_eq!((answer[0].steps.len(), answer[0].sample_run_ids.len()), (20, 5));
    assert_eq!((&*answer[0].steps[0], &*answer[0].steps[19]), ("step 01", "step 20"));
}

#[sqlx::test]
async fn no_more_groups_than_asked_for(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    for number in 1..=25 {
        failed(&fleet, (1, number), step("a"), ReasonKind::Transient, &format!("code_{number}"))
            .await;
    }
    assert_eq!(top(&fleet).await.len(), 20);
    let request = v1::ListTopFailuresRequest { page_size: 3, ..Default::default() };
    assert_eq!(ask(&fleet, request).await.len(), 3);
}
