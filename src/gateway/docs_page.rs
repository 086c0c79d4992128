//! A page that shows the OpenAPI document: Swagger UI, which is part of this
//! program. It asks no other server for anything.

use std::io::Read as _;

use axum::{
    Router,
    response::{IntoResponse, Redirect, Response},
    routing::{self, MethodRouter},
};
use flate2::read::GzDecoder;
use http::{
    HeaderMap, HeaderValue,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
        VARY,
    },
};

/// What the browser itself sees to: nothing is fetched from elsewhere, and nobody
/// else shows the page in a frame. Swagger UI writes styles into its elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'none'";

/// A file of Swagger UI, compressed by gzip.
macro_rules! packed_file {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz"))
    };
}

pub(super) fn router() -> Router {
    Router::new()
        .route("/api/docs", routing::get(page))
        // The page's links are relative to the path without the slash.
        .route("/api/docs/", routing::get(async || Redirect::permanent("../docs")))
        .route("/api/docs/start.js", routing::get(async || script()))
        .route(
            "/api/docs/swagger-ui-bundle.js",
            packed("text/javascript", packed_file!("swagger-ui-bundle.js")),
        )
        .route("/api/docs/swagger-ui.css", packed("text/css", packed_file!("swagger-ui.css")))
        .route("/api/docs/NOTICE", packed("text/plain", packed_file!("NOTICE")))
}

async fn page() -> impl IntoResponse {
    (
        [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, POLICY),
            (CACHE_CONTROL, "no-cache"),
        ],
        include_str!("docs_page/index.html"),
    )
}

fn script() -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/javascript"), (CACHE_CONTROL, "no-cache")],
        include_str!("docs_page/start.js"),
    )
}

fn packed(content_type: &'static str, gzip: &'static [u8]) -> MethodRouter {
    routing::get(async move |headers: HeaderMap| {
        let mut response = if accepts_gzip(&headers) {
            ([(CONTENT_ENCODING, "gzip")], gzip).into_response()
        } else {
            let mut plain = Vec::new();
            match GzDecoder::new(gzip).read_to_end(&mut plain) {
                Ok(_) => plain.into_response(),
                // It is part of the program, and was written by the same library.
                Err(_) => Response::default(),
            }
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=86400"));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        response
    })
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    offers.flat_map(|value| value.split(',')).any(|offer| {
        let (coding, weight) = offer.split_once(';').unwrap_or((offer, ""));
        coding.trim().eq_ignore_ascii_case("gzip")
            && weight.trim().strip_prefix("q=").is_none_or(|weight| weight.parse() != Ok(0.0))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn gzip_is_sent_to_who_asks_for_it() {
        for (offer, accepted) in [
            ("gzip, deflate, br", true),
            ("br;q=1, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(offer));
            assert_eq!(accepts_gzip(&headers), accepted, "{offer}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
