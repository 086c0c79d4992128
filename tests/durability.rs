//! Acknowledged means committed: the server, its connections and its Postgres
//! are killed in the middle of streaming clients, and nothing that was
//! acknowledged is missing, changed, or there twice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]

mod support;

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/ledger.rs"]
mod ledger;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/random.rs"]
mod random;
#[path = "support/requests.rs"]
mod requests;
#[path = "support/server_process.rs"]
mod server_process;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use fleet::Fleet;
use livespan::ingest::{IngestOptions, LaneOptions};
use nix::sys::signal::{Signal, kill};
use proxy::{Mode, Proxy};
use random::Random;
use requests::Key;
use server_process::{Home, ServerProcess};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use support::{TestApp, TestOptions, eventually};

const CLIENTS: usize = 20;

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

async fn start(home: &Arc<Home>, at: SocketAddr) -> ServerProcess {
    let home = Arc::clone(home);
    tokio::task::spawn_blocking(move || ServerProcess::start(&home, at))
        .await
        .unwrap()
        .expect("the server starts on what is there")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let mut random = Random::seeded("server killed");
    let home = Arc::new(Home::new());
    let mut server = start(&home, any_port()).await;
    let address = server.grpc_addr();
    let fleet = Fleet::start(&server.url(), CLIENTS, &mut random);
    for _ in 0..20 {
        fleet.moves(1 + random.below(200)).await;
        tokio::time::sleep(random.micros(Duration::from_millis(100))).await;
        server.kill();
        server = start(&home, address).await;
    }
    fleet.moves(100).await;
    let pool = PgPool::connect(&home.database_url()).await.unwrap();
    fleet.settle(&pool, Vec::new()).await;
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_postgres_or_its_connections_are_killed() {
    let mut random = Random::seeded("postgres killed");
    let home = Arc::new(Home::new());
    let mut server = start(&home, any_port()).await;
    let address = server.grpc_addr();
    let fleet = Fleet::start(&server.url(), CLIENTS, &mut random);
    for round in 0..16 {
        fleet.moves(1 + random.below(200)).await;
        tokio::time::sleep(random.micros(Duration::from_millis(100))).await;
        match round % 4 {
            0 => terminate_connections(&home.database_url()).await,
            // Postgres dies in the middle of a commit.
            1 => signal_postmaster(&home, Signal::SIGKILL).await,
            // An operator's `pg_ctl stop -m immediate`.
            2 => signal_postmaster(&home, Signal::SIGQUIT).await,
            // The whole machine, almost.
            _ => {
                signal_postmaster(&home, Signal::SIGKILL).await;
                server.kill();
                server = start(&home, address).await;
            }
        }
    }
    fleet.moves(100).await;
    let pool = PgPool::connect(&home.database_url()).await.unwrap();
    fleet.settle(&pool, Vec::new()).await;
    pool.close().await;
}

/// Acknowledgements that were on their way may still come in while Postgres is
/// being started again after the last blow: this waits for it.
async fn signal_postmaster(home: &Home, signal: Signal) {
    eventually("postgres runs", || async {
        home.postmaster().is_some_and(|postmaster| kill(postmaster, signal).is_ok())
    })
    .await;
}

async fn terminate_connections(url: &str) {
    eventually("the lanes are connected, and then are not", || async {
        let Ok(mut connection) = PgConnection::connect(url).await else { return false };
        let terminated: Result<i64, _> = sqlx::query_scalar(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE application_name = 'livespan' AND pid <> pg_backend_pid()",
        )
        .fetch_one(&mut connection)
        .await;
        terminated.is_ok_and(|terminated| terminated > 0)
    })
    .await;
}

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

/// The answer to a COMMIT gets lost: the client sends again what is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_stored_twice_when_the_way_to_the_database_breaks() {
    let mut random = Random::seeded("proxy");
    let (app, proxy) = behind_a_proxy().await;
    let fleet = Fleet::start(&format!("http://{}", app.app.grpc_addr()), CLIENTS, &mut random);
    for round in 0..30 {
        fleet.moves(1 + random.below(100)).await;
        tokio::time::sleep(random.micros(Duration::from_millis(20))).await;
        proxy.set(if round % 5 == 4 { Mode::Stall } else { Mode::Cut });
        tokio::time::sleep(random.micros(Duration::from_millis(50))).await;
        if round % 10 == 9 {
            // Long enough for the lanes to give up.
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        proxy.set(Mode::Pass);
    }
    fleet.moves(100).await;
    fleet.settle(&app.pool, Vec::new()).await;
}

/// A transaction whose connection was lost without a word keeps its locks until
/// Postgres ends it. The runs that it locked must not wait for TCP to notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_without_a_word_does_not_keep_its_locks() {
    let mut random = Random::seeded("lost connection");
    let (app, mut proxy) = behind_a_proxy().await;
    let fleet = Fleet::start(&format!("http://{}", app.app.grpc_addr()), CLIENTS, &mut random);
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
    fleet.settle(&app.pool, Vec::new()).await;
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
