//! How the server ends: in order, in time, with everything acknowledged on
//! disk, whatever its peers do; and how the next one starts.

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
#[path = "support/random.rs"]
mod random;
#[path = "support/requests.rs"]
mod requests;
#[path = "support/server_process.rs"]
mod server_process;
#[path = "support/silent.rs"]
mod silent;

use std::{
    net::SocketAddr,
    process::ExitStatus,
    time::{Duration, Instant},
};

use fleet::{Fleet, Target};
use livespan_server::proto::v1::span_service_client::SpanServiceClient;
use nix::sys::signal::{Signal, kill};
use random::Random;
use requests::Key;
use server_process::{Home, ServerProcess};
use silent::Silent;

const CLIENTS: usize = 5;

/// What service managers give at least.
const LIMIT: Duration = Duration::from_secs(10);

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn start(home: &Home, at: SocketAddr) -> ServerProcess {
    tokio::task::block_in_place(|| ServerProcess::start(home, at)).expect("the server starts")
}

fn target(server: &ServerProcess) -> Target {
    Target { grpc: server.grpc_addr(), otlp_http: server.otlp_http_addr() }
}

/// Starts it again where clients look for it.
fn start_again(home: &Home, at: Target) -> ServerProcess {
    let otlp_http = at.otlp_http.to_string();
    let server = tokio::task::block_in_place(|| {
        ServerProcess::spawn_with(home, at.grpc, &[("LIVESPAN_OTLP_HTTP_ADDR", &otlp_http)])
            .until_it_serves()
    });
    server.expect("the server starts")
}

fn end(server: &mut ServerProcess, signal: Signal) -> ExitStatus {
    let asked = Instant::now();
    server.signal(signal);
    let status = tokio::task::block_in_place(|| server.wait(LIMIT)).expect("it ends in time");
    println!("{signal} took {:?}: {status}", asked.elapsed());
    status
}

/// Under load, ended by `signal`; then what was acknowledged is looked for.
async fn ends_in_order(test: &str, signal: Signal) {
    let mut random = Random::seeded(test);
    let home = Home::new();
    let mut server = start(&home, any_port());
    let at = target(&server);
    let artifacts = home.path().join("artifacts");
    let fleet = Fleet::start(at, at, CLIENTS, Some(artifacts), &mut random);
    fleet.moves(500).await;
    let status = end(&mut server, signal);
    assert!(status.success(), "{status}: {}", server.log());
    assert!(home.postgres_processes().is_empty(), "its Postgres has ended with it");
    let server = start_again(&home, at);
    fleet.settle(&home.database_url()).await;
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_ends_in_order_with_everything_acknowledged_stored() {
    ends_in_order("SIGTERM", Signal::SIGTERM).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigint_does_the_same() {
    ends_in_order("SIGINT", Signal::SIGINT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_is_told_who_holds_the_data_dir_and_takes_over_when_that_is_killed() {
    let home = Home::new();
    let first = start(&home, any_port());
    let (address, pid) = (first.grpc_addr(), first.pid());
    let refused = tokio::task::block_in_place(|| ServerProcess::start(&home, any_port()))
        .err()
        .expect("the data dir is taken");
    assert!(refused.contains(&pid.to_string()), "{refused}");
    assert!(refused.contains(home.path().to_str().unwrap()), "{refused}");
    assert!(refused.contains("exit status: 1"), "{refused}");
    let refused = tokio::task::block_in_place(|| ServerProcess::start(&Home::new(), address))
        .err()
        .expect("the address is taken");
    assert!(refused.contains(&address.to_string()), "{refused}");
    assert!(refused.contains("--grpc-addr") && refused.contains("LIVESPAN_GRPC_ADDR"), "{refused}");

    let mut spans = SpanServiceClient::connect(first.url()).await.unwrap();
    spans.start_span(Key::random().start()).await.expect("the first is not disturbed");
    first.kill();
    let mut second = start(&home, address);
    let mut spans = SpanServiceClient::connect(second.url()).await.unwrap();
    spans.start_span(Key::random().start()).await.unwrap();
    assert!(!second.log().contains("_sqlx_migrations"), "what Postgres remarks: {}", second.log());
    assert!(end(&mut second, Signal::SIGTERM).success(), "{}", second.log());
}

/// A signal that comes while the private Postgres is being made or started.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_as_it_starts_leaves_a_data_dir_that_works() {
    let mut random = Random::seeded("early stop");
    let home = Home::new();
    for round in 0..8 {
        let mut early = ServerProcess::spawn(&home, any_port());
        tokio::time::sleep(random.micros(Duration::from_millis(800))).await;
        if round % 2 == 0 {
            end(&mut early, Signal::SIGTERM);
            assert!(home.postgres_processes().is_empty(), "its Postgres has ended with it");
        } else {
            early.kill();
        }
    }
    let mut server = start(&home, any_port());
    assert!(end(&mut server, Signal::SIGTERM).success());
}

/// The operator loses patience.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once_and_still_stops_postgres() {
    let home = Home::new();
    let mut server = start(&home, any_port());
    let silent = Silent::connect(target(&server), &Key::random()).await;
    server.signal(Signal::SIGTERM);
    support::eventually("it is stopping", || async { server.log().contains("stopping") }).await;
    let status = end(&mut server, Signal::SIGTERM);
    assert_eq!(status.code(), Some(1), "{}", server.log());
    let told = || async { server.log().contains("stopping at once") };
    support::eventually("it says that it stops at once", told).await;
    assert!(home.postgres_processes().is_empty(), "its Postgres has ended with it");
    drop(silent);
}

/// As on a disk that does not answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_hangs_does_not_keep_it_from_ending() {
    let mut random = Random::seeded("hanging postgres");
    let home = Home::new();
    let mut server = start(&home, any_port());
    let at = target(&server);
    let artifacts = home.path().join("artifacts");
    let fleet = Fleet::start(at, at, CLIENTS, Some(artifacts), &mut random);
    fleet.moves(500).await;
    for pid in home.postgres_processes() {
        kill(pid, Signal::SIGSTOP).unwrap();
    }
    let status = end(&mut server, Signal::SIGTERM);
    assert_eq!(status.code(), Some(1), "not all was stored: {}", server.log());
    let server = start_again(&home, at);
    fleet.settle(&home.database_url()).await;
    drop(server);
}
