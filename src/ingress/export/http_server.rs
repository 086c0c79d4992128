//! The listener of OTLP over HTTP: HTTP/1.1 and HTTP/2 without TLS.
//!
//! On hyper itself rather than a framework: there is one route, and what needs
//! care is below any router, the limits of a connection and its end.

use std::{convert::Infallible, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{TraceExport, http};

/// How long a connection may take to send the head of a request. It counts from
/// the last answer, so that it is also how long an idle connection is kept:
/// longer than exporters wait between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);

/// How many requests a connection may have open, with HTTP/2. Exporters send one
/// after the other.
const MAX_REQUESTS_PER_CONNECTION: u32 = 128;

/// When to accept again after that failed, because the process has too many
/// files open: at once would be a loop that only burns time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`, and then until every request that was begun is answered.
pub async fn serve_http(listener: TcpListener, export: Arc<TraceExport>, stop: CancellationToken) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_REQUESTS_PER_CONNECTION)
        // Notices peers that are gone without a word.
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(20));
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are small; without it they wait for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        let export = Arc::clone(&export);
        let service = service_fn(move |request: Request<Incoming>| {
            let export = Arc::clone(&export);
            async move { Ok::<_, Infallible>(http::answer(export, request, peer.ip()).await) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                // A client that went away, or speaks no HTTP.
                tracing::debug!(error = %error, "a connection broke");
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}
