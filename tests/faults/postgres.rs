//! Postgres is killed, stopped and frozen, or its connections are ended, in the
//! middle of streaming clients.

use std::time::{Duration, Instant};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection as _, PgConnection};

use crate::{
    fleet::Fleet,
    random::Random,
    stage::{Record, Stage, volume},
    support::eventually,
};

const CLIENTS: usize = 12;

/// As in the tests of kills.
const CHAPTER: u32 = 50;

const FAULTS: [&str; 5] =
    ["stopped at once", "killed", "a backend killed", "connections terminated", "frozen"];

/// Shorter than many a freeze here, so that lanes give up in some of them.
const COMMIT_TIMEOUT: &str = "1s";

const LONGEST_FREEZE: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_postgres_is_killed_or_frozen() {
    let mut random = Random::seeded("postgres killed");
    let mut record = Record::of("postgres killed or frozen");
    let rounds = volume(20, 500);
    let mut round = 0;
    while round < rounds {
        let stage = Stage::open(&[("LIVESPAN_COMMIT_TIMEOUT", COMMIT_TIMEOUT)]).await;
        let mut fleet = stage.fleet(CLIENTS, &mut random);
        let end = rounds.min(round + CHAPTER);
        while round < end {
            fleet.moves(1 + random.below(200)).await;
            tokio::time::sleep(random.micros(Duration::from_millis(50))).await;
            let fault = FAULTS[usize::try_from(round).unwrap() % FAULTS.len()];
            let struck_at = Instant::now();
            match fault {
                // An operator's `pg_ctl stop -m immediate`.
                "stopped at once" => signal_postmaster(&stage, Signal::SIGQUIT).await,
                "killed" => signal_postmaster(&stage, Signal::SIGKILL).await,
                "a backend killed" => kill_backend(&stage.database_url).await,
                "connections terminated" => terminate_connections(&stage.database_url).await,
                _ => freeze(&stage, &fleet, random.micros(LONGEST_FREEZE)).await,
            }
            round += 1;
            // The blow, or the thaw.
            let gone_at = if fault == "frozen" { Instant::now() } else { struck_at };
            record.back_in_service(&mut fleet, gone_at, fault).await;
            fleet.check(&stage.database_url).await;
        }
        fleet.settle(&stage.database_url).await;
    }
}

/// Returns when the postmaster is gone.
async fn signal_postmaster(stage: &Stage, signal: Signal) {
    let postmaster = stage.home.postmaster().expect("postgres runs");
    kill(postmaster, signal).unwrap();
    eventually("the postmaster is gone", || async { kill(postmaster, None).is_err() }).await;
}

/// Returns when the postmaster has noticed, and ended all others.
async fn kill_backend(url: &str) {
    let mut witness = PgConnection::connect(url).await.unwrap();
    kill(backend(url).await, Signal::SIGKILL).unwrap();
    let limit = Duration::from_secs(60);
    let noticed = tokio::time::timeout(limit, async {
        while sqlx::raw_sql("SELECT 1").execute(&mut witness).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    noticed.await.expect("the postmaster ends all backends");
}

/// A lane's.
async fn backend(url: &str) -> Pid {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(pid) = try_backend(url).await {
            return Pid::from_raw(pid);
        }
        assert!(Instant::now() < deadline, "no lane is connected");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn try_backend(url: &str) -> Option<i32> {
    let mut connection = PgConnection::connect(url).await.ok()?;
    let pid = "SELECT pid FROM pg_stat_activity
         WHERE application_name = 'livespan' AND pid <> pg_backend_pid() LIMIT 1";
    sqlx::query_scalar(pid).fetch_optional(&mut connection).await.ok()?
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

/// Every process of Postgres stands still for so long, as on a disk that does
/// not answer. Nothing may be acknowledged meanwhile.
async fn freeze(stage: &Stage, fleet: &Fleet, freeze: Duration) {
    let frozen: Vec<Pid> = stage.home.postgres_processes();
    for pid in &frozen {
        // One of them may be about to end.
        let _ = kill(*pid, Signal::SIGSTOP);
    }
    // What was committed before is still being acknowledged.
    let mut acked = fleet.book.acked();
    loop {
        tokio::time::sleep(Duration::from_millis(250)).await;
        if acked == fleet.book.acked() {
            break;
        }
        acked = fleet.book.acked();
    }
    tokio::time::sleep(freeze).await;
    assert_eq!(acked, fleet.book.acked(), "a frozen database acknowledges nothing");
    for pid in frozen {
        let _ = kill(pid, Signal::SIGCONT);
    }
}
