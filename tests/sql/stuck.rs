//! `detect_stuck_runs`, held to the cases that the domain is held to.

use serde_json::{Value, json};
use sqlx::{Executor, PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    fixture::{ask, given, refusal, run},
    liveness_cases::{self, Case, id},
};

fn at(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "NULL".to_owned(), |s| format!("now() + make_interval(secs => {s})"))
}

fn uuid(id: Option<Uuid>) -> String {
    id.map_or_else(|| "NULL".to_owned(), |id| format!("'{id}'"))
}

fn millis(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "NULL".to_owned(), |s| format!("{s} * 1000"))
}

/// Stores a case as run 1.
async fn store(db: &mut PgConnection, case: &Case) {
    let end = case.last_end.as_ref();
    let first_seen = case.running.iter().map(|span| span.first_seen).reduce(f64::min);
    run(
        &mut *db,
        &format!(
            "INSERT INTO runs (run_id, task_id, started_at, last_alive_at, last_ended_parent)
             VALUES (id(1), 'a task', now(), {}, {})",
            at(end.map(|end| end.at).or(first_seen).or(Some(0.0))),
            uuid(end.and_then(|end| Some(id(end.parent?, end.parent_high)))),
        ),
    )
    .await;
    for span in &case.running {
        run(
            &mut *db,
            &format!(
                "INSERT INTO live_spans (run_id, span_id, parent_span_id, ts_start, first_seen_at,
                                         last_alive_at, progress_at, stuck_after_ms,
                                         progress_timeout_ms)
                 VALUES (id(1), {}, {}, {}, {}, {}, {}, {}, {})",
                uuid(Some(id(span.id, span.high))),
                uuid(span.parent.map(|parent| id(parent, span.parent_high))),
                at(span.started),
                at(Some(span.first_seen)),
                at(Some(span.alive)),
                at(span.moved),
                millis(span.stuck_after),
                millis(span.progress_timeout),
            ),
        )
        .await;
    }
}

#[sqlx::test]
async fn detect_stuck_runs_judges_every_case_as_the_domain_does(pool: PgPool) {
    given(&pool, "").await;
    for case in liveness_cases::all() {
        if case.server_started.is_some() {
            continue;
        }
        let name = &case.name;
        // Within a transaction now() stands still, so that exact cases are exact.
        let mut tx = pool.begin().await.unwrap();
        store(&mut tx, &case).await;

        let last = ask(
            &mut *tx,
            "SELECT span_id, extract(epoch FROM last_alive_at - now()) AS at
             FROM last_alive_running_span(id(1))",
        )
        .await;
        let wanted: Vec<Value> = case
            .last_alive
            .iter()
            .map(|alive| json!({"span_id": id(alive.id, alive.high), "at": alive.at}))
            .collect();
        assert_eq!(same_numbers(last), same_numbers(wanted), "last alive: {name}");

        let stuck = ask(
            &mut *tx,
            &format!(
                "SELECT verdict, span_id, task_id, stuck_duration_seconds, limit_seconds, evidence
                 FROM detect_stuck_runs({})",
                case.limit.unwrap_or(300.0)
            ),
        )
        .await;
        let wanted: Vec<Value> = case
            .stuck
            .iter()
            .map(|stuck| {
                json!({"verdict": stuck.verdict, "span_id": id(stuck.id, stuck.high),
                       "task_id": "a task", "stuck_duration_seconds": (-stuck.since).floor(),
                       "limit_seconds": stuck.limit, "evidence": stuck.evidence})
            })
            .collect();
        assert_eq!(same_numbers(stuck), same_numbers(wanted), "stuck: {name}");
        tx.rollback().await.unwrap();
    }
}

/// 5 and 5.0 are one number.
fn same_numbers(mut rows: Vec<Value>) -> Vec<Value> {
    for value in rows.iter_mut().filter_map(Value::as_object_mut).flat_map(|row| row.values_mut()) {
        if let Some(number) = value.as_f64() {
            *value = json!(number);
        }
    }
    rows
}

const STUCK: &str = "
    INSERT INTO runs (run_id, task_id, attempt, started_at, last_alive_at)
    VALUES (id(1), 'a', 1, ago(1000), ago(1000)),
           (id(2), NULL, 1, ago(1000), ago(1000)),
           (id(3), 'c', 1, ago(1000), ago(1000));
    INSERT INTO live_spans (run_id, span_id, layer, step_name, executor_host, agent, attempt,
                            first_seen_at, last_alive_at, progress_at, progress_current,
                            progress_total, progress_note, progress_timeout_ms)
    VALUES (id(1), span(1), 'L2', 'fetch', 'us-vps', 'nobel', 3, ago(1000), ago(394.5),
            NULL, NULL, NULL, NULL, NULL),
           (id(2), span(1), 'L2', 'render', 'hk-vps', 'qa', 1, ago(1000), ago(2),
            ago(620.5), 40, 100, 'frames', 600000),
           (id(3), span(1), 'L2', 'idle', 'hk-vps', 'qa', 1, ago(1000), ago(2),
            NULL, NULL, NULL, NULL, NULL);";

