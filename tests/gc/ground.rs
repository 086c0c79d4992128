//! A collector with runs of every age, and a gc beside it.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use livespan_server::proto::v1::Status;
use serde_json::Value;

use crate::{
    requests::Key,
    support::{TestApp, TestOptions},
};

/// A collector, its database and its files.
pub(crate) struct Ground {
    pub(crate) app: TestApp,
}

impl Ground {
    pub(crate) async fn new() -> Self {
        Self { app: TestApp::start().await }
    }

    pub(crate) async fn with(options: TestOptions) -> Self {
        Self { app: TestApp::start_with(options).await }
    }

    /// A run of some ended spans, with a file.
    pub(crate) async fn ended_run(&self, spans: usize) -> Key {
        let root = Key::random();
        for number in 0..spans {
            let key = if number == 0 { root.clone() } else { root.sibling() };
            self.app.spans().start_span(key.start()).await.unwrap();
            self.app.spans().end_span(key.end(Status::Success)).await.unwrap();
        }
        self.app.spans().store_artifact(root.artifact(b"png".to_vec())).await.unwrap();
        root
    }

    /// Lets time pass for a run: for its last end, and for its mark.
    pub(crate) async fn ages(&self, key: &Key, days: i32) {
        sqlx::query(
            "UPDATE runs SET last_alive_at = last_alive_at - make_interval(days => $2),
                             gc_at = gc_at - make_interval(days => $2)
             WHERE run_id = $1::uuid",
        )
        .bind(&key.run_id)
        .bind(days)
        .execute(&self.app.pool)
        .await
        .unwrap();
    }

    /// Whether a run is there, and whether it is marked.
    pub(crate) async fn state(&self, key: &Key) -> Option<bool> {
        sqlx::query_scalar("SELECT gc_at IS NOT NULL FROM runs WHERE run_id = $1::uuid")
            .bind(&key.run_id)
            .fetch_optional(&self.app.pool)
            .await
            .unwrap()
    }

    /// How many rows there are of a run, beside its own.
    pub(crate) async fn rows(&self, key: &Key) -> i64 {
        sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM finished_spans WHERE run_id = $1::uuid)
                  + (SELECT count(*) FROM live_spans WHERE run_id = $1::uuid)
                  + (SELECT count(*) FROM run_artifacts WHERE run_id = $1::uuid)",
        )
        .bind(&key.run_id)
        .fetch_one(&self.app.pool)
        .await
        .unwrap()
    }

    /// The folder of the collector's own store.
    pub(crate) fn store(&self) -> PathBuf {
        self.app.folder.path().join("artifacts")
    }

    /// What is in the store, as `run/artifact`.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        for folder in fs::read_dir(self.store()).unwrap().flatten() {
            let name = folder.file_name().into_string().unwrap();
            if name == "unfinished" {
                continue;
            }
            // gc may be removing it.
            let Ok(entries) = fs::read_dir(folder.path()) else { continue };
            files.extend(
                entries
                    .flatten()
                    .map(|file| format!("{name}/{}", file.file_name().into_string().unwrap())),
            );
        }
        files.sort();
        files
    }

    /// The command, beside this collector.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = gc(args);
        command
            .env("LIVESPAN_DATABASE_URL", &self.app.database_url)
            .env("LIVESPAN_DATA_DIR", self.app.folder.path());
        command
    }

    /// Runs it to its end.
    pub(crate) async fn gc(&self, args: &[&str]) -> Output {
        let mut command = self.command(args);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Runs it to a good end, and reads its JSON.
    pub(crate) async fn gc_json(&self, args: &[&str]) -> Value {
        let output = self.gc(&[&["--json"], args].concat()).await;
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// The command, with nothing from the environment.
pub(crate) fn gc(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_livespan"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LIVESPAN_") {
            command.env_remove(name);
        }
    }
    command.arg("gc").args(args).env_remove("FAILPOINTS").stdin(Stdio::null());
    // As fast as it can: no test waits for its rests.
    command.env("LIVESPAN_GC_SHARE", "100%");
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
