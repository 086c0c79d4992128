//! `ListFailureSites`, `GetFailureTrend` and the filter of runs by code.

use livespan_server::{
    domain::{event::Start, ids::SpanKey, reason::ReasonKind, status::EndStatus},
    proto::v1::{self, trace_query_server::TraceQuery as _},
};
use sqlx::PgPool;
use tonic::Request;

use crate::fleet::*;

async fn sites(fleet: &Fleet, request: v1::ListFailureSitesRequest) -> Vec<v1::FailureSite> {
    fleet.service.list_failure_sites(Request::new(request)).await.unwrap().into_inner().sites
}

async fn trend(fleet: &Fleet, buckets: u32) -> v1::GetFailureTrendResponse {
    let window = Some(prost_types::Duration { seconds: 100, nanos: 0 });
    let request = v1::GetFailureTrendRequest { window, buckets };
    fleet.service.get_failure_trend(Request::new(request)).await.unwrap().into_inner()
}

async fn failed(fleet: &Fleet, key: SpanKey, start: Start, kind: ReasonKind, code: &str) {
    fleet.start(key, start).await;
    fleet.fail(key, kind, code, &format!("{code} of {}", key.span_id)).await;
}

#[sqlx::test]
async fn a_site_is_one_cause_at_one_step_on_one_machine(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let transient = ReasonKind::Transient;
    let fetch = || Start { layer: Some("tool".into()), ..on("a", "qa", step("fetch")) };
    failed(&fleet, span(run(1), 1), fetch(), transient, "timeout").await;
    fleet.wait(7);
    failed(&fleet, span(run(2), 2), fetch(), transient, "timeout").await;
    failed(&fleet, span(run(2), 3), on("b", "qa", step("fetch")), transient, "timeout").await;
    failed(&fleet, span(run(2), 4), on("a", "qa", step("post")), transient, "timeout").await;
    let answer = sites(&fleet, v1::ListFailureSitesRequest::default()).await;
    let expected = v1::FailureSite {
        fingerprint: "f00d".to_owned(),
        step_name: "fetch".to_owned(),
        executor_host: "a".to_owned(),
        failure_count: 2,
        affected_runs: 2,
        first_seen: Some(wire(0)),
        last_seen: Some(wire(7)),
        sample_run_ids: vec![run(2).to_string(), run(1).to_string()],
        sample_span_id: span(run(2), 2).span_id.to_string(),
        layer: "tool".to_owned(),
        agent: "qa".to_owned(),
        reason_kind: v1::ReasonKind::Transient.into(),
        reason_code: "timeout".to_owned(),
        error_type: "TestError".to_owned(),
        sample_message: format!("timeout of {}", span(run(2), 2).span_id),
    };
    assert_eq!(answer[0], expected);
    let others: Vec<_> =
        answer[1..].iter().map(|site| (&*site.step_name, &*site.executor_host)).collect();
    assert_eq!(others, [("fetch", "b"), ("post", "a")]);
}

#[sqlx::test]
async fn a_failure_of_which_nothing_is_known_has_a_site_too(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.end(span(run(1), 1), EndStatus::Failed).await;
    let answer = sites(&fleet, v1::ListFailureSitesRequest::default()).await;
    assert_eq!(answer.len(), 1);
    assert_eq!((&*answer[0].fingerprint, &*answer[0].step_name), ("", ""));
    assert_eq!(&*answer[0].reason_code, "unknown");
}

