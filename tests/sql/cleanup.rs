//! `cleanup_expired_runs`: what it marks, and that callers never collide.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use sqlx::PgPool;

use crate::fixture::{ask, given, refusal, run};

/// The last ends, in days ago: run 1 8, run 2 6, run 3 8 but a span runs, run 4
/// 8 and marked already.
const RUNS: &str = "
    INSERT INTO runs (run_id, started_at, last_alive_at, gc_at)
    VALUES (id(1), now(), ago(8 * 86400), NULL), (id(2), now(), ago(6 * 86400), NULL),
           (id(3), now(), ago(8 * 86400), NULL), (id(4), now(), ago(8 * 86400), ago(60));
    INSERT INTO finished_spans (run_id, span_id, status, ts_end, first_seen_at, last_alive_at)
    SELECT id(run), span(n), 'SUCCESS', now(), ago(9 * 86400), ago(8 * 86400)
    FROM generate_series(1, 4) run, generate_series(1, 3) n;
    INSERT INTO live_spans (run_id, span_id, first_seen_at, last_alive_at)
    VALUES (id(3), span(9), ago(9 * 86400), ago(8 * 86400));";

const MARK: &str = "SELECT otel_span_id(run_id)::int AS run, total_spans,
                           run_end BETWEEN ago(8 * 86400 + 60) AND ago(8 * 86400 - 60) AS at_end
                    FROM cleanup_expired_runs() ORDER BY 1";

#[sqlx::test]
async fn runs_that_ended_over_a_week_ago_are_marked_once(pool: PgPool) {
    given(&pool, RUNS).await;
    assert_eq!(ask(&pool, MARK).await, [json!({"run": 1, "total_spans": 3, "at_end": true})]);
    assert_eq!(ask(&pool, MARK).await.len(), 0);
    let marked = ask(
        &pool,
        "SELECT otel_span_id(run_id)::int AS run FROM runs WHERE gc_at IS NOT NULL ORDER BY 1",
    )
    .await;
    assert_eq!(marked, [json!({"run": 1}), json!({"run": 4})]);
}

#[sqlx::test]
async fn the_threshold_is_in_days(pool: PgPool) {
    given(&pool, RUNS).await;
    let marked = |days: i64| format!("SELECT run_id FROM cleanup_expired_runs({days}::integer)");
    assert_eq!(ask(&pool, &marked(8 + 1)).await.len(), 0);
    assert_eq!(ask(&pool, &marked(1_000_000_000)).await.len(), 0);
    assert_eq!(ask(&pool, &marked(i64::from(i32::MAX))).await.len(), 0);
    assert_eq!(ask(&pool, &marked(5)).await.len(), 2);
    assert_eq!(ask(&pool, &marked(0)).await.len(), 0);
}

#[sqlx::test]
async fn a_run_with_running_spans_is_never_marked(pool: PgPool) {
    given(&pool, RUNS).await;
    run(&pool, "UPDATE runs SET last_alive_at = ago(1000 * 86400)").await;
    ask(&pool, "SELECT * FROM cleanup_expired_runs(0)").await;
    let unmarked = ask(&pool, "SELECT run_id = id(3) AS own FROM runs WHERE gc_at IS NULL").await;
    assert_eq!(unmarked, [json!({"own": true})]);
}

#[sqlx::test]
async fn a_threshold_below_nothing_is_refused(pool: PgPool) {
    given(&pool, RUNS).await;
    for days in ["-1", "NULL"] {
        let said = refusal(&pool, &format!("SELECT * FROM cleanup_expired_runs({days})")).await;
        assert_eq!(said, format!("days_threshold is {days}: give 0 or more days"));
    }
}

#[sqlx::test]
async fn a_snapshot_that_stands_still_is_refused(pool: PgPool) {
    given(&pool, RUNS).await;
    let mut tx = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    let refused = crate::fixture::try_ask(&mut *tx, MARK).await.unwrap_err().to_string();
    assert!(refused.contains("call cleanup_expired_runs in READ COMMITTED"), "{refused}");
}

