//! What many SDKs export beside traces unless they are told not to: refused in
//! words that tell how, since theirs is the only log in which it shows.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use http::{Request, Response};
use tonic::{Status, body::Body, server::NamedService};
use tower::Service;

macro_rules! refused {
    ($(#[$doc:meta])* $service:ident, $name:literal, $sentence:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $service;

        impl NamedService for $service {
            const NAME: &'static str = $name;
        }

        impl Service<Request<Body>> for $service {
            type Response = Response<Body>;
            type Error = Infallible;
            type Future = Ready<Result<Response<Body>, Infallible>>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, _: Request<Body>) -> Self::Future {
                ready(Ok(Status::unimplemented($sentence).into_http()))
            }
        }
    };
}

refused!(
    /// OTLP's service for metrics, which answers UNIMPLEMENTED.
    NoMetrics,
    "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "livespan takes traces and no metrics: set OTEL_METRICS_EXPORTER=none"
);

refused!(
    /// OTLP's service for logs, which answers UNIMPLEMENTED.
    NoLogs,
    "opentelemetry.proto.collector.logs.v1.LogsService",
    "livespan takes traces and no logs: set OTEL_LOGS_EXPORTER=none"
);