#[sqlx::test]
async fn stuck_runs_are_named_in_full_the_longest_first(pool: PgPool) {
    given(&pool, STUCK).await;
    let mut tx = pool.begin().await.unwrap();
    run(&mut *tx, "UPDATE live_spans SET last_alive_at = ago(394.5) WHERE run_id = id(1)").await;
    run(&mut *tx, "UPDATE live_spans SET progress_at = ago(620.5) WHERE run_id = id(2)").await;
    let stuck = ask(
        &mut *tx,
        "SELECT task_id, span_id = span(1) AS own, layer, step_name, executor_host, agent, attempt,
                verdict, stuck_duration_seconds, limit_seconds, evidence,
                last_alive_at > ago(60) AS beats
         FROM detect_stuck_runs()",
    )
    .await;
    assert_eq!(
        stuck,
        [
            json!({"task_id": null, "own": true, "layer": "L2", "step_name": "render",
                   "executor_host": "hk-vps", "agent": "qa", "attempt": 1,
                   "verdict": "NO_PROGRESS", "stuck_duration_seconds": 620, "limit_seconds": 600,
                   "evidence": "no progress for 620 s, limit 600 s, last at 40 of 100 (frames)",
                   "beats": true}),
            json!({"task_id": "a", "own": true, "layer": "L2", "step_name": "fetch",
                   "executor_host": "us-vps", "agent": "nobel", "attempt": 3,
                   "verdict": "NO_HEARTBEAT", "stuck_duration_seconds": 394, "limit_seconds": 300,
                   "evidence": "no heartbeat for 394 s, limit 300 s", "beats": false}),
        ]
    );
}

#[sqlx::test]
async fn one_heartbeat_revokes_the_verdict(pool: PgPool) {
    given(&pool, STUCK).await;
    let named = "SELECT FROM detect_stuck_runs() WHERE run_id = id(1)";
    assert_eq!(ask(&pool, named).await.len(), 1);
    ask(&pool, "SELECT update_run_heartbeat(id(1), span(1))").await;
    assert_eq!(ask(&pool, named).await.len(), 0);
}

#[sqlx::test]
async fn detecting_writes_nothing(pool: PgPool) {
    given(&pool, STUCK).await;
    let mut tx = pool.begin().await.unwrap();
    run(&mut *tx, "SET TRANSACTION READ ONLY").await;
    assert_eq!(ask(&mut *tx, "SELECT * FROM detect_stuck_runs()").await.len(), 2);
}

#[sqlx::test]
async fn a_run_whose_row_is_missing_is_judged_too(pool: PgPool) {
    given(&pool, STUCK).await;
    run(&pool, "DELETE FROM runs").await;
    assert_eq!(ask(&pool, "SELECT * FROM detect_stuck_runs()").await.len(), 2);
}

#[sqlx::test]
async fn a_threshold_of_nothing_or_less_is_refused(pool: PgPool) {
    given(&pool, STUCK).await;
    for threshold in ["0", "-1", "NULL"] {
        let said = refusal(&pool, &format!("SELECT * FROM detect_stuck_runs({threshold})")).await;
        assert_eq!(said, format!("threshold_seconds is {threshold}: give 1 or more seconds"));
    }
    let most = "SELECT verdict FROM detect_stuck_runs(2147483647)";
    assert_eq!(ask(&pool, most).await, [json!({"verdict": "NO_PROGRESS"})]);
}

#[sqlx::test]
async fn functions_mean_their_own_tables_whatever_the_search_path(pool: PgPool) {
    given(&pool, STUCK).await;
    let mut conn = pool.acquire().await.unwrap();
    conn.execute("SET search_path = pg_catalog").await.unwrap();
    // A temporary table would come before the real one.
    conn.execute("CREATE TEMPORARY TABLE live_spans (run_id text)").await.unwrap();
    let stuck = ask(&mut *conn, "SELECT * FROM public.detect_stuck_runs()").await;
    assert_eq!(stuck.len(), 2);
    let last = ask(&mut *conn, "SELECT * FROM public.v_run_last_alive_span").await;
    assert_eq!(last.len(), 3);
    let marked = ask(&mut *conn, "SELECT * FROM public.cleanup_expired_runs()").await;
    assert_eq!(marked.len(), 0);
    let beats = "SELECT public.update_run_heartbeat(public.id(1), public.span(1)) AS beats";
    assert_eq!(ask(&mut *conn, beats).await, [json!({"beats": true})]);
}
