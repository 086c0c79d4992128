//! How the page's files are answered.

#![allow(clippy::unwrap_used)]

use http::{Method, Request};
use tower::ServiceExt as _;

use super::*;

static PAGE: &[Asset] = &[
    Asset {
        path: "/index.html",
        content_type: "text/html; charset=utf-8",
        tag: "1111",
        identity: b"page",
        gzip: Some(b"page, gzipped"),
        brotli: Some(b"page, brotli"),
    },
    Asset {
        path: "/assets/main-abc.js",
        content_type: "text/javascript; charset=utf-8",
        tag: "2222",
        identity: b"script",
        gzip: None,
        brotli: None,
    },
];

async fn ask(
    assets: &'static [Asset],
    path: &str,
    headers: &[(HeaderName, &str)],
) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::builder().method(Method::GET).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = routes(assets).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn every_page_of_the_dashboard_is_the_one_file() {
    for path in ["/", "/runs", "/runs/0af7651916cd43dd8448eb211c80319c", "/failures", "/hosts"] {
        let (status, headers, body) = ask(PAGE, path, &[]).await;
        assert_eq!((status, &*body), (StatusCode::OK, "page"), "{path}");
        assert_eq!(headers[CACHE_CONTROL], "no-cache");
        assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
    }
}

#[tokio::test]
async fn nothing_else_is_a_page() {
    for path in ["/index.html", "/run", "/runs/a/b", "/api", "/assets/", "/assets/old.js", "/x"] {
        assert_eq!(ask(PAGE, path, &[]).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_smallest_form_that_is_accepted_is_sent() {
    for (accepted, body, encoding) in [
        ("gzip, deflate, br, zstd", "page, brotli", Some("br")),
        ("gzip", "page, gzipped", Some("gzip")),
        ("GZIP;q=0.5", "page, gzipped", Some("gzip")),
        ("br;q=0, gzip", "page, gzipped", Some("gzip")),
        ("identity", "page", None),
        ("gzip;q=0", "page", None),
        ("brotli", "page", None),
    ] {
        let (_, headers, sent) = ask(PAGE, "/", &[(ACCEPT_ENCODING, accepted)]).await;
        assert_eq!(sent, body, "{accepted}");
        let said = headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap());
        assert_eq!(said, encoding, "{accepted}");
        assert_eq!(headers[VARY], "accept-encoding");
    }
}

#[tokio::test]
async fn what_the_browser_has_is_not_sent_again() {
    let gzip = (ACCEPT_ENCODING, "gzip");
    let (_, headers, _) = ask(PAGE, "/", std::slice::from_ref(&gzip)).await;
    let tag = headers[ETAG].to_str().unwrap().to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
        let (status, headers, body) =
            ask(PAGE, "/", &[gzip.clone(), (IF_NONE_MATCH, &known)]).await;
        assert_eq!((status, &*body), (StatusCode::NOT_MODIFIED, ""), "{known}");
        assert_eq!(headers[ETAG], *tag);
    }
    // Another form is another thing.
    let (status, ..) = ask(PAGE, "/", &[(IF_NONE_MATCH, &tag)]).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn files_with_their_hash_in_the_name_are_kept_for_good() {
    let (status, headers, body) = ask(PAGE, "/assets/main-abc.js", &[]).await;
    assert_eq!((status, &*body), (StatusCode::OK, "script"));
    assert_eq!(headers[CACHE_CONTROL], "public, max-age=31536000, immutable");
}

#[tokio::test]
async fn nothing_inline_and_nothing_of_another_origin_may_run() {
    for assets in [PAGE, &[]] {
        let (_, headers, _) = ask(assets, "/", &[]).await;
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        for rule in ["default-src 'none'", "script-src 'self';", "connect-src 'self'"] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(headers[REFERRER_POLICY], "no-referrer");
    }
}

#[tokio::test]
async fn a_build_without_the_page_says_how_to_get_it() {
    for path in ["/", "/runs"] {
        let (status, headers, body) = ask(&[], path, &[]).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("Node 20.19") && body.contains("make build"), "{body}");
        assert_eq!(headers[CACHE_CONTROL], "no-store");
    }
}
