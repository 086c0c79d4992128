//! `run_events`, `v_run_last_alive_span`, `v_active_runs` and
//! `update_run_heartbeat`: spans one by one.

use serde_json::json;
use sqlx::PgPool;

use crate::fixture::{ask, given, run};

/// Run 1 of task `nightly` has ended save for its root and one step; run 2 has
/// ended.
const TWO_RUNS: &str = "
    INSERT INTO runs (run_id, task_id, attempt, retry_of, started_at, last_alive_at,
                      last_ended_parent)
    VALUES (id(1), 'nightly', 2, id(2), ago(900), ago(50), span(1)),
           (id(2), 'nightly', 1, NULL, ago(5000), ago(4000), NULL);
    INSERT INTO live_spans (run_id, span_id, parent_span_id, layer, step_name, executor_host,
                            agent, attempt, ts_start, first_seen_at, last_alive_at,
                            input_summary, progress_current, progress_at, cancel_requested)
    VALUES (id(1), span(1), NULL, 'L0', 'render', 'hk-vps', 'qa', 1, ago(900), ago(899), ago(600),
            '{\"shots\": 3}', 1, ago(700), true),
           (id(1), span(2), span(1), 'L2', 'shot 2', 'mac-mini', 'qa', 1, ago(300), ago(299),
            ago(100), NULL, NULL, NULL, false);
    INSERT INTO finished_spans (run_id, span_id, parent_span_id, layer, step_name, executor_host,
                                agent, attempt, status, ts_start, ts_end, first_seen_at,
                                last_alive_at, input_summary, reason_code, reason_kind)
    VALUES (id(1), span(3), span(1), 'L2', 'shot 1', 'us-vps', 'qa', 1, 'FAILED', ago(800),
            ago(51), ago(800), ago(50), NULL, 'timeout', 'TRANSIENT'),
           (id(2), span(1), NULL, 'L0', 'render', 'hk-vps', 'qa', 1, 'SUCCESS', ago(5000),
            ago(4000), ago(5000), ago(4000), NULL, NULL, NULL),
           (id(2), span(2), span(1), 'L2', 'shot 1', 'us-vps', 'nobel', 1, 'SUCCESS', ago(4900),
            ago(4000), ago(4900), ago(4000), '{\"shot\": 1}', NULL, NULL);";

#[sqlx::test]
async fn run_events_has_every_column_of_its_tables(pool: PgPool) {
    // The hashes are the writer's own notes: they count, and say nothing.
    let missing = ask(
        &pool,
        "SELECT c.column_name FROM information_schema.columns c
         WHERE c.table_name IN ('live_spans', 'finished_spans')
             AND c.column_name <> 'conflicting_end_hashes' AND NOT EXISTS (
             SELECT FROM information_schema.columns e
             WHERE e.table_name = 'run_events' AND e.column_name = c.column_name)",
    )
    .await;
    assert_eq!(missing, Vec::<serde_json::Value>::new());
}

#[sqlx::test]
async fn run_events_shows_running_and_ended_spans_with_their_run(pool: PgPool) {
    given(&pool, TWO_RUNS).await;
    let events = ask(
        &pool,
        "SELECT run_id, layer, step_name, status, task_id, reason_kind, retry_of = id(2) AS retry,
                ts_end IS NULL AS open, heartbeat_ts = last_alive_at AS alive, cancel_requested
         FROM run_events WHERE run_id = id(1) ORDER BY ts_start",
    )
    .await;
    let run_id = "00000000-0000-0000-0000-000000000001";
    let event = |layer, step, status, kind: Option<&str>, cancel| {
        json!({"run_id": run_id, "layer": layer, "step_name": step, "status": status,
               "task_id": "nightly", "reason_kind": kind, "retry": true,
               "open": status == "RUNNING", "alive": true, "cancel_requested": cancel})
    };
    assert_eq!(
        events,
        [
            event("L0", "render", "RUNNING", None, true),
            event("L2", "shot 1", "FAILED", Some("TRANSIENT"), false),
            event("L2", "shot 2", "RUNNING", None, false),
        ]
    );
}

#[sqlx::test]
async fn a_run_is_alive_where_its_last_step_ended(pool: PgPool) {
    given(&pool, TWO_RUNS).await;
    let last = ask(
        &pool,
        "SELECT step_name, status, executor_host, seconds_since_activity, is_stuck, input_summary
         FROM v_run_last_alive_span WHERE run_id = id(1)",
    )
    .await;
    // It was not heard of for 600 s, but its step ended 50 s ago.
    assert_eq!(
        last,
        [json!({"step_name": "render", "status": "RUNNING", "executor_host": "hk-vps",
                "seconds_since_activity": 50, "is_stuck": false, "input_summary": {"shots": 3}})]
    );
}

