//! Files: which go, which stay, and what becomes of those that can't go.

use std::fs;

use livespan_server::{artifacts::RootArg, proto::v1::StoreArtifactRequest};

use crate::{
    ground::{Ground, text},
    requests::Key,
    support::TestOptions,
};

/// A collector with a store `nas`, in which a file is that no artifact names yet.
async fn with_nas(nas: &tempfile::TempDir) -> Ground {
    fs::write(nas.path().join("shot.png"), b"pixels").unwrap();
    let root = RootArg { name: "nas".to_owned(), folder: nas.path().to_owned() };
    Ground::with(TestOptions { artifact_roots: vec![root], ..TestOptions::default() }).await
}

fn named(key: &Key) -> StoreArtifactRequest {
    StoreArtifactRequest {
        storage_backend: "nas".to_owned(),
        storage_key: "shot.png".to_owned(),
        ..key.artifact(Vec::new())
    }
}

fn root_of(nas: &tempfile::TempDir) -> String {
    format!("nas={}", nas.path().display())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_a_client_had_put_somewhere_is_its_own() {
    let nas = tempfile::tempdir().unwrap();
    let ground = with_nas(&nas).await;
    let old = ground.ended_run(1).await;
    ground.app.spans().store_artifact(named(&old)).await.unwrap();
    ground.ages(&old, 8).await;
    let said = ground.gc_json(&["--grace", "0s", "--artifact-root", &root_of(&nas)]).await;
    assert_eq!((&said["deleted_runs"], &said["deleted_files"]), (&1.into(), &1.into()));
    assert!(nas.path().join("shot.png").exists());
    assert_eq!(ground.app.count("SELECT count(*) FROM artifact_deletions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_it_deletes_them_too_but_never_another_runs_file() {
    let nas = tempfile::tempdir().unwrap();
    let ground = with_nas(&nas).await;
    let (old, living) = (ground.ended_run(1).await, ground.ended_run(1).await);
    for key in [&old, &living] {
        ground.app.spans().store_artifact(named(key)).await.unwrap();
    }
    let root = root_of(&nas);
    let args = ["--grace", "0s", "--artifact-root", &root, "--delete-files-in", "nas"];
    ground.ages(&old, 8).await;
    assert_eq!(ground.gc_json(&args).await["deleted_files"], 1);
    assert!(nas.path().join("shot.png").exists(), "a run that is there has it too");
    ground.ages(&living, 8).await;
    assert_eq!(ground.gc_json(&args).await["deleted_files"], 2);
    assert!(!nas.path().join("shot.png").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_a_store_that_gc_does_not_have_waits_for_one_that_has() {
    let nas = tempfile::tempdir().unwrap();
    let ground = with_nas(&nas).await;
    let old = ground.ended_run(1).await;
    ground.app.spans().store_artifact(named(&old)).await.unwrap();
    ground.ages(&old, 8).await;
    let without = ground.gc(&["--grace", "0s", "--delete-files-in", "nas"]).await;
    assert_eq!(without.status.code(), Some(1));
    let said = text(&without.stderr);
    assert!(said.contains("give gc the stores that serve has"), "{said}");
    assert!(said.contains("1 files of deleted runs could not be deleted"), "{said}");
    assert_eq!(ground.state(&old).await, None);
    assert_eq!(ground.files(), Vec::<String>::new(), "the others are deleted nevertheless");

    let root = root_of(&nas);
    assert_eq!(ground.gc_json(&["--artifact-root", &root]).await["deleted_files"], 1);
    assert!(!nas.path().join("shot.png").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_data_dir_no_file_is_taken_for_deleted() {
    let ground = Ground::new().await;
    let old = ground.ended_run(1).await;
    ground.ages(&old, 8).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let output =
        ground.gc(&["--grace", "0s", "--data-dir", elsewhere.path().to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert_eq!(ground.files().len(), 1);
    assert_eq!(ground.gc_json(&[]).await["deleted_files"], 1);
    assert_eq!(ground.files(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_in_the_database_leads_out_of_the_store() {
    let ground = Ground::new().await;
    let old = ground.ended_run(1).await;
    let outside = ground.app.folder.path().join("outside");
    fs::write(&outside, b"not an artifact").unwrap();
    std::os::unix::fs::symlink(ground.app.folder.path(), ground.store().join("link")).unwrap();
    for key in ["../outside", "link/outside", outside.to_str().unwrap()] {
        sqlx::query(
            "INSERT INTO run_artifacts SELECT gen_random_uuid(), run_id, span_id, artifact_type,
                 file_name, storage_backend, $2, content_type, size_bytes, sha256, created_at
             FROM run_artifacts WHERE run_id = $1::uuid AND storage_key LIKE run_id || '/%'",
        )
        .bind(&old.run_id)
        .bind(key)
        .execute(&ground.app.pool)
        .await
        .unwrap();
    }
    ground.ages(&old, 8).await;
    let output = ground.gc(&["--grace", "0s"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(outside.exists());
    assert_eq!(ground.app.count("SELECT count(*) FROM artifact_deletions").await, 3);
}
