//! `v_run_summary` and `v_top_failure_reasons`: spans counted.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::fixture::{ask, given, run};

const RUNS: &str = "
    INSERT INTO runs (run_id, task_id, attempt, started_at, last_alive_at)
    VALUES (id(1), 'nightly', 1, ago(900), ago(100)),
           (id(2), 'nightly', 2, ago(90), ago(50)),
           (id(3), NULL, 1, ago(90), ago(50));";

/// An ended root of run 3: number, step, attempt, status.
async fn root(pool: &PgPool, n: i32, step: &str, attempt: i32, status: &str) {
    run(
        pool,
        &format!(
            "INSERT INTO finished_spans (run_id, span_id, layer, step_name, attempt, status,
                                         ts_start, ts_end, first_seen_at, last_alive_at)
             VALUES (id(3), span({n}), 'L0', '{step}', {attempt}, '{status}', ago(90 - {n}),
                     ago(80), ago(90), ago(80))"
        ),
    )
    .await;
}

async fn status_of_3(pool: &PgPool) -> Value {
    ask(pool, "SELECT status FROM v_run_summary WHERE run_id = id(3)").await[0]["status"].clone()
}

#[sqlx::test]
async fn a_summary_counts_spans_hosts_agents_and_attempts(pool: PgPool) {
    given(&pool, RUNS).await;
    run(
        &pool,
        "INSERT INTO finished_spans (run_id, span_id, parent_span_id, step_name, executor_host,
                                     agent, attempt, status, ts_start, ts_end, first_seen_at,
                                     last_alive_at)
         VALUES (id(1), span(1), NULL, 'root', 'us-vps', 'qa', 1, 'SUCCESS', ago(900), ago(100),
                 ago(900), ago(100)),
                (id(1), span(2), span(1), 'a', 'mac-mini', 'nobel', 1, 'FAILED', ago(950), ago(400),
                 ago(900), ago(400)),
                (id(1), span(3), span(1), 'a', 'hk-vps', 'nobel', 3, 'SUCCESS', ago(400), ago(200),
                 ago(400), ago(200)),
                (id(1), span(4), span(1), 'b', 'us-vps', NULL, 1, 'CANCELLED', ago(200), ago(150),
                 ago(200), ago(150)),
                (id(1), span(5), span(1), 'c', NULL, NULL, 1, 'SUCCESS', ago(200), ago(150),
                 ago(200), ago(150))",
    )
    .await;
    let mut summaries = ask(
        &pool,
        "SELECT task_id, attempt, retry_of, status, total_spans, running_spans, success_spans,
                failed_spans, cancelled_spans, hosts_involved, agents, max_attempt, attempts,
                root_step_name, gc_at, round(duration_seconds) AS duration,
                ended_at < ago(99) AS ended, started_at < ago(899) AS started,
                last_alive_at < ago(99) AS alive
         FROM v_run_summary WHERE run_id = id(1)",
    )
    .await;
    assert_eq!(
        summaries.remove(0),
        json!({"task_id": "nightly", "attempt": 1, "retry_of": null, "status": "SUCCESS",
               "total_spans": 5, "running_spans": 0, "success_spans": 3, "failed_spans": 1,
               "cancelled_spans": 1, "hosts_involved": ["hk-vps", "mac-mini", "us-vps"],
               "agents": ["nobel", "qa"], "max_attempt": 3, "attempts": 2,
               "root_step_name": "root", "gc_at": null, "duration": 800, "ended": true,
               "started": true, "alive": true})
    );
}

#[sqlx::test]
async fn a_run_runs_while_any_of_its_spans_does(pool: PgPool) {
    given(&pool, RUNS).await;
    root(&pool, 1, "a", 1, "FAILED").await;
    run(
        &pool,
        "INSERT INTO live_spans (run_id, span_id, parent_span_id, first_seen_at, last_alive_at)
         VALUES (id(3), span(9), span(1), ago(90), ago(1))",
    )
    .await;
    let summary = ask(
        &pool,
        "SELECT status, ended_at, duration_seconds BETWEEN 90 AND 120 AS till_now, running_spans,
                attempts, root_step_name, last_alive_at > ago(10) AS alive
         FROM v_run_summary WHERE run_id = id(3)",
    )
    .await;
    assert_eq!(
        summary,
        [json!({"status": "RUNNING", "ended_at": null, "till_now": true, "running_spans": 1,
                "attempts": 1, "root_step_name": "a", "alive": true})]
    );
}

