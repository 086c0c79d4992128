//! OTLP over HTTP on its listener. On no router: there is one route.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{TraceExport, http};
use crate::http_listener;

/// Serves until `stop`, and then until every request that was begun is answered.
pub async fn serve_http(listener: TcpListener, export: Arc<TraceExport>, stop: CancellationToken) {
    let answer = move |request, ends: http_listener::Ends| {
        http::answer(Arc::clone(&export), request, ends.peer.ip())
    };
    http_listener::serve(listener, answer, stop).await;
}
