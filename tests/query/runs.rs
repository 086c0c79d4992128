//! `ListRuns`.

use std::{sync::Arc, time::Duration};

use livespan_server::{
    domain::{
        event::{SpanEventKind, Start},
        liveness::Limits,
        reason::ReasonKind,
        status::EndStatus,
    },
    ingress::TraceQueryService,
    proto::v1::{self, trace_query_server::TraceQuery as _},
};
use sqlx::PgPool;
use tonic::Request;

use crate::fleet::*;

async fn page(service: &TraceQueryService, request: v1::ListRunsRequest) -> v1::ListRunsResponse {
    service.list_runs(Request::new(request)).await.unwrap().into_inner()
}

/// The numbers of the runs that pass, in order.
async fn list(fleet: &Fleet, request: v1::ListRunsRequest) -> Vec<u64> {
    let answer = page(&fleet.service, request).await;
    assert_eq!(answer.next_page_token, "");
    numbers(&answer)
}

fn numbers(answer: &v1::ListRunsResponse) -> Vec<u64> {
    answer
        .runs
        .iter()
        .map(|summary| (1..2_000).find(|n| run(*n).to_string() == summary.run_id).unwrap())
        .collect()
}

/// Follows the tokens to the end.
async fn all_pages(service: &TraceQueryService, request: v1::ListRunsRequest) -> Vec<u64> {
    let mut found = Vec::new();
    let mut request = request;
    for _ in 0..10_000 {
        let answer = page(service, request.clone()).await;
        found.extend(numbers(&answer));
        if answer.next_page_token.is_empty() {
            return found;
        }
        request.page_token = answer.next_page_token;
    }
    panic!("the pages have no end");
}

fn everything() -> v1::ListRunsRequest {
    v1::ListRunsRequest::default()
}

#[sqlx::test]
async fn of_no_runs_the_list_is_empty(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    assert_eq!(list(&fleet, everything()).await, Vec::<u64>::new());
}

#[sqlx::test]
async fn the_latest_started_comes_first_with_its_figures(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), on("a", "qa", step("one"))).await;
    fleet.wait(5);
    fleet.start(span(run(2), 1), step("two")).await;
    fleet.fail(span(run(2), 1), ReasonKind::Transient, "timeout", "").await;
    let answer = page(&fleet.service, everything()).await;
    assert_eq!(numbers(&answer), [2, 1]);
    assert_eq!(answer.runs[0].status(), v1::Status::Failed);
    assert_eq!((answer.runs[0].failed_spans, answer.runs[0].failures.len()), (1, 0));
    assert_eq!((&*answer.runs[1].root_step_name, answer.runs[1].duration_seconds), ("one", 5.0));
    assert_eq!(
        (answer.runs[1].running_spans, answer.runs[1].hosts_involved.clone()),
        (1, vec!["a".to_owned()])
    );
}

/// 300 runs, of which many start at once; each third has failed.
async fn crowd(fleet: &Fleet) {
    for batch in 0..10_u64 {
        let mut writes = Vec::new();
        for number in batch * 30 + 1..=batch * 30 + 30 {
            let key = span(run(number), 1);
            writes.push(fleet.event(key, SpanEventKind::Start(Arc::new(step("a")))));
            writes.push(match number % 3 {
                0 => fleet.event(key, failure(ReasonKind::Resource, "out_of_disk", "")),
                _ => fleet.event(key, end(EndStatus::Success)),
            });
        }
        fleet.write(writes).await;
        fleet.wait(1);
    }
}

#[sqlx::test]
async fn pages_neither_repeat_nor_skip_where_many_runs_start_at_once(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    crowd(&fleet).await;
    for page_size in [1, 7, 300] {
        let found =
            all_pages(&fleet.service, v1::ListRunsRequest { page_size, ..everything() }).await;
        assert_eq!(found, (1..=300).rev().collect::<Vec<_>>(), "{page_size}");
    }
}

#[sqlx::test]
async fn pages_of_a_filter_neither_repeat_nor_skip(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    crowd(&fleet).await;
    let failed = v1::ListRunsRequest { status: v1::Status::Failed.into(), ..everything() };
    let expected: Vec<u64> = (1..=300).rev().filter(|n| n % 3 == 0).collect();
    // A server that gives up after each statement answers short pages.
    let hasty =
        TraceQueryService::new(fleet.questions(Limits::default()).walking_for(Duration::ZERO));
    for service in [&fleet.service, &hasty] {
        for page_size in [1, 9, 100, 1_000] {
            let request = v1::ListRunsRequest { page_size, ..failed.clone() };
            assert_eq!(all_pages(service, request).await, expected, "{page_size}");
        }
    }
}

