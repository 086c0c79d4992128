//! Serves the dashboard: the page that `clients/dashboard` builds, out of the binary.
//!
//! The files were compressed when they were built. Those under `/assets` have the hash
//! of their content in their name and are kept by browsers for good; the others are
//! asked for again, and answered with 304 where they are the same.
//!
//! Nothing that an executor sent is in these files: the page asks REST for it and
//! shows it as text. The content security policy holds also where that fails: only
//! scripts and styles of this origin, none inline, and no request to another origin.

use axum::{
    Router,
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{
            ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
            CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY,
        },
    },
    response::Response,
    routing::get,
};

/// A file of the page.
#[derive(Debug)]
struct Asset {
    /// Where it is served.
    path: &'static str,
    content_type: &'static str,
    /// Changes with its content.
    tag: &'static str,
    identity: &'static [u8],
    /// Absent where it is not smaller so; likewise `brotli`.
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

/// What was built; empty where Node was not there.
static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/dashboard_assets.rs"));

/// The addresses within the page. What else does not exist is answered as REST does.
const PAGES: [&str; 5] = ["/", "/runs", "/runs/{run_id}", "/failures", "/hosts"];

/// `require-trusted-types-for` has the browser refuse text where markup is expected.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Where the page is missing.
const MISSING: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>livespan</title>
<h1>livespan is running, without its dashboard</h1>
<p>This server was built where Node was missing. To have the page, install Node 20.19 or
later, and build again with <code>make build</code> or <code>make run</code>.</p>
<p>Until then: <code>livespan stuck</code>, <code>livespan runs</code>,
<code>livespan failures</code>, or over HTTP <a href=\"/api/v1/stuck\">/api/v1/stuck</a>,
<a href=\"/api/v1/runs/active\">/api/v1/runs/active</a> and
<a href=\"/api/v1/failures/top\">/api/v1/failures/top</a>.</p>
</html>
";

/// The routes of the page and of its files.
pub(crate) fn router() -> Router {
    routes(ASSETS)
}

fn routes(assets: &'static [Asset]) -> Router {
    let mut router = Router::new();
    let page = assets.iter().find(|asset| asset.path == "/index.html");
    for path in PAGES {
        router = router.route(
            path,
            get(move |headers: HeaderMap| async move {
                page.map_or_else(missing, |page| send(page, &headers))
            }),
        );
    }
    for asset in assets.iter().filter(|asset| asset.path != "/index.html") {
        router = router
            .route(asset.path, get(move |headers: HeaderMap| async move { send(asset, &headers) }));
    }
    router
}

fn missing() -> Response {
    let mut response = Response::new(Body::from(MISSING));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    harden(headers);
    response
}

fn send(asset: &'static Asset, request: &HeaderMap) -> Response {
    let (bytes, encoding) = encoded(asset, request);
    let tag = match encoding {
        Some(encoding) => format!("\"{}-{encoding}\"", asset.tag),
        None => format!("\"{}\"", asset.tag),
    };
    let is_known = request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|known| known.to_str().ok())
        .flat_map(|known| known.split(','))
        // A proxy that packed the body itself makes the tag a weak one.
        .any(|known| known.trim().trim_start_matches("W/") == tag);
    let body = if is_known { Body::empty() } else { Body::from(bytes) };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static(if asset.path.starts_with("/assets/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        }),
    );
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    harden(headers);
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

fn harden(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    for name in ["cross-origin-opener-policy", "cross-origin-resource-policy"] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static("same-origin"));
    }
}

/// The smallest form that the client takes.
fn encoded(asset: &'static Asset, request: &HeaderMap) -> (&'static [u8], Option<&'static str>) {
    let forms = [(asset.brotli, "br"), (asset.gzip, "gzip")];
    forms
        .into_iter()
        .find_map(|(bytes, encoding)| {
            bytes.filter(|_| accepts(request, encoding)).map(|bytes| (bytes, Some(encoding)))
        })
        .unwrap_or((asset.identity, None))
}

/// Whether the client takes `encoding`: it is named, and not with a weight of zero.
fn accepts(request: &HeaderMap, encoding: &str) -> bool {
    request
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|offer| {
            let mut parts = offer.split(';').map(str::trim);
            let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
            let is_refused = parts.any(|part| {
                part.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0))
            });
            is_named && !is_refused
        })
}

#[cfg(test)]
mod tests;
