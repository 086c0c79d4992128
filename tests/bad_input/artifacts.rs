//! Files: too large, misnamed, out of reach, redacted.

use std::{fs, os::unix::fs::symlink};

use livespan_server::artifacts::RootArg;
use prost_types::Duration;
use sha2::{Digest as _, Sha256};

use super::{check_all, complaint_about, requests::Key, wrong_artifact};
use crate::support::{TestApp, TestOptions};

const MOST: usize = 4 << 20;

#[tokio::test]
async fn four_mebibytes_pass_and_one_byte_more_does_not() {
    let app = TestApp::start().await;
    let content = vec![0xa5_u8; MOST];
    let key = Key::random();
    let reply = app.spans().store_artifact(key.artifact(content.clone())).await.unwrap();
    let reply = reply.into_inner();
    assert_eq!(reply.size_bytes, MOST as u64);
    let sha256: String = Sha256::digest(&content).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(reply.sha256, sha256);
    let on_disk = app.folder.path().join(format!("artifacts/{}/{}", key.run_id, reply.artifact_id));
    assert_eq!(fs::read(on_disk).unwrap(), content);

    let answer = app.spans().store_artifact(key.artifact(vec![0; MOST + 1])).await.map(drop);
    assert_eq!(complaint_about(&answer, "content"), None);
    let empty = app.spans().store_artifact(key.artifact("")).await.unwrap().into_inner();
    assert_eq!(empty.size_bytes, 0);
    assert_eq!(app.count("SELECT count(*) FROM run_artifacts").await, 2);
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_refused() {
    let app = TestApp::start().await;
    let mut table = Vec::new();
    for name in [
        "",
        ".",
        "..",
        "../../etc/passwd",
        "a/b",
        "a\\b",
        "/etc/passwd",
        "a\nb",
        "a\rb",
        "a\u{7f}b",
        "a\u{85}b",
        "\u{1b}[31m",
    ] {
        table.push(wrong_artifact("file_name", "file_name", |r| r.file_name = name.to_owned()));
    }
    for kind in ["", "a b", "a/b", "../x", "ä", "a\nb", &"x".repeat(65)] {
        table.push(wrong_artifact("artifact_type", "artifact_type", |r| {
            r.artifact_type = kind.to_owned();
        }));
    }
    for content_type in ["png", "image/png\r\nSet-Cookie: a=b", "image/\u{0}", "ïmage/png"] {
        table.push(wrong_artifact("content_type", "content_type", |r| {
            r.content_type = content_type.to_owned();
        }));
    }
    check_all(&app, table).await;
    assert_eq!(files_beneath(&app), 0, "nothing was left behind");
}

#[tokio::test]
async fn a_storage_key_stays_within_its_root() {
    let root = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.txt"), "secret").unwrap();
    fs::write(root.path().join("shot.png"), "png").unwrap();
    fs::create_dir(root.path().join("folder")).unwrap();
    symlink(outside.path(), root.path().join("way-out")).unwrap();
    symlink(outside.path().join("secret.txt"), root.path().join("link.txt")).unwrap();
    symlink("shot.png", root.path().join("inner.png")).unwrap();
    let pipe = root.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let nas = RootArg { name: "nas".to_owned(), folder: root.path().to_owned() };
    let options = TestOptions { artifact_roots: vec![nas], ..TestOptions::default() };
    let app = TestApp::start_with(options).await;

    let stored = |backend: &str, key: &str| {
        let mut artifact = Key::random().artifact("");
        (artifact.storage_backend, artifact.storage_key) = (backend.to_owned(), key.to_owned());
        artifact
    };
    for key in ["shot.png", "./shot.png", "folder/../shot.png", "inner.png"] {
        let reply = app.spans().store_artifact(stored("nas", key)).await.unwrap().into_inner();
        assert_eq!(reply.size_bytes, 3, "{key}");
    }
    let absolute = outside.path().join("secret.txt").display().to_string();
    let up = format!("../{}/secret.txt", outside.path().file_name().unwrap().display());
    for (backend, key, field) in [
        ("nas", up.as_str(), "storage_key"),
        ("nas", &absolute, "storage_key"),
        ("nas", "/etc/passwd", "storage_key"),
        ("nas", "../../../../../../etc/passwd", "storage_key"),
        ("nas", "way-out/secret.txt", "storage_key"),
        ("nas", "link.txt", "storage_key"),
        ("nas", "folder", "storage_key"),
        ("nas", "pipe", "storage_key"),
        ("nas", "nothing.png", "storage_key"),
        ("nas", "shot.png\u{0}", "storage_key"),
        ("nas", &"x/".repeat(50_000), "storage_key"),
        ("nas", "", "storage_key"),
        ("", "shot.png", "storage_backend"),
        ("s3", "shot.png", "storage_backend"),
        ("local", "shot.png", "storage_backend"),
        ("NAS", "shot.png", "storage_backend"),
    ] {
        let answer = app.spans().store_artifact(stored(backend, key)).await.map(drop);
        let shown: String = key.chars().take(80).collect();
        assert_eq!(complaint_about(&answer, field), None, "{backend} {shown}");
    }
    let mut both = stored("nas", "shot.png");
    both.content = "bytes".into();
    let answer = app.spans().store_artifact(both).await.map(drop);
    assert_eq!(complaint_about(&answer, "content"), None);
    assert_eq!(app.count("SELECT count(*) FROM run_artifacts").await, 4);
    fs::remove_file(pipe).unwrap();
}

#[tokio::test]
async fn text_is_redacted_and_what_is_measured_is_what_is_stored() {
    let app = TestApp::start().await;
    let secret = "Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789";
    for (name, content_type, redacted) in [
        ("run.log", "", true),
        ("run.bin", "text/plain; charset=utf-8", true),
        ("run.json", "", true),
        ("run.html", "TEXT/HTML", true),
        ("run.bin", "application/problem+json", true),
        ("run.png", "image/png", false),
    ] {
        let key = Key::random();
        let mut artifact = key.artifact(format!("line 1\n{secret}\nline 3\n"));
        artifact.file_name = name.to_owned();
        artifact.content_type = content_type.to_owned();
        let reply = app.spans().store_artifact(artifact).await.unwrap().into_inner();
        let path =
            app.folder.path().join(format!("artifacts/{}/{}", key.run_id, reply.artifact_id));
        let stored = fs::read(path).unwrap();
        let text = String::from_utf8(stored.clone()).unwrap();
        assert_eq!(!text.contains("abcdefghij"), redacted, "{name} {content_type}: {text}");
        assert!(text.contains("line 1\n") && text.ends_with("line 3\n"), "{text}");
        assert_eq!(reply.size_bytes, stored.len() as u64);
        let sha256: String = Sha256::digest(&stored).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(reply.sha256, sha256);
    }
}

#[tokio::test]
async fn a_lifetime_becomes_an_expiry_and_names_are_kept() {
    let app = TestApp::start().await;
    let key = Key::random();
    let mut artifact = key.artifact("x");
    artifact.ttl = Some(Duration { seconds: 3600, nanos: 0 });
    artifact.file_name = "截图 №1 🔥.png".to_owned();
    let reply = app.spans().store_artifact(artifact).await.unwrap().into_inner();
    assert!(!reply.known, "the span's start was not received");
    let expected = "SELECT count(*) FROM run_artifacts
        WHERE expires_at = created_at + interval '1 hour' AND file_name = '截图 №1 🔥.png'
            AND content_type = 'image/png' AND storage_backend = 'local'";
    assert_eq!(app.count(expected).await, 1);
    app.spans().start_span(key.start()).await.unwrap();
    let again = app.spans().store_artifact(key.artifact("y")).await.unwrap().into_inner();
    assert!(again.known);
    assert_eq!(app.count("SELECT count(*) FROM run_artifacts WHERE expires_at IS NULL").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM live_spans").await, 1);
}

fn files_beneath(app: &TestApp) -> usize {
    walk(&app.folder.path().join("artifacts"))
}

fn walk(folder: &std::path::Path) -> usize {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { walk(&path) } else { 1 })
        .sum()
}
