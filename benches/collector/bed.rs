//! Where everything is measured: one private Postgres, configured as the
//! collector's own and as durable, and a database in it for each figure.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use livespan_server::embedded_postgres::{EmbeddedPostgres, EmbeddedPostgresConfig};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use super::{processes::Meter, server::Server};

pub(crate) struct Bed {
    folder: TempDir,
    postgres: EmbeddedPostgres,
    postmaster: u32,
    server: PathBuf,
}

impl Bed {
    pub(crate) async fn start(folder: Option<&Path>, server: PathBuf) -> Self {
        let mut builder = tempfile::Builder::new();
        builder.prefix("livespan-bench-");
        let folder = match folder {
            Some(folder) => builder.tempdir_in(folder).unwrap(),
            None => builder.tempdir().unwrap(),
        };
        // Postgres runs as another user where this runs as root.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let postgres =
            EmbeddedPostgres::start(EmbeddedPostgresConfig::new(folder.path())).await.unwrap();
        let pid_file = fs::read_to_string(folder.path().join("postgres/postmaster.pid")).unwrap();
        let postmaster = pid_file.lines().next().unwrap().parse().unwrap();
        Self { folder, postgres, postmaster, server }
    }

    pub(crate) async fn stop(self) {
        self.postgres.stop().await.unwrap();
    }

    /// What there is to know of the machine, in general words.
    pub(crate) async fn describe(&self) -> Value {
        let mut connection = PgConnection::connect(self.postgres.url()).await.unwrap();
        let mut settings = serde_json::Map::new();
        for name in ["server_version", "fsync", "synchronous_commit", "full_page_writes"] {
            let show = AssertSqlSafe(format!("SHOW {name}"));
            let value: String = sqlx::query_scalar(show).fetch_one(&mut connection).await.unwrap();
            assert!(name == "server_version" || value == "on", "{name} is {value}");
            settings.insert(name.to_owned(), value.into());
        }
        connection.close().await.unwrap();
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model =
            cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        json!({
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
            "processor": model.map(|(_, model)| model),
            "memory": meminfo.lines().next().map(|line| line.replace("MemTotal:", "").trim().to_owned()),
            "load_before": fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
            "postgres": settings,
        })
    }

    /// A new, empty database.
    pub(crate) async fn database(&self, name: &'static str) -> BenchDatabase<'_> {
        let mut admin = PgConnection::connect(self.postgres.url()).await.unwrap();
        let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::raw_sql(create).execute(&mut admin).await.unwrap();
        admin.close().await.unwrap();
        BenchDatabase { bed: self, name }
    }

    /// The build that is measured.
    pub(crate) fn server(&self) -> &Path {
        &self.server
    }

    /// The data folder of the collector on a database.
    pub(crate) fn data_dir(&self, database: &BenchDatabase<'_>) -> PathBuf {
        self.folder.path().join(format!("server-{}", database.name))
    }

    /// What is left of the file system that the databases are on.
    pub(crate) fn free_bytes(&self) -> u64 {
        let system = rustix::fs::statvfs(self.folder.path()).unwrap();
        system.f_bavail * system.f_frsize
    }

    /// For what `writer` writes.
    pub(crate) fn meter(&self, writer: u32) -> Meter {
        Meter::start(self.postmaster, writer)
    }
}

/// The database of a figure.
pub(crate) struct BenchDatabase<'b> {
    bed: &'b Bed,
    name: &'static str,
}

impl BenchDatabase<'_> {
    pub(crate) fn url(&self) -> String {
        self.bed.postgres.url().replace("/livespan?", &format!("/{}?", self.name))
    }

    /// A connection as anybody would open it.
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }

    /// A collector on it, with a schema when this returns.
    pub(crate) fn serve(&self) -> Server {
        Server::start(&self.bed.server, &self.url(), &self.bed.data_dir(self))
    }

    /// The state that each side begins from: no rows, and nothing left to be
    /// written for what was there before.
    pub(crate) async fn empty(&self) {
        self.execute("TRUNCATE runs, live_spans, finished_spans, run_artifacts").await;
        self.checkpoint().await;
    }

    /// Everything that was changed is written.
    pub(crate) async fn checkpoint(&self) {
        self.execute("CHECKPOINT").await;
    }

    pub(crate) async fn execute(&self, statement: &str) {
        let mut connection = self.connect().await;
        let statement = AssertSqlSafe(statement.to_owned());
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// What a selection of one column says.
    pub(crate) async fn texts(&self, selection: &str) -> Vec<String> {
        let mut connection = self.connect().await;
        let select = AssertSqlSafe(format!("SELECT {selection}"));
        let texts = sqlx::query_scalar(select).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        texts
    }

    /// How much was ever written to the log.
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    pub(crate) async fn wal_bytes(&self) -> f64 {
        self.number("pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint").await as f64
    }

    /// What an expression says.
    pub(crate) async fn number(&self, expression: &str) -> i64 {
        let mut connection = self.connect().await;
        let select = AssertSqlSafe(format!("SELECT {expression}"));
        let number = sqlx::query_scalar(select).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        number
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> usize {
        let rows = self.number(&format!("count(*) FROM {table}")).await;
        usize::try_from(rows).unwrap()
    }

    /// Gives its space back.
    pub(crate) async fn drop(self) {
        let mut admin = PgConnection::connect(self.bed.postgres.url()).await.unwrap();
        let drop = AssertSqlSafe(format!("DROP DATABASE {} WITH (FORCE)", self.name));
        sqlx::raw_sql(drop).execute(&mut admin).await.unwrap();
        sqlx::raw_sql("CHECKPOINT").execute(&mut admin).await.unwrap();
        admin.close().await.unwrap();
    }
}
