//! What a question must not be: the code, the field and the advice.

use livespan_server::proto::v1::{self, trace_query_server::TraceQuery as _};
use sqlx::PgPool;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::fleet::*;

/// The fields that are complained about, each with its complaint.
fn complaints(status: &Status) -> Vec<(String, String)> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_details_bad_request().unwrap();
    details.field_violations.into_iter().map(|v| (v.field, v.description)).collect()
}

fn fields(status: &Status) -> Vec<String> {
    complaints(status).into_iter().map(|(field, _)| field).collect()
}

#[sqlx::test]
async fn a_run_id_must_be_a_uuid_everywhere(pool: PgPool) {
    let service = Fleet::new(&pool).await.service;
    for bad in [
        "",
        "x",
        "00000000-0000-0000-0000-000000000000",
        "\0",
        "{0af7651916cd43dd8448eb211c80319c}",
    ] {
        let run_id = bad.to_owned();
        let statuses = [
            service
                .get_timeline(Request::new(v1::GetTimelineRequest {
                    run_id: run_id.clone(),
                    ..Default::default()
                }))
                .await
                .unwrap_err(),
            service
                .get_run_summary(Request::new(v1::GetRunSummaryRequest { run_id: run_id.clone() }))
                .await
                .unwrap_err(),
            service
                .get_last_alive_span(Request::new(v1::GetLastAliveSpanRequest {
                    run_id: run_id.clone(),
                }))
                .await
                .unwrap_err(),
            service
                .get_run_graph(Request::new(v1::GetRunGraphRequest { run_id }))
                .await
                .unwrap_err(),
        ];
        for status in statuses {
            assert_eq!(fields(&status), ["run_id"], "{bad}");
        }
    }
    let request = v1::GetRunSummaryRequest { run_id: "x".to_owned() };
    let status = service.get_run_summary(Request::new(request)).await.unwrap_err();
    assert_eq!(
        status.message(),
        "run_id: is not a uuid: send 32 hex digits, with or without hyphens"
    );
}

#[sqlx::test]
async fn a_run_id_may_be_a_trace_id_in_hex(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("a")).await;
    let run_id = run(1).to_string().replace('-', "").to_uppercase();
    let request = v1::GetRunSummaryRequest { run_id };
    let answer = fleet.service.get_run_summary(Request::new(request)).await.unwrap();
    assert_eq!(answer.into_inner().run_id, run(1).to_string());
}

#[sqlx::test]
async fn a_page_must_not_be_too_large(pool: PgPool) {
    let service = Fleet::new(&pool).await.service;
    let page_size = 1_001;
    let statuses = [
        service
            .list_active_runs(Request::new(v1::ListActiveRunsRequest { page_size }))
            .await
            .unwrap_err(),
        service
            .list_stuck_runs(Request::new(v1::ListStuckRunsRequest { page_size, threshold: None }))
            .await
            .unwrap_err(),
        service
            .list_top_failures(Request::new(v1::ListTopFailuresRequest {
                page_size,
                ..Default::default()
            }))
            .await
            .unwrap_err(),
        service
            .list_runs(Request::new(v1::ListRunsRequest { page_size, ..Default::default() }))
            .await
            .unwrap_err(),
    ];
    for status in statuses {
        assert_eq!(
            complaints(&status),
            [("page_size".to_owned(), "is 1001: send at most 1000".to_owned())]
        );
    }
}

#[sqlx::test]
async fn a_page_token_must_be_one(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.start(span(run(1), 1), step("a")).await;
    fleet.start(span(run(1), 2), step("a")).await;
    fleet.start(span(run(2), 1), step("a")).await;
    let timeline = |page_token| v1::GetTimelineRequest {
        run_id: run(1).to_string(),
        page_size: 1,
        page_token,
    };
    let runs = |page_token| v1::ListRunsRequest { page_size: 1, page_token, ..Default::default() };
    let service = &fleet.service;
    let of_spans =
        service.get_timeline(Request::new(timeline(String::new()))).await.unwrap().into_inner();
    let of_runs = service.list_runs(Request::new(runs(String::new()))).await.unwrap().into_inner();
    for bad in ["x".to_owned(), "\0".to_owned(), of_runs.next_page_token.clone()] {
        let status = service.get_timeline(Request::new(timeline(bad))).await.unwrap_err();
        assert_eq!(fields(&status), ["page_token"]);
    }
    for bad in ["x".to_owned(), of_spans.next_page_token.clone()] {
        let status = service.list_runs(Request::new(runs(bad))).await.unwrap_err();
        assert_eq!(fields(&status), ["page_token"]);
    }
}

