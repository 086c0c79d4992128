//! The private Postgres, against the real programs: what it survives, what it
//! refuses, and that it leaves nothing behind.

#![allow(clippy::expect_used, reason = "a test ends at the first surprise")]

#[path = "support/postgres_process.rs"]
mod postgres_process;

use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use livespan_server::embedded_postgres::{
    EmbeddedPostgres, EmbeddedPostgresConfig, EmbeddedPostgresError, EmbeddedPostgresState,
};
use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use postgres_process::{DataDir, OWNED_DIR, Owner, answer, execute, send, until};

async fn started(dir: &DataDir) -> EmbeddedPostgres {
    EmbeddedPostgres::start(EmbeddedPostgresConfig::new(dir.path())).await.expect("postgres starts")
}

async fn refusal(config: EmbeddedPostgresConfig) -> EmbeddedPostgresError {
    EmbeddedPostgres::start(config).await.expect_err("postgres does not start")
}

/// Not a test: the child process of those that kill the owner of a database.
#[tokio::test]
#[ignore = "started by other tests as a process of its own"]
async fn owner() {
    if let Some(dir) = std::env::var_os(OWNED_DIR) {
        let _postgres = EmbeddedPostgres::start(EmbeddedPostgresConfig::new(dir)).await;
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn fresh_data_dir_gets_a_durable_private_database() {
    let dir = DataDir::new();
    let postgres = started(&dir).await;
    assert_eq!(answer(postgres.url()).await.expect("answer"), 1);
    execute(
        postgres.url(),
        "DO $$ BEGIN
            ASSERT current_setting('fsync') = 'on';
            ASSERT current_setting('synchronous_commit') = 'on';
            ASSERT current_setting('full_page_writes') = 'on';
            ASSERT current_setting('data_checksums') = 'on';
            ASSERT current_setting('listen_addresses') = '';
            ASSERT current_setting('server_encoding') = 'UTF8';
            ASSERT current_setting('jit') = 'off';
            ASSERT (SELECT datcollate FROM pg_database WHERE datname = 'livespan') = 'C';
            ASSERT current_user = 'livespan' AND current_database() = 'livespan';
            ASSERT NOT EXISTS (SELECT FROM pg_file_settings WHERE error IS NOT NULL);
         END $$",
    )
    .await
    .expect("settings hold");
    for private in [postgres.socket_dir(), &dir.cluster()] {
        let mode = private.metadata().expect("folder").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", private.display());
    }
    postgres.stop().await.expect("stop");
}

#[tokio::test]
async fn stop_leaves_no_process_and_the_next_start_finds_the_data() {
    let dir = DataDir::new();
    let postgres = started(&dir).await;
    assert!(!dir.processes().is_empty());
    execute(postgres.url(), "CREATE TABLE kept AS SELECT 1").await.expect("table");
    postgres.stop().await.expect("stop");
    assert_eq!(dir.processes(), [0; 0]);
    assert!(!dir.pid_file().exists(), "a clean shutdown");

    let postgres = started(&dir).await;
    execute(postgres.url(), "SELECT * FROM kept").await.expect("table is there");
    postgres.stop().await.expect("stop");
}

#[tokio::test]
async fn dropped_handle_still_stops_postgres() {
    let dir = DataDir::new();
    drop(started(&dir).await);
    until("no process is left", || async { dir.processes().is_empty() }).await;
}

#[tokio::test]
async fn open_sessions_do_not_delay_stop() {
    let dir = DataDir::new();
    let postgres = started(&dir).await;
    let url = postgres.url().to_owned();
    let session = tokio::spawn(async move { execute(&url, "SELECT pg_sleep(600)").await });
    until("the session runs", || async { dir.processes().len() > 6 }).await;
    let asked = std::time::Instant::now();
    postgres.stop().await.expect("stop");
    assert!(asked.elapsed().as_secs() < 5);
    session.await.expect("task").expect_err("session was cut off");
}

#[tokio::test]
async fn second_livespan_is_told_who_holds_the_data_dir() {
    let dir = DataDir::new();
    let owner = Owner::start("owner", &dir).await;
    let error = refusal(EmbeddedPostgresConfig::new(dir.path())).await;
    assert!(matches!(error, EmbeddedPostgresError::Locked { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains(&owner.id().to_string()), "{message}");
    assert!(message.contains(dir.path().to_str().expect("text")), "{message}");
    assert!(answer(&dir.url()).await.is_ok(), "the first is not disturbed");
    owner.kill();
    started(&dir).await.stop().await.expect("stop");
}

#[tokio::test]
async fn orphan_of_a_killed_owner_is_taken_over_without_loss() {
    let dir = DataDir::new();
    let owner = Owner::start("owner", &dir).await;
    execute(&dir.url(), "CREATE TABLE kept AS SELECT 1").await.expect("table");
    let orphan = dir.postmaster();
    owner.kill();
    assert!(answer(&dir.url()).await.is_ok(), "the orphan still serves");

    let postgres = started(&dir).await;
    assert_ne!(dir.postmaster(), orphan);
    execute(postgres.url(), "SELECT * FROM kept").await.expect("table is there");
    postgres.stop().await.expect("stop");
    assert_eq!(dir.processes(), [0; 0]);
}

#[tokio::test]
async fn start_recovers_after_owner_and_postmaster_were_killed() {
    let dir = DataDir::new();
    let owner = Owner::start("owner", &dir).await;
    execute(&dir.url(), "CREATE TABLE kept AS SELECT 1").await.expect("table");
    let postmaster = dir.postmaster();
    owner.kill();
    send(Signal::SIGKILL, postmaster);
    let postgres = started(&dir).await;
    execute(postgres.url(), "SELECT * FROM kept").await.expect("table is there");
    postgres.stop().await.expect("stop");
}

#[tokio::test]
async fn killed_postmaster_is_started_again() {
    let dir = DataDir::new();
    let postgres = started(&dir).await;
    let mut state = postgres.state();
    for _ in 0..2 {
        let killed = dir.postmaster();
        send(Signal::SIGKILL, killed);
        let restarting =
            |state: &EmbeddedPostgresState| *state == EmbeddedPostgresState::Restarting;
        state.wait_for(restarting).await.expect("supervised");
        state.wait_for(|state| !restarting(state)).await.expect("supervised");
        assert_ne!(dir.postmaster(), killed);
        answer(postgres.url()).await.expect("answer");
    }
    postgres.stop().await.expect("stop");
    assert_eq!(*state.borrow(), EmbeddedPostgresState::Stopped);
    assert_eq!(dir.processes(), [0; 0]);
}

#[tokio::test]
async fn stop_succeeds_while_postgres_cannot_be_restarted() {
    let dir = DataDir::new();
    let postgres = started(&dir).await;
    let conf = dir.cluster().join("postgresql.conf");
    fs::write(&conf, "no such setting").expect("write");
    send(Signal::SIGKILL, dir.postmaster());
    let mut state = postgres.state();
    let down = |state: &EmbeddedPostgresState| *state == EmbeddedPostgresState::Restarting;
    state.wait_for(down).await.expect("supervised");
    postgres.stop().await.expect("stop");
    until("no process is left", || async { dir.processes().is_empty() }).await;
}

#[tokio::test]
async fn stale_pid_files_are_survived() {
    let dir = DataDir::new();
    started(&dir).await.stop().await.expect("stop");
    // A process of the very user who runs Postgres, which Postgres by itself
    // would take for a living postmaster: of another cluster.
    let other_dir = DataDir::new();
    let other = started(&other_dir).await;
    let stranger = other_dir.postmaster();
    // And an id that no process has: the kernel's own limit is below it.
    for pid in [stranger.as_raw(), 99_999_999] {
        let folder = dir.cluster().display().to_string();
        dir.write_pid_file(&format!("{pid}\n{folder}\n1700000000\n5432\n\n\n"));
        let socket_lock = dir.path().join("socket/.s.PGSQL.5432.lock");
        fs::copy(dir.pid_file(), &socket_lock).expect("copy");
        let postgres = started(&dir).await;
        answer(postgres.url()).await.expect("answer");
        postgres.stop().await.expect("stop");
    }
    answer(other.url()).await.expect("the stranger was left alone");
    other.stop().await.expect("stop");
}

#[tokio::test]
async fn half_made_cluster_is_cleaned_up() {
    let dir = DataDir::new();
    let leftover = dir.path().join("postgres.initdb.1-2");
    fs::create_dir(&leftover).expect("folder");
    fs::write(leftover.join("PG_VERSION"), "15\n").expect("file");
    let postgres = started(&dir).await;
    assert!(!leftover.exists());
    answer(postgres.url()).await.expect("answer");
    postgres.stop().await.expect("stop");
}

#[tokio::test]
async fn start_that_is_given_up_leaves_a_data_dir_that_works() {
    let dir = DataDir::new();
    for patience_ms in [0, 60, 250, 500] {
        let start = EmbeddedPostgres::start(EmbeddedPostgresConfig::new(dir.path()));
        let patience = std::time::Duration::from_millis(patience_ms);
        // A quick machine has started by then.
        if let Ok(Ok(postgres)) = tokio::time::timeout(patience, start).await {
            postgres.stop().await.expect("stop");
        }
    }
    let postgres = started(&dir).await;
    answer(postgres.url()).await.expect("answer");
    postgres.stop().await.expect("stop");
}

#[tokio::test]
async fn foreign_content_in_the_clusters_place_is_not_touched() {
    let dir = DataDir::new();
    fs::create_dir(dir.cluster()).expect("folder");
    fs::write(dir.cluster().join("thesis.txt"), "mine").expect("file");
    let error = refusal(EmbeddedPostgresConfig::new(dir.path())).await;
    assert!(matches!(error, EmbeddedPostgresError::NotACluster { .. }), "{error}");
    assert!(dir.cluster().join("thesis.txt").exists());
}

#[tokio::test]
async fn wrong_bin_dir_names_the_flag() {
    let dir = DataDir::new();
    let mut config = EmbeddedPostgresConfig::new(dir.path());
    config.bin_dir = Some("/nonexistent/bin".into());
    let message = refusal(config).await.to_string();
    for part in ["--pg-bin", "LIVESPAN_PG_BIN", "/nonexistent/bin"] {
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn too_old_programs_are_refused_by_version() {
    let dir = DataDir::new();
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).expect("folder");
    for name in ["postgres", "initdb"] {
        write_program(&bin.join(name), &format!("echo '{name} (PostgreSQL) 13.9'"));
    }
    let mut config = EmbeddedPostgresConfig::new(dir.path());
    config.bin_dir = Some(bin);
    let message = refusal(config).await.to_string();
    assert!(message.contains("13.9") && message.contains("14"), "{message}");
}

#[tokio::test]
async fn data_of_another_major_version_says_what_to_install() {
    let dir = DataDir::new();
    fs::create_dir(dir.cluster()).expect("folder");
    fs::write(dir.cluster().join("PG_VERSION"), "97\n").expect("file");
    let message = refusal(EmbeddedPostgresConfig::new(dir.path())).await.to_string();
    assert!(message.contains("postgresql-97"), "{message}");
}

#[tokio::test]
async fn failed_start_carries_the_words_of_postgres() {
    let dir = DataDir::new();
    let mut config = EmbeddedPostgresConfig::new(dir.path());
    config.extra_settings = vec![("no_such_setting".to_owned(), "1".to_owned())];
    let message = refusal(config).await.to_string();
    assert!(message.contains("no_such_setting"), "{message}");
    assert_eq!(dir.processes(), [0; 0]);
}

#[tokio::test]
async fn extra_settings_apply_except_where_they_break_a_promise() {
    let dir = DataDir::new();
    let mut config = EmbeddedPostgresConfig::new(dir.path());
    config.extra_settings = vec![("work_mem".to_owned(), "7MB".to_owned())];
    let postgres = EmbeddedPostgres::start(config.clone()).await.expect("start");
    execute(postgres.url(), "DO $$ BEGIN ASSERT current_setting('work_mem') = '7MB'; END $$")
        .await
        .expect("setting applies");
    postgres.stop().await.expect("stop");
    config.extra_settings = vec![("fsync".to_owned(), "off".to_owned())];
    assert!(refusal(config).await.to_string().contains("fsync"));
}

#[tokio::test]
async fn postgres_never_runs_as_root() {
    let dir = DataDir::new();
    let postgres = started(&dir).await;
    for pid in dir.processes() {
        // Some are short-lived: a readiness question, a round of autovacuum.
        let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
            continue;
        };
        let ids = |name: &str| -> Vec<u32> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.expect("line").split_whitespace().filter_map(|id| id.parse().ok()).collect()
        };
        assert!(ids("Uid:").iter().all(|uid| *uid != 0), "{status}");
        assert!(ids("Gid:").iter().all(|gid| *gid != 0 || !geteuid().is_root()), "{status}");
        if geteuid().is_root() {
            assert_eq!(ids("Groups:"), [0; 0], "supplementary groups were given up");
        }
    }
    postgres.stop().await.expect("stop");
}

#[tokio::test]
async fn closed_folder_on_the_way_is_named() {
    if !geteuid().is_root() {
        // Only root hands the work to somebody who may be shut out.
        return;
    }
    let dir = DataDir::new();
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).expect("folder");
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).expect("mode");
    let message = refusal(EmbeddedPostgresConfig::new(closed.join("data"))).await.to_string();
    assert!(message.contains(&format!("chmod o+x {}", closed.display())), "{message}");
}

#[tokio::test]
async fn data_dir_too_long_for_a_socket_works() {
    let dir = DataDir::new();
    let long = dir.path().join("a folder, with 'quotes' and \"more\"").join("x".repeat(120));
    let start = || EmbeddedPostgres::start(EmbeddedPostgresConfig::new(&long));
    let postgres = start().await.expect("start");
    let socket_dir = postgres.socket_dir().to_owned();
    assert!(!socket_dir.starts_with(&long));
    answer(postgres.url()).await.expect("answer");
    postgres.stop().await.expect("stop");

    // Somebody else's folder of that name is not trusted.
    fs::set_permissions(&socket_dir, Permissions::from_mode(0o777)).expect("mode");
    let error = start().await.expect_err("no start");
    assert!(matches!(error, EmbeddedPostgresError::SocketDir { .. }), "{error}");
    fs::remove_dir(&socket_dir).expect("clean up");
}

#[tokio::test]
async fn data_dir_with_odd_characters_works() {
    let dir = DataDir::new();
    let odd = dir.path().join("a, \"b\" 'c' é#%&");
    let postgres = EmbeddedPostgres::start(EmbeddedPostgresConfig::new(&odd)).await.expect("start");
    assert!(postgres.socket_dir().starts_with(&odd));
    answer(postgres.url()).await.expect("answer");
    postgres.stop().await.expect("stop");
}

#[tokio::test]
async fn big_log_is_put_aside() {
    let dir = DataDir::new();
    let log = dir.path().join("postgres.log");
    fs::write(&log, vec![b'x'; 10 * 1024 * 1024 + 1]).expect("log");
    let postgres = started(&dir).await;
    assert!(log.metadata().expect("log").len() < 1024 * 1024);
    assert!(dir.path().join("postgres.log.1").exists());
    postgres.stop().await.expect("stop");
}

#[tokio::test]
async fn errors_keep_what_the_system_said() {
    let error = refusal(EmbeddedPostgresConfig::new("/proc/no/such/place")).await;
    assert!(error.to_string().contains("/proc/no"), "{error}");
    assert!(error.source().is_some());
}

fn write_program(path: &Path, body: &str) {
    fs::write(path, format!("#!/bin/sh\n{body}\n")).expect("program");
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("mode");
}
