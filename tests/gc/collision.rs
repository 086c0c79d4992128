//! Two at once: one works, the other says so and is content.

use std::process::Stdio;

use sqlx::{Connection as _, PgConnection};

use crate::{
    ground::{Ground, text},
    support::eventually,
};

/// As `cleanup_expired_runs` and gc take it.
const KEY: i64 = 7_811_905_206_751_355_246;

#[tokio::test(flavor = "multi_thread")]
async fn beside_another_it_says_so_and_ends_with_0() {
    let ground = Ground::new().await;
    let old = ground.ended_run(1).await;
    ground.ages(&old, 8).await;
    let mut other = PgConnection::connect(&ground.app.database_url).await.unwrap();
    let locked: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(KEY)
        .fetch_one(&mut other)
        .await
        .unwrap();
    assert!(locked);

    let output = ground.gc(&[]).await;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "another gc is at work: nothing was done\n");
    let said = ground.gc_json(&[]).await;
    assert_eq!((&said["busy"], &said["marked"]), (&true.into(), &serde_json::json!([])));
    // Only looking is nobody's business.
    assert_eq!(ground.gc_json(&["--dry-run"]).await["busy"], false);
    assert_eq!(ground.state(&old).await, Some(false));

    other.close().await.unwrap();
    assert_eq!(ground.gc_json(&[]).await["marked"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_works_cleanup_expired_runs_marks_nothing() {
    let ground = Ground::new().await;
    for _ in 0..3 {
        let run = ground.ended_run(1).await;
        ground.ages(&run, 8).await;
    }
    // One that rests for two seconds after its first step.
    let mut command = ground.command(&["--grace", "0s", "--share", "1%"]);
    let mut gc = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let marked = "SELECT count(*) FROM runs WHERE gc_at IS NOT NULL";
    eventually("gc has marked", || async { ground.app.count(marked).await > 0 }).await;
    let late = ground.ended_run(1).await;
    ground.ages(&late, 8).await;
    assert!(gc.try_wait().unwrap().is_none(), "it is still at work");
    let by_sql = ground.app.count("SELECT count(*) FROM cleanup_expired_runs(7)").await;
    assert_eq!(by_sql, 0);
    gc.kill().unwrap();
    gc.wait().unwrap();
    eventually("the lock of one that was killed goes", || async {
        ground.app.count("SELECT count(*) FROM cleanup_expired_runs(7)").await == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_mark_and_delete_each_run_once() {
    let ground = Ground::new().await;
    for _ in 0..20 {
        let run = ground.ended_run(2).await;
        ground.ages(&run, 8).await;
    }
    let sums =
        futures_util::future::join_all((0..6).map(|_| ground.gc_json(&["--grace", "0s"]))).await;
    let sum = |name: &str| sums.iter().map(|said| said[name].as_u64().unwrap()).sum::<u64>();
    let marked: usize = sums.iter().map(|said| said["marked"].as_array().unwrap().len()).sum();
    assert_eq!(marked, 20);
    assert_eq!((sum("deleted_runs"), sum("deleted_spans"), sum("deleted_files")), (20, 40, 20));
    assert_eq!(ground.files(), Vec::<String>::new());
}