#[sqlx::test]
async fn a_threshold_must_be_from_a_second_to_a_year(pool: PgPool) {
    let service = Fleet::new(&pool).await.service;
    let ask = |seconds, nanos| {
        let threshold = Some(prost_types::Duration { seconds, nanos });
        service.list_stuck_runs(Request::new(v1::ListStuckRunsRequest { threshold, page_size: 0 }))
    };
    for (seconds, nanos) in
        [(0, 0), (0, 999_999_999), (-5, 0), (i64::MIN, 0), (31_536_000, 1), (i64::MAX, 0)]
    {
        let status = ask(seconds, nanos).await.unwrap_err();
        assert_eq!(fields(&status), ["threshold"], "{seconds} {nanos}");
        assert!(status.message().ends_with("send from 1 s to 365 days"), "{status:?}");
    }
    for seconds in [1, 31_536_000] {
        assert!(ask(seconds, 0).await.is_ok());
    }
}

#[sqlx::test]
async fn a_window_must_not_be_longer_than_ten_years(pool: PgPool) {
    let service = Fleet::new(&pool).await.service;
    let ask = |seconds| {
        let window = Some(prost_types::Duration { seconds, nanos: 0 });
        let request = v1::ListTopFailuresRequest { window, ..Default::default() };
        service.list_top_failures(Request::new(request))
    };
    for seconds in [0, -1, 3_650 * 86_400 + 1] {
        assert_eq!(fields(&ask(seconds).await.unwrap_err()), ["window"], "{seconds}");
    }
    assert!(ask(3_650 * 86_400).await.is_ok());
}

#[sqlx::test]
async fn all_that_is_wrong_with_a_list_of_runs_is_told_at_once(pool: PgPool) {
    let service = Fleet::new(&pool).await.service;
    let request = v1::ListRunsRequest {
        task_id: "\0".to_owned(),
        status: 9,
        agent: "a".repeat(1_025),
        executor_host: "a\0".to_owned(),
        layer: "\0".to_owned(),
        reason_kind: Some(-1),
        started_after: Some(prost_types::Timestamp { seconds: 0, nanos: -1 }),
        started_before: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        page_size: 5_000,
        page_token: "?".to_owned(),
        reason_code: "\0".to_owned(),
    };
    let status = service.list_runs(Request::new(request)).await.unwrap_err();
    let mut found = fields(&status);
    found.sort_unstable();
    let expected = [
        "agent",
        "executor_host",
        "layer",
        "page_size",
        "page_token",
        "reason_code",
        "reason_kind",
        "started_after",
        "started_before",
        "status",
        "task_id",
    ];
    assert_eq!(found, expected);
}

#[sqlx::test]
async fn filters_of_failures_are_checked(pool: PgPool) {
    let service = Fleet::new(&pool).await.service;
    let request = v1::ListTopFailuresRequest {
        reason_kind: 7,
        executor_host: "\0".to_owned(),
        agent: "é".repeat(513),
        ..Default::default()
    };
    let status = service.list_top_failures(Request::new(request)).await.unwrap_err();
    let complaints = complaints(&status);
    assert_eq!(
        complaints[0].1,
        "is 7: send UNKNOWN (0), TRANSIENT (1), PERSISTENT (2), RESOURCE (3) or CONFIG (4)"
    );
    assert_eq!(complaints[2].1, "is 1026 bytes long, the most is 1024: shorten it");
}

#[sqlx::test]
async fn a_filter_may_be_any_other_text(pool: PgPool) {
    let service = Fleet::new(&pool).await.service;
    let request = v1::ListRunsRequest {
        agent: "'; DROP TABLE runs; --".to_owned(),
        layer: "é".repeat(512),
        ..Default::default()
    };
    assert!(service.list_runs(Request::new(request)).await.is_ok());
}
