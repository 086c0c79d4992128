//! What is answered where the server can't.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use crate::{
    client::{get, post},
    proxy::{Mode, Proxy},
    support::{TestApp, TestOptions, eventually, new_database},
};

#[tokio::test]
async fn a_database_that_is_away_is_told_with_when_to_come_again() {
    let database_url = new_database().await;
    let proxy = Proxy::start(&database_url).await;
    let options =
        TestOptions { database_url: Some(proxy.url_of(&database_url)), ..TestOptions::default() };
    let app = TestApp::start_on(database_url, options).await;
    let to = app.app.http_addr();
    get(to, "/api/v1/stuck").await.document();
    proxy.set(Mode::Cut);
    for answer in [
        get(to, "/api/v1/stuck").await,
        get(to, "/api/brain/trace/runs").await,
        post(to, "/api/v1/spans", &json!({"step_name": "a"})).await,
    ] {
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
        let error = answer.error();
        assert_eq!(error["code"], 14);
        assert!(
            error["error"].as_str().unwrap().contains("the database is not available"),
            "{error}"
        );
        assert!(error.to_string().contains("google.rpc.RetryInfo"), "{error}");
        for secret in ["sql", "postgres", "pool", "socket"] {
            assert!(!error.to_string().contains(secret), "{error}");
        }
    }
    proxy.set(Mode::Pass);
    eventually("questions are answered again", || async {
        get(to, "/api/v1/stuck").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_full_buffer_turns_spans_away_at_once() {
    let database_url = new_database().await;
    let proxy = Proxy::start(&database_url).await;
    let mut options =
        TestOptions { database_url: Some(proxy.url_of(&database_url)), ..TestOptions::default() };
    options.ingest.buffer_bytes = 64 * 1024;
    let app = TestApp::start_on(database_url, options).await;
    let to = app.app.http_addr();
    let start = json!({"step_name": "a", "attributes": {"text": "x".repeat(60 * 1024)}});
    post(to, "/api/v1/spans", &start).await.document();
    // The first that is taken waits for the database, and keeps its room.
    proxy.set(Mode::Stall);
    eventually("the buffer is full", || async {
        let asked = timeout(Duration::from_secs(1), post(to, "/api/v1/spans", &start)).await;
        asked.is_ok_and(|answer| {
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
            answer.error()["code"] == 14
        })
    })
    .await;
    proxy.set(Mode::Pass);
    eventually("there is room again", || async {
        post(to, "/api/v1/spans", &start).await.status == 200
    })
    .await;
}
