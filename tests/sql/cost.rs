//! What the views and functions read. Each must stay as cheap beside a billion
//! spans as beside none.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::{PgPool, Postgres, Transaction};

use crate::fixture::{ask, given, run};

/// A thousand runs of twenty ended and two running spans: enough for the planner
/// to mind.
const HISTORY: &str = "
    INSERT INTO runs (run_id, task_id, started_at, last_alive_at)
    SELECT id(n), 'task ' || n, ago(900), ago(600) FROM generate_series(1, 1000) n;
    INSERT INTO finished_spans (run_id, span_id, parent_span_id, status, ts_end, first_seen_at,
                                last_alive_at)
    SELECT id(run), span(n), span(1), CASE WHEN run = 7 THEN 'FAILED' ELSE 'SUCCESS' END, ago(600),
           ago(900), ago(600)
    FROM generate_series(1, 1000) run, generate_series(1, 20) n;
    INSERT INTO live_spans (run_id, span_id, first_seen_at, last_alive_at)
    SELECT id(run), span(n), ago(900), ago(600)
    FROM generate_series(1, 1000) run, generate_series(61, 62) n;
    ANALYZE;";

#[derive(Debug, Default, PartialEq)]
struct Reads {
    /// Reads of the whole table.
    whole: i64,
    /// Rows that indexes led to.
    rows: i64,
}

/// What a query reads, table by table, whatever functions it calls.
async fn reads(tx: &mut Transaction<'_, Postgres>, sql: &str) -> BTreeMap<String, Reads> {
    let counts = "SELECT relname, seq_scan, coalesce(idx_tup_fetch, 0) AS rows
                  FROM pg_stat_xact_user_tables";
    let before = by_table(&ask(&mut **tx, counts).await);
    run(&mut **tx, sql).await;
    let mut after = by_table(&ask(&mut **tx, counts).await);
    for (table, reads) in &mut after {
        let before = before.get(table);
        reads.whole -= before.map_or(0, |before| before.whole);
        reads.rows -= before.map_or(0, |before| before.rows);
    }
    after
}

fn by_table(rows: &[Value]) -> BTreeMap<String, Reads> {
    rows.iter()
        .map(|row| {
            let count = |column: &str| row[column].as_i64().unwrap();
            let table = row["relname"].as_str().unwrap().to_owned();
            (table, Reads { whole: count("seq_scan"), rows: count("rows") })
        })
        .collect()
}

async fn plan(pool: &PgPool, sql: &str) -> String {
    let rows: Vec<(String,)> =
        sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN (COSTS OFF) {sql}")))
            .fetch_all(pool)
            .await
            .unwrap();
    rows.into_iter().map(|(line,)| line + "\n").collect()
}

#[sqlx::test]
async fn one_run_of_run_events_is_a_range_of_both_primary_keys(pool: PgPool) {
    given(&pool, HISTORY).await;
    let plan = plan(&pool, "SELECT * FROM run_events WHERE run_id = id(5)").await;
    for key in ["live_spans_pkey", "finished_spans_pkey", "runs_pkey"] {
        assert!(plan.contains(key), "{plan}");
    }
    assert!(!plan.contains("Seq Scan"), "{plan}");
}

#[sqlx::test]
async fn run_events_leaves_runs_alone_where_nothing_of_it_is_asked(pool: PgPool) {
    given(&pool, HISTORY).await;
    let sql = "SELECT run_id, layer, step_name, status, attributes FROM run_events";
    for sql in [sql.to_owned(), format!("{sql} WHERE run_id = id(5)")] {
        let plan = plan(&pool, &sql).await;
        assert!(!plan.contains("runs"), "{plan}");
    }
}

#[sqlx::test]
async fn questions_about_one_run_read_that_run_only(pool: PgPool) {
    given(&pool, HISTORY).await;
    let mut tx = pool.begin().await.unwrap();
    for view in ["run_events", "v_run_summary", "v_run_last_alive_span"] {
        let sql = format!("SELECT * FROM {view} WHERE run_id = id(5)");
        for (table, reads) in reads(&mut tx, &sql).await {
            assert_eq!(reads.whole, 0, "{view} reads all of {table}");
            // v_run_summary looks at each span up to three times.
            assert!(reads.rows <= 3 * 22, "{view} reads {reads:?} of {table}");
        }
    }
}

#[sqlx::test]
async fn the_last_alive_span_of_a_run_that_ended_is_found_in_that_run(pool: PgPool) {
    given(&pool, HISTORY).await;
    run(&pool, "DELETE FROM live_spans WHERE run_id = id(5)").await;
    let mut tx = pool.begin().await.unwrap();
    let sql = "SELECT * FROM v_run_last_alive_span WHERE run_id = id(5)";
    for (table, reads) in reads(&mut tx, sql).await {
        assert_eq!(reads.whole, 0, "{table}");
        assert!(reads.rows <= 5 * 20, "{table}: {reads:?}");
    }
}

#[sqlx::test]
async fn summaries_of_several_runs_read_these_only(pool: PgPool) {
    given(&pool, HISTORY).await;
    let mut tx = pool.begin().await.unwrap();
    let sql = "SELECT * FROM v_run_summary WHERE run_id = ANY(ARRAY[id(1), id(2), id(3)])";
    let reads = reads(&mut tx, sql).await;
    assert_eq!(reads["finished_spans"].whole, 0, "{reads:?}");
    assert!(reads["finished_spans"].rows <= 3 * 3 * 22, "{reads:?}");
}

#[sqlx::test]
async fn what_runs_now_is_told_without_history(pool: PgPool) {
    given(&pool, HISTORY).await;
    let mut tx = pool.begin().await.unwrap();
    for sql in ["SELECT * FROM detect_stuck_runs()", "SELECT * FROM v_active_runs"] {
        // All are told.
        assert_eq!(ask(&mut *tx, sql).await.len(), 1000);
        let reads = reads(&mut tx, sql).await;
        assert_eq!(reads.get("finished_spans").unwrap_or(&Reads::default()), &Reads::default());
    }
}

#[sqlx::test]
async fn failures_are_found_by_their_index(pool: PgPool) {
    given(&pool, HISTORY).await;
    let plan = plan(&pool, "SELECT * FROM v_top_failure_reasons").await;
    assert!(plan.contains("finished_spans_failures_idx"), "{plan}");
}

#[sqlx::test]
async fn a_heartbeat_in_sql_touches_no_index(pool: PgPool) {
    given(&pool, HISTORY).await;
    let mut tx = pool.begin().await.unwrap();
    run(&mut *tx, "SELECT update_run_heartbeat(id(5), span(61))").await;
    let hot = ask(
        &mut *tx,
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'live_spans'",
    )
    .await;
    assert_eq!(hot[0]["n_tup_upd"], 1);
    assert_eq!(hot[0]["n_tup_hot_upd"], 1);
}
