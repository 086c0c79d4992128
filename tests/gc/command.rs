//! What it marks, deletes and says.

use livespan_server::proto::v1::Status;

use crate::ground::{Ground, gc, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_marked_after_a_week_and_deleted_a_day_later_with_its_files() {
    let ground = Ground::new().await;
    let (old, fresh) = (ground.ended_run(3).await, ground.ended_run(2).await);
    ground.ages(&old, 8).await;

    let marked = ground.gc_json(&[]).await;
    assert_eq!(marked["marked"].as_array().unwrap().len(), 1, "{marked}");
    assert_eq!(marked["marked"][0]["run_id"], old.run_id);
    assert_eq!(marked["marked"][0]["total_spans"], 3);
    assert!(marked["marked"][0]["run_end"].as_str().unwrap().ends_with('Z'));
    assert_eq!(marked["deleted_runs"], 0);
    assert_eq!((ground.state(&old).await, ground.state(&fresh).await), (Some(true), Some(false)));
    assert_eq!(ground.files().len(), 2);

    // Not before the grace is over.
    let early = ground.gc_json(&[]).await;
    assert_eq!((&early["marked"], &early["deleted_runs"]), (&serde_json::json!([]), &0.into()));
    ground.ages(&old, 1).await;
    let deleted = ground.gc_json(&[]).await;
    assert_eq!(deleted["deleted_runs"], 1);
    assert_eq!(deleted["deleted_spans"], 3);
    assert_eq!((&deleted["deleted_files"], &deleted["deleted_bytes"]), (&1.into(), &3.into()));
    assert_eq!((ground.state(&old).await, ground.rows(&old).await), (None, 0));
    assert!(!ground.store().join(&old.run_id).exists(), "the empty folder goes too");
    assert_eq!((ground.state(&fresh).await, ground.rows(&fresh).await), (Some(false), 3));
    assert_eq!(ground.files().len(), 1);
    let history = "SELECT count(*) FROM gc_history WHERE finished_at >= started_at";
    assert_eq!(ground.app.count(history).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_a_line_a_run_and_the_sum() {
    let ground = Ground::new().await;
    let old = ground.ended_run(2).await;
    ground.ages(&old, 8).await;
    let output = ground.gc(&[]).await;
    let said = text(&output.stdout);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(lines[0].starts_with("RUN ") && lines[0].ends_with("SPANS  END"), "{said}");
    assert!(lines[1].starts_with(&format!("{}           2  20", old.run_id)), "{said}");
    assert_eq!(lines[2], "marked 1 runs; deleted 0 marked before: 0 spans, 0 files (0 B)");
    assert!(!text(&output.stderr).contains("deleting"), "no bar where nobody sees it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_would_be_done_and_changes_nothing() {
    let ground = Ground::new().await;
    let (old, due) = (ground.ended_run(1).await, ground.ended_run(1).await);
    ground.ages(&due, 8).await;
    ground.gc_json(&[]).await;
    ground.ages(&due, 2).await;
    ground.ages(&old, 8).await;
    let said = ground.gc_json(&["--dry-run"]).await;
    assert_eq!(said["marked"][0]["run_id"], old.run_id);
    assert_eq!((&said["dry_run"], &said["deleted_runs"]), (&true.into(), &1.into()));
    assert_eq!((ground.state(&old).await, ground.state(&due).await), (Some(false), Some(true)));
    assert_eq!(ground.files().len(), 2);
    assert_eq!(ground.app.count("SELECT count(*) FROM gc_history").await, 1);
    let output = ground.gc(&["--dry-run"]).await;
    assert!(text(&output.stdout).ends_with("nothing was changed\n"), "{}", text(&output.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_a_running_span_is_never_touched_however_old() {
    let ground = Ground::new().await;
    let live = ground.ended_run(2).await;
    ground.app.spans().start_span(live.sibling().start()).await.unwrap();
    ground.ages(&live, 1000).await;
    let said = ground.gc_json(&["--older-than", "0s", "--grace", "0s"]).await;
    assert_eq!((&said["marked"], &said["deleted_runs"]), (&serde_json::json!([]), &0.into()));
    assert_eq!((ground.state(&live).await, ground.rows(&live).await), (Some(false), 4));
    assert_eq!(ground.files().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_or_ends_while_it_is_marked_loses_the_mark() {
    let ground = Ground::new().await;
    let (goes_on, ends, sends_a_file) =
        (ground.ended_run(1).await, ground.ended_run(1).await, ground.ended_run(1).await);
    for key in [&goes_on, &ends, &sends_a_file] {
        ground.ages(key, 8).await;
    }
    assert_eq!(ground.gc_json(&[]).await["marked"].as_array().unwrap().len(), 3);
    ground.app.spans().start_span(goes_on.sibling().start()).await.unwrap();
    let last = ends.sibling();
    ground.app.spans().start_span(last.start()).await.unwrap();
    ground.app.spans().end_span(last.end(Status::Failed)).await.unwrap();
    ground.app.spans().store_artifact(sends_a_file.artifact(b"late".to_vec())).await.unwrap();
    let said = ground.gc_json(&["--grace", "0s"]).await;
    // A file is no end: the run that only sent one has still expired, and is
    // marked anew. Its grace begins again.
    assert_eq!(said["marked"].as_array().unwrap().len(), 1, "{said}");
    assert_eq!(said["marked"][0]["run_id"], sends_a_file.run_id);
    for key in [&goes_on, &ends] {
        assert_eq!(ground.state(key).await, Some(false));
        assert_eq!(ground.rows(key).await, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_more_spans_than_a_step_takes_goes_whole() {
    let ground = Ground::new().await;
    let large = ground.ended_run(1).await;
    sqlx::query(
        "INSERT INTO finished_spans (run_id, span_id, status, ts_end, first_seen_at, last_alive_at)
         SELECT $1::uuid, gen_random_uuid(), 'SUCCESS', now(), now(), now()
         FROM generate_series(1, 4000)",
    )
    .bind(&large.run_id)
    .execute(&ground.app.pool)
    .await
    .unwrap();
    ground.ages(&large, 8).await;
    let said = ground.gc_json(&["--grace", "0s"]).await;
    assert_eq!((&said["deleted_runs"], &said["deleted_spans"]), (&1.into(), &4001.into()));
    assert_eq!((ground.state(&large).await, ground.rows(&large).await), (None, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_of_nothing_and_of_ages_are_understood_and_less_is_refused() {
    let ground = Ground::new().await;
    let run = ground.ended_run(1).await;
    for older_than in ["1000000000d", "580years"] {
        let said = ground.gc_json(&["--older-than", older_than, "--grace", older_than]).await;
        assert_eq!(said["marked"], serde_json::json!([]), "{older_than}");
    }
    for nonsense in ["-1d", "7", "much", "", "999999999999999999999d"] {
        let output = ground.gc(&[&format!("--older-than={nonsense}")]).await;
        assert_eq!(output.status.code(), Some(2), "{nonsense}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("--older-than"), "{}", text(&output.stderr));
    }
    assert_eq!(ground.state(&run).await, Some(false));
    let said = ground.gc_json(&["--older-than", "0d", "--grace", "0d"]).await;
    assert_eq!((said["marked"].as_array().unwrap().len(), &said["deleted_runs"]), (1, &1.into()));
    assert_eq!(ground.state(&run).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_it_ends_with_1_and_says_which() {
    let output = tokio::task::spawn_blocking(|| {
        gc(&["--database-url", "postgres://nobody:secret@127.0.0.1:1/none"]).output().unwrap()
    })
    .await
    .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("127.0.0.1:1/none") && !said.contains("secret"), "{said}");

    let nowhere = tempfile::tempdir().unwrap();
    let missing = nowhere.path().join("data");
    let output = gc(&["--data-dir", missing.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("LIVESPAN_DATABASE_URL"), "{}", text(&output.stderr));
    assert!(!missing.exists(), "it makes no database to clean up in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_somebody_writes_at_this_moment_is_passed_over() {
    let ground = Ground::new().await;
    let (written, other) = (ground.ended_run(1).await, ground.ended_run(1).await);
    for key in [&written, &other] {
        ground.ages(key, 8).await;
    }
    ground.gc_json(&[]).await;
    let mut writer = ground.app.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM runs WHERE run_id = $1::uuid FOR UPDATE")
        .bind(&written.run_id)
        .execute(&mut *writer)
        .await
        .unwrap();
    let said = ground.gc_json(&["--grace", "0s"]).await;
    assert_eq!(said["deleted_runs"], 1, "{said}");
    assert_eq!((ground.state(&written).await, ground.state(&other).await), (Some(true), None));
    writer.rollback().await.unwrap();
    assert_eq!(ground.gc_json(&["--grace", "0s"]).await["deleted_runs"], 1);
}

#[test]
fn the_help_names_every_variable() {
    let output = gc(&["--help"]).output().unwrap();
    let help = text(&output.stdout);
    for variable in ["LIVESPAN_GC_OLDER_THAN", "LIVESPAN_GC_GRACE", "LIVESPAN_GC_SHARE"] {
        assert!(help.contains(variable), "{help}");
    }
}