#[sqlx::test]
async fn runs_that_start_between_pages_do_not_disturb_them(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    for number in 1..=4 {
        fleet.start(span(run(number), 1), step("a")).await;
        fleet.wait(1);
    }
    let first = page(&fleet.service, v1::ListRunsRequest { page_size: 2, ..everything() }).await;
    assert_eq!(numbers(&first), [4, 3]);
    fleet.start(span(run(5), 1), step("a")).await;
    let page_token = first.next_page_token;
    assert_eq!(list(&fleet, v1::ListRunsRequest { page_token, ..everything() }).await, [2, 1]);
}

#[sqlx::test]
async fn a_tasks_runs_are_listed(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    for (number, task) in [(1, "a"), (2, "b"), (3, "a")] {
        let start = Start { task_id: Some(task.into()), ..step("x") };
        fleet.start(span(run(number), 1), start).await;
        fleet.wait(1);
    }
    let request = v1::ListRunsRequest { task_id: "a".to_owned(), ..everything() };
    assert_eq!(list(&fleet, request).await, [3, 1]);
}

#[sqlx::test]
async fn runs_are_told_apart_by_where_they_stand(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    for number in 1..=4 {
        fleet.start(span(run(number), 1), step("a")).await;
    }
    fleet.end(span(run(1), 1), EndStatus::Success).await;
    fleet.end(span(run(2), 1), EndStatus::Failed).await;
    fleet.end(span(run(3), 1), EndStatus::Cancelled).await;
    // One of its spans has failed, yet it runs.
    fleet.start(span(run(4), 2), step("b")).await;
    fleet.end(span(run(4), 2), EndStatus::Failed).await;
    for (status, number) in [
        (v1::Status::Success, 1),
        (v1::Status::Failed, 2),
        (v1::Status::Cancelled, 3),
        (v1::Status::Running, 4),
    ] {
        let request = v1::ListRunsRequest { status: status.into(), ..everything() };
        assert_eq!(list(&fleet, request).await, [number], "{status:?}");
    }
}

#[sqlx::test]
async fn one_span_must_pass_all_filters_on_spans(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let layered = |layer: &str, start| Start { layer: Some(layer.into()), ..start };
    // The host of one span and the agent of another.
    fleet.start(span(run(1), 1), layered("tool", on("a", "audit", step("x")))).await;
    fleet.start(span(run(1), 2), layered("tool", on("b", "qa", step("y")))).await;
    // Both in a running span, both in an ended one.
    fleet.wait(1);
    fleet.start(span(run(2), 1), layered("tool", on("a", "qa", step("x")))).await;
    fleet.wait(1);
    fleet.start(span(run(3), 1), layered("tool", on("a", "qa", step("x")))).await;
    fleet.end(span(run(3), 1), EndStatus::Success).await;
    // Another layer.
    fleet.start(span(run(4), 1), layered("llm", on("a", "qa", step("x")))).await;
    let request = v1::ListRunsRequest {
        executor_host: "a".to_owned(),
        agent: "qa".to_owned(),
        layer: "tool".to_owned(),
        ..everything()
    };
    assert_eq!(list(&fleet, request).await, [3, 2]);
}

#[sqlx::test]
async fn a_kind_of_failure_finds_the_runs_with_such_a_span(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    for number in 1..=3 {
        fleet.start(span(run(number), 1), step("root")).await;
        fleet.start(span(run(number), 2), step("x")).await;
        fleet.wait(1);
    }
    fleet.fail(span(run(1), 2), ReasonKind::Transient, "timeout", "").await;
    fleet.end(span(run(2), 2), EndStatus::Failed).await;
    fleet.end(span(run(3), 2), EndStatus::Success).await;
    let of = |kind: v1::ReasonKind| v1::ListRunsRequest {
        reason_kind: Some(kind.into()),
        ..everything()
    };
    assert_eq!(list(&fleet, of(v1::ReasonKind::Transient)).await, [1]);
    assert_eq!(list(&fleet, of(v1::ReasonKind::Unknown)).await, [2]);
    assert_eq!(list(&fleet, of(v1::ReasonKind::Config)).await, Vec::<u64>::new());
    assert_eq!(list(&fleet, everything()).await, [3, 2, 1]);
}

#[sqlx::test]
async fn a_span_of_time_holds_its_beginning_but_not_its_end(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    for number in 1..=4 {
        fleet.start(span(run(number), 1), step("a")).await;
        fleet.wait(1);
    }
    let request = v1::ListRunsRequest {
        started_after: Some(wire(1)),
        started_before: Some(wire(3)),
        ..everything()
    };
    assert_eq!(list(&fleet, request).await, [3, 2]);
}

#[sqlx::test]
async fn fifty_runs_come_where_no_number_is_asked_for(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    crowd(&fleet).await;
    let answer = page(&fleet.service, everything()).await;
    assert_eq!(answer.runs.len(), 50);
    assert_ne!(answer.next_page_token, "");
}
