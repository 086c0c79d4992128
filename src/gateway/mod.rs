//! REST: the gRPC services over HTTP and JSON, in this process and without a
//! second hop.
//!
//! The routes of the unary rpcs are generated from the `google.api.http` rules of
//! the proto (`build/routes.rs`). What is no unary rpc is a file here with a
//! function that gives a router, and is merged in [`router`]. Data is reached only
//! by the services' own traits, so that nothing can be had here that gRPC would
//! refuse.

mod docs_page;
mod error;
mod hosts;
mod openapi;
mod query_string;
mod routes;
mod server;
mod transcode;

use std::sync::Arc;

use axum::Router;

pub use self::{
    hosts::{AllowedHost, AllowedHosts, HostError},
    server::serve,
};
use crate::{
    dashboard,
    proto::v1::{
        run_control_server::RunControl, span_service_server::SpanService,
        trace_query_server::TraceQuery,
    },
};

/// Everything that is served over HTTP beside OTLP.
pub fn router(
    spans: &Arc<impl SpanService>,
    questions: &Arc<impl TraceQuery>,
    control: &Arc<impl RunControl>,
) -> Router {
    Router::new()
        .merge(routes::span_service(spans))
        .merge(routes::trace_query(questions))
        .merge(routes::run_control(control))
        .merge(openapi::router())
        .merge(docs_page::router())
        .merge(dashboard::router())
        .fallback(error::no_such_route)
        .method_not_allowed_fallback(error::wrong_method)
}