#[sqlx::test]
async fn sites_are_filtered_by_code_kind_machine_and_agent(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (transient, config) = (ReasonKind::Transient, ReasonKind::Config);
    failed(&fleet, span(run(1), 1), on("a", "qa", step("1")), transient, "timeout").await;
    failed(&fleet, span(run(1), 2), on("b", "qa", step("2")), transient, "conflict").await;
    failed(&fleet, span(run(1), 3), on("b", "audit", step("3")), config, "permission").await;
    let all = v1::ListFailureSitesRequest::default;
    for (request, expected) in [
        (v1::ListFailureSitesRequest { reason_code: "conflict".to_owned(), ..all() }, "2"),
        (v1::ListFailureSitesRequest { executor_host: "a".to_owned(), ..all() }, "1"),
        (v1::ListFailureSitesRequest { agent: "audit".to_owned(), ..all() }, "3"),
        (v1::ListFailureSitesRequest { reason_kind: v1::ReasonKind::Config.into(), ..all() }, "3"),
    ] {
        let answer = sites(&fleet, request).await;
        let steps: Vec<_> = answer.iter().map(|site| &*site.step_name).collect();
        assert_eq!(steps, [expected]);
    }
    let request = v1::ListFailureSitesRequest { page_size: 2, ..all() };
    assert_eq!(sites(&fleet, request).await.len(), 2);
}

#[sqlx::test]
async fn a_trend_counts_each_failure_in_the_bucket_of_its_end(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    failed(&fleet, span(run(1), 1), step("too old"), ReasonKind::Config, "permission").await;
    fleet.wait(101);
    // The window's 100 s began a second after that.
    failed(&fleet, span(run(1), 2), step("a"), ReasonKind::Config, "permission").await;
    fleet.wait(60);
    for number in [3, 4] {
        failed(&fleet, span(run(1), number), step("b"), ReasonKind::Transient, "timeout").await;
    }
    fleet.wait(30);
    let kind = |kind: v1::ReasonKind, counts: &[u32]| v1::KindTrend {
        reason_kind: kind.into(),
        failure_count: counts.iter().sum(),
        counts: counts.to_vec(),
    };
    let expected = v1::GetFailureTrendResponse {
        since: Some(wire(91)),
        bucket_seconds: 25.0,
        kinds: vec![
            kind(v1::ReasonKind::Config, &[1, 0, 0, 0]),
            kind(v1::ReasonKind::Transient, &[0, 0, 2, 0]),
        ],
    };
    assert_eq!(trend(&fleet, 4).await, expected);
    // Ended at this moment: the last bucket's.
    failed(&fleet, span(run(1), 5), step("c"), ReasonKind::Transient, "timeout").await;
    assert_eq!(trend(&fleet, 4).await.kinds[1].counts, [0, 0, 2, 1]);
    assert_eq!(trend(&fleet, 0).await.kinds[0].counts.len(), 24);
}

#[sqlx::test]
async fn where_nothing_failed_a_trend_has_no_kinds(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    assert_eq!(trend(&fleet, 0).await.kinds, []);
}

#[sqlx::test]
async fn a_trend_is_cut_into_no_more_than_500_buckets(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let request = v1::GetFailureTrendRequest { window: None, buckets: 501 };
    let status = fleet.service.get_failure_trend(Request::new(request)).await.unwrap_err();
    assert_eq!(status.message(), "buckets: is 501: send at most 500");
}

#[sqlx::test]
async fn runs_are_found_by_the_code_of_a_failure(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    failed(&fleet, span(run(1), 1), step("a"), ReasonKind::Transient, "timeout").await;
    failed(&fleet, span(run(2), 1), step("b"), ReasonKind::Transient, "conflict").await;
    fleet.start(span(run(3), 1), step("c")).await;
    let ask = async |reason_code: &str, reason_kind: Option<v1::ReasonKind>| {
        let request = v1::ListRunsRequest {
            reason_code: reason_code.to_owned(),
            reason_kind: reason_kind.map(Into::into),
            ..Default::default()
        };
        let answer = fleet.service.list_runs(Request::new(request)).await.unwrap().into_inner();
        answer.runs.into_iter().map(|run| run.run_id).collect::<Vec<_>>()
    };
    assert_eq!(ask("timeout", None).await, [run(1).to_string()]);
    assert_eq!(ask("conflict", Some(v1::ReasonKind::Transient)).await, [run(2).to_string()]);
    assert_eq!(ask("conflict", Some(v1::ReasonKind::Config)).await, Vec::<String>::new());
}
