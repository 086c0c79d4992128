//! What psql says of the interface: every column has its comment.

use serde_json::Value;
use sqlx::PgPool;

use crate::fixture::ask;

#[sqlx::test]
async fn every_column_of_every_table_and_view_has_a_comment(pool: PgPool) {
    // Asked of the catalog, so that a column which a later migration adds is
    // held to it too.
    let columns = ask(
        &pool,
        "SELECT c.relname || '.' || a.attname AS name,
                coalesce(col_description(c.oid, a.attnum), '') <> '' AS commented
         FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = 'public'::regnamespace
             AND c.relkind IN ('r', 'p', 'v', 'm')
             -- The migrator's own.
             AND c.relname <> '_sqlx_migrations'
         ORDER BY c.relname, a.attnum",
    )
    .await;
    let bare: Vec<&Value> = columns
        .iter()
        .filter(|column| column["commented"] == false)
        .map(|column| &column["name"])
        .collect();
    assert_eq!(bare, Vec::<&Value>::new(), "COMMENT ON COLUMN each, where it is added");
    // The question did reach both tables and views.
    for name in ["live_spans.last_alive_at", "v_active_runs.hosts"] {
        assert!(columns.iter().any(|column| column["name"] == name), "{name}: {columns:?}");
    }
}

#[sqlx::test]
async fn every_table_view_and_function_has_a_comment(pool: PgPool) {
    let bare = ask(
        &pool,
        "SELECT c.relname::text AS name
         FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace
             AND c.relkind IN ('r', 'p', 'v', 'm')
             AND c.relname <> '_sqlx_migrations'
             AND coalesce(obj_description(c.oid, 'pg_class'), '') = ''
         UNION ALL
         SELECT p.oid::regprocedure::text
         FROM pg_proc p
         WHERE p.pronamespace = 'public'::regnamespace
             AND coalesce(obj_description(p.oid, 'pg_proc'), '') = ''
         ORDER BY name",
    )
    .await;
    assert_eq!(bare, Vec::<Value>::new());
}
