//! What tests share: a collector in this process, on a database of its own.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod raw_codec;

use std::{sync::Arc, time::Duration};

use livespan_server::{
    app::{App, AppOptions, Listeners},
    artifacts::RootArg,
    domain::{
        classify::Classifier,
        otel::Mapping,
        time::{Clock, SystemClock},
    },
    gateway::AllowedHosts,
    ingest::{IngestOptions, LaneOptions},
    ingress::ExportOptions,
    proto::v1::{span_service_client::SpanServiceClient, trace_query_client::TraceQueryClient},
};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::net::TcpListener;
use tonic::transport::{Channel, Endpoint};

/// A superuser's URL of a Postgres for tests. There is no test without one.
pub fn admin_url() -> String {
    std::env::var("DATABASE_URL").expect(
        "DATABASE_URL names no Postgres: run `make test`, or scripts/with-postgres.sh cargo test",
    )
}

/// The same server, another database.
pub fn url_of(database: &str) -> String {
    let url = admin_url();
    let (base, query) = url.split_once('?').unwrap_or((&url, ""));
    let server = base.rsplit_once('/').expect("DATABASE_URL names a database").0;
    format!("{server}/{database}?{query}")
}

/// A new, empty database. It goes away with the test's Postgres.
pub async fn new_database() -> String {
    let name = format!("livespan_test_{}", uuid::Uuid::new_v4().simple());
    let admin = PgPool::connect(&admin_url()).await.expect("the test Postgres answers");
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await.unwrap();
    admin.close().await;
    url_of(&name)
}

/// How a test's collector differs from the usual.
pub struct TestOptions {
    pub clock: Arc<dyn Clock>,
    pub ingest: IngestOptions,
    pub artifact_roots: Vec<RootArg>,
    pub stuck_after: Duration,
    pub otlp: ExportOptions,
    pub allowed_hosts: AllowedHosts,
    /// The URL that the collector uses; the database's own where absent.
    pub database_url: Option<String>,
}

impl Default for TestOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            ingest: IngestOptions {
                lanes: 2,
                buffer_bytes: 64 << 20,
                lane: LaneOptions::default(),
            },
            artifact_roots: Vec::new(),
            stuck_after: Duration::from_secs(300),
            otlp: ExportOptions::default(),
            allowed_hosts: AllowedHosts::default(),
            database_url: None,
        }
    }
}

/// A collector in this process.
pub struct TestApp {
    pub app: App,
    pub database_url: String,
    /// For looking at what is stored.
    pub pool: PgPool,
    pub folder: tempfile::TempDir,
    pub channel: Channel,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with(TestOptions::default()).await
    }

    pub async fn start_with(options: TestOptions) -> Self {
        let database_url = new_database().await;
        Self::start_on(database_url, options).await
    }

    /// Starts on a database that may have seen another collector.
    pub async fn start_on(database_url: String, options: TestOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listeners = Listeners {
            grpc: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            otlp_http: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            http: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        };
        let used_url = options.database_url.as_ref().unwrap_or(&database_url);
        let app = App::start(
            AppOptions {
                database: used_url.parse().unwrap(),
                artifact_dir: folder.path().join("artifacts"),
                artifact_roots: options.artifact_roots,
                ingest: options.ingest,
                otlp: options.otlp,
                mapping: Mapping::standard(),
                classifier: Classifier::standard(),
                stuck_after: options.stuck_after,
                allowed_hosts: options.allowed_hosts,
                clock: options.clock,
            },
            listeners,
        )
        .await
        .expect("the collector starts");
        let pool = PgPool::connect(&database_url).await.unwrap();
        let channel =
            Endpoint::from_shared(format!("http://{}", app.grpc_addr())).unwrap().connect_lazy();
        Self { app, database_url, pool, folder, channel }
    }

    pub fn spans(&self) -> SpanServiceClient<Channel> {
        SpanServiceClient::new(self.channel.clone())
    }

    pub fn queries(&self) -> TraceQueryClient<Channel> {
        TraceQueryClient::new(self.channel.clone())
    }

    /// A number from the database.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }
}

/// Waits until `condition` holds, for as long as a slow machine may need.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