#[sqlx::test]
async fn a_second_caller_gets_nothing_until_the_first_is_done(pool: PgPool) {
    given(&pool, RUNS).await;
    let mut first = pool.begin().await.unwrap();
    assert_eq!(ask(&mut *first, MARK).await.len(), 1);
    // Neither waits nor fails.
    assert_eq!(ask(&pool, MARK).await.len(), 0);
    first.rollback().await.unwrap();
    assert_eq!(ask(&pool, MARK).await.len(), 1);
}

#[sqlx::test]
async fn many_callers_at_once_mark_each_run_once(pool: PgPool) {
    given(
        &pool,
        "INSERT INTO runs (run_id, started_at, last_alive_at)
         SELECT id(n), now(), ago(8 * 86400) FROM generate_series(1, 500) n",
    )
    .await;
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                ask(&pool, "SELECT run_id FROM cleanup_expired_runs()").await.len()
            })
        })
        .collect();
    let mut marked = 0;
    for caller in callers {
        marked += caller.await.unwrap();
    }
    assert_eq!(marked, 500);
}

#[sqlx::test]
async fn a_run_that_is_being_written_is_passed_over(pool: PgPool) {
    given(&pool, RUNS).await;
    let mut writer = pool.begin().await.unwrap();
    run(&mut *writer, "SELECT FROM runs WHERE run_id = id(1) FOR UPDATE").await;
    // Does not wait for the writer.
    assert_eq!(ask(&pool, MARK).await.len(), 0);
    run(
        &mut *writer,
        "INSERT INTO live_spans (run_id, span_id, first_seen_at, last_alive_at)
         VALUES (id(1), span(9), now(), now())",
    )
    .await;
    writer.commit().await.unwrap();
    assert_eq!(ask(&pool, MARK).await.len(), 0);
}

#[sqlx::test]
async fn however_writers_and_cleanup_meet_no_marked_run_runs(pool: PgPool) {
    const RUNS: i32 = 300;
    given(
        &pool,
        "INSERT INTO runs (run_id, started_at, last_alive_at)
         SELECT id(n), now(), ago(8 * 86400) FROM generate_series(1, 300) n",
    )
    .await;
    let written = AtomicBool::new(false);
    let write = async {
        for n in 1..=RUNS {
            // As the server does it: the run first, which takes the mark off.
            let mut tx = pool.begin().await.unwrap();
            run(
                &mut *tx,
                &format!(
                    "INSERT INTO runs AS r (run_id, started_at, last_alive_at)
                     VALUES (id({n}), now(), now())
                     ON CONFLICT (run_id) DO UPDATE SET gc_at = NULL WHERE r.gc_at IS NOT NULL"
                ),
            )
            .await;
            run(
                &mut *tx,
                &format!(
                    "INSERT INTO live_spans (run_id, span_id, first_seen_at, last_alive_at)
                     VALUES (id({n}), span(1), now(), now())"
                ),
            )
            .await;
            tx.commit().await.unwrap();
        }
        written.store(true, Ordering::SeqCst);
    };
    let clean = async {
        while !written.load(Ordering::SeqCst) {
            ask(&pool, "SELECT run_id FROM cleanup_expired_runs()").await;
            // So that there is always something to mark.
            run(
                &pool,
                "UPDATE runs r SET gc_at = NULL WHERE gc_at IS NOT NULL
                 AND NOT EXISTS (SELECT FROM live_spans l WHERE l.run_id = r.run_id)",
            )
            .await;
        }
    };
    tokio::join!(write, clean);
    let wrong = ask(
        &pool,
        "SELECT run_id FROM runs JOIN live_spans USING (run_id) WHERE gc_at IS NOT NULL",
    )
    .await;
    assert_eq!(wrong.len(), 0);
}
