//! Whom a request may be meant for, and who may ask for changes.

use std::net::SocketAddr;

use serde_json::json;

use crate::{
    client::{Answer, exchange, post, send},
    support::{TestApp, TestOptions},
};

async fn ask_for(to: SocketAddr, host: &str, path: &str) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    exchange(to, &head, b"").await
}

/// Every kind of route, those that are not there among them.
const PATHS: [&str; 4] = ["/api/v1/runs", "/api/openapi.json", "/api/docs", "/nothing"];

#[tokio::test]
async fn a_request_for_another_name_is_misdirected_whatever_it_asks() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    for path in PATHS {
        for host in ["evil.example", "evil.example:5221", "localhost.evil.example", "192.0.2.7"] {
            let answer = ask_for(to, host, path).await;
            assert_eq!(answer.status, 421, "{host} {path}");
            let error = answer.error();
            assert_eq!(error["code"], 7);
            assert!(error["error"].as_str().unwrap().contains("--allowed-host"), "{error}");
        }
    }
    for host in ["localhost", "localhost:1", "app.localhost", "127.0.0.1", "[::1]:5221"] {
        assert_eq!(ask_for(to, host, "/api/v1/runs").await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn an_allowed_name_is_answered() {
    let allowed_hosts = vec!["traces.example.org".parse().unwrap()].into();
    let app = TestApp::start_with(TestOptions { allowed_hosts, ..TestOptions::default() }).await;
    let to = app.app.http_addr();
    assert_eq!(ask_for(to, "traces.example.org:443", "/api/v1/runs").await.status, 200);
    assert_eq!(ask_for(to, "example.org", "/api/v1/runs").await.status, 421);
}

#[tokio::test]
async fn a_request_for_nobody_or_for_two_is_refused() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    for hosts in ["", "Host: localhost\r\nHost: localhost\r\n", "Host: a b\r\n", "Host: \r\n"] {
        let head = format!("GET /api/v1/runs HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        let answer = exchange(to, &head, b"").await;
        assert_eq!(answer.status, 400, "{hosts:?}");
        assert!(answer.error()["error"].as_str().unwrap().contains("Host"));
    }
    // What stands in the target counts, as it does for a proxy.
    let head = "GET http://evil.example/api/v1/runs HTTP/1.1\r\nHost: localhost\r\n\
                Connection: close\r\n\r\n";
    assert_eq!(exchange(to, head, b"").await.status, 421);
}

#[tokio::test]
async fn a_page_of_another_site_reads_and_changes_nothing() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    let start = json!({"step_name": "a"}).to_string();
    let own = format!("Origin: http://{to}");
    for (origin, status) in [
        ("Origin: https://evil.example", 403),
        ("Origin: null", 403),
        ("Origin: http://localhost:3000", 403),
        (own.as_str(), 200),
    ] {
        let head = ["Content-Type: application/json", origin];
        let answer = send(to, "POST /api/v1/spans", &head, start.as_bytes()).await;
        assert_eq!(answer.status, status, "{origin}");
    }
    // A page may send such a question, but its browser keeps the answer from it.
    let answer = send(to, "GET /api/v1/runs", &["Origin: https://evil.example"], b"").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let preflight = ["Origin: https://evil.example", "Access-Control-Request-Method: POST"];
    let answer = send(to, "OPTIONS /api/v1/spans", &preflight, b"").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    // What pages can send without asking is of another type.
    let head = ["Content-Type: text/plain"];
    assert_eq!(send(to, "POST /api/v1/spans", &head, start.as_bytes()).await.status, 415);
    assert_eq!(app.count("SELECT count(*) FROM live_spans").await, 1);
}

#[tokio::test]
async fn the_peer_is_known_as_over_grpc() {
    let app = TestApp::start().await;
    let start = post(app.app.http_addr(), "/api/v1/spans", &json!({"step_name": "a"})).await;
    start.document();
    let host: String = sqlx::query_scalar("SELECT executor_host FROM live_spans")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(host, "127.0.0.1");
}
