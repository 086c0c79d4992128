//! What the server says as it starts, and how it ends where it can't: soon,
//! with what to change, and without the password.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

mod support;

#[path = "support/server_process.rs"]
mod server_process;

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    process::{Command, Output, Stdio},
    time::Duration,
};

use nix::sys::signal::Signal;
use server_process::{Home, ServerProcess};
use sqlx::{Connection as _, PgConnection};
use support::{eventually, new_database, url_of};

const SECRET: &str = "correct-horse";

/// What service managers give at least.
const LIMIT: Duration = Duration::from_secs(10);

/// Longer than it looks for a database, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn on_database(home: &Home, url: &str) -> ServerProcess {
    ServerProcess::spawn_with(home, any_port(), &[("LIVESPAN_DATABASE_URL", url)])
}

/// Its exit code, and all that it logged.
async fn failure(mut server: ServerProcess, limit: Duration) -> (Option<i32>, String) {
    let status = tokio::task::block_in_place(|| server.wait(limit)).expect("it ends");
    // What it said last may come a moment after its end.
    eventually("it says why", || async { server.log().contains("livespan: ") }).await;
    (status.code(), server.log())
}

fn livespan(args: &[&str], url: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_livespan"));
    command.args(args).env_remove("LIVESPAN_DATABASE_URL").stdin(Stdio::null());
    if let Some(url) = url {
        command.env("LIVESPAN_DATABASE_URL", url);
    }
    command.output().unwrap()
}

#[test]
fn a_database_url_that_is_none_is_not_repeated() {
    let home = Home::new();
    let data_dir = home.path().to_str().unwrap();
    for url in ["postgress://u:PW@h/db", "postgres://u:PW@h:99999/db", "postgres://u:PW@[h/db"] {
        let url = url.replace("PW", SECRET);
        for command in ["serve", "migrate"] {
            let by_flag =
                livespan(&[command, "--data-dir", data_dir, "--database-url", &url], None);
            let by_variable = livespan(&[command, "--data-dir", data_dir], Some(&url));
            for output in [by_flag, by_variable] {
                let said = String::from_utf8(output.stderr).unwrap();
                assert_eq!(output.status.code(), Some(2), "{said}");
                assert!(said.contains("--database-url (LIVESPAN_DATABASE_URL) is not"), "{said}");
                assert!(said.contains("postgres://user:password@host:5432/database"), "{said}");
                assert!(!said.contains(SECRET), "{said}");
            }
        }
    }
}

