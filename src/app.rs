//! The only place where the rooms are wired together.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::server::{Server, TcpIncoming};
use tonic_health::server::HealthReporter;

use crate::{
    artifacts::{Artifacts, RootArg},
    domain::{
        classify::Classifier,
        liveness::Limits,
        otel::{Mapper, Mapping},
        redact::Redactor,
        time::Clock,
    },
    failpoint,
    gateway::{self, AllowedHosts},
    ingest::{Ingest, IngestOptions},
    ingress::{
        self, ExportOptions, Intake, NoLogs, NoMetrics, RunControlService, SpanServiceImpl,
        TraceExport, TraceQueryService, TraceServiceServer,
    },
    proto::v1::{
        run_control_server::RunControlServer, span_service_server::SpanServiceServer,
        trace_query_server::TraceQueryServer,
    },
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
    /// What one OTLP request may take.
    pub otlp: ExportOptions,
    /// Which OpenTelemetry attribute is which field.
    pub mapping: Mapping,
    /// What an error means.
    pub classifier: Classifier,
    /// After how long without a sign of life a run is stuck.
    pub stuck_after: Duration,
    /// Names under which REST may be reached, beside loopback and its address.
    pub allowed_hosts: AllowedHosts,
    /// Says what time it is.
    pub clock: Arc<dyn Clock>,
}

/// Where a collector is reached.
#[derive(Debug)]
pub struct Listeners {
    /// For gRPC.
    pub grpc: TcpListener,
    /// For OTLP over HTTP.
    pub otlp_http: TcpListener,
    /// For REST.
    pub http: TcpListener,
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
    ListenGrpc(#[source] std::io::Error),
    /// The other address.
    #[error(
        "cannot listen on the address of OTLP over HTTP (--otlp-http-addr, LIVESPAN_OTLP_HTTP_ADDR)"
    )]
    ListenOtlpHttp(#[source] std::io::Error),
    /// REST's address.
    #[error("cannot listen on the address of REST (--http-addr, LIVESPAN_HTTP_ADDR)")]
    ListenHttp(#[source] std::io::Error),
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
    otlp_http_addr: SocketAddr,
    http_addr: SocketAddr,
    database: Database,
    stop_serving: CancellationToken,
    stop_writing: CancellationToken,
    lane_failed: CancellationToken,
    health: HealthReporter,
    grpc: JoinHandle<Result<(), tonic::transport::Error>>,
    otlp_http: JoinHandle<()>,
    http: JoinHandle<()>,
    lanes: TaskTracker,
}

impl App {
    /// Brings the schema up to date and serves on `listeners`.
    ///
    /// # Errors
    ///
    /// Where the database, a folder or the address can't be used.
    pub async fn start(options: AppOptions, listeners: Listeners) -> Result<Self, StartError> {
        let grpc_addr = listeners.grpc.local_addr().map_err(StartError::ListenGrpc)?;
        let otlp_http_addr =
            listeners.otlp_http.local_addr().map_err(StartError::ListenOtlpHttp)?;
        let http_addr = listeners.http.local_addr().map_err(StartError::ListenHttp)?;
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
        let mapper = Mapper::new(options.mapping, Redactor::standard(), options.classifier.clone());
        let export = Arc::new(TraceExport::new(
            ingest.clone(),
            mapper,
            Arc::clone(&options.clock),
            options.otlp,
        ));
        let intake = Intake::new(Redactor::standard(), options.classifier, options.clock);
        let spans = SpanServiceImpl::new(
            Arc::new(intake),
            ingest,
            Arc::new(artifacts),
            stop_serving.clone(),
        );
        let control = RunControlService::new(database.clone());
        let rest = gateway::router(
            &Arc::new(spans.clone()),
            &Arc::new(questions.clone()),
            &Arc::new(control.clone()),
        );
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<SpanServiceServer<SpanServiceImpl>>().await;
        health.set_serving::<TraceQueryServer<TraceQueryService>>().await;
        health.set_serving::<RunControlServer<RunControlService>>().await;
        health.set_serving::<TraceServiceServer>().await;

        let grpc = Server::builder()
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
            .add_service(RunControlServer::new(control))
            .add_service(TraceServiceServer::new(Arc::clone(&export)))
            .add_service(NoMetrics)
            .add_service(NoLogs)
            .serve_with_incoming_shutdown(
                TcpIncoming::from(listeners.grpc).with_nodelay(Some(true)),
                stop_serving.clone().cancelled_owned(),
            );
        let grpc = tokio::spawn(grpc);
        let otlp_http =
            tokio::spawn(ingress::serve_http(listeners.otlp_http, export, stop_serving.clone()));
        let http = tokio::spawn(gateway::serve(
            listeners.http,
            rest,
            options.allowed_hosts,
            stop_serving.clone(),
        ));
        Ok(Self {
            grpc_addr,
            otlp_http_addr,
            http_addr,
            database,
            stop_serving,
            stop_writing,
            lane_failed,
            health,
            grpc,
            otlp_http,
            http,
            lanes,
        })
    }

    /// Where gRPC is served.
    #[must_use]
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc_addr
    }

    /// Where OTLP over HTTP is served.
    #[must_use]
    pub fn otlp_http_addr(&self) -> SocketAddr {
        self.otlp_http_addr
    }

    /// Where REST is served.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// Resolves when a server or a lane has ended by itself, which they should
    /// not: the process is to be started anew then.
    pub async fn failed(&mut self) {
        tokio::select! {
            ended = &mut self.grpc => tracing::error!(?ended, "the gRPC server ended by itself"),
            ended = &mut self.otlp_http => {
                tracing::error!(?ended, "the server of OTLP over HTTP ended by itself");
            }
            ended = &mut self.http => tracing::error!(?ended, "the REST server ended by itself"),
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
        self.health.set_not_serving::<RunControlServer<RunControlService>>().await;
        self.health.set_not_serving::<TraceServiceServer>().await;
        self.stop_serving.cancel();
        failpoint::pass("drain");
        let finished = timeout(FINISH_TIMEOUT, async {
            // One that has ended by itself was polled to its end, and is not again.
            if !self.grpc.is_finished() {
                let _ = self.grpc.await;
            }
            if !self.otlp_http.is_finished() {
                let _ = self.otlp_http.await;
            }
            if !self.http.is_finished() {
                let _ = self.http.await;
            }
        });
        let finished = finished.await.is_ok();
        if !finished {
            tracing::warn!("some clients did not let go of their connections in time");
        }
        // Only now: requests that were finishing had something to write.
        self.stop_writing.cancel();
        failpoint::pass("drain");
        let written = timeout(FINISH_TIMEOUT, self.lanes.wait()).await.is_ok();
        if !written {
            tracing::error!("some spans that waited were neither stored nor acknowledged");
        }
        // Questions that still wait for the database are not waited for.
        let _ = timeout(Duration::from_millis(500), self.database.close()).await;
        written
    }
}
