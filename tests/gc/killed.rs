//! gc is killed, again and again, while executors go on, some with runs that
//! were about to be deleted. After every kill: no artifact without its file, no
//! file without a name, no living run that misses anything. In the end, nothing
//! is left of what had expired.

use std::{
    collections::BTreeSet,
    os::unix::process::ExitStatusExt as _,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use livespan_server::proto::v1::{Status, span_service_client::SpanServiceClient};
use nix::sys::signal::Signal;
use tokio::sync::watch;
use tonic::transport::Channel;

use crate::{ground::Ground, random::Random, requests::Key, support::eventually};

/// How often it is killed.
const KILLS: u32 = 50;

/// Where it is killed, and how often it may pass there before.
const PLACES: [(&str, u64); 4] =
    [("gc-marked", 1), ("gc-before-commit", 4), ("gc-after-commit", 4), ("gc-file-deleted", 12)];

/// Runs that were acknowledged to live, with how many rows each has.
type Living = Arc<Mutex<Vec<(Key, i64)>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_it_is_killed_the_next_one_finishes_and_nothing_living_is_touched() {
    if !cfg!(feature = "failpoints") {
        panic!("built without failpoints: run `make test`, or cargo test --features failpoints");
    }
    let mut random = Random::seeded("gc killed");
    let ground = Ground::new().await;
    let living = Living::default();
    let (stop, stopped) = watch::channel(false);
    let executors: Vec<_> = (0..3)
        .map(|_| {
            let executor = Executor {
                spans: ground.app.spans(),
                pool: ground.app.pool.clone(),
                living: Arc::clone(&living),
                random: random.fork(),
            };
            tokio::spawn(executor.work(stopped.clone()))
        })
        .collect();
    let began = std::time::Instant::now();
    let (mut kills, mut ends, mut round) = (0, 0, 0);
    while kills < KILLS {
        expire(&ground, &mut random).await;
        if killed(&ground, round, &mut random).await {
            kills += 1;
        } else {
            ends += 1;
        }
        round += 1;
        check(&ground, &living).await;
        println!("round {round}: {kills} kills, {ends} ends, {:?}", began.elapsed());
        assert!(ends < 10 * KILLS, "it is hardly ever caught at work");
    }
    stop.send_replace(true);
    for executor in executors {
        executor.await.unwrap();
    }
    println!("{kills} kills, {ends} ends, {} living runs", living.lock().unwrap().len());

    // The lock of the last one goes once Postgres has noticed.
    eventually("gc is alone", || async {
        ground.gc_json(&["--grace", "0s"]).await["busy"] == false
    })
    .await;
    check(&ground, &living).await;
    let left = "SELECT count(*) FROM runs r WHERE last_alive_at < now() - interval '7 days'
                AND NOT EXISTS (SELECT FROM live_spans l WHERE l.run_id = r.run_id)";
    assert_eq!(ground.app.count(left).await, 0);
    assert_eq!(ground.app.count("SELECT count(*) FROM artifact_deletions").await, 0);
    let orphans = "SELECT count(*) FROM finished_spans f
                   WHERE NOT EXISTS (SELECT FROM runs r WHERE r.run_id = f.run_id)";
    assert_eq!(ground.app.count(orphans).await, 0);
}

/// Runs that ended long ago, with files: rows as the collector writes them.
async fn expire(ground: &Ground, random: &mut Random) {
    let runs: Vec<_> = (0..20).map(|_| random.uuid()).collect();
    let artifacts: Vec<_> = (0..20).map(|_| random.uuid()).collect();
    for (run, artifact) in runs.iter().zip(&artifacts) {
        let folder = ground.store().join(run.to_string());
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(artifact.to_string()), b"old").unwrap();
    }
    let mut tx = ground.app.pool.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO runs (run_id, started_at, last_alive_at)
         SELECT run, now() - interval '9 days', now() - interval '8 days'
         FROM unnest($1::uuid[]) AS run",
    )
    .bind(&runs)
    .execute(&mut *tx)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO finished_spans (run_id, span_id, status, ts_end, first_seen_at, last_alive_at)
         SELECT run, gen_random_uuid(), 'SUCCESS', now(), now(), now() - interval '8 days'
         FROM unnest($1::uuid[]) AS run, generate_series(1, 150)",
    )
    .bind(&runs)
    .execute(&mut *tx)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO run_artifacts (id, run_id, span_id, artifact_type, file_name, storage_backend,
             storage_key, content_type, size_bytes, sha256, created_at)
         SELECT id, run, gen_random_uuid(), 'log', 'old.log', 'local', run || '/' || id,
             'text/plain', 3, '', now()
         FROM unnest($1::uuid[], $2::uuid[]) AS a (run, id)",
    )
    .bind(&runs)
    .bind(&artifacts)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