#[sqlx::test]
async fn a_silent_run_is_stuck_at_its_last_alive_span(pool: PgPool) {
    given(&pool, TWO_RUNS).await;
    run(&pool, "UPDATE runs SET last_alive_at = ago(500), last_ended_parent = NULL").await;
    run(&pool, "UPDATE live_spans SET last_alive_at = ago(400)").await;
    let last = "SELECT step_name, seconds_since_activity, is_stuck FROM v_run_last_alive_span
                WHERE run_id = id(1)";
    let stuck = |is_stuck: bool| json!({"step_name": "shot 2", "seconds_since_activity": 400, "is_stuck": is_stuck});
    let mut tx = pool.begin().await.unwrap();
    run(&mut *tx, "UPDATE live_spans SET last_alive_at = ago(400)").await;
    assert_eq!(ask(&mut *tx, last).await, [stuck(true)]);
    run(&mut *tx, "UPDATE live_spans SET stuck_after_ms = 400000").await;
    assert_eq!(ask(&mut *tx, last).await, [stuck(false)]);
}

#[sqlx::test]
async fn a_run_that_ended_was_alive_last_at_the_deepest_span_heard_of_last(pool: PgPool) {
    given(&pool, TWO_RUNS).await;
    let last = ask(
        &pool,
        "SELECT step_name, status, agent, is_stuck, input_summary
         FROM v_run_last_alive_span WHERE run_id = id(2)",
    )
    .await;
    assert_eq!(
        last,
        [json!({"step_name": "shot 1", "status": "SUCCESS", "agent": "nobel",
                "is_stuck": false, "input_summary": {"shot": 1}})]
    );
}

#[sqlx::test]
async fn every_run_has_one_last_alive_span(pool: PgPool) {
    given(&pool, TWO_RUNS).await;
    let rows = ask(&pool, "SELECT run_id FROM v_run_last_alive_span").await;
    assert_eq!(rows.len(), 2);
    let rows = ask(&pool, "SELECT * FROM v_run_last_alive_span LIMIT 1").await;
    assert_eq!(rows.len(), 1);
}

#[sqlx::test]
async fn active_runs_show_their_current_step_and_all_hosts(pool: PgPool) {
    given(&pool, TWO_RUNS).await;
    let active = ask(
        &pool,
        "SELECT task_id, attempt, executor_host, agent, layer, step_name, span_id = span(1) AS own,
                started_at < ago(890) AS since_its_start, seconds_since_activity, running_spans,
                hosts
         FROM v_active_runs",
    )
    .await;
    assert_eq!(
        active,
        [json!({"task_id": "nightly", "attempt": 2, "executor_host": "hk-vps", "agent": "qa",
                "layer": "L0", "step_name": "render", "own": true, "since_its_start": true,
                "seconds_since_activity": 50, "running_spans": 2, "hosts": ["hk-vps", "mac-mini"]})]
    );
}

#[sqlx::test]
async fn depths_are_counted_from_the_roots_and_end_in_circles(pool: PgPool) {
    given(&pool, "").await;
    // 1 <- 2 <- 3, an orphan 4, itself 5, the circle 6 and 7; 8 names 2 by
    // other first bytes.
    let depths = ask(
        &pool,
        "SELECT otel_span_id(span_id)::int AS n, depth FROM span_depths(
            ARRAY[span(3), span(2), span(1), span(4), span(5), span(6), span(7), span(8)],
            ARRAY[span(2), span(1), NULL, span(9), span(5), span(7), span(6), id(2)])
         ORDER BY 1",
    )
    .await;
    let deep = |n, depth| json!({"n": n, "depth": depth});
    assert_eq!(depths, [deep(1, 0), deep(2, 1), deep(3, 2), deep(4, 0), deep(8, 2)]);
}

#[sqlx::test]
async fn a_heartbeat_counts_for_a_running_span_only(pool: PgPool) {
    given(&pool, TWO_RUNS).await;
    for (of, beats) in [
        ("id(1), span(1)", true),
        // Ended.
        ("id(1), span(3)", false),
        // Of another run, of no run, none.
        ("id(2), span(2)", false),
        ("id(9), span(1)", false),
        ("NULL, NULL", false),
    ] {
        let answer = ask(&pool, &format!("SELECT update_run_heartbeat({of}) AS beats")).await;
        assert_eq!(answer, [json!({ "beats": beats })], "{of}");
    }
    let alive = ask(
        &pool,
        "SELECT span_id = span(1) AS beaten FROM live_spans WHERE last_alive_at > ago(60)",
    )
    .await;
    assert_eq!(alive, [json!({"beaten": true})]);
}

#[sqlx::test]
async fn a_heartbeat_never_makes_a_span_older(pool: PgPool) {
    given(&pool, TWO_RUNS).await;
    run(&pool, "UPDATE live_spans SET last_alive_at = ago(-60)").await;
    let answer = ask(&pool, "SELECT update_run_heartbeat(id(1), span(1)) AS beats").await;
    assert_eq!(answer, [json!({"beats": true})]);
    let later = ask(&pool, "SELECT FROM live_spans WHERE last_alive_at > ago(-1)").await;
    assert_eq!(later.len(), 2);
}
