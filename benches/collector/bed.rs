//! Where everything is measured: one private Postgres, configured as the
//! collector's own and as durable, and a database in it for each figure.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use livespan::embedded_postgres::{EmbeddedPostgres, EmbeddedPostgresConfig};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use super::{processes::Meter, server::Server};

pub(crate) struct Bed {
    folder: TempDir,
    postgres: EmbeddedPostgres,
    postmaster: u32,
}

impl Bed {
    pub(crate) async fn start(folder: Option<&Path>) -> Self {
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
        Self { folder, postgres, postmaster }
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
        Server::start(&self.url(), &self.bed.folder.path().join(format!("server-{}", self.name)))
    }

    /// The state that each side begins from: no rows, and nothing left to be
    /// written for what was there before.
    pub(crate) async fn empty(&self) {
        let mut connection = self.connect().await;
        for statement in ["TRUNCATE runs, live_spans, finished_spans, run_artifacts", "CHECKPOINT"]
        {
            sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &'static str) -> usize {
        let mut connection = self.connect().await;
        let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let rows: i64 = sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
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
