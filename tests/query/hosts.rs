//! `ListHosts`.

use livespan_server::{
    domain::{event::Start, reason::ReasonKind, status::EndStatus},
    proto::v1::{self, trace_query_server::TraceQuery as _},
};
use sqlx::PgPool;
use tonic::Request;

use crate::fleet::*;

async fn hosts(fleet: &Fleet) -> Vec<v1::Host> {
    let request = v1::ListHostsRequest::default();
    fleet.service.list_hosts(Request::new(request)).await.unwrap().into_inner().hosts
}

#[sqlx::test]
async fn without_spans_there_are_no_hosts(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    assert_eq!(hosts(&fleet).await, []);
    fleet.start(span(run(1), 1), step("on a machine without a name")).await;
    assert_eq!(hosts(&fleet).await, []);
}

#[sqlx::test]
async fn a_host_is_told_by_what_runs_there_and_what_failed(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let failed = span(run(1), 1);
    fleet.start(failed, on("mac-mini", "qa", step("click"))).await;
    fleet.wait(5);
    fleet.fail(failed, ReasonKind::Transient, "timeout", "late").await;
    let (first, second) = (span(run(1), 2), span(run(2), 1));
    let start = Start { layer: Some("tool".into()), ..on("mac-mini", "audit", step("read")) };
    fleet.start(first, start).await;
    fleet.start(second, on("mac-mini", "qa", step("write"))).await;
    fleet.wait(10);
    fleet.beat(first).await;
    let answer = hosts(&fleet).await;
    let running = |key: livespan_server::domain::ids::SpanKey| v1::HostStep {
        run_id: key.run_id.to_string(),
        span_id: key.span_id.to_string(),
        ..Default::default()
    };
    let expected = v1::Host {
        executor_host: "mac-mini".to_owned(),
        running_spans: 2,
        running_runs: 2,
        agents: vec!["audit".to_owned(), "qa".to_owned()],
        last_alive_at: Some(wire(15)),
        failure_count: 1,
        last_failure_at: Some(wire(5)),
        steps: vec![
            v1::HostStep {
                layer: "tool".to_owned(),
                step_name: "read".to_owned(),
                agent: "audit".to_owned(),
                last_alive_at: Some(wire(15)),
                ..running(first)
            },
            v1::HostStep {
                step_name: "write".to_owned(),
                agent: "qa".to_owned(),
                last_alive_at: Some(wire(5)),
                ..running(second)
            },
        ],
    };
    assert_eq!(answer, [expected]);
}

#[sqlx::test]
async fn a_host_whose_work_has_ended_stays_with_its_last_word(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), on("b", "qa", step("one"))).await;
    fleet.start(span(run(2), 1), on("a", "qa", step("two"))).await;
    fleet.wait(9);
    fleet.end(span(run(1), 1), EndStatus::Success).await;
    fleet.wait(60);
    let answer = hosts(&fleet).await;
    let told: Vec<_> = answer
        .iter()
        .map(|host| (&*host.executor_host, host.running_spans, host.last_alive_at))
        .collect();
    assert_eq!(told, [("a", 1, Some(wire(0))), ("b", 0, Some(wire(9)))]);
}

#[sqlx::test]
async fn work_that_ended_before_the_window_is_forgotten(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let key = span(run(1), 1);
    let start = Start { ts_start: Some(at(0)), ..on("a", "qa", step("old")) };
    fleet.start(key, start).await;
    fleet.fail(key, ReasonKind::Config, "permission", "no").await;
    fleet.wait(86_401);
    assert_eq!(hosts(&fleet).await, []);
    let window = Some(prost_types::Duration { seconds: 86_402, nanos: 0 });
    let request = v1::ListHostsRequest { window, page_size: 0 };
    let answer = fleet.service.list_hosts(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(answer.hosts.len(), 1);
}

#[sqlx::test]
async fn of_a_busy_host_five_steps_are_named(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    for number in 1..=7 {
        fleet.start(span(run(1), number), on("a", "qa", step("busy"))).await;
    }
    let answer = hosts(&fleet).await;
    assert_eq!((answer[0].running_spans, answer[0].running_runs), (7, 1));
    assert_eq!(answer[0].steps.len(), 5);
}
