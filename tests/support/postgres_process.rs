//! Looking at, and killing, the processes of a private Postgres from outside.

use std::fs::{self, Permissions};
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// Tells the test binary, run again as a child, which data dir to hold.
pub(crate) const OWNED_DIR: &str = "LIVESPAN_TEST_OWNED_DIR";

/// Far above what anything here takes, for machines that are busy.
const DEADLINE: Duration = Duration::from_secs(60);

/// A temporary data dir that the user who runs Postgres can enter.
pub(crate) struct DataDir(TempDir);

impl DataDir {
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("livespan-pg-")
            .tempdir_in("/tmp")
            .expect("temporary folder");
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("mode");
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn cluster(&self) -> PathBuf {
        self.path().join("postgres")
    }

    pub(crate) fn pid_file(&self) -> PathBuf {
        self.cluster().join("postmaster.pid")
    }

    /// The postmaster that the pid file names.
    pub(crate) fn postmaster(&self) -> Pid {
        let text = fs::read_to_string(self.pid_file()).expect("pid file");
        Pid::from_raw(text.lines().next().and_then(|line| line.parse().ok()).expect("pid"))
    }

    /// All processes that work in the cluster's folder, as Postgres' do.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let cluster = self.cluster();
        fs::read_dir("/proc")
            .expect("/proc")
            .flatten()
            .filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == cluster))
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect()
    }

    /// The socket's URL while nobody has told it.
    pub(crate) fn url(&self) -> String {
        let socket = self.path().join("socket").display().to_string();
        format!("postgres://livespan@localhost/livespan?host={}", socket.replace('/', "%2F"))
    }

    /// Puts a plain file in place, owned by the user who runs Postgres.
    pub(crate) fn write_pid_file(&self, text: &str) {
        use std::os::unix::fs::{MetadataExt, chown};
        let owner = self.cluster().metadata().expect("cluster");
        fs::write(self.pid_file(), text).expect("pid file");
        fs::set_permissions(self.pid_file(), Permissions::from_mode(0o600)).expect("mode");
        chown(self.pid_file(), Some(owner.uid()), Some(owner.gid())).expect("owner");
    }
}

/// Asks the database something that only a working one can answer.
pub(crate) async fn answer(url: &str) -> Result<i64, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname = current_database()")
        .fetch_one(&mut connection)
        .await
}

/// Runs statements on a connection of their own.
pub(crate) async fn execute(url: &str, sql: &'static str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(sql).execute(&mut connection).await?;
    Ok(())
}

/// Polls until the condition holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < DEADLINE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) fn send(signal: Signal, pid: Pid) {
    kill(pid, signal).expect("signal");
}

/// Another process that runs a Postgres on the data dir, as a second livespan
/// would.
pub(crate) struct Owner(Child);

impl Owner {
    /// `test` names the test that plays the owner.
    pub(crate) async fn start(test: &str, dir: &DataDir) -> Self {
        let child = Command::new(std::env::current_exe().expect("own path"))
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(OWNED_DIR, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("own binary");
        let url = dir.url();
        until("the owner's database answers", || async { answer(&url).await.is_ok() }).await;
        Self(child)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// As the system does when memory runs out: no chance to clean up.
    pub(crate) fn kill(mut self) {
        self.0.kill().expect("kill");
        self.0.wait().expect("reap");
    }
}
