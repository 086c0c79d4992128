//! Acknowledged means committed, also where the way to the database is lost:
//! what that does to locks, to clients' answers and to artifacts. What befalls
//! whole processes is in `faults/`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]

mod support;

#[path = "support/fleet/mod.rs"]
mod fleet;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/random.rs"]
mod random;
#[path = "support/requests.rs"]
mod requests;

use std::time::Duration;

use fleet::{Fleet, Target};
use livespan_server::ingest::{IngestOptions, LaneOptions};
use proxy::{Mode, Proxy};
use random::Random;
use requests::Key;
use sqlx::{AssertSqlSafe, PgPool};
use support::{TestApp, TestOptions, eventually};

const CLIENTS: usize = 20;

/// Lanes that give up soon, so that silence doesn't cost a test its time.
fn impatient() -> IngestOptions {
    IngestOptions {
        lanes: 2,
        buffer_bytes: 64 << 20,
        lane: LaneOptions {
            commit_timeout: Duration::from_millis(500),
            connect_timeout: Duration::from_millis(500),
            ..LaneOptions::default()
        },
    }
}

/// A collector behind a proxy.
async fn behind_a_proxy() -> (TestApp, Proxy) {
    let database_url = support::new_database().await;
    let proxy = Proxy::start(&database_url).await;
    let options = TestOptions {
        ingest: impatient(),
        database_url: Some(proxy.url_of(&database_url)),
        ..TestOptions::default()
    };
    (TestApp::start_on(database_url, options).await, proxy)
}

/// A transaction whose connection was lost without a word keeps its locks until
/// Postgres ends it. The runs that it locked must not wait for TCP to notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_without_a_word_does_not_keep_its_locks() {
    let mut random = Random::seeded("lost connection");
    let (app, mut proxy) = behind_a_proxy().await;
    let at = Target { grpc: app.app.grpc_addr(), otlp_http: app.app.otlp_http_addr() };
    let artifacts = app.folder.path().join("artifacts");
    let fleet = Fleet::start(at, at, CLIENTS, Some(artifacts), &mut random);
    let mut found = 0;
    while found < 5 {
        fleet.moves(1 + random.below(100)).await;
        tokio::time::sleep(random.micros(Duration::from_millis(20))).await;
        let lost = proxy.abandon();
        eventually("every backend waits for its client", || async {
            backends(&app.pool, "wait_event IS DISTINCT FROM 'ClientRead'").await == 0
        })
        .await;
        // One that waits within a COPY is for TCP to end, which this proxy keeps
        // alive: then the connections are closed, and another moment is tried.
        let in_copy = backends(&app.pool, "state = 'active'").await;
        let idle = backends(&app.pool, "state = 'idle in transaction'").await;
        if in_copy == 0 && idle > 0 {
            found += 1;
            fleet.moves(1000).await;
        }
        drop(lost);
    }
    fleet.settle(&app.database_url).await;
}

/// How many of the collector's connections to the test's database are so.
async fn backends(pool: &PgPool, are: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT count(*) FROM pg_stat_activity
         WHERE application_name = 'livespan' AND datname = current_database() AND {are}"
    )))
    .fetch_one(pool)
    .await
    .unwrap()
}

/// What is answered while the database is away, and for how long.
#[tokio::test]
async fn clients_are_told_at_once_that_the_database_is_away_and_when_it_is_back() {
    let (app, proxy) = behind_a_proxy().await;
    app.spans().start_span(Key::random().start()).await.unwrap();
    proxy.set(Mode::Cut);
    for _ in 0..20 {
        let status = app.spans().start_span(Key::random().start()).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
        use tonic_types::StatusExt as _;
        assert!(status.get_details_retry_info().is_some(), "{status:?}");
        assert!(!status.message().contains("sql"), "{}", status.message());
    }
    proxy.set(Mode::Pass);
    eventually("spans are stored again", || async {
        app.spans().start_span(Key::random().start()).await.is_ok()
    })
    .await;
}

/// The files of spans in the collector's own store.
fn stored_files(app: &TestApp) -> usize {
    let folder = app.folder.path().join("artifacts");
    let of_runs = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    of_runs
        .filter(|folder| !folder.ends_with("unfinished"))
        .map(|folder| std::fs::read_dir(folder).unwrap().count())
        .sum()
}

/// The database may have committed the row, and only its answer been lost: what
/// an id names must be there.
#[tokio::test]
async fn bytes_whose_row_may_be_stored_are_kept_and_others_are_not() {
    let (app, proxy) = behind_a_proxy().await;
    let key = Key::random();
    app.spans().start_span(key.start()).await.unwrap();
    sqlx::raw_sql("ALTER TABLE run_artifacts ADD CONSTRAINT poison CHECK (file_name <> 'poison')")
        .execute(&app.pool)
        .await
        .unwrap();
    let mut refused = key.artifact("refused");
    refused.file_name = "poison".to_owned();
    let status = app.spans().store_artifact(refused).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status:?}");
    assert_eq!(stored_files(&app), 0);

    proxy.set(Mode::Cut);
    let status = app.spans().store_artifact(key.artifact("unanswered")).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
    assert_eq!(stored_files(&app), 1);
}
