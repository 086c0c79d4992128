//! Rows to ask about, and how to ask.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor, PgPool, Postgres, Row};

/// `id(n)` and `span(n)` make the fixtures' ids: of a run, and of a span in any
/// run. `ago(s)` is s seconds ago.
const NAMES: &str = "
    CREATE FUNCTION id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN lpad(to_hex(n), 32, '0')::uuid;
    CREATE FUNCTION span(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('0000000000000001' || lpad(to_hex(n), 16, '0'))::uuid;
    CREATE FUNCTION ago(seconds float8) RETURNS timestamptz LANGUAGE sql STABLE
    RETURN now() - make_interval(secs => seconds);";

/// Makes the fixtures' names and runs `sql`, some INSERTs.
pub(crate) async fn given(pool: &PgPool, sql: &str) {
    pool.execute(sqlx::raw_sql(NAMES)).await.unwrap();
    run(pool, sql).await;
}

/// Runs some statements.
pub(crate) async fn run(db: impl Executor<'_, Database = Postgres>, sql: &str) {
    db.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
}

/// The rows of a query, as JSON.
pub(crate) async fn ask(db: impl Executor<'_, Database = Postgres>, sql: &str) -> Vec<Value> {
    try_ask(db, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// As [`ask`], where it may fail.
pub(crate) async fn try_ask(
    db: impl Executor<'_, Database = Postgres>,
    sql: &str,
) -> Result<Vec<Value>, sqlx::Error> {
    let sql = format!("SELECT to_json(asked)::text FROM ({sql}) asked");
    let rows = db.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
    Ok(rows.iter().map(|row| serde_json::from_str(row.get(0)).unwrap()).collect())
}

/// What Postgres says against a query.
pub(crate) async fn refusal(pool: &PgPool, sql: &str) -> String {
    match try_ask(pool, sql).await {
        Err(sqlx::Error::Database(error)) => error.message().to_owned(),
        other => panic!("{sql}: {other:?}"),
    }
}