#[test]
fn an_empty_database_url_means_the_private_postgres() {
    let home = Home::new();
    let data_dir = home.path().to_str().unwrap();
    let args = ["migrate", "--data-dir", data_dir, "--pg-bin", "/nowhere"];
    let output = livespan(&args, Some(""));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("LIVESPAN_PG_BIN"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_says_by_which_url_sql_users_reach_the_private_database() {
    let home = Home::new();
    let server =
        tokio::task::block_in_place(|| ServerProcess::start(&home, any_port())).expect("it serves");
    let log = server.log();
    let line = log.lines().find(|line| line.contains("the database, for psql")).expect(&log);
    let (_, url) = line.split_once("url=\"").expect(line);
    let url = url.trim_end().trim_end_matches('"');
    let mut database = PgConnection::connect(url).await.unwrap();
    sqlx::query("SELECT run_id, layer, step_name, status FROM run_events LIMIT 5")
        .execute(&mut database)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_missing_is_told_at_once_with_where_it_was_looked_for() {
    let home = Home::new();
    let server = on_database(&home, &url_of("livespan_nowhere"));
    let (code, log) = failure(server, LIMIT).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("--database-url, LIVESPAN_DATABASE_URL"), "{log}");
    assert!(log.contains("database \"livespan_nowhere\" does not exist"), "{log}");
    let place = log.lines().last().unwrap();
    assert!(place.contains("/livespan_nowhere ("), "{place}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let (home, port) = (Home::new(), TcpListener::bind(any_port()).unwrap());
    let address = port.local_addr().unwrap();
    drop(port);
    let server = on_database(&home, &format!("postgres://me:{SECRET}@{address}/spans"));
    let (code, log) = failure(server, PATIENCE).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains(&format!("{address}/spans (--database-url")), "{log}");
    assert!(log.contains("Connection refused"), "{log}");
    assert!(!log.contains(SECRET), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_the_wait_for_a_database_that_says_nothing() {
    let (home, silent) = (Home::new(), TcpListener::bind(any_port()).unwrap());
    let url = format!("postgres://me:{SECRET}@{}/spans", silent.local_addr().unwrap());
    let server = on_database(&home, &url);
    let _connection = tokio::task::block_in_place(|| silent.accept()).unwrap();
    server.signal(Signal::SIGTERM);
    let (code, log) = failure(server, LIMIT).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("SIGTERM before the collector was ready"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_the_wait_for_a_schema_that_somebody_holds() {
    let (home, url) = (Home::new(), new_database().await);
    let migrated = livespan(&["migrate"], Some(&url));
    assert!(migrated.status.success(), "{migrated:?}");
    let mut holder = PgConnection::connect(&url).await.unwrap();
    let mut held = holder.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE _sqlx_migrations").execute(&mut *held).await.unwrap();

    let server = on_database(&home, &url);
    let watcher = sqlx::PgPool::connect(&url).await.unwrap();
    eventually("it waits for the schema", || async {
        let waiting = "SELECT EXISTS (SELECT FROM pg_locks
                                      WHERE NOT granted AND relation = '_sqlx_migrations'::regclass)";
        sqlx::query_scalar(waiting).fetch_one(&watcher).await.unwrap()
    })
    .await;
    server.signal(Signal::SIGTERM);
    let (code, log) = failure(server, LIMIT).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("SIGTERM before the collector was ready"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_the_data_dir_is_refused_wherever_the_database_is() {
    let home = Home::new();
    let first = on_database(&home, &new_database().await);
    let first = tokio::task::block_in_place(|| first.until_it_serves()).expect("it starts");
    let upload = home.path().join("artifacts/unfinished/running");
    fs::write(&upload, "half of").unwrap();

    let (code, log) = failure(on_database(&home, &new_database().await), LIMIT).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains(&format!("another livespan (process {})", first.pid())), "{log}");
    assert!(log.contains(home.path().to_str().unwrap()), "{log}");
    assert!(upload.exists(), "what the first one is writing is left alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_is_logged_before_the_database_is_looked_for() {
    let (home, silent) = (Home::new(), TcpListener::bind(any_port()).unwrap());
    let address = silent.local_addr().unwrap();
    let rules = home.path().join("rules.toml");
    fs::write(&rules, "").unwrap();
    let server = ServerProcess::spawn_with(
        &home,
        any_port(),
        &[
            ("LIVESPAN_DATABASE_URL", &format!("postgres://me:{SECRET}@{address}/spans")),
            ("LIVESPAN_ARTIFACT_ROOTS", "nas=/"),
            ("LIVESPAN_CLASSIFIER_RULES", rules.to_str().unwrap()),
            ("LIVESPAN_INSECURE", "true"),
            ("LIVESPAN_PG_BIN", "/opt/postgres"),
            ("LIVESPAN_LANES", "3"),
            ("LIVESPAN_INGEST_BUFFER", "1MiB"),
            ("LIVESPAN_STUCK_AFTER", "77s"),
            ("LIVESPAN_LOG", "info,h2=warn"),
        ],
    );
    let _connection = tokio::task::block_in_place(|| silent.accept()).unwrap();
    eventually("it is logged", || async { server.log().contains(" starting ") }).await;
    let log = server.log();
    let line = log.lines().find(|line| line.contains(" starting ")).unwrap();
    for value in [
        "127.0.0.1:0",
        "insecure=true",
        &format!("{address}/spans"),
        home.path().to_str().unwrap(),
        "nas",
        "rules.toml",
        "/opt/postgres",
        "lanes=3",
        "ingest_buffer_bytes=1048576",
        "stuck_after=77s",
        "info,h2=warn",
    ] {
        assert!(line.contains(value), "{value}: {line}");
    }
    assert!(!log.contains(SECRET), "{log}");
}
