//! The only place where the rooms are wired together.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::server::{Server, TcpIncoming};
use tonic_health::server::HealthReporter;

use crate::{
    artifacts::{Artifacts, RootArg},
    domain::{classify::Classifier, liveness::Limits, redact::Redactor, time::Clock},
    ingest::{Ingest, IngestOptions},
    ingress::{self, Intake, SpanServiceImpl, TraceQueryService},
    proto::v1::{span_service_server::SpanServiceServer, trace_query_server::TraceQueryServer},
    query::Questions,
    storage::{ConnectError, Database, DatabaseOptions, StorageError},
};

/// Everything that a collector needs to know.
pub struct AppOptions {
    /// Where the spans go.
    pub database: DatabaseOptions,
    /// Where the server's own artifacts go.
    pub artifact_dir: PathBuf,
    /// Folders with files that artifacts may name.
    pub artifact_roots: Vec<RootArg>,
    /// How much may come in.
    pub ingest: IngestOptions,
    /// What an error means.
    pub classifier: Classifier,
    /// After how long without a sign of life a run is stuck.
    pub stuck_after: Duration,
    /// Says what time it is.
    pub clock: Arc<dyn Clock>,
}

/// Why a collector could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The way to the database.
    #[error(transparent)]
    Unreachable(#[from] ConnectError),
    /// The database.
    #[error("cannot use the database")]
    Database(#[from] StorageError),
    /// A folder for artifacts.
    #[error("cannot use the artifact store (--data-dir, --artifact-root)")]
    Artifacts(#[source] std::io::Error),
    /// The address.
    #[error("cannot listen on the gRPC address (--grpc-addr, LIVESPAN_GRPC_ADDR)")]
    Listen(#[source] std::io::Error),
    /// The descriptors, which are part of the program.
    #[error("cannot serve reflection")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// How long requests may take to finish when the server goes away, and then
/// how long the lanes may take to write what waits. A service manager kills
/// after ten seconds or more.
const FINISH_TIMEOUT: Duration = Duration::from_secs(2);

/// How many requests a connection may have open. An executor needs one stream;
/// those that call for each event wait for each other above this.
const MAX_REQUESTS_PER_CONNECTION: u32 = 128;

/// A collector that runs.
#[derive(Debug)]
pub struct App {
    grpc_addr: SocketAddr,
    database: Database,
    stop_serving: CancellationToken,
    stop_writing: CancellationToken,
    lane_failed: CancellationToken,
    health: HealthReporter,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
    lanes: TaskTracker,
}

impl App {
    /// Brings the schema up to date and serves on `listener`.
    ///
    /// # Errors
    ///
    /// Where the database, a folder or the address can't be used.
    pub async fn start(options: AppOptions, listener: TcpListener) -> Result<Self, StartError> {
        let grpc_addr = listener.local_addr().map_err(StartError::Listen)?;
        let database = Database::connect(options.database).await?;
        database.migrate().await?;
        let artifacts = Artifacts::open(options.artifact_dir, options.artifact_roots)
            .map_err(StartError::Artifacts)?;

        let (stop_serving, stop_writing) = (CancellationToken::new(), CancellationToken::new());
        let lanes = TaskTracker::new();
        let lane_failed = CancellationToken::new();
        let ingest = Ingest::open(&database, &options.ingest, &lanes, &stop_writing, &lane_failed);
        lanes.close();

        let limits = Limits {
            stuck_after: options.stuck_after,
            server_started_at: Some(options.clock.now()),
        };
        let questions = TraceQueryService::new(Questions::new(
            database.clone(),
            Arc::clone(&options.clock),
            limits,
        ));
        let intake = Intake::new(Redactor::standard(), options.classifier, options.clock);
        let spans = SpanServiceImpl::new(
            Arc::new(intake),
            ingest,
            Arc::new(artifacts),
            stop_serving.clone(),
        );
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<SpanServiceServer<SpanServiceImpl>>().await;
        health.set_serving::<TraceQueryServer<TraceQueryService>>().await;

        let server = Server::builder()
            // Messages are decoded before they are admitted: this bounds how many
            // of them a connection may hold in memory.
            .max_concurrent_streams(Some(MAX_REQUESTS_PER_CONNECTION))
            // Notices peers that are gone without a word.
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .http2_keepalive_timeout(Some(Duration::from_secs(20)))
            .layer(ingress::status_layer())
            .add_service(health_service)
            .add_service(ingress::reflection_v1()?)
            .add_service(ingress::reflection_v1alpha()?)
            .add_service(ingress::span_server(spans))
            .add_service(TraceQueryServer::new(questions))
            .serve_with_incoming_shutdown(
                TcpIncoming::from(listener).with_nodelay(Some(true)),
                stop_serving.clone().cancelled_owned(),
            );
        let server = tokio::spawn(server);
        Ok(Self {
            grpc_addr,
            database,
            stop_serving,
            stop_writing,
            lane_failed,
            health,
            server,
            lanes,
        })
    }

    /// Where gRPC is served.
    #[must_use]
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc_addr
    }

    /// Resolves when the server or a lane has ended by itself, which they should
    /// not: the process is to be started anew then.
    pub async fn failed(&mut self) {
        tokio::select! {
            ended = &mut self.server => tracing::error!(?ended, "the server ended by itself"),
            () = self.lane_failed.cancelled() => tracing::error!("a lane ended by itself"),
        }
    }

    /// Takes nothing more, finishes what was begun, writes what waits: within 5 s,
    /// whatever peers do. Returns whether all that waited was written. A peer
    /// that holds its connection open and says nothing is no failure.
    pub async fn stop(self) -> bool {
        // Whoever watches sends its next requests elsewhere.
        self.health.set_not_serving::<SpanServiceServer<SpanServiceImpl>>().await;
        self.health.set_not_serving::<TraceQueryServer<TraceQueryService>>().await;
        self.stop_serving.cancel();
        let finished = if self.server.is_finished() {
            true
        } else {
            timeout(FINISH_TIMEOUT, self.server).await.is_ok()
        };
        if !finished {
            tracing::warn!("some clients did not let go of their connections in time");
        }
        // Only now: requests that were finishing had something to write.
        self.stop_writing.cancel();
        let written = timeout(FINISH_TIMEOUT, self.lanes.wait()).await.is_ok();
        if !written {
            tracing::error!("some spans that waited were neither stored nor acknowledged");
        }
        // Questions that still wait for the database are not waited for.
        let _ = timeout(Duration::from_millis(500), self.database.close()).await;
        written
    }
}
