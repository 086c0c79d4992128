//! The OpenAPI document of everything that is served here, written by
//! `build/openapi`.

use axum::{Router, response::IntoResponse, routing};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

/// The document.
pub(super) const DOCUMENT: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

pub(super) fn router() -> Router {
    Router::new().route("/api/openapi.json", routing::get(document))
}

async fn document() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], DOCUMENT)
}