/// Starts one and kills it, at a place or at random. False where it ended first.
async fn killed(ground: &Ground, round: usize, random: &mut Random) -> bool {
    let mut command = ground.command(&["--grace", "0s"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let place = PLACES.get(round % (2 * PLACES.len()));
    if let Some((place, most)) = place {
        command.env("FAILPOINTS", format!("{place}={}*off->return", random.below(*most)));
    }
    // Up to about as long as it takes.
    let moment = Duration::from_millis(20) + random.micros(Duration::from_millis(150));
    let at_random = place.is_none();
    let status = tokio::task::spawn_blocking(move || {
        let mut gc = command.spawn().unwrap();
        if at_random {
            std::thread::sleep(moment);
            gc.kill().unwrap();
        }
        gc.wait().unwrap()
    });
    let status = status.await.unwrap();
    assert!(status.success() || status.signal() == Some(Signal::SIGKILL as i32), "{status}");
    !status.success()
}

/// What holds after every kill.
async fn check(ground: &Ground, living: &Living) {
    // Of one that was killed the backend may still be at its last statement.
    let names = sqlx::query_scalar::<_, String>("SELECT storage_key FROM run_artifacts");
    let named: BTreeSet<String> =
        names.fetch_all(&ground.app.pool).await.unwrap().into_iter().collect();
    let gone: Vec<_> = named.iter().filter(|key| !ground.store().join(key).exists()).collect();
    let mut still: Vec<String> = Vec::new();
    for key in gone {
        let there =
            sqlx::query_scalar("SELECT storage_key FROM run_artifacts WHERE storage_key = $1");
        still.extend(there.bind(key).fetch_optional(&ground.app.pool).await.unwrap());
    }
    assert_eq!(still, Vec::<String>::new(), "artifacts without their files");

    let files = ground.files();
    let nameless: Vec<String> = sqlx::query_scalar(
        "SELECT key FROM unnest($1::text[]) AS key
         WHERE NOT EXISTS (SELECT FROM run_artifacts a WHERE a.storage_key = key)
             AND NOT EXISTS (SELECT FROM artifact_deletions d WHERE d.storage_key = key)",
    )
    .bind(&files)
    .fetch_all(&ground.app.pool)
    .await
    .unwrap();
    // A file is there before its row: of these, those whose row is still to come.
    let waiting = nameless.iter().filter(|key| ground.store().join(key).exists());
    let mut lost = Vec::new();
    for key in waiting {
        let named = || async {
            sqlx::query_scalar::<_, bool>(
                "SELECT EXISTS (SELECT FROM run_artifacts WHERE storage_key = $1)",
            )
            .bind(key)
            .fetch_one(&ground.app.pool)
            .await
            .unwrap()
        };
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while !named().await && ground.store().join(key).exists() {
            if tokio::time::Instant::now() > deadline {
                lost.push(key.clone());
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert_eq!(lost, Vec::<String>::new(), "files that nothing names");

    let acknowledged = living.lock().unwrap().clone();
    let (runs, rows): (Vec<String>, Vec<i64>) =
        acknowledged.into_iter().map(|(key, rows)| (key.run_id, rows)).unzip();
    let harmed: Vec<String> = sqlx::query_scalar(
        "SELECT k.run_id || ': ' || coalesce(r.gc_at::text, 'unmarked') || ', ' || found || ' of '
             || k.rows
         FROM (SELECT id::uuid AS run_id, max(rows) AS rows
               FROM unnest($1::text[], $2::bigint[]) AS k (id, rows) GROUP BY 1) k
         LEFT JOIN runs r USING (run_id)
         CROSS JOIN LATERAL (
             SELECT (SELECT count(*) FROM live_spans WHERE run_id = k.run_id)
                 + (SELECT count(*) FROM finished_spans WHERE run_id = k.run_id)
                 + (SELECT count(*) FROM run_artifacts WHERE run_id = k.run_id) AS found
         ) has
         WHERE r.run_id IS NULL OR r.gc_at IS NOT NULL OR has.found < k.rows",
    )
    .bind(runs)
    .bind(rows)
    .fetch_all(&ground.app.pool)
    .await
    .unwrap();
    assert_eq!(harmed, Vec::<String>::new(), "runs that live");
}

/// Starts and ends runs, and revives some that had expired.
struct Executor {
    spans: SpanServiceClient<Channel>,
    pool: sqlx::PgPool,
    living: Living,
    random: Random,
}

impl Executor {
    async fn work(mut self, stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            let key = if self.random.once_in(3) {
                self.expired_run().await.unwrap_or_else(Key::random)
            } else {
                Key::random()
            };
            self.spans.start_span(key.start()).await.unwrap();
            // From here on it lives, whatever was deleted of it before.
            let mut rows = 1;
            if self.random.once_in(2) {
                self.spans.store_artifact(key.artifact(b"new".to_vec())).await.unwrap();
                rows += 1;
            }
            if self.random.once_in(2) {
                self.spans.end_span(key.end(Status::Failed)).await.unwrap();
            }
            self.living.lock().unwrap().push((key, rows));
            tokio::time::sleep(self.random.micros(Duration::from_millis(100))).await;
        }
    }

    /// A further span of a run that is marked, or about to be.
    async fn expired_run(&mut self) -> Option<Key> {
        let run_id: Option<uuid::Uuid> = sqlx::query_scalar(
            "SELECT run_id FROM runs WHERE last_alive_at < now() - interval '7 days'
             ORDER BY gc_at IS NULL, random() LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await
        .unwrap();
        run_id.map(|run_id| Key::of(run_id, self.random.uuid()))
    }
}