#[sqlx::test]
async fn the_worst_root_decides(pool: PgPool) {
    given(&pool, RUNS).await;
    root(&pool, 1, "a", 1, "SUCCESS").await;
    assert_eq!(status_of_3(&pool).await, "SUCCESS");
    root(&pool, 2, "b", 1, "CANCELLED").await;
    assert_eq!(status_of_3(&pool).await, "CANCELLED");
    root(&pool, 3, "c", 1, "FAILED").await;
    assert_eq!(status_of_3(&pool).await, "FAILED");
}

#[sqlx::test]
async fn of_a_root_tried_again_the_last_try_decides(pool: PgPool) {
    given(&pool, RUNS).await;
    root(&pool, 1, "a", 1, "FAILED").await;
    root(&pool, 2, "a", 3, "SUCCESS").await;
    root(&pool, 3, "a", 2, "CANCELLED").await;
    assert_eq!(status_of_3(&pool).await, "SUCCESS");
}

#[sqlx::test]
async fn failed_steps_do_not_fail_a_run_whose_root_ended_well(pool: PgPool) {
    given(&pool, RUNS).await;
    root(&pool, 1, "a", 1, "SUCCESS").await;
    root(&pool, 2, "b", 1, "FAILED").await;
    run(&pool, "UPDATE finished_spans SET parent_span_id = span(1) WHERE span_id = span(2)").await;
    assert_eq!(status_of_3(&pool).await, "SUCCESS");
}

#[sqlx::test]
async fn without_a_root_all_spans_decide(pool: PgPool) {
    given(&pool, RUNS).await;
    root(&pool, 1, "a", 1, "SUCCESS").await;
    root(&pool, 2, "b", 1, "FAILED").await;
    run(&pool, "UPDATE finished_spans SET parent_span_id = span(9)").await;
    let summary =
        ask(&pool, "SELECT status, root_step_name FROM v_run_summary WHERE run_id = id(3)").await;
    assert_eq!(summary, [json!({"status": "FAILED", "root_step_name": "a"})]);
}

#[sqlx::test]
async fn a_run_without_spans_has_a_summary_without_a_status(pool: PgPool) {
    given(&pool, RUNS).await;
    let summary = ask(
        &pool,
        "SELECT status, total_spans, hosts_involved FROM v_run_summary WHERE run_id = id(3)",
    )
    .await;
    assert_eq!(summary, [json!({"status": null, "total_spans": 0, "hosts_involved": []})]);
}

#[sqlx::test]
async fn failures_of_a_day_are_grouped_by_reason(pool: PgPool) {
    given(
        &pool,
        "INSERT INTO finished_spans (run_id, span_id, step_name, executor_host, status, ts_end,
                                     first_seen_at, last_alive_at, reason_kind, reason_code)
         VALUES (id(1), span(1), 'fetch', 'us-vps', 'FAILED', ago(10), ago(99), ago(10),
                 'TRANSIENT', 'timeout'),
                (id(1), span(2), 'login', 'hk-vps', 'FAILED', ago(20), ago(99), ago(20),
                 'TRANSIENT', 'timeout'),
                (id(2), span(1), 'fetch', 'us-vps', 'FAILED', ago(30), ago(99), ago(30),
                 'TRANSIENT', 'timeout'),
                -- The host's clock is a week behind; the server's counts.
                (id(2), span(2), 'fetch', NULL, 'FAILED', ago(604800), ago(99), ago(40),
                 NULL, NULL),
                -- Not a failure, and too long ago.
                (id(2), span(3), 'fetch', 'us-vps', 'CANCELLED', ago(30), ago(99), ago(30),
                 'TRANSIENT', 'timeout'),
                (id(2), span(4), 'fetch', 'us-vps', 'FAILED', ago(10), ago(99), ago(86410),
                 'CONFIG', 'permission')",
    )
    .await;
    let top = ask(
        &pool,
        "SELECT reason_kind, reason_code, failure_count, affected_runs, affected_hosts, steps,
                first_seen BETWEEN ago(60) AND ago(29) AS first, last_seen > ago(50) AS last
         FROM v_top_failure_reasons",
    )
    .await;
    assert_eq!(
        top,
        [
            json!({"reason_kind": "TRANSIENT", "reason_code": "timeout", "failure_count": 3,
                   "affected_runs": 2, "affected_hosts": ["hk-vps", "us-vps"],
                   "steps": ["fetch", "login"], "first": true, "last": true}),
            json!({"reason_kind": "UNKNOWN", "reason_code": "unknown", "failure_count": 1,
                   "affected_runs": 1, "affected_hosts": [], "steps": ["fetch"],
                   "first": true, "last": true}),
        ]
    );
}
