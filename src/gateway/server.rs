//! REST on its listener: who may ask is checked here, before any route, and so for
//! all that is ever mounted.

use axum::{
    Router,
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, Request, header::X_CONTENT_TYPE_OPTIONS};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::hosts::AllowedHosts;
use crate::http_listener::{self, Ends, Unread};

/// Serves `router` until `stop`, and then until every request that was begun is
/// answered. Bodies that never end by themselves have to watch `stop` too.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    hosts: AllowedHosts,
    stop: CancellationToken,
) {
    let answer = move |request: Request<Unread>, ends: Ends| {
        let checked = hosts.check(request.method(), request.uri(), request.headers(), ends);
        let mut router = router.clone();
        async move {
            let mut response = match checked {
                Ok(()) => {
                    let mut request = request.map(Body::new);
                    request.extensions_mut().insert(ends);
                    router.call(request).await.unwrap_or_else(|never| match never {})
                }
                Err(refusal) => refusal.into_response(),
            };
            harden(&mut response);
            response
        }
    };
    http_listener::serve(listener, answer, stop).await;
}

/// For everything that is sent.
fn harden(response: &mut Response) {
    // What is sent as one type is not taken for another.
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
