//! `livespan serve`: the collector.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::net::TcpListener;

use super::database::open_database;
use crate::{
    app::{App, AppOptions, Listeners, StartError},
    config::{
        ArtifactArgs, ClassifierArgs, DatabaseArgs, DatabaseChoice, IngestArgs, ListenArgs,
        LivenessArgs, LogArgs, OtlpArgs,
    },
    domain::time::SystemClock,
    embedded_postgres::DataDirLock,
    lifecycle::Shutdown,
};

/// Run the collector.
///
/// Without a database URL it runs a private Postgres in the data folder, and stops it again. It
/// ends at SIGTERM or SIGINT, when everything that it has accepted is stored.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    ingest: IngestArgs,
    #[command(flatten)]
    otlp: OtlpArgs,
    #[command(flatten)]
    liveness: LivenessArgs,
    #[command(flatten)]
    classifier: ClassifierArgs,
    #[command(flatten)]
    artifacts: ArtifactArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Serves until it is told to stop.
///
/// # Errors
///
/// Where it can't start, or did not end in order.
pub(super) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    args.log.start()?;
    prefer_small_pages();
    #[cfg(feature = "failpoints")]
    let _armed = crate::failpoint::arm();
    let mut shutdown = Shutdown::listen().context("cannot listen for signals")?;
    let choice = args.database.choice()?;
    let (grpc_addr, otlp_http_addr) = (args.listen.grpc_addr()?, args.listen.otlp_http_addr()?);
    let http_addr = args.listen.http_addr()?;
    let classifier = args.classifier.classifier()?;
    let mapping = args.otlp.mapping()?;
    // Before the database: a port that is taken is told within no time.
    let listeners = Listeners {
        grpc: TcpListener::bind(grpc_addr)
            .await
            .map_err(StartError::ListenGrpc)
            .with_context(|| format!("{grpc_addr}"))?,
        otlp_http: TcpListener::bind(otlp_http_addr)
            .await
            .map_err(StartError::ListenOtlpHttp)
            .with_context(|| format!("{otlp_http_addr}"))?,
        http: TcpListener::bind(http_addr)
            .await
            .map_err(StartError::ListenHttp)
            .with_context(|| format!("{http_addr}"))?,
    };
    let data_dir = args.database.data_dir();
    // The private Postgres takes the lock itself, and holds it until it is gone.
    let _lock = match &choice {
        DatabaseChoice::Server(_) => Some(DataDirLock::hold(&data_dir)?),
        DatabaseChoice::Private(_) => None,
    };
    let ingest = args.ingest.options();
    let otlp = args.otlp.export();
    tracing::info!(
        listen = %grpc_addr,
        listen_otlp_http = %otlp_http_addr,
        listen_http = %http_addr,
        allowed_hosts = ?args.listen.allowed_hosts,
        insecure = args.listen.insecure(),
        database = match &choice {
            DatabaseChoice::Server(options) => options.shown(),
            DatabaseChoice::Private(_) => "private".to_owned(),
        },
        data_dir = %data_dir.display(),
        pg_bin = ?args.database.pg_bin(),
        artifact_roots = ?args.artifacts.artifact_roots,
        lanes = ingest.lanes,
        ingest_buffer_bytes = ingest.buffer_bytes,
        commit_timeout = ?ingest.lane.commit_timeout,
        otlp_max_request_bytes = otlp.max_request_bytes,
        stuck_after = ?args.liveness.stuck_after,
        classifier_rules = ?args.classifier.rules_file(),
        log = args.log.filter(),
        "starting"
    );
    let (database, private) = tokio::select! {
        opened = open_database(choice) => opened?,
        signal = shutdown.requested() => bail!("{signal} before the database was ready"),
    };
    let options = AppOptions {
        database,
        artifact_dir: data_dir.join("artifacts"),
        artifact_roots: args.artifacts.artifact_roots,
        ingest,
        otlp,
        mapping,
        classifier,
        stuck_after: args.liveness.stuck_after,
        allowed_hosts: args.listen.allowed_hosts.into(),
        clock: Arc::new(SystemClock),
    };
    let served = serve(options, listeners, &mut shutdown).await;
    if let Some(private) = private {
        private.stop().await.context("the private Postgres did not stop in order")?;
    }
    served
}

async fn serve(
    options: AppOptions,
    listeners: Listeners,
    shutdown: &mut Shutdown,
) -> anyhow::Result<()> {
    let mut app = tokio::select! {
        started = App::start(options, listeners) => started?,
        // A database that hangs, or a schema that another process holds.
        signal = shutdown.requested() => bail!("{signal} before the collector was ready"),
    };
    tracing::info!(
        grpc_addr = %app.grpc_addr(),
        otlp_http_addr = %app.otlp_http_addr(),
        http_addr = %app.http_addr(),
        "serving"
    );
    let failed = tokio::select! {
        signal = shutdown.requested() => {
            tracing::info!(signal, "stopping");
            false
        }
        () = app.failed() => true,
    };
    let in_order = tokio::select! {
        in_order = app.stop() => in_order,
        signal = shutdown.requested() => {
            tracing::warn!(signal, "stopping at once");
            false
        }
    };
    if failed {
        bail!("the collector failed; its log says why");
    }
    if !in_order {
        bail!("not everything that waited could be stored; what was acknowledged is");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Has the kernel give memory in small pages. In huge ones, which it has to zero
/// whole, a fifth of the server's time under exports was measured to go, and what
/// each thread has freed a part of stays taken. A private Postgres inherits
/// it.
fn prefer_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages stay as they are");
    }
}
