//! Postgres comes to its limits: out of disk, out of connections, transactions
//! that lose against others. Disks are small file systems in memory, for which
//! these tests have to be root.

use std::{
    fs::{self, File, Permissions},
    io::Write as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use livespan_server::proto::v1::span_service_client::SpanServiceClient;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use tonic::Code;
use uuid::Uuid;

use crate::{
    fleet::{
        Fleet,
        content::{exported, exported_key},
        export,
        ledger::Fact,
    },
    random::Random,
    requests::Key,
    server_process::Home,
    stage::{Record, Stage, volume},
    support::eventually,
};

const CLIENTS: usize = 12;

/// A small disk, as long as this lives.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf, mebibytes: u32) -> Self {
        fs::create_dir_all(&at).unwrap();
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&at)
            .output()
            .expect("mount");
        assert!(
            mounted.status.success(),
            "a small disk has to be mounted, which takes root: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Self(at)
    }

    /// Takes all that is left.
    fn fill(&self) {
        let mut ballast = File::create(self.0.join("ballast")).unwrap();
        while ballast.write_all(&[0; 64 * 1024]).is_ok() {}
        while ballast.write_all(&[0; 512]).is_ok() {}
    }

    /// Gives it back.
    fn relieve(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: who still works on it may finish.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Gives a folder to the user who runs the private Postgres.
fn give(home: &Home, folder: &Path) {
    let owner = home.path().join("postgres").metadata().unwrap();
    chown(folder, Some(owner.uid()), Some(owner.gid())).unwrap();
    fs::set_permissions(folder, Permissions::from_mode(0o700)).unwrap();
}

async fn execute(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

const NO_SPACE: &str = "No space left on device";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_tables_is_waited_for() {
    let mut random = Random::seeded("full tables");
    let mut record = Record::of("table disk full");
    let stage = Stage::open(&[]).await;
    let disk = SmallDisk::mount(stage.home.path().join("tables"), 256);
    give(&stage.home, &disk.0);
    let tablespace = format!("CREATE TABLESPACE small LOCATION '{}'", disk.0.display());
    execute(&stage.database_url, &tablespace).await;
    for table in ["live_spans", "finished_spans", "runs", "run_artifacts"] {
        execute(&stage.database_url, &format!("ALTER TABLE {table} SET TABLESPACE small")).await;
    }
    let mut fleet = stage.fleet(CLIENTS, &mut random);
    for _ in 0..volume(1, 50) {
        fleet.all_move().await;
        let before = stage.log().matches(NO_SPACE).count();
        disk.fill();
        stage.says(NO_SPACE, before).await;
        tokio::time::sleep(random.micros(Duration::from_secs(1))).await;
        disk.relieve();
        record.back_in_service(&mut fleet, Instant::now(), "tables").await;
        fleet.check(&stage.database_url).await;
    }
    fleet.settle(&stage.database_url).await;
    // The server has to let go of it.
    drop(stage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_log_is_waited_for_though_postgres_panics() {
    let mut random = Random::seeded("full log");
    let mut record = Record::of("WAL disk full");
    let mut stage = Stage::open(&[]).await;
    let (_, in_order) = stage.terminate();
    assert!(in_order);
    let disk = SmallDisk::mount(stage.home.path().join("log"), 512);
    give(&stage.home, &disk.0);
    let own = stage.home.path().join("postgres/pg_wal");
    let moved = Command::new("cp").arg("-a").arg(own.join(".")).arg(&disk.0).status().unwrap();
    assert!(moved.success());
    fs::remove_dir_all(&own).unwrap();
    symlink(&disk.0, &own).unwrap();
    stage.start(&[]);
    let mut fleet = stage.fleet(CLIENTS, &mut random);
    for _ in 0..volume(1, 50) {
        fleet.all_move().await;
        let ended = "postgres ended unexpectedly";
        let before = stage.log().matches(ended).count();
        disk.fill();
        write_log_until_it_fails(&stage.database_url).await;
        // It recovers from its panic into the next one, and ends.
        stage.says(ended, before).await;
        tokio::time::sleep(random.micros(Duration::from_secs(3))).await;
        disk.relieve();
        record.back_in_service(&mut fleet, Instant::now(), "log").await;
        fleet.check(&stage.database_url).await;
    }
    fleet.settle(&stage.database_url).await;
    let panics = fs::read_to_string(stage.home.path().join("postgres.log")).unwrap();
    assert!(panics.contains("PANIC") && panics.contains(NO_SPACE), "{panics}");
    drop(stage);
}

/// Fills what files of the log there are, so that Postgres needs a new one.
async fn write_log_until_it_fails(url: &str) {
    let Ok(mut connection) = PgConnection::connect(url).await else { return };
    let message = "SELECT pg_logical_emit_message(true, 'ballast', repeat('x', 1000000))";
    while sqlx::query(message).execute(&mut connection).await.is_ok() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_artifacts_leaves_no_torn_file() {
    let mut random = Random::seeded("full artifacts");
    let mut record = Record::of("artifact disk full");
    let home = Home::new();
    let disk = SmallDisk::mount(home.path().join("artifacts"), 64);
    let stage = Stage::open_in(home, None, &[]).await;
    let mut fleet = stage.fleet(CLIENTS, &mut random);
    let mut spans = SpanServiceClient::new(stage.at.endpoint().connect_lazy());
    let key = Key::random();
    for _ in 0..volume(1, 50) {
        fleet.all_move().await;
        disk.fill();
        let refused = spans.store_artifact(key.artifact(vec![7; 1_000_000])).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
        // Spans are none the worse.
        fleet.moves(100).await;
        disk.relieve();
        record.back_in_service(&mut fleet, Instant::now(), "artifacts").await;
        fleet.all_move().await;
        fleet.check(&stage.database_url).await;
    }
    fleet.settle(&stage.database_url).await;
    drop(stage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lanes_that_find_no_free_connection_wait_for_one() {
    let mut random = Random::seeded("no connection");
    let mut record = Record::of("too many connections (53300)");
    let stage = Stage::open(&[]).await;
    let mut fleet = stage.fleet(CLIENTS, &mut random);
    for _ in 0..volume(1, 50) {
        fleet.all_move().await;
        let refused = "too many clients already";
        let before = stage.log().matches(refused).count();
        let mut taken: Vec<PgConnection> = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(60);
        while stage.log().matches(refused).count() == before {
            assert!(Instant::now() < deadline, "the lanes keep their connections");
            while let Ok(connection) = PgConnection::connect(&stage.database_url).await {
                taken.push(connection);
            }
            // A lane may be the first to get a connection in place of its own.
            let own = taken.last_mut().expect("one at least");
            let terminated = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE application_name = 'livespan'";
            sqlx::query(terminated).execute(own).await.unwrap();
        }
        tokio::time::sleep(random.micros(Duration::from_secs(1))).await;
        drop(taken);
        record.back_in_service(&mut fleet, Instant::now(), "53300").await;
        fleet.check(&stage.database_url).await;
    }
    fleet.settle(&stage.database_url).await;
}

/// Two runs of the fleet's book with a span each that runs, in the order in
/// which their rows are locked.
async fn running_spans(fleet: &Fleet, stage: &Stage, random: &mut Random) -> [(Uuid, u64); 2] {
    let mut spans = [(random.uuid(), 1), (random.uuid(), 2)];
    spans.sort();
    assert!(export_both(fleet, stage, spans, false).await, "they are stored");
    spans
}

/// Both spans in one request, and so in one transaction of the only lane.
/// Whether it was acknowledged.
async fn export_both(fleet: &Fleet, stage: &Stage, spans: [(Uuid, u64); 2], ended: bool) -> bool {
    let mut ledger = fleet.book.ledger();
    let fact = if ended { Fact::End } else { Fact::Start };
    let keys = spans.map(|(run_id, span_id)| exported_key(run_id, span_id));
    for key in &keys {
        ledger.sends(key, 1, fact);
    }
    let request = spans.map(|(run_id, span_id)| exported(run_id, span_id, 1, ended)).to_vec();
    let channel = stage.at.endpoint().connect_lazy();
    let acked = export::call(&channel, export::request(request)).await.is_some();
    if acked {
        ledger.enter(keys.iter().map(|key| (key, 1, fact)));
    }
    acked
}

async fn lock(session: &mut PgConnection, run_id: Uuid) {
    sqlx::query("UPDATE runs SET attempt = attempt WHERE run_id = $1")
        .bind(run_id)
        .execute(session)
        .await
        .unwrap();
}

/// Waits until a lane waits for a lock.
async fn lane_waits(pool: &PgPool) {
    eventually("the lane waits for the row", || async {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE application_name = 'livespan' AND wait_event_type = 'Lock'",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        waiting > 0
    })
    .await;
}

/// Waits until a count of the database's has grown.
async fn has_grown(pool: &PgPool, count: &'static str, before: i64) {
    eventually(count, || async {
        let now: i64 = sqlx::query_scalar(count).fetch_one(pool).await.unwrap();
        now > before
    })
    .await;
}

const DEADLOCKS: &str = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_loses_a_deadlock_repeats_its_transaction() {
    let mut random = Random::seeded("deadlock");
    let mut record = Record::of("deadlock (40P01)");
    let stage = Stage::open(&[("LIVESPAN_LANES", "1")]).await;
    let pool = PgPool::connect(&stage.database_url).await.unwrap();
    let mut fleet = stage.fleet(CLIENTS, &mut random);
    for _ in 0..volume(1, 50) {
        fleet.all_move().await;
        let spans = running_spans(&fleet, &stage, &mut random).await;
        let before: i64 = sqlx::query_scalar(DEADLOCKS).fetch_one(&pool).await.unwrap();
        let mut session = PgConnection::connect(&stage.database_url).await.unwrap();
        // The lane is to find the deadlock, and to be its victim.
        sqlx::raw_sql("SET deadlock_timeout = '30s'; BEGIN").execute(&mut session).await.unwrap();
        lock(&mut session, spans[1].0).await;
        let (acked, ()) = tokio::join!(export_both(&fleet, &stage, spans, true), async {
            lane_waits(&pool).await;
            lock(&mut session, spans[0].0).await;
            sqlx::raw_sql("COMMIT").execute(&mut session).await.unwrap();
        });
        assert!(acked, "the lane tried again");
        let gone_at = Instant::now();
        has_grown(&pool, DEADLOCKS, before).await;
        record.back_in_service(&mut fleet, gone_at, "40P01").await;
        fleet.check(&stage.database_url).await;
    }
    pool.close().await;
    fleet.settle(&stage.database_url).await;
}

const ROLLBACKS: &str =
    "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_cannot_be_serialized_repeats_its_transaction() {
    let mut random = Random::seeded("serialization");
    let mut record = Record::of("serialization failure (40001)");
    let mut stage = Stage::open(&[("LIVESPAN_LANES", "1")]).await;
    let stricter = "ALTER DATABASE livespan SET default_transaction_isolation = 'repeatable read'";
    execute(&stage.database_url, stricter).await;
    let (_, in_order) = stage.terminate();
    assert!(in_order);
    stage.start(&[]);
    let pool = PgPool::connect(&stage.database_url).await.unwrap();
    let mut fleet = stage.fleet(CLIENTS, &mut random);
    for _ in 0..volume(1, 50) {
        fleet.all_move().await;
        let spans = running_spans(&fleet, &stage, &mut random).await;
        let before: i64 = sqlx::query_scalar(ROLLBACKS).fetch_one(&pool).await.unwrap();
        let mut session = PgConnection::connect(&stage.database_url).await.unwrap();
        sqlx::raw_sql("BEGIN").execute(&mut session).await.unwrap();
        lock(&mut session, spans[1].0).await;
        let (acked, ()) = tokio::join!(export_both(&fleet, &stage, spans, true), async {
            lane_waits(&pool).await;
            // What the lane's snapshot has is changed now.
            sqlx::raw_sql("COMMIT").execute(&mut session).await.unwrap();
        });
        assert!(acked, "the lane tried again");
        let gone_at = Instant::now();
        has_grown(&pool, ROLLBACKS, before).await;
        record.back_in_service(&mut fleet, gone_at, "40001").await;
        fleet.check(&stage.database_url).await;
    }
    pool.close().await;
    fleet.settle(&stage.database_url).await;
}
